use std::slice;

use sha2::block_api::compress256;
use strongroom_core::{KeyError, Mac};
use zeroize::{Zeroize, Zeroizing};

const BLOCK: usize = 64;
/// Blocks of a part that is long: of shorter ones several messages in turns are faster.
const LONG: usize = 4;
/// Bytes of the length at the end of the padding.
const LENGTH: usize = 8;

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
            let mut lanes = Lanes::new(INITIAL);
            lanes.hash([Message::new(&[key], 0)]);
            let [digest] = lanes.digests();
            digest
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
        let [tag] = self.tags([parts]);
        tag
    }

    /// The tags of several messages.
    fn tags<const N: usize>(&self, messages: [&[&[u8]]; N]) -> [Zeroizing<[u8; 32]>; N] {
        let mut lanes = Lanes::new(self.inner);
        lanes.hash(messages.map(|parts| Message::new(parts, BLOCK)));
        lanes.hash_digests(self.outer);
        lanes.digests()
    }
}

impl Mac for HmacSha256 {
    fn mac(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        Ok(self.tag(parts))
    }

    fn mac_two(&self, messages: [&[u8]; 2]) -> Result<[Zeroizing<[u8; 32]>; 2], KeyError> {
        let [first, second] = messages;
        Ok(self.tags([&[first], &[second]]))
    }
}

impl Drop for HmacSha256 {
    fn drop(&mut self) {
        self.inner.as_mut_slice().zeroize();
        self.outer.as_mut_slice().zeroize();
    }
}

/// SHA-256 of several messages, block by block in turns: a compression waits for the one before it, but not for
/// that of another message, so that a processor has several under way. Wiped on drop.
struct Lanes<const N: usize> {
    states: [[u32; 8]; N],
    blocks: [[u8; BLOCK]; N],
}

impl<const N: usize> Lanes<N> {
    fn new(state: [u32; 8]) -> Self {
        Self { states: [state; N], blocks: [[0; BLOCK]; N] }
    }

    fn hash(&mut self, mut messages: [Message<'_>; N]) {
        while messages.iter().any(|message| !message.ended) {
            let lanes = self.states.iter_mut().zip(&mut self.blocks);
            for ((state, block), message) in lanes.zip(&mut messages).filter(|(_, message)| !message.ended) {
                if let Some(blocks) = message.take_long() {
                    compress256(state, blocks);
                }
                message.fill(block);
                compress256(state, slice::from_ref(block));
            }
        }
    }

    /// Replaces each digest by its own, going on from a state after one block.
    fn hash_digests(&mut self, state: [u32; 8]) {
        for (digest, block) in self.states.iter_mut().zip(&mut self.blocks) {
            block[..32].copy_from_slice(&to_bytes(digest));
            block[32..].copy_from_slice(&AFTER_DIGEST);
            *digest = state;
            compress256(digest, slice::from_ref(block));
        }
    }

    fn digests(&self) -> [Zeroizing<[u8; 32]>; N] {
        self.states.each_ref().map(|state| Zeroizing::new(to_bytes(state)))
    }
}

impl<const N: usize> Drop for Lanes<N> {
    fn drop(&mut self) {
        self.states.as_flattened_mut().zeroize();
        self.blocks.as_flattened_mut().zeroize();
    }
}

fn to_bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

/// The padding of a block and a digest.
const AFTER_DIGEST: [u8; BLOCK - 32] = {
    let mut padding = [0; BLOCK - 32];
    padding[0] = 0x80;
    let bits = ((BLOCK + 32) as u16 * 8).to_be_bytes();
    padding[BLOCK - 34] = bits[0];
    padding[BLOCK - 33] = bits[1];
    padding
};

/// The parts of a message, one after the other, and its padding: a bit 1, zeroes, and the length in bits in the
/// last 64 (FIPS 180-4, section 5.1.1).
struct Message<'a> {
    part: &'a [u8],
    parts: slice::Iter<'a, &'a [u8]>,
    /// The bytes so far.
    length: u64,
    /// The bit 1 is there.
    marked: bool,
    /// The length is there.
    ended: bool,
}

impl<'a> Message<'a> {
    /// A message that goes on after `before` bytes, a multiple of the block.
    fn new(parts: &'a [&'a [u8]], before: usize) -> Self {
        Self { part: &[], parts: parts.iter(), length: before as u64, marked: false, ended: false }
    }

    /// Takes the blocks at the front of a long part as they lie there, as one call for many is the fastest. Nothing of a
    /// block may have been taken yet.
    fn take_long(&mut self) -> Option<&'a [[u8; BLOCK]]> {
        while self.part.is_empty() {
            self.part = self.parts.next()?;
        }
        let (blocks, rest) = self.part.as_chunks();
        if blocks.len() < LONG {
            return None;
        }
        self.length += blocks.as_flattened().len() as u64;
        self.part = rest;
        Some(blocks)
    }

    /// Takes the next block out of it.
    fn fill(&mut self, block: &mut [u8; BLOCK]) {
        let mut free = block.as_mut_slice();
        while !free.is_empty() {
            if self.part.is_empty() {
                let Some(part) = self.parts.next() else { break };
                self.part = part;
            }
            let (taken, rest) = self.part.split_at_checked(free.len()).unwrap_or((self.part, &[]));
            let (filled, left) = free.split_at_mut_checked(taken.len()).unwrap_or_default();
            filled.copy_from_slice(taken);
            self.length += taken.len() as u64;
            (self.part, free) = (rest, left);
        }
        let room = free.len();
        free.fill(0);
        if let Some(first) = free.first_mut().filter(|_| !self.marked) {
            *first = 0x80;
            self.marked = true;
        }
        if room > LENGTH {
            block[BLOCK - LENGTH..].copy_from_slice(&(self.length * 8).to_be_bytes());
            self.ended = true;
        }
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
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..6),
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let (mac, expected) = (HmacSha256::new(&key), reference(&key, &parts.concat()));
            prop_assert_eq!(*mac.tag(&slices), expected);
            let [first, second] = mac.mac_two([&parts.concat(), slices.first().unwrap_or(&&[][..])]).unwrap();
            prop_assert_eq!(*first, expected);
            prop_assert_eq!(*second, reference(&key, slices.first().unwrap_or(&&[][..])));
        }
    }
}
