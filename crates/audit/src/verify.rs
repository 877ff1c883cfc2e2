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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::{frontier::Frontier, tree::Tiles, tree::Tree};

    /// Leaves of a small tree, of which all hashes lie in one tile.
    struct Leaves(Vec<Vec<u8>>);

    impl Tiles for Leaves {
        type Error = Infallible;
        fn tile(&self, _: u8, _: u64) -> Result<Vec<Hash>, Infallible> {
            Ok(self.0.iter().map(|leaf| Hash::leaf(leaf)).collect())
        }
        fn short(&self, level: u8, index: u64) -> Infallible {
            unreachable!("all leaves are in tile {level}/{index}")
        }
    }

    fn leaves() -> Leaves {
        Leaves((0..18_u8).map(|number| vec![number; 3]).collect())
    }

    fn root(leaves: &Leaves, size: u64) -> Hash {
        let mut frontier = Frontier::default();
        for leaf in leaves.0.iter().take(size as usize) {
            frontier.push(Hash::leaf(leaf));
        }
        frontier.root()
    }

    /// The path with each of its bits flipped, cut off, longer, or in another order.
    fn mutated(path: &[Hash]) -> Vec<Vec<Hash>> {
        let flip = |(at, bit): (usize, usize)| {
            let mut path = path.to_vec();
            let mut bytes = *path[at].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            path[at] = Hash::from_bytes(bytes);
            path
        };
        let mut all: Vec<_> =
            (0..path.len()).flat_map(|at| (0..256).step_by(37).map(move |bit| (at, bit))).map(flip).collect();
        all.push([path, &[Hash::empty()]].concat());
        all.push([&[Hash::empty()], path].concat());
        all.extend((0..path.len()).map(|end| path[..end].to_vec()));
        all.extend((1..path.len()).map(|start| path[start..].to_vec()));
        all.push(path.iter().rev().copied().collect());
        all.retain(|other| other != path);
        all
    }

    #[test]
    fn a_path_shows_its_leaf_at_its_place_and_nothing_else() {
        let leaves = leaves();
        for size in 1..=17 {
            let root = root(&leaves, size);
            for index in 0..size {
                let path = Tree::new(&leaves, size).inclusion(index).unwrap().unwrap();
                let leaf = &leaves.0[index as usize];
                assert!(includes(&root, size, index, leaf, &path), "{index} of {size}");
                for other in (0..size).filter(|other| *other != index) {
                    assert!(!includes(&root, size, other, leaf, &path), "{index} as {other} of {size}");
                    assert!(!includes(&root, size, index, &leaves.0[other as usize], &path));
                }
                for wrong in mutated(&path) {
                    assert!(!includes(&root, size, index, leaf, &wrong), "{index} of {size}");
                }
                assert!(!includes(&Hash::empty(), size, index, leaf, &path));
                assert!(
                    !includes(&root, 0, index, leaf, &path) && !includes(&root, index, index, leaf, &path)
                );
            }
            // A node of the tree is no leaf of it, although its hash stands in the tree.
            let node = [Hash::leaf(&leaves.0[0]), Hash::leaf(&leaves.0[1])];
            assert!(!includes(&root, size, 0, &concat(&node), &[]));
        }
    }

    #[test]
    fn a_path_shows_that_one_tree_extends_another_and_not_the_other_way_round() {
        let leaves = leaves();
        for new in 0..=17 {
            for old in 0..=new {
                let path = Tree::new(&leaves, new).consistency(old).unwrap().unwrap();
                let roots = (root(&leaves, old), root(&leaves, new));
                assert!(extends((&roots.0, old), (&roots.1, new), &path), "{old} to {new}");
                for wrong in mutated(&path) {
                    assert!(!extends((&roots.0, old), (&roots.1, new), &wrong), "{old} to {new}");
                }
                if old == new {
                    continue;
                }
                assert!(!extends((&roots.1, new), (&roots.0, old), &path), "{new} to {old}");
                // From the empty tree every tree goes: nothing of it depends on the other's root.
                assert!(
                    old == 0 || !extends((&roots.1, old), (&roots.0, new), &path),
                    "{old} to {new}, roots swapped"
                );
                assert!(!extends((&roots.1, old), (&roots.1, new), &path), "{old} to {new}, same root");
            }
            let other = Hash::leaf(b"other");
            assert!(!extends((&other, new), (&root(&leaves, new), new), &[]), "same size, different root");
        }
        assert!(Tree::new(&leaves, 4).consistency(5).unwrap().is_none());
        assert!(Tree::new(&leaves, 4).inclusion(4).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn no_sizes_and_no_path_do_harm(old: u64, new: u64, index: u64, length in 0_usize..70) {
            let path = vec![Hash::empty(); length];
            for shift in [0, 16, 17, 40] {
                let (old, new, index) = (old >> shift, new >> shift, index >> shift);
                prop_assert!(!includes(&Hash::empty(), new, index, b"leaf", &path));
                prop_assert!(!extends((&Hash::leaf(b"a"), old), (&Hash::leaf(b"b"), new), &path));
            }
        }
    }
}
