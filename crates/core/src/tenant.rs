use std::fmt;

use crate::Random;

/// Whose data it is: 16 bytes, random except for the system's.
///
/// A tenant is part of every record key and of every path from a token to a key, so that nothing crosses by
/// way of an identifier alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant([u8; 16]);

impl Tenant {
    /// The suite's own tenant: slots, wrapped keys, the outbox, due work and token hashes live there.
    pub const SYSTEM: Self = Self([0; 16]);

    /// A new tenant's id, drawn from `random`.
    pub fn random(random: &dyn Random) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        Self(id)
    }

    /// The tenant that these bytes name.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes as they stand in record keys.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenant({self})")
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
