use strongroom_core::{Action, Key, KeyError, Name, Plaintext, Purpose, SealOptions, SignOptions};

use crate::{KmsError, Operation, Rings, Signature, loaded::Loaded};

/// What was sealed to a ring's public half, and the version that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The version.
    pub version: u32,
    /// For OAEP as long as the modulus; for HPKE encapsulated key ‖ ciphertext.
    pub bytes: Vec<u8>,
}

/// A secret for the ring and whoever asked for it.
#[derive(Debug)]
pub struct Shared {
    /// The version whose holder gets the secret.
    pub version: u32,
    /// What the holder gets it from: [`Rings::decapsulate`].
    pub ciphertext: Vec<u8>,
    /// The secret: 32 bytes.
    pub secret: Plaintext,
}

/// What rings of keys with a public half do.
impl Rings {
    /// Signs a message or a digest in the way that the options say.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::WrongType`] for options that do not fit the ring's algorithm.
    pub fn sign_with(
        &self,
        name: &Name,
        version: Option<u32>,
        input: &[u8],
        options: &SignOptions,
    ) -> Result<Signature, KmsError> {
        self.signed(name, version, |key| key.sign(input, options))
    }

    /// Whether a signature is this ring's for this message or digest, made in the way that the options say.
    ///
    /// # Errors
    /// As for [`Rings::sign_with`]; a wrong signature is `Ok(false)`.
    pub fn verify_with(
        &self,
        name: &Name,
        input: &[u8],
        signature: &Signature,
        options: &SignOptions,
    ) -> Result<bool, KmsError> {
        self.verified(name, signature, |key| key.verify(input, &signature.bytes, options))
    }

    /// Seals to the public half of the newest version, or of one that the ring's `min_encryption_version` allows: RSA
    /// with OAEP, or HPKE.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Invalid`] for a plaintext that is too long for the modulus.
    pub fn seal(
        &self,
        name: &Name,
        version: Option<u32>,
        plaintext: &[u8],
        options: &SealOptions<'_>,
    ) -> Result<Sealed, KmsError> {
        self.with_ring(Action::Encrypt, name, |ring| {
            let seal = |key: &dyn Key| Ok(key.seal(plaintext, options));
            let (version, sealed) =
                ring.make(self.provider(), (Operation::Encrypt, opens(ring)?), None, version, seal)?;
            let bytes = sealed.map_err(|error| match error {
                KeyError::Invalid => KmsError::Invalid("the plaintext is too long for this key"),
                other => other.into(),
            })?;
            Ok(Sealed { version, bytes })
        })
    }

    /// Opens what [`Rings::seal`] made with the same options, or anybody with the ring's public half.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::OpenFailed`] for whatever does not open.
    pub fn open(
        &self,
        name: &Name,
        sealed: &Sealed,
        options: &SealOptions<'_>,
    ) -> Result<Plaintext, KmsError> {
        self.with_ring(Action::Decrypt, name, |ring| {
            let open = |key: &dyn Key| Ok(key.open(&sealed.bytes, options));
            let of = (Operation::Decrypt, opens(ring)?);
            ring.look(self.provider(), of, None, sealed.version, open)?.map_err(opaque)
        })
    }

    /// Seals anew, under the newest version or one that the ring's `min_encryption_version` allows, what another version
    /// opens, with the same options. It is one operation: the plaintext is not shown, so also what a compromised version
    /// opens can be moved to another one.
    ///
    /// # Errors
    /// As for [`Rings::open`].
    pub fn reseal(
        &self,
        name: &Name,
        version: Option<u32>,
        sealed: &Sealed,
        options: &SealOptions<'_>,
    ) -> Result<Sealed, KmsError> {
        let (provider, open) = (self.provider(), |key: &dyn Key| Ok(key.open(&sealed.bytes, options)));
        self.with_ring(Action::Reencrypt, name, |ring| {
            let of = (Operation::Rewrap, opens(ring)?);
            let plaintext = ring.look(provider, of, None, sealed.version, open)?.map_err(opaque)?;
            let seal = |key: &dyn Key| key.seal(&plaintext, options);
            let (version, bytes) = ring.make(provider, of, None, version, seal)?;
            Ok(Sealed { version, bytes })
        })
    }

    /// The secret that a version, without one the newest, shares with the holder of another key. Not uniform: it goes
    /// through a key derivation before it is a key.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::OpenFailed`] for a peer that is no public half of this kind, or one with which the
    /// secret would be the same for everyone.
    pub fn agree(&self, name: &Name, version: Option<u32>, peer: &[u8]) -> Result<Plaintext, KmsError> {
        let (provider, agree) = (self.provider(), |key: &dyn Key| Ok(key.agree(peer)));
        let of = (Operation::Agree, Purpose::Agree);
        self.with_ring(Action::Agree, name, |ring| {
            let secret = match version.filter(|version| *version != 0) {
                Some(version) => ring.look(provider, of, None, version, agree)?,
                None => ring.make(provider, of, None, None, agree)?.1,
            };
            secret.map(|mut secret| Plaintext::new(std::mem::take(&mut *secret))).map_err(opaque)
        })
    }

    /// A new secret, and the ciphertext from which the ring gets it: by the newest version or one that the ring's
    /// `min_encryption_version` allows.
    ///
    /// # Errors
    /// [`KmsError`].
    pub fn encapsulate(&self, name: &Name, version: Option<u32>) -> Result<Shared, KmsError> {
        let (version, mut made) = self.with_ring(Action::Encapsulate, name, |ring| {
            let of = (Operation::Encapsulate, Purpose::Decapsulate);
            ring.make(self.provider(), of, None, version, |key| key.encapsulate())
        })?;
        let secret = Plaintext::new(std::mem::take(&mut *made.secret));
        Ok(Shared { version, ciphertext: made.ciphertext, secret })
    }

    /// The secret of [`Rings::encapsulate`], or of whoever had the public half of this version. Of a ciphertext that was
    /// tampered with, another secret: only its use tells.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::OpenFailed`] for what has not the length of a ciphertext.
    pub fn decapsulate(&self, name: &Name, version: u32, ciphertext: &[u8]) -> Result<Plaintext, KmsError> {
        let decapsulate = |key: &dyn Key| Ok(key.decapsulate(ciphertext));
        self.with_ring(Action::Decapsulate, name, |ring| {
            let secret = ring.look(
                self.provider(),
                (Operation::Decapsulate, Purpose::Decapsulate),
                None,
                version,
                decapsulate,
            )?;
            secret.map(|mut secret| Plaintext::new(std::mem::take(&mut *secret))).map_err(opaque)
        })
    }
}

/// What the ring is for, if its keys open what was sealed to them.
fn opens(ring: &Loaded) -> Result<Purpose, KmsError> {
    let algorithm = ring.view.algorithm;
    if algorithm.opens() { Ok(algorithm.purpose()) } else { Err(KmsError::WrongType) }
}

/// Whatever does not open, for whatever reason, is one thing.
fn opaque(error: KeyError) -> KmsError {
    match error {
        KeyError::Failed => KmsError::OpenFailed,
        other => other.into(),
    }
}
