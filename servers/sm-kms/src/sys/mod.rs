//! Vault's `sys` and `auth/token`.

mod backup;
pub(crate) mod id;
mod page;
mod private;
mod public;
mod rotation;
mod slot_shown;
mod slots;
mod tenants;
mod told;
mod way;

use std::error::Error;

pub(crate) use page::Page;
pub(crate) use private::Operation;
pub(crate) use public::Public;
use strongroom_barrier::{CreateError, SlotError, UnsealError};
use strongroom_core::{Refusal, Verdict};
use strongroom_serve::{Response, StatusCode};

use crate::{NodeError, answer};

/// A secret that was handed in opens nothing.
const WRONG: Verdict = Verdict::Refused(Refusal::WrongSecret);

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn node_failed(error: &NodeError) -> Response {
    match error {
        NodeError::Create(CreateError::Exists) => {
            answer::bad_request("Vault is already initialized").told(Verdict::Refused(Refusal::State))
        }
        NodeError::Uninitialized => answer::bad_request("Vault is not initialized"),
        NodeError::Unseal(UnsealError::Share(error)) => answer::bad_request(&error.to_string()).told(WRONG),
        NodeError::Unseal(
            error @ (UnsealError::WrongPassphrase | UnsealError::WrongSecret | UnsealError::WrongKey),
        ) => answer::bad_request(&error.to_string()).told(WRONG),
        error @ NodeError::Busy => Response::busy(&error.to_string()),
        NodeError::Store(error) | NodeError::Unseal(UnsealError::Store(error)) => answer::store_failed(error),
        NodeError::Commit(error) => answer::commit_failed(error),
        NodeError::StillInside(error) => Response::busy(&error.to_string()),
        other => {
            tracing::error!(error = other as &dyn Error, "the state of the database could not change");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}

/// The one place where failures of slots become statuses.
fn slot_failed(error: &SlotError) -> Response {
    match error {
        SlotError::NotFound => Response::errors(StatusCode::NOT_FOUND, &[&error.to_string()]),
        SlotError::Commit(error) => answer::commit_failed(error),
        other => answer::bad_request(&other.to_string()),
    }
}

/// What was asked for goes on already.
fn under_way(text: &str) -> Response {
    Response::errors(StatusCode::CONFLICT, &[text])
}
