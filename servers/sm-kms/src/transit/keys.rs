use serde::de::{DeserializeOwned, IgnoredAny};
use strongroom_core::{Failure, Name, Verdict};
use strongroom_kms::{KmsError, Ring, Rings};
use strongroom_serve::{Response, StatusCode};

use super::{
    RingOperation,
    config::{ConfigRequest, TrimRequest, WaitRequest},
    create::CreateRequest,
    shown::shown,
};
use crate::{
    answer::{self, Reply, refused},
    loose::Period,
    payload::{check, take},
};

/// Archived versions that are shown at most.
const ARCHIVED: u32 = 1_000;

pub(super) fn answer(
    rings: &Rings,
    operation: RingOperation,
    name: &Name,
    mut reply: Reply,
    body: &[u8],
) -> Result<Response, Response> {
    let done = |outcome: Result<(), KmsError>| outcome.map(|()| Response::empty(StatusCode::NO_CONTENT));
    let ring = match operation {
        RingOperation::Create => {
            let (ring, created) =
                asked::<CreateRequest>(&mut reply, CreateRequest::KNOWN, body)?.create(rings, name)?;
            let answer = reply.data(&shown(name, &whole(rings, name, ring)?));
            // Nothing was changed, so no change tells of it.
            return Ok(if created { answer } else { answer.told(Verdict::Failed(Failure::Conflict)) });
        }
        RingOperation::Read => match rings.read(name) {
            Err(KmsError::NotFound) => return Err(answer::nothing()),
            read => read,
        },
        RingOperation::Rotate => {
            asked::<IgnoredAny>(&mut reply, &[], body)?;
            rings.rotate_and_read(name)
        }
        RingOperation::Configure => {
            let settings =
                asked::<ConfigRequest>(&mut reply, ConfigRequest::KNOWN, body)?.settings(&mut reply)?;
            rings.configure(name, &settings)
        }
        RingOperation::Delete => return done(rings.delete(name)).map_err(|error| refused(&error)),
        RingOperation::Disable => {
            take::<IgnoredAny>(check(body)?)?;
            return done(rings.disable(name)).map_err(|error| refused(&error));
        }
        RingOperation::Enable => {
            take::<IgnoredAny>(check(body)?)?;
            return done(rings.enable(name)).map_err(|error| refused(&error));
        }
        RingOperation::Version(state, version) => {
            take::<IgnoredAny>(check(body)?)?;
            rings.set_version_state(name, version, state).and_then(|()| rings.read(name))
        }
        RingOperation::Trim => {
            let request: TrimRequest = asked(&mut reply, TrimRequest::KNOWN, body)?;
            rings.trim(name, request.version()?)
        }
        RingOperation::ScheduleDeletion => {
            let WaitRequest { wait } = asked(&mut reply, WaitRequest::KNOWN, body)?;
            let wait = wait.map(|Period(wait)| wait);
            rings.schedule_deletion(name, wait).and_then(|_| rings.read(name))
        }
        RingOperation::CancelDeletion => {
            take::<IgnoredAny>(check(body)?)?;
            rings.cancel_deletion(name).and_then(|()| rings.read(name))
        }
        // OpenBao answers with the key.
        RingOperation::SoftDelete => rings.disable(name).and_then(|()| rings.read(name)),
        RingOperation::SoftRestore => {
            take::<IgnoredAny>(check(body)?)?;
            rings.enable(name).and_then(|()| rings.read(name))
        }
    };
    let ring = whole(rings, name, ring.map_err(|error| refused(&error))?)?;
    Ok(reply.data(&shown(name, &ring)))
}

/// What a body asks for; members that nobody reads are told of.
fn asked<T: DeserializeOwned>(reply: &mut Reply, known: &[&str], body: &[u8]) -> Result<T, Response> {
    let body = check(body)?;
    reply.ignored(body, known);
    take(body)
}

/// A ring with those archived versions that it still decrypts with: of very many the newest.
pub(super) fn whole(rings: &Rings, name: &Name, mut ring: Ring) -> Result<Ring, Response> {
    let first = ring.versions.first().map_or(0, |version| version.version);
    let before = (first.saturating_sub(1)).saturating_sub(ARCHIVED);
    let before = before.max(ring.min_decryption_version.saturating_sub(1));
    if before + 1 < first {
        let archived = rings.archived(name, before, ARCHIVED as usize);
        let mut archived = archived.map_err(|error| refused(&error))?;
        archived.retain(|version| version.version < first);
        ring.versions.splice(..0, archived);
    }
    Ok(ring)
}
