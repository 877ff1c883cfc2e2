//! The table of routes that other tests go through has every route that the sources name: a new one without fails.

use std::{fs, path::Path};

use crate::{
    routes::{self, Route},
    support::Vault,
};

/// The enums of routes, where each is, and what stands before the paths in its documentation.
const ENUMS: &[(&str, &str, &str)] = &[
    ("audit/mod.rs", "Verb", "audit/"),
    ("audit/vault.rs", "Vault", ""),
    ("sys/slots.rs", "Operation", "sys/slots/"),
    ("sys/backup.rs", "Operation", "sys/backup/"),
    ("sys/public.rs", "Public", ""),
    ("sys/private.rs", "Operation", ""),
    ("sys/tenants.rs", "Operation", "sys/tenants/"),
    ("sys/rotation.rs", "Operation", ""),
    ("transit/mod.rs", "Operation", "transit/"),
    ("transit/mod.rs", "RingOperation", "transit/"),
    ("transit/using.rs", "Use", "transit/"),
    ("transit/transfer/mod.rs", "Transfer", "transit/"),
    ("transit/settings.rs", "Setting", "transit/"),
    ("transit/tools.rs", "Tool", "transit/"),
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "LIST", "DELETE"];

/// A method and a path as documentation has them.
type Documented = (String, String);

/// The variants of an enum, each with the routes that its documentation names in backquotes.
fn variants(source: &str, name: &str) -> Vec<(String, Vec<Documented>)> {
    let begin = source.find(&format!("enum {name} {{\n")).unwrap();
    let body = source[begin..].split("\n}").next().unwrap();
    let (mut variants, mut documented) = (Vec::new(), Vec::new());
    for line in body.lines().skip(1).map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            let quoted = doc.split('`').skip(1).step_by(2);
            documented.extend(quoted.filter_map(|text| {
                let (method, path) = text.split_once(' ').unwrap_or((text, ""));
                METHODS.contains(&method).then(|| (method.to_owned(), path.to_owned()))
            }));
        } else if line.starts_with(char::is_uppercase) {
            variants.push((line.to_owned(), std::mem::take(&mut documented)));
        }
    }
    variants
}

/// Whether a route is the one of a pattern, in which words in capitals stand for anything, and dots for any rest.
fn is_of(route: &Route, method: &str, pattern: &str) -> bool {
    let path = route.path.split('?').next().unwrap();
    let (mut path, mut pattern) = (path.trim_end_matches('/').split('/'), pattern.split('/'));
    route.method == method
        && loop {
            match (pattern.next(), path.next()) {
                (Some("…"), Some(_)) | (None, None) => break true,
                (Some(any), Some(_)) if any.chars().all(|letter| letter.is_ascii_uppercase()) => {}
                (Some(word), Some(segment)) if word == segment => {}
                _ => break false,
            }
        }
}

#[test]
fn every_route_of_the_sources_is_in_the_table() {
    let vault = Vault::with_rings();
    let routes: Vec<_> = routes::all(&vault).into_iter().chain(routes::seal()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for (file, name, prefix) in ENUMS {
        for (variant, documented) in variants(&fs::read_to_string(folder.join(file)).unwrap(), name) {
            // Those that hold the operations of another enum are no routes.
            let holds =
                ["Operation", "Use(Use", "Vault)", "Transfer(Transfer", "Tool(Tool", "Setting(Setting"]
                    .iter()
                    .any(|inner| variant.contains(inner));
            assert!(holds || !documented.is_empty(), "{file}: {name}::{variant} names no route");
            for (method, path) in documented {
                let pattern = format!("{prefix}{path}");
                let there = routes.iter().any(|route| is_of(route, &method, pattern.trim_end_matches('/')));
                assert!(there, "a route without a row: {method} {pattern}");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}
