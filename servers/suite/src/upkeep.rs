//! What goes on for a while, or ends for good: rewrapping, renewing, shredding, backups.

use std::{thread::sleep, time::Duration};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    ask,
    client::ClientError,
    operator::{Operator, OperatorError},
    slot::checked,
};

const POLL: Duration = Duration::from_millis(200);
/// What a new key does not change, however often it is rotated.
const NOT_HEALED: &str = "\
This does not heal everything:

- Whoever knows a share, a secret file or a passphrase still opens the database. Replace every slot:
  `strongroom operator slot list`, then `slot replace` for each; `slot remove` for what is not needed.
- The database's files may still hold what was encrypted anew: `strongroom operator scrub`, once every key is new.
- Copies and backups from before stay readable to whoever has one and a way in of its time.
- What others may have read is known: rotate key rings, and change tokens and passwords that were stored.
";

pub(crate) fn reseal_text(progress: &Value) -> String {
    format!(
        "pass {}, {} records looked at, {} rewrapped",
        at(progress, "pass"),
        at(progress, "examined"),
        at(progress, "resealed")
    )
}

/// A member of an answer; null where it is not.
pub(crate) fn at<'v>(value: &'v Value, name: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.get(name).unwrap_or(&NULL)
}

pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Tells how far something is, until `poll` gives its end; each line once.
fn follow<T>(mut poll: impl FnMut() -> Result<Result<T, String>, OperatorError>) -> Result<T, OperatorError> {
    let mut said = String::new();
    loop {
        match poll()? {
            Ok(end) => return Ok(end),
            Err(line) if line != said => {
                ask::eprint(&format!("{line}\n"));
                said = line;
            }
            Err(_) => {}
        }
        sleep(POLL);
    }
}

/// Rewraps the records of a tenant, or goes on with a job that there is.
pub(crate) fn rewrap(
    operator: &Operator,
    tenant: Option<&str>,
    wait: bool,
) -> Result<Zeroizing<String>, OperatorError> {
    let tenant = match tenant {
        Some(tenant) => checked(tenant)?.to_owned(),
        None => {
            let tenants = operator.data(Method::GET, "/v1/sys/tenants", &Value::Null)?;
            checked(word(at(&tenants, "first")))?.to_owned()
        }
    };
    match operator.data(Method::POST, "/v1/sys/reseal", &json!({ "tenant": tenant })) {
        Err(OperatorError::Client(ClientError::Refused(StatusCode::CONFLICT, _))) => {
            ask::eprint("It goes on already.\n");
        }
        other => drop(other?),
    }
    if !wait {
        return operator.done("Rewrapping: `strongroom operator rotation status` shows how far it is.\n");
    }
    let path = format!("/v1/sys/tenants/{tenant}");
    let status = follow(|| {
        let status = operator.data(Method::GET, &path, &Value::Null)?;
        Ok(if at(&status, "reseal").is_null() { Ok(status) } else { Err(reseal_text(at(&status, "reseal"))) })
    })?;
    operator.shown(&status, |status: Value| {
        let done = at(&status, "resealed");
        format!(
            "Rewrapped: of {} records none is left below version {}; older keys are destroyed.\n",
            at(done, "examined"),
            at(done, "below")
        )
    })
}

/// Replaces every key after a leak.
pub(crate) fn renew(
    operator: &Operator,
    again: bool,
    wait: bool,
) -> Result<Zeroizing<String>, OperatorError> {
    let begun = operator.data(Method::POST, "/v1/sys/renew", &json!({ "again": again }))?;
    let path = format!("/v1/sys/renew/{}", at(&begun, "root"));
    let read = || operator.data(Method::GET, &path, &Value::Null);
    let status = if wait {
        follow(|| {
            let status = read()?;
            let (tenants, waiting) = (at(&status, "tenants"), at(&status, "waiting"));
            let line = format!(
                "{waiting} of {tenants} tenants wait, {} are being rewrapped",
                at(&status, "resealing")
            );
            Ok(if at(&status, "done") == &Value::Bool(true) { Ok(status) } else { Err(line) })
        })?
    } else {
        read()?
    };
    operator.shown(&status, |status: Value| {
        let state = if at(&status, "done") == &Value::Bool(true) {
            "Every key is new"
        } else {
            "Every key is being replaced"
        };
        format!("{state}, below root version {}.\n\n{NOT_HEALED}", at(&status, "root"))
    })
}

/// Erases a tenant's keys, once its id was given twice.
pub(crate) fn shred(
    operator: &Operator,
    tenant: &str,
    yes: bool,
) -> Result<Zeroizing<String>, OperatorError> {
    let tenant = checked(tenant)?;
    if !yes && ask::line("What is erased does not come back. The tenant's id once more: ")? != tenant {
        return Err(OperatorError::NotConfirmed);
    }
    let path = format!("/v1/sys/tenants/{tenant}/shred");
    let answer = operator.data(Method::POST, &path, &json!({ "confirm": tenant }))?;
    operator.shown(&answer, |answer: Value| {
        format!(
            "The keys of tenant {} are erased here; its records are being deleted.\n\nBackups and other copies made \
             before {} stay readable to whoever holds one and a way\nto unseal of its time: delete them, or wait until \
             they are.\n",
            word(at(&answer, "tenant")),
            word(at(&answer, "copies_before"))
        )
    })
}

/// Takes a backup into the folder that the server was started with.
pub(crate) fn backup(operator: &Operator, wait: bool) -> Result<Zeroizing<String>, OperatorError> {
    let begun = operator.data(Method::POST, "/v1/sys/backup", &Value::Null)?;
    if !wait {
        return operator.shown(&begun, |begun: Value| format!("Begun: {}\n", word(at(&begun, "file"))));
    }
    let (last, folder) = follow(|| {
        let status = operator.data(Method::GET, "/v1/sys/backup", &Value::Null)?;
        let (running, last, file) = (at(&status, "running"), at(&status, "last"), at(&begun, "file"));
        if at(last, "file") == file && at(running, "file") != file {
            return Ok(Ok((last.clone(), at(&status, "folder").clone())));
        }
        Ok(Err(match at(running, "total").as_u64().filter(|total| *total > 0) {
            Some(total) => {
                let percent = at(running, "done").as_u64().unwrap_or_default().saturating_mul(100) / total;
                format!("{}: {percent} %", word(at(running, "step")))
            }
            None => word(at(running, "step")).to_owned(),
        }))
    })?;
    if let Some(error) = at(&last, "error").as_str() {
        return Err(OperatorError::Backup(error.replace(char::is_control, " ")));
    }
    operator.shown(&last, |last: Value| {
        format!(
            "File     {}\nFolder   {} (on the server)\nAs of    {}\nSize     {} bytes\nChecked  {} rows, {} problems\nSigner   {}\n\nKeep the signer's \
             text with the recovery keys: whoever restores says whom to trust.\n",
            word(at(&last, "file")),
            word(&folder),
            word(at(&last, "taken_at")),
            at(&last, "size"),
            at(&last, "records"),
            at(&last, "problems"),
            word(at(&last, "signer"))
        )
    })
}
