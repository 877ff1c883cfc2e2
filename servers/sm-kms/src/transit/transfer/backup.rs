use std::io::{self, Write};

use serde::Deserialize;
use serde_json::json;
use strongroom_core::{Failure, Name, Verdict};
use strongroom_kms::{BackupFrom, BackupTo, Replace, RingBackupError, Rings};
use strongroom_serve::{Response, StatusCode};

use crate::{
    answer::{Reply, bad_request, refused},
    loose::Flag,
    payload::{Payload, check, encode, take},
};

/// The longest backup that an answer has: thousands of versions.
const LONGEST: usize = 8 << 20;

#[derive(Deserialize)]
struct RestoreRequest {
    #[serde(default)]
    backup: Payload,
    force: Option<Flag>,
}

/// Takes as much as an answer may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Vault's answer holds the keys in the clear; ours is sealed for this database, so it needs no permission of the ring.
pub(super) fn backup(rings: &Rings, name: &Name, reply: &Reply) -> Result<Response, Response> {
    let mut file = Bounded(Vec::new());
    rings.backup(name, BackupTo::Database, &mut file).map_err(|error| failed(&error))?;
    Ok(reply.data(&json!({ "backup": encode(&file.0) })))
}

pub(super) fn restore(rings: &Rings, name: Option<&Name>, body: &[u8]) -> Result<Response, Response> {
    let RestoreRequest { backup, force } = take(check(body)?)?;
    let file = backup.required("missing backup").map_err(bad_request)?;
    let replace = if force == Some(Flag(true)) { Replace::Same } else { Replace::Never };
    let restored = rings.restore(name, &mut &*file, BackupFrom::Database, replace);
    restored.map(|_| Response::empty(StatusCode::NO_CONTENT)).map_err(|error| failed(&error))
}

fn failed(error: &RingBackupError) -> Response {
    match error {
        RingBackupError::Ring(error) => refused(error),
        RingBackupError::OpenFailed => {
            bad_request(&error.to_string()).told(Verdict::Failed(Failure::Cryptography))
        }
        RingBackupError::Unsupported => bad_request(&error.to_string()),
        RingBackupError::Io(_) => bad_request("the backup is too long for an answer: take one in process"),
    }
}
