//! Whether a path of hashes leads to a root, by `ct-merkle`, which knows how many hashes a path has.

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;

use crate::{
    hash::{Hash, concat},
    tree::MAX_SIZE,
};

/// Whether `leaf` is the one with this index in the tree with this root and so many leaves.
pub(crate) fn includes(root: &Hash, size: u64, index: u64, leaf: &[u8], path: &[Hash]) -> bool {
    if size > MAX_SIZE {
        return false;
    }
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(concat(path)) else { return false };
    RootHash::new((*root.as_bytes()).into(), size).verify_inclusion(&leaf, index, &proof).is_ok()
}

/// Whether the new tree begins with all of the old one. An empty tree is the beginning of every tree.
pub(crate) fn extends(old: (&Hash, u64), new: (&Hash, u64), path: &[Hash]) -> bool {
    let ((old, old_size), (new, new_size)) = (old, new);
    if old_size > new_size || new_size > MAX_SIZE {
        return false;
    }
    let empty = |root: &Hash, size| size != 0 || *root == Hash::empty();
    if old_size == 0 {
        return path.is_empty() && empty(old, old_size) && empty(new, new_size);
    }
    let Ok(proof) = ConsistencyProof::<Sha256>::try_from_bytes(concat(path)) else { return false };
    let root = |hash: &Hash, size| RootHash::new((*hash.as_bytes()).into(), size);
    root(new, new_size).verify_consistency(&root(old, old_size), &proof).is_ok()
}
