use strongroom::audit::AuditError;
use strongroom_serve::{Response, StatusCode};

use crate::answer;

/// The one place where failures of the audit log become statuses.
pub(crate) fn failed(error: &AuditError) -> Response {
    match error {
        AuditError::NotFound => Response::errors(StatusCode::NOT_FOUND, &[&error.to_string()]),
        AuditError::Denied(_) => Response::errors(StatusCode::FORBIDDEN, &[&error.to_string()]),
        AuditError::Exists | AuditError::Held | AuditError::Gap { .. } => {
            Response::errors(StatusCode::CONFLICT, &[&error.to_string()])
        }
        AuditError::Invalid(_) | AuditError::Cursor | AuditError::Proof(_) => {
            answer::bad_request(&error.to_string())
        }
        // Whoever asks keeps a checkpoint to learn exactly this.
        AuditError::RolledBack { .. } | AuditError::Rewritten => {
            Response::errors(StatusCode::CONFLICT, &[&error.to_string()])
        }
        AuditError::Commit(error) => answer::commit_failed(error),
        AuditError::Store(error) => answer::store_failed(error),
        AuditError::Missing | AuditError::Damaged { .. } | AuditError::Key(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "the audit log cannot be read");
            Response::errors(StatusCode::INTERNAL_SERVER_ERROR, &["internal error: see the server's log"])
        }
    }
}
