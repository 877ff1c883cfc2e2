use strongroom_core::{Class, Tenant, Time};

use crate::{
    Month,
    hash::{Hash, sha256},
};

/// What stands in a tenant's log of an event, for ever: whose it is, when it was logged, and two hashes.
///
/// ```text
/// leaf = format 0x01 ‖ class (1: strict, 2: buffered) ‖ tenant (16) ‖ time in ms u64 ‖ month u32
///        ‖ SHA-256(sealed payload) ‖ SHA-256(blind (32) ‖ payload)                              94 bytes, big-endian
/// ```
///
/// The blind is random and sealed with the payload. So the second hash commits to the payload and tells nothing of it,
/// and whoever is shown payload and blind needs no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Whether the answer to the request waited for the event.
    pub class: Class,
    /// Whose event it is.
    pub tenant: Tenant,
    /// When it was logged, as far as the clock goes forward: never less than that of the entry before.
    pub time: Time,
    /// The month whose key the payload is sealed under.
    pub month: Month,
    /// Of the sealed payload.
    pub sealed: [u8; 32],
    /// Of blind and payload.
    pub disclosed: [u8; 32],
}

const FORMAT: u8 = 1;

/// The part before the two hashes: format, class, tenant, time, month.
const HEADER: usize = 1 + 1 + 16 + 8 + 4;

impl Leaf {
    /// The length, in bytes.
    pub const LENGTH: usize = HEADER + 2 * 32;

    /// The bytes that are hashed into the tree.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let Self { class: _, tenant: _, time: _, month: _, sealed, disclosed } = self;
        let (mut bytes, header) = ([0; Self::LENGTH], self.header());
        let parts = [header.as_slice(), sealed, disclosed];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads what [`Leaf::to_bytes`] wrote; nothing for all other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [format, class] = take(&mut rest)?;
        let class = match class {
            1 => Class::Strict,
            2 => Class::Buffered,
            _ => return None,
        };
        let tenant = Tenant::from_bytes(take(&mut rest)?);
        let time = Time::from_millis(u64::from_be_bytes(take(&mut rest)?));
        let month = Month::from_number(u32::from_be_bytes(take(&mut rest)?));
        let (sealed, disclosed) = (take(&mut rest)?, take(&mut rest)?);
        (format == FORMAT && rest.is_empty()).then_some(Self {
            class,
            tenant,
            time,
            month,
            sealed,
            disclosed,
        })
    }

    /// The hash that stands in the tree.
    pub fn hash(&self) -> Hash {
        Hash::leaf(&self.to_bytes())
    }

    /// Whether it is of this payload with this blind.
    pub(crate) fn discloses(&self, blind: &[u8; 32], payload: &[u8]) -> bool {
        sha256(&[blind, payload]) == self.disclosed
    }

    /// What the sealed payload is bound to.
    pub(crate) fn header(&self) -> [u8; HEADER] {
        let class = match self.class {
            Class::Strict => [FORMAT, 1],
            Class::Buffered => [FORMAT, 2],
        };
        let mut bytes = [0; HEADER];
        let time = self.time.as_millis().to_be_bytes();
        let month = self.month.number().to_be_bytes();
        let parts = [class.as_slice(), self.tenant.as_bytes(), &time, &month];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

/// The next bytes.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}
