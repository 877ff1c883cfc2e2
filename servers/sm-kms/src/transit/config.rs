//! `POST transit/keys/NAME/config`.

use serde::Deserialize;
use strongroom_kms::Settings;
use strongroom_serve::Response;

use super::policy::PolicyRequest;
use crate::{
    answer::{self, Reply},
    loose::{Flag, Number, Period},
};

/// What is to change in a ring, as a body has it.
#[derive(Deserialize)]
pub(super) struct ConfigRequest {
    min_decryption_version: Option<Number>,
    min_encryption_version: Option<Number>,
    deletion_allowed: Option<Flag>,
    exportable: Option<Flag>,
    allow_plaintext_backup: Option<Flag>,
    auto_rotate_period: Option<Period>,
    publish_delay: Option<Period>,
    policy: Option<PolicyRequest>,
}

impl ConfigRequest {
    /// The members that it may have.
    pub(super) const KNOWN: &[&str] = &[
        "min_decryption_version",
        "min_encryption_version",
        "deletion_allowed",
        "exportable",
        "allow_plaintext_backup",
        "auto_rotate_period",
        "publish_delay",
        "policy",
    ];

    /// What changes; a warning of what is taken for something else.
    pub(super) fn settings(&self, reply: &mut Reply) -> Result<Settings, Response> {
        let flag = |flag: Option<Flag>| flag.map(|Flag(flag)| flag);
        let period = |period: Option<Period>| period.map(|Period(period)| period);
        let mut min_decryption_version = version(self.min_decryption_version)?;
        if min_decryption_version == Some(0) {
            min_decryption_version = Some(1);
            reply.warn("min_decryption_version starts at 1: 0 was taken for 1".to_owned());
        }
        let policy = self.policy.as_ref().map(PolicyRequest::policy);
        Ok(Settings {
            min_decryption_version,
            min_encryption_version: version(self.min_encryption_version)?,
            deletion_allowed: flag(self.deletion_allowed),
            exportable: flag(self.exportable),
            plaintext_backup: flag(self.allow_plaintext_backup),
            rotation_period: period(self.auto_rotate_period),
            publish_delay: period(self.publish_delay),
            policy: policy.transpose().map_err(answer::bad_request)?,
            allow_rotation: None,
        })
    }
}

/// Which versions go.
#[derive(Deserialize)]
pub(super) struct TrimRequest {
    min_available_version: Option<Number>,
}

impl TrimRequest {
    /// The members that it may have.
    pub(super) const KNOWN: &[&str] = &["min_available_version"];

    /// The oldest one that stays.
    pub(super) fn version(&self) -> Result<u32, Response> {
        version(self.min_available_version)?
            .ok_or_else(|| answer::bad_request("missing min_available_version"))
    }
}

/// How long a deletion waits.
#[derive(Deserialize)]
pub(super) struct WaitRequest {
    pub(super) wait: Option<Period>,
}

impl WaitRequest {
    /// The members that it may have.
    pub(super) const KNOWN: &[&str] = &["wait"];
}

fn version(number: Option<Number>) -> Result<Option<u32>, Response> {
    number
        .map(|Number(number)| {
            u32::try_from(number).map_err(|_| answer::bad_request("a version is negative or too large"))
        })
        .transpose()
}
