use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use minicbor::{Decode, Decoder, Encode};
use secrecy::{ExposeSecret, SecretString};
use strongroom_core::{Credential, KeyError, Provider, RecordKey, Segment, StoreError, Table, Tenant, Time};
use zeroize::Zeroizing;

/// Tokens, under the system tenant, by a keyed hash of the hash of their text.
const TOKENS: Table = Table::new(0x0200);

const FORMAT: u8 = 1;

/// What is known of a token that is good.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    #[n(0)]
    format: u8,
    /// Names the token and cannot be used as one.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub accessor: [u8; 16],
    /// When it was made.
    #[n(2)]
    pub made: Time,
    /// What stands for it in events; there once it was checked.
    #[cbor(skip)]
    pub(crate) credential: Option<Credential>,
}

/// A root token on its way to whoever asked for it: it may do everything, and never ends.
pub struct RootToken {
    secret: SecretString,
    hash: Zeroizing<[u8; 32]>,
    token: Token,
}

/// A text cannot be a token: it needs 1 to 512 visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 1 to 512 visible ASCII characters")]
pub struct InvalidToken;

/// Longer texts are no tokens, and are not hashed.
pub(crate) const LONGEST: usize = 512;

impl RootToken {
    /// A new token of 256 random bits.
    ///
    /// # Errors
    /// [`KeyError::Random`] if the system gives no random bytes.
    pub fn new(provider: &dyn Provider, made: Time) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        provider.random().fill_secret(bytes.as_mut_slice())?;
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()));
        let secret = SecretString::from(["sr.", &text].concat());
        Self::with_text(provider, made, secret)
    }

    /// A token with a text that somebody chose: for development only.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn insecure_from_text(
        provider: &dyn Provider,
        made: Time,
        text: SecretString,
    ) -> Result<Self, InvalidToken> {
        let visible = text.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=LONGEST).contains(&text.expose_secret().len()) {
            return Err(InvalidToken);
        }
        Self::with_text(provider, made, text).map_err(|_| InvalidToken)
    }

    fn with_text(provider: &dyn Provider, made: Time, secret: SecretString) -> Result<Self, KeyError> {
        let hash = Zeroizing::new(hash(provider, secret.expose_secret()));
        Ok(Self { secret, hash, token: Token::new(provider, made)? })
    }

    /// The text to hand out.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The record of the token, for a new database to begin with.
    ///
    /// # Errors
    /// [`StoreError`], which the limits of a token exclude.
    pub fn record(&self) -> Result<(RecordKey, Zeroizing<Vec<u8>>), StoreError> {
        let value = minicbor::to_vec(&self.token).map_err(|_| StoreError::Corrupt)?;
        Ok((key(&self.hash)?, Zeroizing::new(value)))
    }
}

impl Token {
    fn new(provider: &dyn Provider, made: Time) -> Result<Self, KeyError> {
        let mut accessor = [0; 16];
        provider.random().fill_secret(&mut accessor)?;
        Ok(Self { format: FORMAT, accessor, made, credential: None })
    }

    /// The accessor as it is shown: hexadecimal.
    pub fn accessor_text(&self) -> String {
        self.accessor.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        if format(bytes).map_err(|_| StoreError::Corrupt)? != u64::from(FORMAT) {
            return Err(StoreError::Unsupported("read a token that a newer version made"));
        }
        minicbor::decode(bytes).map_err(|_| StoreError::Corrupt)
    }
}

/// The format's number, whatever follows it.
fn format(bytes: &[u8]) -> Result<u64, minicbor::decode::Error> {
    let mut decoder = Decoder::new(bytes);
    decoder.array()?;
    decoder.u64()
}

/// What stands for a token where it is looked up: so no key of a record holds its text, not even in memory.
pub(crate) fn hash(provider: &dyn Provider, text: &str) -> [u8; 32] {
    provider.sha256(&[b"strongroom/v1/token", text.as_bytes()])
}

pub(crate) fn key(hash: &[u8; 32]) -> Result<RecordKey, StoreError> {
    Ok(RecordKey::new(Tenant::SYSTEM, TOKENS, &[Segment::Blind(hash)])?)
}

impl fmt::Debug for RootToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootToken")
    }
}
