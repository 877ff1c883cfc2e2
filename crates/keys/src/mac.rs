use std::slice;

use sha2::block_api::compress256;
use strongroom_core::{KeyError, Mac};
use zeroize::{Zeroize, Zeroizing};

const BLOCK: usize = 64;

/// H(0) of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A key of HMAC-SHA-256 (RFC 2104), kept as "intermediate results of the compression function" (section 4):
/// the states after the block K ⊕ ipad and after the block K ⊕ opad. The key itself is not kept.
pub(crate) struct HmacSha256 {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacSha256 {
    /// A key longer than a block is hashed first, a shorter one is followed by zeroes (RFC 2104, section 2).
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        let hashed = (key.len() > BLOCK).then(|| {
            let mut hash = Sha256::resume(INITIAL, 0);
            hash.update(key);
            hash.finish()
        });
        let key = hashed.as_ref().map_or(key, |hashed| hashed.as_slice());
        for (slot, byte) in block.iter_mut().zip(key) {
            *slot = *byte;
        }
        Self { inner: Self::state(&block, 0x36), outer: Self::state(&block, 0x5c) }
    }

    fn state(key: &[u8; BLOCK], pad: u8) -> [u32; 8] {
        let mut block = Zeroizing::new(*key);
        for byte in block.as_mut_slice() {
            *byte ^= pad;
        }
        let mut state = INITIAL;
        compress256(&mut state, slice::from_ref(&*block));
        state
    }

    /// The tag of the parts, one after the other. Allocates nothing.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut inner = Sha256::resume(self.inner, BLOCK as u64);
        for part in parts {
            inner.update(part);
        }
        let mut outer = Sha256::resume(self.outer, BLOCK as u64);
        outer.update(&*inner.finish());
        outer.finish()
    }
}

impl Mac for HmacSha256 {
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        Ok(self.tag(parts))
    }
}

impl Drop for HmacSha256 {
    fn drop(&mut self) {
        self.inner.as_mut_slice().zeroize();
        self.outer.as_mut_slice().zeroize();
    }
}

/// SHA-256 that goes on from a state. Wiped on drop.
struct Sha256 {
    state: [u32; 8],
    /// The last bytes, fewer than a block.
    block: [u8; BLOCK],
    filled: usize,
    /// The bytes so far.
    length: u64,
}

impl Sha256 {
    /// Goes on from the state after `length` bytes, a multiple of the block.
    fn resume(state: [u32; 8], length: u64) -> Self {
        Self { state, block: [0; BLOCK], filled: 0, length }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let rest = self.fill_block(bytes);
        let (blocks, rest) = rest.as_chunks::<BLOCK>();
        if !blocks.is_empty() {
            compress256(&mut self.state, blocks);
        }
        self.fill_block(rest);
    }

    /// Takes what completes a block already begun, or begins one with less than a block; answers the rest.
    fn fill_block<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.filled == 0 && bytes.len() >= BLOCK {
            return bytes;
        }
        let room = self.block.get_mut(self.filled..).unwrap_or_default();
        let (taken, rest) = bytes.split_at_checked(room.len()).unwrap_or((bytes, &[]));
        for (slot, byte) in room.iter_mut().zip(taken) {
            *slot = *byte;
        }
        self.filled += taken.len();
        if self.filled == BLOCK {
            compress256(&mut self.state, slice::from_ref(&self.block));
            self.filled = 0;
        }
        rest
    }

    /// Pads as FIPS 180-4, section 5.1.1 says: a bit 1, zeroes, and the length in bits in the last 64.
    fn finish(mut self) -> Zeroizing<[u8; 32]> {
        let (used, free) = self.block.split_at_mut_checked(self.filled).unwrap_or_default();
        let long = used.len() >= BLOCK - 8;
        free.fill(0);
        if let Some(first) = free.first_mut() {
            *first = 0x80;
        }
        if long {
            compress256(&mut self.state, slice::from_ref(&self.block));
            self.block = [0; BLOCK];
        }
        self.block[BLOCK - 8..].copy_from_slice(&self.length.wrapping_mul(8).to_be_bytes());
        compress256(&mut self.state, slice::from_ref(&self.block));
        let mut digest = Zeroizing::new([0; 32]);
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

impl Drop for Sha256 {
    fn drop(&mut self) {
        self.state.as_mut_slice().zeroize();
        self.block.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac as _};
    use proptest::prelude::*;

    use super::*;

    fn reference(key: &[u8], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn every_length_around_the_blocks_agrees_with_another_implementation() {
        let message: Vec<u8> = (0..400u16).map(|n| n as u8).collect();
        for length in 0..message.len() {
            let tag = HmacSha256::new(&message[..length]).tag(&[&message[..length]]);
            assert_eq!(*tag, reference(&message[..length], &message[..length]), "{length}");
        }
    }

    proptest! {
        #[test]
        fn where_the_parts_are_cut_makes_no_difference(
            key in prop::collection::vec(any::<u8>(), 0..200),
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..6),
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(*HmacSha256::new(&key).tag(&slices), reference(&key, &parts.concat()));
        }
    }
}
