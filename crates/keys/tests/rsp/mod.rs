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
pub(crate) struct Case(Fields);

impl Case {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        unhex(self.text(name))
    }

    /// Whether the file says that this has to fail.
    pub(crate) fn fails(&self) -> bool {
        self.0.contains_key("FAIL") || self.text("Result").starts_with('F')
    }
}

/// The cases of a file, or nothing, which is said, where the package is not there.
pub(crate) fn cases(file: &str) -> Option<Vec<Case>> {
    Some(parse(&read(file)?))
}

/// The text of a file, or nothing, which is said, where the package is not there.
#[expect(clippy::print_stderr, reason = "a test that cannot show something says so")]
pub(crate) fn read(file: &str) -> Option<String> {
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
    Some(fs::read_to_string(folder.join(file)).unwrap())
}

/// The field that has the last `[name]`.
pub(crate) const SECTION: &str = "[]";

/// `[name = value]` holds for what follows, and so does a `name = value` that stands alone; with others it is of one
/// case, which ends with an empty line or the next `count`. A `[name]` is in force until the next one.
fn parse(text: &str) -> Vec<Case> {
    let (mut sections, mut fields, mut cases) = (HashMap::new(), HashMap::new(), Vec::new());
    for line in text.lines().map(str::trim).chain([""]) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let (name, value) = pair(section);
            sections.insert(name, value);
            sections.insert(SECTION.to_owned(), section.to_owned());
        } else if line.is_empty() {
            end(&mut fields, &mut sections, &mut cases);
        } else if !line.starts_with('#') {
            let (name, value) = pair(line);
            if name == "count" {
                end(&mut fields, &mut sections, &mut cases);
            }
            fields.insert(name, value);
        }
    }
    cases
}

type Fields = HashMap<String, String>;

fn end(fields: &mut Fields, sections: &mut Fields, cases: &mut Vec<Case>) {
    let mut fields = std::mem::take(fields);
    if fields.len() > 1 {
        for (name, value) in &*sections {
            fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        cases.push(Case(fields));
    } else {
        sections.extend(fields);
    }
}

fn pair(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    (name.trim().to_owned(), value.trim().to_owned())
}
