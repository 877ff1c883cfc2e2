//! RFC 6962 written down as it reads, for comparison: the definitions are recursive and take all leaves.

use sha2::{Digest as _, Sha256};

pub(crate) type Hash = [u8; 32];

/// MTH of section 2.1.
pub(crate) fn root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::digest([&[0], leaf.as_slice()].concat()).into(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// PATH of section 2.1.1.
pub(crate) fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if index < k {
        [path(index, left), vec![root(right)]].concat()
    } else {
        [path(index - k, right), vec![root(left)]].concat()
    }
}

/// PROOF of section 2.1.2.
pub(crate) fn proof(old: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if old <= k {
        [subproof(old, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(old - k, right, false), vec![root(left)]].concat()
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::digest([&[1], left.as_slice(), right].concat()).into()
}

/// The largest power of two below `count`.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// The eight leaves that the tests of Certificate Transparency use, and the roots over the first 1 to 8 of them.
pub(crate) const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
pub(crate) const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_reference_gives_the_roots_that_are_known() {
    let leaves: Vec<_> = LEAVES.into_iter().map(unhex).collect();
    assert_eq!(root(&[])[..], unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    for (count, known) in (1..).zip(ROOTS) {
        assert_eq!(root(&leaves[..count])[..], unhex(known), "{count}");
    }
}
