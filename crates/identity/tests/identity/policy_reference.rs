//! The evaluator, straight from the documentation of Vault: all patterns are tried, one after the other.

use std::cmp::Ordering;

use strongroom_identity::{Capabilities, Operation};

/// Patterns as they are written, with what they allow, of all policies together.
pub(crate) struct Reference(pub(crate) Vec<(String, Capabilities)>);

impl Reference {
    pub(crate) fn allows(&self, operation: Operation, path: &str) -> bool {
        let listing = matches!(operation, Operation::List | Operation::Scan);
        let path = if listing && !path.ends_with('/') { format!("{path}/") } else { path.to_owned() };
        let chosen = self.chosen(&path, listing);
        chosen.is_some_and(|pattern| {
            let same: Vec<_> =
                self.0.iter().filter(|(other, _)| *other == pattern).map(|(_, one)| one).collect();
            let has = |one| same.iter().any(|all| all.contains(one));
            has(operation.capability()) && !has(Capabilities::DENY)
        })
    }

    fn chosen(&self, path: &str, listing: bool) -> Option<String> {
        let patterns = || self.0.iter().map(|(pattern, _)| pattern.clone());
        let wild = |pattern: &String| pattern.ends_with('*') || pattern.split('/').any(|part| part == "+");
        let exact = |text: &str| patterns().find(|pattern| !wild(pattern) && pattern == text);
        exact(path).or_else(|| listing.then(|| exact(path.trim_end_matches('/'))).flatten()).or_else(|| {
            patterns().filter(wild).filter(|one| fits(one, path)).max_by(|one, two| priority(one, two))
        })
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (text, open) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
    let (parts, given): (Vec<_>, Vec<_>) = (text.split('/').collect(), path.split('/').collect());
    let enough = if open { given.len() >= parts.len() } else { given.len() == parts.len() };
    enough
        && parts.iter().zip(&given).enumerate().all(|(at, (part, one))| {
            *part == "+" || part == one || (open && at + 1 == parts.len() && one.starts_with(part))
        })
}

/// "If P1 and P2 both match, P1 is lower priority if": the documentation's list, in its order.
fn priority(one: &str, two: &str) -> Ordering {
    let wildcards = |text: &str| text.split('/').filter(|part| *part == "+").count();
    let first = |text: &str| text.find(['+', '*']).unwrap();
    let bare = |text: &str| text.trim_end_matches('*').len();
    (first(one).cmp(&first(two)))
        .then(two.ends_with('*').cmp(&one.ends_with('*')))
        .then(wildcards(two).cmp(&wildcards(one)))
        .then(bare(one).cmp(&bare(two)))
        .then(one.cmp(two))
}
