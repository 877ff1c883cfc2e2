use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where an exported log lies, by the paths of C2SP tlog-tiles: `checkpoint`, `tile/<level>/<number>`,
/// `tile/entries/<number>`, each with `.p/<width>` behind it where it is not full; and beside them `events/<number>`.
pub trait Archive {
    /// Puts a file under a path.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// The file under a path, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// A folder as an [`Archive`]: each path is a file in it.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path; files make it.
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }
}

impl Archive for Folder {
    fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, bytes)
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
