//! `POST transit/keys/NAME`.

use serde::Deserialize;
use strongroom_core::{Algorithm, Failure, HashAlgorithm, Name, Verdict};
use strongroom_kms::{KmsError, NewRing, Ring, Rings, Settings};
use strongroom_serve::Response;

use super::types;
use crate::{
    answer::{bad_request, refused},
    loose::{Flag, Number, Period},
};

/// A ring to be made, as a body has it.
#[derive(Deserialize)]
pub(super) struct CreateRequest {
    #[serde(rename = "type")]
    kind: Option<String>,
    parameter_set: Option<String>,
    key_size: Option<Number>,
    derived: Option<Flag>,
    convergent_encryption: Option<Flag>,
    exportable: Option<Flag>,
    allow_plaintext_backup: Option<Flag>,
    auto_rotate_period: Option<Period>,
}

impl CreateRequest {
    /// The members that it may have.
    pub(super) const KNOWN: &[&str] = &[
        "type",
        "parameter_set",
        "key_size",
        "derived",
        "convergent_encryption",
        "exportable",
        "allow_plaintext_backup",
        "auto_rotate_period",
    ];

    /// Creates a ring; one that is there already with the same type is answered as it is. Also whether it was created.
    pub(super) fn create(&self, rings: &Rings, name: &Name) -> Result<(Ring, bool), Response> {
        let new = self.ring().map_err(bad_request)?;
        match rings.create_with(name, &new) {
            Err(KmsError::Exists) => {
                let ring = rings.read(name).map_err(|error| refused(&error))?;
                let asks = self.kind.is_some() || new.derived;
                if asks && (new.algorithm, new.derived) != (ring.algorithm, ring.derived) {
                    return Err(bad_request("a key of this name and of another type exists")
                        .told(Verdict::Failed(Failure::Conflict)));
                }
                Ok((ring, false))
            }
            other => other.map(|ring| (ring, true)).map_err(|error| refused(&error)),
        }
    }

    /// The ring that is asked for.
    pub(super) fn ring(&self) -> Result<NewRing, &'static str> {
        let flag = |flag: Option<Flag>| flag == Some(Flag(true));
        let derived = flag(self.derived);
        let algorithm = match flag(self.convergent_encryption) {
            true => self.convergent(derived)?,
            false => self.algorithm()?,
        };
        self.check_size(algorithm)?;
        let settings = Settings {
            exportable: Some(flag(self.exportable)),
            plaintext_backup: Some(flag(self.allow_plaintext_backup)),
            rotation_period: self.auto_rotate_period.map(|Period(period)| period),
            ..Settings::NONE
        };
        Ok(NewRing { derived, settings, ..NewRing::of(algorithm) })
    }

    fn algorithm(&self) -> Result<Algorithm, &'static str> {
        match self.kind.as_deref() {
            None => Ok(Algorithm::Aes256Gcm),
            Some(kind) => types::parse(kind, self.parameter_set.as_deref()),
        }
    }

    /// Vault takes its nonce from the plaintext; here it is a type of its own, which needs none.
    fn convergent(&self, derived: bool) -> Result<Algorithm, &'static str> {
        if !derived {
            return Err("convergent encryption requires derivation to be enabled");
        }
        match self.algorithm()? {
            Algorithm::Aes256Gcm | Algorithm::Aes256Siv => Ok(Algorithm::Aes256Siv),
            _ => Err("convergent encryption is AES-SIV, of the type aes256-gcm96 or aes256-siv"),
        }
    }

    /// A key of HMAC is as long as its digest: longer ones are no stronger (RFC 2104, section 3).
    fn check_size(&self, algorithm: Algorithm) -> Result<(), &'static str> {
        let Some(Number(size)) = self.key_size.filter(|size| size.0 != 0) else { return Ok(()) };
        match HashAlgorithm::ALL.into_iter().find(|hash| hash.hmac() == Some(algorithm)) {
            None => Err("key_size is for HMAC only"),
            Some(hash) if usize::try_from(size) == Ok(hash.size()) => Ok(()),
            Some(_) => {
                Err("a key of HMAC is as long as its digest: key_size is 32 for the type hmac, 64 for \
                            hmac-sha2-512")
            }
        }
    }
}
