//! Where files are, and what lies beside them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::OpenError;

/// The name of a file that belongs to this one.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// The one path of a file, so that all who open it meet at the same lock. Being absolute, SQLite never takes it
/// for a URI.
pub(crate) fn existing(path: &Path) -> Result<PathBuf, OpenError> {
    let path = fs::canonicalize(path).map_err(OpenError::io)?;
    let is_file = fs::metadata(&path).map_err(OpenError::io)?.is_file();
    if is_file { Ok(path) } else { Err(OpenError::Foreign) }
}

/// The one path of a file that is to be created, where there is nothing.
pub(crate) fn vacant(path: &Path) -> Result<PathBuf, OpenError> {
    let name = path.file_name().ok_or(OpenError::Exists)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let path = fs::canonicalize(folder).map_err(OpenError::io)?.join(name);
    // SQLite would take a log that was left for news of the new file.
    let taken = |ending| fs::symlink_metadata(beside(&path, ending)).is_ok();
    if ["", "-wal", "-journal"].into_iter().any(taken) { Err(OpenError::Exists) } else { Ok(path) }
}
