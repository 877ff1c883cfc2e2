use secrecy::ExposeSecret;
use serde::Deserialize;
use strongroom_barrier::{NewSlot, Passphrase, Split, UnsealSecret};
use strongroom_core::{Argon2Cost, Name};
use strongroom_serve::Response;

use crate::{
    answer,
    loose::Number,
    payload::{Payload, SecretText},
};

/// A body that asks for a slot. Each kind has its own members; those of other kinds are not looked at.
#[derive(Deserialize)]
pub(super) struct Wanted {
    kind: Kind,
    #[serde(default)]
    label: Option<String>,
    shares: Option<Number>,
    threshold: Option<Number>,
    #[serde(default)]
    secret: Payload,
    passphrase: Option<SecretText>,
    memory_kib: Option<Number>,
    passes: Option<Number>,
    lanes: Option<Number>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Shamir,
    Secret,
    Passphrase,
    Key,
}

/// What is to open a slot.
pub(super) enum Way {
    Shares(Split),
    Secret(UnsealSecret),
    Passphrase(Passphrase, Argon2Cost),
}

impl Way {
    pub(super) fn new_slot(&self) -> NewSlot<'_> {
        match self {
            Self::Shares(split) => NewSlot::Shamir(*split),
            Self::Secret(secret) => NewSlot::Secret(secret),
            Self::Passphrase(passphrase, cost) => NewSlot::Passphrase(passphrase, *cost),
        }
    }
}

impl Wanted {
    pub(super) fn label(&self) -> Result<Option<Name>, Response> {
        label(self.label.as_deref())
    }

    pub(super) fn way(self) -> Result<Way, Response> {
        match self.kind {
            Kind::Shamir => split(self.shares, self.threshold).map(Way::Shares),
            Kind::Secret => secret(&self.secret).map(Way::Secret),
            Kind::Passphrase => {
                let cost = cost(self.memory_kib, self.passes, self.lanes)?;
                Ok(Way::Passphrase(passphrase(self.passphrase.as_ref())?, cost))
            }
            Kind::Key => Err(answer::bad_request("this server has no key back end for a slot")),
        }
    }
}

/// A label of a body; an empty one is none.
pub(super) fn label(text: Option<&str>) -> Result<Option<Name>, Response> {
    let text = text.filter(|text| !text.is_empty());
    text.map(Name::parse).transpose().map_err(|error| answer::bad_request(&error.to_string()))
}

pub(super) fn secret(payload: &Payload) -> Result<UnsealSecret, Response> {
    let bytes = payload
        .required("'secret' must hold the bytes of the secret file in base64")
        .map_err(answer::bad_request)?;
    UnsealSecret::new(bytes.to_vec()).map_err(|error| answer::bad_request(&error.to_string()))
}

pub(super) fn passphrase(text: Option<&SecretText>) -> Result<Passphrase, Response> {
    let text = text.ok_or_else(|| answer::bad_request("'passphrase' must be specified"))?;
    Passphrase::new(text.0.expose_secret().to_owned())
        .map_err(|error| answer::bad_request(&error.to_string()))
}

fn split(shares: Option<Number>, threshold: Option<Number>) -> Result<Split, Response> {
    let number = |number: Option<Number>| number.and_then(|Number(number)| u8::try_from(number).ok());
    match (number(shares), number(threshold)) {
        (Some(shares), Some(threshold)) => Ok(Split { shares, threshold }),
        _ => Err(answer::bad_request("'shares' and 'threshold' must be numbers from 1 to 255")),
    }
}

fn cost(
    memory: Option<Number>,
    passes: Option<Number>,
    lanes: Option<Number>,
) -> Result<Argon2Cost, Response> {
    let usual = Argon2Cost::RECOMMENDED;
    let number = |number: Option<Number>, usual| {
        number.map_or(usual, |Number(number)| u32::try_from(number).unwrap_or_default())
    };
    Argon2Cost::new(
        number(memory, usual.memory()),
        number(passes, usual.passes()),
        number(lanes, usual.lanes()),
    )
    .map_err(|error| answer::bad_request(&error.to_string()))
}
