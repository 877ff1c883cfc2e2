//! Rotation, and what goes on for a while: rewrapping, renewing, backups.

use std::{thread::sleep, time::Duration};

use clap::Subcommand;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    ask,
    client::ClientError,
    operator::{Operator, OperatorError},
    slot::checked,
};

/// When keys are replaced.
#[derive(Subcommand)]
pub(crate) enum Rotation {
    /// Show the keys with their age, why they were made, when they are replaced, and what is being rewrapped
    Status,
    /// Set how long keys are used; what is not named stays
    Set {
        /// Days until the root key is replaced
        #[arg(long, value_name = "DAYS")]
        root_days: Option<u32>,
        /// Days until a tenant's key is replaced
        #[arg(long, value_name = "DAYS")]
        tenant_days: Option<u32>,
        /// Whether records are rewrapped after each rotation
        #[arg(long, value_name = "true|false")]
        rewrap: Option<bool>,
    },
}

const POLL: Duration = Duration::from_millis(200);
const DAY: u64 = 86_400;

/// What a new key does not change, however often it is rotated.
const NOT_HEALED: &str = "\
This does not heal everything:

- Whoever knows a share, a secret file or a passphrase still opens the database. Replace every slot:
  `strongroom operator slot list`, then `slot replace` for each; `slot remove` for what is not needed.
- Copies and backups from before stay readable to whoever has one and a way in of its time.
- What others may have read is known: rotate key rings, and change tokens and passwords that were stored.
";

impl Rotation {
    pub(crate) fn run(&self, operator: &Operator) -> Result<Zeroizing<String>, OperatorError> {
        match self {
            Self::Status => {
                let status = all(operator)?;
                operator.shown(&status, |status: Value| status_text(&status))
            }
            Self::Set { root_days, tenant_days, rewrap } => {
                let seconds = |days: &Option<u32>| days.map(|days| u64::from(days) * DAY);
                let body = json!({
                    "root_seconds": seconds(root_days), "tenant_seconds": seconds(tenant_days), "reseal": rewrap,
                });
                operator.data(Method::POST, "/v1/sys/rotate/config", &body)?;
                operator.done("The schedule is set.\n")
            }
        }
    }
}

/// The status with the tenants of all pages.
fn all(operator: &Operator) -> Result<Value, OperatorError> {
    let mut status = operator.data(Method::GET, "/v1/sys/rotate/status", &Value::Null)?;
    let mut next = at(&status, "next").as_str().map(str::to_owned);
    while let Some(after) = next {
        let path = format!("/v1/sys/rotate/status?after={}", checked(&after)?);
        let mut page = operator.data(Method::GET, &path, &Value::Null)?;
        next = at(&page, "next").as_str().map(str::to_owned);
        let tenants = |status: &mut Value| status.get_mut("tenants").map(Value::take);
        if let (Some(Value::Array(mut all)), Some(Value::Array(more))) =
            (tenants(&mut status), tenants(&mut page))
        {
            all.extend(more);
            if let Some(members) = status.as_object_mut() {
                members.insert("tenants".into(), all.into());
                members.insert("next".into(), Value::Null);
            }
        }
    }
    Ok(status)
}

fn status_text(status: &Value) -> String {
    let (root, schedule) = (at(status, "root"), at(status, "schedule"));
    let days = |name: &str| at(schedule, name).as_u64().unwrap_or_default() / DAY;
    let mut text = format!(
        "Root     {}, next {}\nSchedule root every {} days, tenants every {} days, {}\n",
        version_text(root),
        word(at(root, "next_rotation")),
        days("root_seconds"),
        days("tenant_seconds"),
        if at(schedule, "reseal") == &Value::Bool(true) { "then rewrapped" } else { "not rewrapped" },
    );
    for tenant in at(status, "tenants").as_array().into_iter().flatten() {
        let role = at(tenant, "role").as_str().map(|role| format!(" ({role})")).unwrap_or_default();
        text.push_str(&format!(
            "\nTenant {}{role}, next {}\n",
            word(at(tenant, "id")),
            word(at(tenant, "next_rotation"))
        ));
        for version in at(tenant, "versions").as_array().into_iter().flatten() {
            text.push_str(&format!("  {}\n", version_text(version)));
        }
        if !at(tenant, "reseal").is_null() {
            text.push_str(&format!("  rewrapping: {}\n", reseal_text(at(tenant, "reseal"))));
        }
        if !at(tenant, "resealed").is_null() {
            let done = at(tenant, "resealed");
            text.push_str(&format!(
                "  rewrapped: {} records, {} below version {} on {}\n",
                at(done, "examined"),
                at(done, "found"),
                at(done, "below"),
                word(at(done, "at"))
            ));
        }
    }
    text
}

fn version_text(version: &Value) -> String {
    format!(
        "version {}, made {} ({})",
        at(version, "version"),
        word(at(version, "made")),
        word(at(version, "reason"))
    )
}

fn reseal_text(progress: &Value) -> String {
    format!(
        "pass {}, {} records looked at, {} rewrapped",
        at(progress, "pass"),
        at(progress, "examined"),
        at(progress, "resealed")
    )
}

/// A member of an answer; null where it is not.
fn at<'v>(value: &'v Value, name: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.get(name).unwrap_or(&NULL)
}

fn word(value: &Value) -> &str {
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
            "File     {}\nFolder   {} (on the server)\nAs of    {}\nSize     {} bytes\nSigner   {}\n\nKeep the signer's \
             text with the recovery keys: whoever restores says whom to trust.\n",
            word(at(&last, "file")),
            word(&folder),
            word(at(&last, "taken_at")),
            at(&last, "size"),
            word(at(&last, "signer"))
        )
    })
}
