use std::{io::Read, path::Path};

use strongroom_core::Provider;

use crate::{BackupError, NewFile, Progress, RecoveryKey, SignerKey, Verified, read};

/// Opens a backup with a recovery key into a new file, which appears only after everything was verified.
///
/// The path must be free, and its folder there. The file is for its owner only, and durable once this answered
/// `Ok`. On an error there is nothing at the path that was not there before; a process that is killed may leave
/// a `.strongroom-….partial` beside it, which is safe to remove.
///
/// # Errors
/// [`BackupError`], but [`BackupError::Recipients`].
pub fn restore(
    provider: &dyn Provider,
    key: &RecoveryKey,
    trusted: &[SignerKey],
    from: &mut dyn Read,
    destination: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, BackupError> {
    let mut file = NewFile::create(provider, destination)?;
    let verified = read(provider, key, trusted, from, &mut file, progress)?;
    file.commit()?;
    Ok(verified)
}
