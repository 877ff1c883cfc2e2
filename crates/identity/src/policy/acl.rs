use std::{cmp::Reverse, collections::BTreeMap, fmt, time::Duration};

use super::{
    Capabilities, Conditions, Pattern, Piece, Policy, PolicyPath, Rule,
    path::check_segment,
    request::{Operation, Request},
};

/// What a set of policies allows, ready to be asked.
///
/// The most specific pattern that fits decides alone: the path itself; else the one whose first wildcard comes latest,
/// that does not end in `*`, that has fewer `+`, that is longer, that is greater as text, in this order. What several
/// policies say of this very pattern is merged: deny wins, else capabilities add up.
///
/// Asking walks along the segments of the path: rules without `+` cost nothing however many there are.
///
/// ```
/// use strongroom_identity::{Acl, Operation, Policy, PolicyPath, Request};
/// let policy = Policy::parse(r#"path "secret/*" { capabilities = ["read"] }"#).unwrap();
/// let acl = Acl::of([&policy], |_| None).unwrap();
/// let path = PolicyPath::parse("secret/shop").unwrap();
/// assert!(acl.allows(&Request::new(Operation::Read, &path)).is_some());
/// assert!(acl.allows(&Request::new(Operation::Delete, &path)).is_none());
/// ```
pub struct Acl {
    root: Node,
    /// Whether everything is allowed.
    all: bool,
}

/// The value of a template in a rule that denies cannot be filled in, or a value is no segment: what the policies
/// allow is then nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a template of a policy has no value, or one that is not a single segment of a path")]
pub struct Unfilled;

/// A request was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Whether it may do what needs `sudo`.
    pub sudo: bool,
    /// How many rows a listing may have.
    pub page: Option<u64>,
}

#[derive(Default)]
struct Node {
    children: BTreeMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    end: Option<Grant>,
    /// Patterns that end in `*` here, by what the next segment begins with.
    open: BTreeMap<Box<str>, Grant>,
}

struct Grant {
    rank: Rank,
    capabilities: Capabilities,
    conditions: Conditions,
}

/// How specific a pattern is; the greatest decides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    first_wildcard: usize,
    closed: bool,
    wildcards: Reverse<usize>,
    length: usize,
    text: String,
}

impl Acl {
    /// What these policies allow together. `value` gives what stands for a template such as `identity.entity.id`; it
    /// is taken as it is, never as a pattern. A rule without its value is left out.
    ///
    /// # Errors
    /// [`Unfilled`].
    pub fn of<'p>(
        policies: impl IntoIterator<Item = &'p Policy>,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Unfilled> {
        let mut acl = Self { root: Node::default(), all: false };
        for rule in policies.into_iter().flat_map(|policy| &policy.rules) {
            match filled(&rule.pattern, &value)? {
                Some(pattern) => acl.root.add(&pattern, rule),
                None if rule.capabilities.contains(Capabilities::DENY) => return Err(Unfilled),
                None => {}
            }
        }
        Ok(acl)
    }

    /// Allows everything: what the policy `root` stands for.
    pub fn root() -> Self {
        Self { root: Node::default(), all: true }
    }

    /// What a path allows, as `sys/capabilities` tells it.
    pub fn capabilities(&self, path: &PolicyPath) -> Vec<&'static str> {
        match self.grant(path, path.as_str().ends_with('/')) {
            _ if self.all => vec!["root"],
            Some(grant) => grant.capabilities.names(),
            None => Capabilities::NONE.names(),
        }
    }

    /// Whether a request is allowed.
    pub fn allows(&self, request: &Request<'_>) -> Option<Allowed> {
        if self.all {
            return Some(Allowed { sudo: true, page: request.limit });
        }
        let listing = matches!(request.operation, Operation::List | Operation::Scan);
        let as_listing = listing.then(|| request.path.as_listing());
        let grant = self.grant(as_listing.as_ref().unwrap_or(request.path), listing)?;
        let enough = !grant.capabilities.contains(Capabilities::DENY)
            && grant.capabilities.contains(request.operation.capability());
        if !enough || !fulfils(&grant.conditions, request) {
            return None;
        }
        // A limit of nothing asks for everything.
        let asked = request.limit.filter(|limit| *limit > 0);
        let page = match grant.conditions.page.filter(|_| listing) {
            Some(most) => Some(asked.map_or(most, |asked| asked.min(most))),
            None => request.limit,
        };
        Some(Allowed { sudo: grant.capabilities.contains(Capabilities::SUDO), page })
    }

    /// The rule that decides. A listing of `x/` is also one of `x`, if a rule names that exactly.
    fn grant(&self, path: &PolicyPath, listing: bool) -> Option<&Grant> {
        let exact = |text: &str| self.root.exact(&mut text.split('/'));
        let own = || exact(path.as_str()).or_else(|| exact(path.without_slash()).filter(|_| listing));
        let segments: Vec<&str> = path.segments().collect();
        own().or_else(|| self.root.best(&segments))
    }
}

impl Node {
    fn add(&mut self, pattern: &Pattern, rule: &Rule) {
        let (rank, mut node) = (Rank::of(pattern), self);
        let (last, inner) = match pattern.pieces().split_last() {
            Some((Piece::Literal(last), inner)) if pattern.is_open() => (Some(last), inner),
            _ => (None, pattern.pieces()),
        };
        for piece in inner {
            node = match piece {
                Piece::Any => node.any.get_or_insert_default(),
                Piece::Literal(text) => node.children.entry(text.as_str().into()).or_default(),
            };
        }
        let new = || Grant::new(rank, rule);
        match last {
            Some(begin) => match node.open.get_mut(begin.as_str()) {
                Some(grant) => grant.merge(rule),
                None => drop(node.open.insert(begin.as_str().into(), new())),
            },
            None => match &mut node.end {
                Some(grant) => grant.merge(rule),
                end @ None => *end = Some(new()),
            },
        }
    }

    fn exact<'s>(&self, segments: &mut impl Iterator<Item = &'s str>) -> Option<&Grant> {
        match segments.next() {
            None => self.end.as_ref(),
            Some(segment) => self.children.get(segment)?.exact(segments),
        }
    }

    /// The most specific of all that fit.
    fn best(&self, segments: &[&str]) -> Option<&Grant> {
        let Some((first, rest)) = segments.split_first() else { return self.end.as_ref() };
        let literal = self.children.get(*first).and_then(|node| node.best(rest));
        let any = self.any.as_ref().and_then(|node| node.best(rest));
        let open = match self.open.is_empty() {
            true => None,
            false => begins(first).find_map(|begin| self.open.get(begin)),
        };
        [literal, any, open].into_iter().flatten().max_by(|one, other| one.rank.cmp(&other.rank))
    }
}

/// All that a text begins with, the longest first.
fn begins(text: &str) -> impl Iterator<Item = &str> {
    (0..=text.len()).rev().filter_map(|end| text.get(..end))
}

impl Rank {
    fn of(pattern: &Pattern) -> Self {
        let (text, open) = (pattern.text(), pattern.is_open());
        let any = |piece: &&Piece| matches!(piece, Piece::Any);
        let wildcards = pattern.pieces().iter().filter(any).count();
        let before = pattern.pieces().iter().take_while(|piece| !any(piece));
        let length = |piece: &Piece| match piece {
            Piece::Any => 0,
            Piece::Literal(text) => text.len() + 1,
        };
        let first_wildcard = match (wildcards, open) {
            (0, false) => usize::MAX,
            (0, true) => text.len(),
            _ => before.map(length).sum(),
        };
        let (closed, wildcards) = (!open, Reverse(wildcards));
        Self { first_wildcard, closed, wildcards, length: text.len(), text }
    }
}

impl Grant {
    fn new(rank: Rank, rule: &Rule) -> Self {
        Self { rank, capabilities: rule.capabilities, conditions: rule.conditions.clone() }
    }

    fn merge(&mut self, rule: &Rule) {
        self.capabilities = self.capabilities.merged(rule.capabilities);
        self.conditions.merge(&rule.conditions);
    }
}

impl Conditions {
    /// Both: more parameters are required, more values are allowed, more are denied, and the smaller number holds.
    fn merge(&mut self, other: &Self) {
        let Self { required, allowed, denied, min_wrapping, max_wrapping, page } = other;
        let missing = |name: &&String| !self.required.contains(name);
        let more: Vec<_> = required.iter().filter(missing).cloned().collect();
        self.required.extend(more);
        add_values(&mut self.allowed, allowed);
        add_values(&mut self.denied, denied);
        self.min_wrapping = smaller(self.min_wrapping, *min_wrapping);
        self.max_wrapping = smaller(self.max_wrapping, *max_wrapping);
        self.page = smaller(self.page, *page);
    }
}

fn add_values(to: &mut BTreeMap<String, Vec<String>>, from: &BTreeMap<String, Vec<String>>) {
    for (name, values) in from {
        match to.get_mut(name) {
            Some(known) if known.is_empty() || values.is_empty() => known.clear(),
            Some(known) => known.extend_from_slice(values),
            None => drop(to.insert(name.clone(), values.clone())),
        }
    }
}

fn smaller<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

fn fulfils(conditions: &Conditions, request: &Request<'_>) -> bool {
    let Conditions { min_wrapping, max_wrapping, .. } = conditions;
    let wrap = request.wrap.unwrap_or(Duration::ZERO);
    if min_wrapping.is_some_and(|min| wrap < min)
        || max_wrapping.is_some_and(|max| wrap > max || wrap.is_zero())
    {
        return false;
    }
    !request.operation.writes() || fits(conditions, request.parameters)
}

fn fits(Conditions { required, allowed, denied, .. }: &Conditions, parameters: &[(&str, &str)]) -> bool {
    let given: Vec<_> = parameters.iter().map(|(name, value)| (name.to_lowercase(), *value)).collect();
    let is_denied = |(name, value): &(String, &str)| {
        denied.contains_key("*") || denied.get(name).is_some_and(|values| one_of(values, value))
    };
    let is_allowed = |(name, value): &(String, &str)| match allowed.get(name) {
        Some(values) => one_of(values, value),
        None => allowed.is_empty() || allowed.contains_key("*"),
    };
    required.iter().all(|needed| given.iter().any(|(name, _)| name == needed))
        && !given.iter().any(is_denied)
        && given.iter().all(is_allowed)
}

/// No values stand for any; a `*` at the beginning or the end of one for any text.
fn one_of(values: &[String], value: &str) -> bool {
    let fits = |pattern: &String| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => value.contains(pattern.trim_matches('*')),
        (Some(end), None) => value.ends_with(end),
        (None, Some(begin)) => value.starts_with(begin),
        (None, None) => pattern == value,
    };
    values.is_empty() || values.iter().any(fits)
}

/// The pattern with its templates filled in; nothing where one has no value.
fn filled(pattern: &Pattern, value: &impl Fn(&str) -> Option<String>) -> Result<Option<Pattern>, Unfilled> {
    let mut pattern = pattern.clone();
    for piece in &mut pattern.pieces {
        if let Piece::Literal(text) = piece
            && text.contains("{{")
        {
            match fill(text, value)? {
                Some(full) => *text = full,
                None => return Ok(None),
            }
        }
    }
    Ok(Some(pattern))
}

fn fill(text: &str, value: &impl Fn(&str) -> Option<String>) -> Result<Option<String>, Unfilled> {
    let (mut full, mut rest) = (String::new(), text);
    while let Some((before, template)) = rest.split_once("{{") {
        let (name, after) = template.split_once("}}").ok_or(Unfilled)?;
        let Some(value) = value(name.trim()) else { return Ok(None) };
        if value.contains('/') || check_segment(&value).is_err() {
            return Err(Unfilled);
        }
        full.push_str(before);
        full.push_str(&value);
        rest = after;
    }
    full.push_str(rest);
    // What stands around a value may make another spelling of it.
    check_segment(&full).map_err(|_| Unfilled)?;
    Ok(Some(full))
}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acl").field("all", &self.all).finish_non_exhaustive()
    }
}
