//! The memory of a process, searched for keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::FileExt,
};

use sha2::block_api::compress256;
use strongroom_core::{HashAlgorithm, Provider};
use strongroom_keys::RustCrypto;

/// Bytes to search for, and what they are.
#[derive(Default)]
pub(crate) struct Patterns(BTreeMap<[u8; LENGTH], String>);

/// No 16 bytes of a key come by chance.
const LENGTH: usize = 16;

impl Patterns {
    /// Every form in which 32 bytes may lie in memory, whatever sort of key they are.
    pub(crate) fn key(&mut self, what: &str, key: &[u8; 32]) {
        self.bytes(what, key);
        let limbs: Vec<u8> = key.iter().rev().copied().collect();
        self.bytes(&format!("{what}, as a little-endian number"), &limbs);
        for (pad, name) in [(0x36, "inner"), (0x5c, "outer")] {
            self.state(&format!("{what}, {name} state of its HMAC"), key, pad);
        }
        // RFC 8032, section 5.1.5: the scalar before it is clamped, and the prefix.
        let expanded = RustCrypto::new().hash(HashAlgorithm::Sha512, &[key]);
        self.bytes(&format!("{what}, expanded for Ed25519"), &expanded[1..31]);
        self.bytes(&format!("{what}, prefix for Ed25519"), &expanded[32..]);
    }

    /// Any other secret, its beginning and its end.
    pub(crate) fn bytes(&mut self, what: &str, bytes: &[u8]) {
        for part in [bytes.first_chunk(), bytes.last_chunk()] {
            self.0.insert(*part.unwrap(), what.to_owned());
        }
    }

    /// The state of SHA-256 after the first block of an HMAC, which is as good as its key: in the order of
    /// FIPS 180-4 and in the one that the processor's instructions for it work in.
    fn state(&mut self, what: &str, key: &[u8; 32], pad: u8) {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        let mut state = INITIAL;
        compress256(&mut state, &[block]);
        let [a, b, c, d, e, f, g, h] = state;
        for words in [[a, b, c, d], [e, f, g, h], [f, e, b, a], [h, g, d, c]] {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            self.0.insert(bytes.try_into().unwrap(), what.to_owned());
        }
    }
}

/// H(0) of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// What of the patterns lies in the memory of a process, and where: how far below the end of which mapping.
pub(crate) fn found(pid: u32, patterns: &Patterns) -> BTreeSet<String> {
    // Few places begin as a pattern does: only there is the map asked.
    let begin = |bytes: &[u8]| usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
    let mut begins = vec![false; 1 << 16];
    patterns.0.keys().for_each(|pattern| begins[begin(pattern)] = true);
    let mut found = BTreeSet::new();
    for (place, bytes) in memory(pid) {
        for page in (0..bytes.len()).step_by(PAGE).filter(|page| bytes[*page..*page + PAGE] != [0; PAGE]) {
            let end = bytes.len().min(page + PAGE + LENGTH - 1);
            for (at, window) in bytes[page..end].windows(LENGTH).enumerate() {
                if begins[begin(window)]
                    && let Some(what) = patterns.0.get(window)
                {
                    found.insert(format!(
                        "{what}: {} bytes below the end of {place}",
                        bytes.len() - page - at
                    ));
                }
            }
        }
    }
    found
}

/// All that a process may have written to: every mapping but those of files that it cannot change.
fn memory(pid: u32) -> Vec<(String, Vec<u8>)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines().filter_map(|line| region(&memory, line)).collect()
}

const PAGE: usize = 4096;

fn region(memory: &File, line: &str) -> Option<(String, Vec<u8>)> {
    let (range, rest) = line.split_once(' ')?;
    if !rest.starts_with("rw") {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    let (start, end) = (number(start), number(end));
    let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
    // A mapping may go away meanwhile.
    memory.read_exact_at(&mut bytes, start).ok()?;
    Some((line.to_owned(), bytes))
}
