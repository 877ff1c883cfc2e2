//! Vault's `sys` and `auth/token`.

mod private;
mod public;

use std::error::Error;

pub(crate) use private::Operation;
pub(crate) use public::Public;
use strongroom_barrier::{CreateError, UnsealError};
use strongroom_serve::{Response, StatusCode};

use crate::{NodeError, answer};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn node_failed(error: &NodeError) -> Response {
    match error {
        NodeError::Create(CreateError::Exists) => answer::bad_request("Vault is already initialized"),
        NodeError::Uninitialized => answer::bad_request("Vault is not initialized"),
        NodeError::Unseal(UnsealError::Share(error)) => answer::bad_request(&error.to_string()),
        NodeError::Store(error) | NodeError::Unseal(UnsealError::Store(error)) => answer::store_failed(error),
        NodeError::Commit(error) => answer::commit_failed(error),
        NodeError::StillInside(error) => Response::busy(&error.to_string()),
        other => {
            tracing::error!(error = other as &dyn Error, "the state of the database could not change");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}
