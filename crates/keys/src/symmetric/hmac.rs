use sha2::{
    Digest,
    digest::{Output, common::BlockSizeUser},
};
use zeroize::{Zeroize, Zeroizing};

use super::mac_key::Code;
use crate::mac::HmacSha256;

/// A key of HMAC (RFC 2104) with any hash function, kept as two of them that have taken in the block K ⊕ ipad and the
/// block K ⊕ opad. They wipe themselves; the key itself is not kept.
pub(super) struct Hmac<D> {
    inner: D,
    outer: D,
}

impl<D: Digest + BlockSizeUser> Hmac<D> {
    /// A key longer than a block is hashed first, a shorter one is followed by zeroes (section 2).
    fn after(key: &[u8], pad: u8) -> D {
        let mut block = Zeroizing::new(vec![0; D::block_size()]);
        if key.len() > block.len() {
            let mut hashed = D::digest(key);
            fill(&mut block, &hashed);
            wipe::<D>(&mut hashed);
        } else {
            fill(&mut block, key);
        }
        block.iter_mut().for_each(|byte| *byte ^= pad);
        D::new_with_prefix(&*block)
    }
}

fn fill(block: &mut [u8], with: &[u8]) {
    for (slot, byte) in block.iter_mut().zip(with) {
        *slot = *byte;
    }
}

fn wipe<D: Digest>(digest: &mut Output<D>) {
    digest.as_mut_slice().zeroize();
}

impl<D: Digest + BlockSizeUser + Clone + Send + Sync + 'static> Code for Hmac<D> {
    fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self { inner: Self::after(key, 0x36), outer: Self::after(key, 0x5c) })
    }

    fn code(&self, message: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut inner = self.inner.clone().chain_update(message).finalize();
        let mut outer = self.outer.clone().chain_update(&inner).finalize();
        let code = Zeroizing::new(outer.to_vec());
        wipe::<D>(&mut inner);
        wipe::<D>(&mut outer);
        code
    }
}

impl Code for HmacSha256 {
    fn from_key(key: &[u8]) -> Option<Self> {
        Some(Self::new(key))
    }

    fn code(&self, message: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.tag(&[message]).to_vec())
    }
}
