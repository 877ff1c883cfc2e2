//! What the workspace promises of its packages and of all that they pull in, read from the lock file, the
//! manifests and `deny.toml`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
static METADATA: LazyLock<Value> = LazyLock::new(metadata);

/// The graph for this machine: what other platforms need may not have been downloaded.
fn metadata() -> Value {
    let rustc = output(Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV"));
    let rustc = String::from_utf8(rustc).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host]);
    serde_json::from_slice(&output(cargo.current_dir(&*ROOT))).unwrap()
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(path: &str) -> String {
    fs::read_to_string(ROOT.join(path)).unwrap()
}

/// Every version of every package in the lock file, for all platforms.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = text("Cargo.lock");
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let field = |name: &str| quoted(block.lines().find(|line| line.starts_with(name)).unwrap());
        all.entry(field("name = ")).or_default().push(field("version = "));
    }
    all
}

/// The first quoted text of a line.
fn quoted(line: &str) -> String {
    line.split('"').nth(1).unwrap().to_owned()
}

/// The entries of a list in `deny.toml`.
fn listed(name: &str) -> Vec<String> {
    let deny = text("deny.toml");
    let (_, list) = deny.split_once(&format!("\n{name} = [\n")).unwrap();
    let (list, _) = list.split_once("\n]").unwrap();
    list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.starts_with('#')).collect()
}

/// `0.7.11` as numbers; what follows a `-` or `+` does not count.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['-', '+']).next().unwrap().split('.').map(|part| part.parse().unwrap()).collect()
}

/// The packages whose folder is under this one of the workspace.
fn members(folder: &str) -> Vec<&'static Value> {
    let folder = fs::canonicalize(ROOT.join(folder)).unwrap();
    let packages = METADATA["packages"].as_array().unwrap().iter();
    let found: Vec<_> = packages.filter(|package| manifest(package).starts_with(&folder)).collect();
    assert!(!found.is_empty());
    found
}

fn manifest(package: &Value) -> PathBuf {
    let path = Path::new(package["manifest_path"].as_str().unwrap());
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[test]
fn each_primitive_is_there_in_one_generation_only() {
    let (locked, skipped) = (locked(), listed("skip"));
    let once = listed("deny").into_iter().filter(|line| line.contains("deny-multiple-versions = true"));
    let mut seen = 0;
    for name in once.map(|line| quoted(&line)) {
        let Some(versions) = locked.get(&name) else { continue };
        let excepted = |version: &&String| {
            skipped.iter().map(|line| quoted(line)).any(|skip| {
                skip.split_once(':').is_some_and(|(skip, least)| {
                    skip == name && numbers(version).starts_with(&numbers(least))
                })
            })
        };
        let left: Vec<_> = versions.iter().filter(|version| !excepted(version)).collect();
        assert!(left.len() == 1, "{name}: {left:?}");
        seen += 1;
    }
    assert!(seen >= 15, "deny.toml or Cargo.lock was not understood");
}

#[test]
fn no_package_is_banned_or_older_than_its_least_version() {
    let locked = locked();
    let mut seen = 0;
    for line in listed("deny").iter().filter(|line| line.contains("reason = ")) {
        let spec = quoted(line);
        match spec.split_once(":<") {
            Some((name, least)) => {
                for version in locked.get(name).into_iter().flatten() {
                    assert!(numbers(version) >= numbers(least), "{name} {version} is older than {least}");
                }
            }
            None => assert!(!locked.contains_key(&spec), "{spec} is banned"),
        }
        seen += 1;
    }
    assert!(seen >= 5, "deny.toml was not understood");
}

#[test]
fn every_licence_is_an_allowed_one() {
    let allowed: BTreeSet<_> = listed("allow").iter().map(|line| quoted(line)).collect();
    for package in METADATA["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(permits(licence, &allowed), "{}: {licence}", package["name"]);
    }
}

/// Whether an SPDX expression can be met with these licences; an old `/` means `OR`.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let spaced = spaced.replace(" WITH ", "+WITH+");
    let mut tokens = spaced.split_whitespace().peekable();
    let met = any(&mut tokens, allowed);
    met && tokens.next().is_none()
}

type Tokens<'t> = std::iter::Peekable<std::str::SplitWhitespace<'t>>;

fn any(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(tokens, allowed);
    while tokens.next_if_eq(&"OR").is_some() {
        met |= all(tokens, allowed);
    }
    met
}

fn all(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.next_if_eq(&"AND").is_some() {
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    match tokens.next() {
        Some("(") => any(tokens, allowed) && tokens.next() == Some(")"),
        Some(name) => allowed.contains(name),
        None => false,
    }
}

#[test]
fn an_expression_is_met_only_by_what_it_asks_for() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for met in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(MIT OR Apache-2.0) AND ISC"] {
        assert!(permits(met, &allowed), "{met}");
    }
    for unmet in ["none", "", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "MIT ISC", "ISC WITH X"] {
        assert!(!permits(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn no_library_pulls_in_an_async_runtime() {
    let packages = METADATA["packages"].as_array().unwrap();
    let names: BTreeMap<_, _> =
        packages.iter().map(|package| (package["id"].as_str().unwrap(), &package["name"])).collect();
    let nodes = METADATA["resolve"]["nodes"].as_array().unwrap();
    let nodes: BTreeMap<_, _> = nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let mut waiting: Vec<_> = members("crates").iter().map(|member| member["id"].as_str().unwrap()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        assert!(!["tokio", "hyper", "async-std", "smol"].contains(&names[id].as_str().unwrap()), "{id}");
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            // A normal dependency has no kind.
            if dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
}

#[test]
fn every_package_has_the_workspaces_licence_and_lints_and_is_a_member() {
    for folder in ["crates", "servers"] {
        let members = members(folder);
        for package in &members {
            let name = &package["name"];
            assert_eq!(package["license"], "MIT OR Apache-2.0", "{name}");
            let manifest = fs::read_to_string(manifest(package)).unwrap();
            assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{name} has lints of its own");
            assert!(package["description"].is_string(), "{name} does not say what it is");
        }
        let folders = fs::read_dir(ROOT.join(folder)).unwrap();
        let folders = folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(folders, members.len(), "{folder}");
    }
}

/// A feature that leaves out a check is one that some build has by accident.
#[test]
fn no_feature_changes_what_keys_compute() {
    let keys = members("crates/keys");
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["features"], serde_json::json!({ "slh-dsa": ["dep:slh-dsa"] }));
}

/// SLH-DSA is there for who asks, and what it brings stays out of every other build.
#[test]
fn no_package_turns_slh_dsa_on_by_itself() {
    for package in members("crates").into_iter().chain(members("servers")) {
        let name = &package["name"];
        let features = &package["features"];
        let mut asked = vec!["default"];
        while let Some(feature) = asked.pop() {
            let more = features[feature].as_array().into_iter().flatten().filter_map(|more| more.as_str());
            let more: Vec<_> = more.collect();
            assert!(more.iter().all(|more| !more.contains("slh-dsa")), "{name} has it on by default");
            asked.extend(more);
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let asked = dependency["features"].as_array().unwrap().iter().any(|feature| feature == "slh-dsa");
            assert!(!asked, "{name} asks for slh-dsa of {}", dependency["name"]);
            assert!(dependency["name"] != "slh-dsa" || dependency["optional"] == true, "{name}");
        }
    }
}
