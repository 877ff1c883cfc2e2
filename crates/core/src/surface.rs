//! Which public functions a crate has, by its sources: a test whose table names each of them fails once there is
//! another.

use std::{collections::BTreeSet, fs, io, path::Path};

/// The public functions of a type, in all its `impl` blocks that are of no trait; for an empty `of`, those of the
/// crate's modules. Sources are read as rustfmt writes them.
///
/// # Errors
/// The sources in the crate's folder `src` cannot be read.
pub fn public_functions(crate_folder: &str, of: &str) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    collect(&Path::new(crate_folder).join("src"), of, &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, of: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, of, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(functions(&fs::read_to_string(&path)?, of).map(str::to_owned));
        }
    }
    Ok(())
}

fn functions<'s>(source: &'s str, of: &str) -> impl Iterator<Item = &'s str> {
    let mut inside = of.is_empty();
    let indent = if of.is_empty() { "" } else { "    " };
    source.lines().filter_map(move |line| {
        if let Some(rest) = line.strip_prefix("impl ").filter(|_| !indent.is_empty()) {
            inside = rest.split(['<', ' ']).next() == Some(of) && !rest.contains(" for ");
        } else if line == "}" && !indent.is_empty() {
            inside = false;
        }
        let function = line.strip_prefix(indent).filter(|_| inside)?.strip_prefix("pub ")?;
        let function = function.strip_prefix("const ").unwrap_or(function).strip_prefix("fn ")?;
        function.split(['(', '<']).next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
impl Ring {
    pub fn open(&self) -> Self {
    pub(crate) fn hidden(&self) {}
    pub const fn size<T>(&self) {}
    fn own() {}
}

pub fn of_the_module() {}

impl Other<'_> {
    pub fn theirs() {}
}

impl Debug for Ring {
    pub fn fmt() {}
}

impl Ring {
    pub fn read(&self) {}
}
";

    #[test]
    fn public_functions_of_a_type_are_found_in_all_its_blocks_and_no_others() {
        let of = |of| functions(SOURCE, of).collect::<Vec<_>>();
        assert_eq!(of("Ring"), ["open", "size", "read"]);
        assert_eq!((of("Other"), of("")), (vec!["theirs"], vec!["of_the_module"]));
        let own = public_functions(env!("CARGO_MANIFEST_DIR"), "").ok();
        assert!(own.is_some_and(|own| own.contains("public_functions") && own.contains("drain")));
    }
}
