//! The policy of a ring: our own member `policy` of `POST transit/keys/NAME/config`.

use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_core::{Time, UseLimit};
use strongroom_kms::{AtLimit, Operation, Operations, Policy};

use crate::{
    loose::Number,
    payload::{Payload, encode},
};

/// What clients call the operations.
const OPERATIONS: [(&str, Operation); 13] = [
    ("encrypt", Operation::Encrypt),
    ("decrypt", Operation::Decrypt),
    ("rewrap", Operation::Rewrap),
    ("datakey", Operation::DataKey),
    ("sign", Operation::Sign),
    ("verify", Operation::Verify),
    ("mac", Operation::Mac),
    ("verify_mac", Operation::VerifyMac),
    ("derive", Operation::Derive),
    ("agree", Operation::Agree),
    ("encapsulate", Operation::Encapsulate),
    ("decapsulate", Operation::Decapsulate),
    ("export", Operation::Export),
];

/// A whole policy, as a body has it; what is not named is as in a new ring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyRequest {
    operations: Option<Vec<String>>,
    /// In seconds since 1970.
    not_after: Option<Number>,
    #[serde(default)]
    context: Payload,
    use_limit: Option<Number>,
    at_limit: Option<String>,
}

impl PolicyRequest {
    pub(super) fn policy(&self) -> Result<Policy, &'static str> {
        let positive = |Number(number): Number| u64::try_from(number).ok().filter(|number| *number > 0);
        let not_after = self.not_after.map(|end| positive(end).ok_or("not_after is a time in seconds"));
        let stop = self.use_limit.map(|limit| positive(limit).ok_or("use_limit is a positive number"));
        let context = self.context.optional()?;
        Ok(Policy {
            operations: self.operations.as_deref().map_or(Ok(Operations::ALL), operations)?,
            not_after: not_after.transpose()?.map(|end| Time::from_millis(end.saturating_mul(1_000))),
            context: (!context.is_empty()).then(|| context.to_vec()),
            use_limit: stop.transpose()?.map(|stop| UseLimit { warn: stop.div_ceil(2), stop }),
            at_limit: match self.at_limit.as_deref() {
                None => None,
                Some("stop") => Some(AtLimit::Stop),
                Some("rotate") => Some(AtLimit::Rotate),
                Some(_) => return Err("at_limit must be stop or rotate"),
            },
        })
    }
}

fn operations(names: &[String]) -> Result<Operations, &'static str> {
    let find = |name: &String| {
        let found = OPERATIONS.iter().find(|(known, _)| known == name);
        found.map(|(_, operation)| *operation).ok_or("the policy names an operation that there is not")
    };
    names.iter().map(find).collect()
}

/// A policy as a ring shows it, if it is not that of a new ring.
pub(super) fn shown(policy: &Policy) -> Option<Value> {
    if *policy == Policy::default() {
        return None;
    }
    let allowed = OPERATIONS.iter().filter(|(_, operation)| policy.operations.has(*operation));
    Some(json!({
        "operations": allowed.map(|(name, _)| *name).collect::<Vec<_>>(),
        "not_after": policy.not_after.map(|end| end.as_millis() / 1_000),
        "context": policy.context.as_ref().map(|context| encode(context)),
        "use_limit": policy.use_limit.map(|limit| limit.stop),
        "at_limit": policy.at_limit.map(|at| if at == AtLimit::Rotate { "rotate" } else { "stop" }),
    }))
}
