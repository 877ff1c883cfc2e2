//! Files of NIST's validation programs, as the package `cryptography_vectors` has them.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

use crate::support::unhex;

/// Where the package lies: in the folder that this variable names, or beside the repository.
const FOLDER: &str = "CRYPTOGRAPHY_VECTORS";
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/cryptography_vectors");

/// One case: its fields, and those of the sections that it lies in.
pub(crate) struct Case(HashMap<String, String>);

impl Case {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        unhex(self.text(name))
    }

    /// Whether the file says that this has to fail.
    pub(crate) fn fails(&self) -> bool {
        self.0.contains_key("FAIL")
    }
}

/// The cases of a file, or nothing, which is said, where the package is not there.
#[expect(clippy::print_stderr, reason = "a test that cannot show something says so")]
pub(crate) fn cases(file: &str) -> Option<Vec<Case>> {
    let folder = match env::var_os(FOLDER) {
        // Who names a folder wants to see it compared.
        Some(named) => PathBuf::from(named),
        None if Path::new(BESIDE).exists() => PathBuf::from(BESIDE),
        None => {
            eprintln!(
                "SKIPPED: {file} is not compared: {FOLDER} names no folder of the package cryptography_vectors"
            );
            return None;
        }
    };
    let text = fs::read_to_string(folder.join(file)).unwrap();
    Some(parse(&text))
}

/// `[name = value]` holds for what follows, `name = value` for one case, which ends with an empty line.
fn parse(text: &str) -> Vec<Case> {
    let (mut sections, mut fields, mut cases) = (HashMap::new(), HashMap::new(), Vec::new());
    for line in text.lines().map(str::trim).chain([""]) {
        if let Some(section) = line.strip_prefix('[') {
            let (name, value) = pair(section.trim_end_matches(']'));
            sections.insert(name, value);
        } else if line.is_empty() {
            if fields.len() > 1 {
                fields.extend(sections.clone());
                cases.push(Case(fields));
            }
            fields = HashMap::new();
        } else if !line.starts_with('#') {
            let (name, value) = pair(line);
            fields.insert(name, value);
        }
    }
    cases
}

fn pair(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.trim().to_owned(), value.trim().to_owned())
}
