use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    operator::{Operator, OperatorError},
    slot::checked,
    upkeep::{at, reseal_text, word},
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

const DAY: u64 = 86_400;

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
                operator.data(Method::POST, "/v1/sys/rotation/config", &body)?;
                operator.done("The schedule is set.\n")
            }
        }
    }
}

/// The status with the tenants of all pages.
fn all(operator: &Operator) -> Result<Value, OperatorError> {
    let mut status = operator.data(Method::GET, "/v1/sys/rotation/status", &Value::Null)?;
    let mut next = at(&status, "next").as_str().map(str::to_owned);
    while let Some(after) = next {
        let path = format!("/v1/sys/rotation/status?after={}", checked(&after)?);
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
