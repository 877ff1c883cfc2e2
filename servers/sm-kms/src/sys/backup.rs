use serde_json::{Value, json};
use strongroom::backup::{Progress, Step, Taken};
use strongroom_serve::{Method, Response};

use super::{rotation::empty, under_way};
use crate::{
    Node,
    answer::{self, Reply},
    backups::{Last, NotBegun, Running},
    routes::Access,
};

/// What is asked of `sys/backup`.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `GET`
    Status,
    /// `POST`
    Begin,
}

impl Operation {
    pub(super) fn route(method: Method) -> Result<Self, Response> {
        use Method::{Get, Head, Post, Put};
        match method {
            Get | Head => Ok(Self::Status),
            Post | Put => Ok(Self::Begin),
            _ => Err(answer::no_operation()),
        }
    }

    pub(super) fn answer(
        self,
        node: &Node,
        access: &Access,
        reply: &Reply,
        body: &[u8],
    ) -> Result<Response, Response> {
        match self {
            Self::Status => Ok(status(node, reply)),
            Self::Begin => begin(node, access, reply, body),
        }
    }
}

fn begin(node: &Node, access: &Access, reply: &Reply, body: &[u8]) -> Result<Response, Response> {
    empty(body)?;
    let backups = node.backups().ok_or_else(|| {
        answer::bad_request("no backups: start the server with --backup-dir and --backup-recipient")
    })?;
    match backups.begin(access.open.room.clone(), node.clock()) {
        Ok(file) => Ok(reply.data(&json!({ "file": file }))),
        Err(error @ NotBegun::UnderWay) => Err(under_way(&error.to_string())),
        Err(error @ NotBegun::Thread(_)) => Err(Response::busy(&error.to_string())),
    }
}

fn status(node: &Node, reply: &Reply) -> Response {
    let Some(backups) = node.backups() else {
        return reply.data(&json!({ "configured": false }));
    };
    let (running, last) = backups.status();
    let recipients: Vec<_> = backups.recipients().iter().map(ToString::to_string).collect();
    reply.data(&json!({
        "configured": true,
        "folder": backups.folder().to_string_lossy(),
        "recipients": recipients,
        "running": running.as_ref().map(running_shown),
        "last": last.as_ref().map(last_shown),
    }))
}

fn running_shown(running: &Running) -> Value {
    let Running { file, since, progress } = running;
    let (step, done, total) = match progress {
        None => ("begin", 0, None),
        Some(Progress { step, done, total }) => (step_name(*step), *done, *total),
    };
    json!({
        "file": file, "since": answer::rfc3339(*since), "step": step, "done": done, "total": total,
    })
}

const fn step_name(step: Step) -> &'static str {
    match step {
        Step::Snapshot => "snapshot",
        Step::Encrypt => "encrypt",
        Step::Decrypt => "decrypt",
        Step::Check => "check",
    }
}

fn last_shown(last: &Last) -> Value {
    let Last { file, since, outcome } = last;
    let since = answer::rfc3339(*since);
    match outcome {
        Err(error) => json!({ "file": file, "since": since, "error": error }),
        Ok(Taken { id, manifest, signer, size, check }) => json!({
            "file": file,
            "since": since,
            "id": super::id::text(id),
            "taken_at": answer::rfc3339(manifest.taken_at),
            "size": size,
            "signer": signer.to_string(),
            "records": check.rows,
            "problems": check.problems.len() as u64 + check.further,
        }),
    }
}
