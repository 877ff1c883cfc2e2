//! How rings of each kind encrypt and decrypt, and what their ciphertexts look like as texts.

use std::borrow::Cow;

use strongroom_core::{Algorithm, Name, OaepHash, Plaintext, Purpose, SealOptions};
use strongroom_kms::{
    DataKeySize, KmsError, Rings, Sealed, ciphertext_version, from_text, label, parse_label, to_text,
    with_context,
};

use super::items::ItemError;

/// What is bound to a ciphertext, or says how it is made.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// Bound, not kept.
    pub(super) associated_data: &'a [u8],
    /// What a derived ring derives its key from.
    pub(super) context: &'a [u8],
    /// HPKE's.
    pub(super) info: &'a [u8],
    /// RSA's.
    pub(super) padding_scheme: Option<&'a str>,
    /// RSA's.
    pub(super) oaep_hash: Option<&'a str>,
}

/// A ciphertext as a text, and the version that made it.
pub(super) struct Text {
    pub(super) ciphertext: String,
    pub(super) version: u32,
}

/// A ring that encrypts.
pub(super) struct Sealing<'a> {
    rings: &'a Rings,
    name: &'a Name,
    algorithm: Algorithm,
    derived: bool,
}

impl<'a> Sealing<'a> {
    pub(super) fn of(rings: &'a Rings, name: &'a Name) -> Result<Self, ItemError> {
        let (algorithm, derived) = (rings.algorithm(name)?, rings.derived(name)?);
        Ok(Self { rings, name, algorithm, derived })
    }

    pub(super) fn seal(
        &self,
        version: Option<u32>,
        plaintext: &[u8],
        terms: &Terms<'_>,
    ) -> Result<Text, ItemError> {
        if self.is_symmetric() {
            let additional = self.additional(terms)?;
            return text(&self.rings.encrypt_with(self.name, version, plaintext, &additional)?);
        }
        let options = self.sealing_options(terms)?;
        let sealed = self.rings.seal(self.name, version, plaintext, &options)?;
        Ok(Text { ciphertext: label(sealed.version, &sealed.bytes), version: sealed.version })
    }

    /// A new key for data, in the clear and sealed.
    pub(super) fn data_key(
        &self,
        version: Option<u32>,
        size: DataKeySize,
        terms: &Terms<'_>,
    ) -> Result<(Plaintext, Text), ItemError> {
        if self.is_symmetric() {
            let additional = self.additional(terms)?;
            let made = self.rings.data_key(self.name, version, size, &additional)?;
            return Ok((made.plaintext, text(&made.wrapped)?));
        }
        let key = self.rings.random(size.bytes())?;
        let sealed = self.seal(version, &key, terms)?;
        Ok((key, sealed))
    }

    pub(super) fn open(&self, ciphertext: &str, terms: &Terms<'_>) -> Result<Plaintext, ItemError> {
        if self.is_symmetric() {
            let additional = self.additional(terms)?;
            return Ok(self.rings.decrypt(self.name, &from_text(ciphertext)?, &additional)?);
        }
        let options = self.options(terms)?;
        let (version, bytes) = parse_label(ciphertext)?;
        Ok(self.rings.open(self.name, &Sealed { version, bytes }, &options)?)
    }

    pub(super) fn rewrap(
        &self,
        version: Option<u32>,
        ciphertext: &str,
        terms: &Terms<'_>,
    ) -> Result<Text, ItemError> {
        if self.is_symmetric() {
            let additional = self.additional(terms)?;
            let old = from_text(ciphertext)?;
            return text(&self.rings.rewrap_with(self.name, version, &old, &additional)?);
        }
        let options = self.sealing_options(terms)?;
        let (from, bytes) = parse_label(ciphertext)?;
        let sealed = self.rings.reseal(self.name, version, &Sealed { version: from, bytes }, &options)?;
        Ok(Text { ciphertext: label(sealed.version, &sealed.bytes), version: sealed.version })
    }

    /// Whether one key encrypts and decrypts.
    fn is_symmetric(&self) -> bool {
        matches!(self.algorithm.purpose(), Purpose::Envelope | Purpose::Aead)
    }

    /// What is bound to the ciphertext of a symmetric key.
    fn additional<'t>(&self, terms: &Terms<'t>) -> Result<Cow<'t, [u8]>, ItemError> {
        terms.without_padding()?;
        terms.without_info()?;
        if self.derived {
            return Ok(Cow::Owned(with_context(terms.context, terms.associated_data)?));
        }
        terms.without_context()?;
        Ok(Cow::Borrowed(terms.associated_data))
    }

    /// How something new is sealed to a public half.
    fn sealing_options<'t>(&self, terms: &Terms<'t>) -> Result<SealOptions<'t>, ItemError> {
        match self.options(terms)? {
            SealOptions::Oaep { hash: OaepHash::LegacySha1, .. } => {
                Err("OAEP with SHA-1 only decrypts what others encrypted".into())
            }
            options => Ok(options),
        }
    }

    /// How something is, or was, sealed to a public half.
    fn options<'t>(&self, terms: &Terms<'t>) -> Result<SealOptions<'t>, ItemError> {
        if !self.algorithm.opens() {
            return Err(KmsError::WrongType.into());
        }
        terms.without_context()?;
        if self.algorithm.modulus_bits().is_none() {
            terms.without_padding()?;
            return Ok(SealOptions::Hpke { info: terms.info, aad: terms.associated_data });
        }
        terms.without_info()?;
        if !terms.associated_data.is_empty() {
            return Err("RSA binds no associated_data: use a key of another type".into());
        }
        Ok(SealOptions::Oaep { hash: terms.oaep()?, label: b"" })
    }
}

impl Terms<'_> {
    fn oaep(&self) -> Result<OaepHash, ItemError> {
        match self.padding_scheme {
            None | Some("" | "oaep") => {}
            Some("pkcs1v15") => {
                return Err("pkcs1v15 is no safe encryption (RFC 8017, section 7.2): use oaep".into());
            }
            Some(_) => return Err("padding_scheme must be oaep".into()),
        }
        match self.oaep_hash {
            None | Some("" | "sha2-256") => Ok(OaepHash::Sha256),
            Some("sha2-384") => Ok(OaepHash::Sha384),
            Some("sha2-512") => Ok(OaepHash::Sha512),
            Some("sha1") => Ok(OaepHash::LegacySha1),
            Some(_) => Err("oaep_hash must be sha2-256, sha2-384 or sha2-512, or sha1 to decrypt".into()),
        }
    }

    fn without_padding(&self) -> Result<(), ItemError> {
        match (self.padding_scheme, self.oaep_hash) {
            (None | Some(""), None | Some("")) => Ok(()),
            _ => Err("padding_scheme and oaep_hash are for RSA only".into()),
        }
    }

    fn without_info(&self) -> Result<(), ItemError> {
        if self.info.is_empty() { Ok(()) } else { Err("info is for keys of HPKE only".into()) }
    }

    fn without_context(&self) -> Result<(), ItemError> {
        if self.context.is_empty() { Ok(()) } else { Err(NO_CONTEXT.into()) }
    }
}

/// Whoever sends a context means to change what is computed.
pub(super) const NO_CONTEXT: &str = "this key is not derived: there is no use for a context";

fn text(ciphertext: &[u8]) -> Result<Text, ItemError> {
    Ok(Text { ciphertext: to_text(ciphertext)?, version: ciphertext_version(ciphertext)? })
}
