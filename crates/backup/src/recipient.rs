use std::{fmt, str::FromStr};

use strongroom_core::Provider;

use crate::{
    text::{self, KeyTextError},
    wrap,
};

const PREFIX: &str = "strongroom-recipient-";

/// The public half of a [`RecoveryKey`](crate::RecoveryKey): backups are encrypted to it.
///
/// Its text form is `strongroom-recipient-…`, in one spelling.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// Reads what [`Recipient`] displays as.
    ///
    /// # Errors
    /// [`KeyTextError`]; a point of small order, and a second spelling of one, are [`KeyTextError::Unusable`].
    pub fn parse(text: &str) -> Result<Self, KeyTextError> {
        let bytes = *text::decode(PREFIX, text)?;
        if is_reduced(&bytes) && wrap::is_usable(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(KeyTextError::Unusable)
        }
    }

    /// What stands for it in a backup.
    pub fn fingerprint(&self, provider: &dyn Provider) -> Fingerprint {
        let digest = provider.sha256(&[b"strongroom/v1/backup/recipient\0", &self.0]);
        Fingerprint(digest.first_chunk().copied().unwrap_or_default())
    }

    /// For bytes that X25519 itself gave.
    pub(crate) const fn from_public(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whether this is the least number, little-endian, for its residue mod 2²⁵⁵ − 19. X25519 also accepts others (RFC
/// 7748, section 5), but a key made of them would not open: HPKE hashes the bytes.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let large = *high == 0x7f && *low >= 0xed && middle.iter().all(|byte| *byte == 0xff);
    *high <= 0x7f && !large
}

impl FromStr for Recipient {
    type Err = KeyTextError;
    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        Self::parse(text)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(PREFIX, &self.0))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Stands for a [`Recipient`] in a backup: the first 16 bytes of a SHA-256. The public key itself is not in the
/// file, as it is not needed there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(crate) [u8; Self::SIZE]);

impl Fingerprint {
    pub(crate) const SIZE: usize = 16;
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
