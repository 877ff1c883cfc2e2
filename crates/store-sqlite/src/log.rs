//! What SQLite leaves undone with its write-ahead log.
//!
//! It puts its file locks on the database and on the shared memory, so closing the log here drops none.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use zeroize::Zeroizing;

/// Brings the log that an earlier owner left to the disk.
///
/// Part of it may be in the system's memory alone, and after a failed sync the system may take it for written:
/// only what is written anew is synced for certain. Commits that follow in the log would be lost with it.
pub(crate) fn write_again(log: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(log)?;
    let mut block = Zeroizing::new(vec![0; 1 << 16]);
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let length = file.read(&mut block)?;
        let Some(read) = block.get(..length).filter(|read| !read.is_empty()) else { break };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(read)?;
        at = file.stream_position()?;
    }
    file.sync_all()
}

/// SQLite truncates the log but leaves it to the next commit to sync that.
pub(crate) fn sync(log: &Path) -> io::Result<()> {
    File::open(log)?.sync_all()
}
