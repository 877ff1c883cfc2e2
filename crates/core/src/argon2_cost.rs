use minicbor::{Decode, Encode};

/// What one Argon2id computation (RFC 9106) takes. It is kept beside what it protects, and checked when it is
/// read: a record that was tampered with cannot ask for all memory or for a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Argon2Cost {
    #[n(0)]
    memory: u32,
    #[n(1)]
    passes: u32,
    #[n(2)]
    lanes: u32,
}

/// A cost is too low to protect a passphrase, or higher than this suite ever computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Argon2id takes 8 MiB to 1 GiB of memory, 1 to 16 passes and 1 to 8 lanes")]
pub struct InvalidCost;

impl Argon2Cost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommended option of RFC 9106, section 4.
    pub const RECOMMENDED: Self = Self { memory: 64 << 10, passes: 3, lanes: 4 };

    /// Memory in KiB, passes over it, and lanes.
    ///
    /// # Errors
    /// [`InvalidCost`] outside of 8 MiB to 1 GiB, 1 to 16 passes, 1 to 8 lanes.
    pub fn new(memory: u32, passes: u32, lanes: u32) -> Result<Self, InvalidCost> {
        Self { memory, passes, lanes }.checked()
    }

    /// The cost again, if it is within the bounds: for one that was read from a record.
    ///
    /// # Errors
    /// [`InvalidCost`].
    pub fn checked(self) -> Result<Self, InvalidCost> {
        let Self { memory, passes, lanes } = self;
        let within =
            (8 << 10..=1 << 20).contains(&memory) && (1..=16).contains(&passes) && (1..=8).contains(&lanes);
        if within { Ok(self) } else { Err(InvalidCost) }
    }

    /// Memory, in KiB.
    pub const fn memory(self) -> u32 {
        self.memory
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self::RECOMMENDED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_that_would_exhaust_the_machine_or_protect_nothing_is_refused() {
        for (memory, passes, lanes) in
            [(0, 1, 1), (8191, 3, 4), (1 << 21, 1, 1), (u32::MAX, 1, 1), (65_536, 0, 1), (65_536, 17, 1)]
        {
            assert_eq!(Argon2Cost::new(memory, passes, lanes), Err(InvalidCost));
        }
        assert_eq!(Argon2Cost::new(65_536, 3, 0), Err(InvalidCost));
        assert_eq!(Argon2Cost::new(65_536, 3, 9), Err(InvalidCost));
        assert_eq!(Argon2Cost::new(65_536, 3, 4), Ok(Argon2Cost::RECOMMENDED));
        let read: Argon2Cost = minicbor::decode(&minicbor::to_vec((u32::MAX, 1, 1)).unwrap()).unwrap();
        assert_eq!(read.checked(), Err(InvalidCost));
    }
}
