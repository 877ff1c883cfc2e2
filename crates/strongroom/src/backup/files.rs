//! Files and folders that are there for a while only.

use std::{
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
};

use strongroom_core::Provider;

/// A name in the folder of a file that nothing else has. Dropped, what got the name is removed.
#[derive(Debug)]
pub(super) struct Passing(PathBuf);

impl Passing {
    pub(super) fn beside(provider: &dyn Provider, file: &Path) -> Self {
        Self(file.with_file_name(format!(".strongroom-{}.snapshot", random(provider))))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A new folder that only its owner may enter. Dropped, it is removed with all that is in it.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn within(provider: &dyn Provider, folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}-{}", random(provider)));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it now, and says if that fails.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn random(provider: &dyn Provider) -> String {
    let mut random = [0; 8];
    provider.random().fill(&mut random);
    format!("{:016x}", u64::from_be_bytes(random))
}
