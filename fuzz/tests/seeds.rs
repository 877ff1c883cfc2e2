//! The fuzz targets over their seeds, and over mutations of those that are the same in every run.

use std::{collections::BTreeMap, fs};

use strongroom_fuzz::{Mutator, Seed, TARGETS, Target, target};

/// Mutations of all seeds of a target together: of those that take microseconds,
const MANY: usize = 20_000;

/// and of one that takes milliseconds.
const FEW: usize = 3_000;

/// Shows the input where a target panics, in a form that `xxd -r -p` turns into a file.
struct Shown<'i>(&'i [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("with this input: {hex}");
        }
    }
}

fn run(target: &Target, input: &[u8]) {
    let _shown = Shown(input);
    (target.run)(input);
}

/// What lies in the target's folder.
fn checked_in(target: &Target) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(Seed::folder(target.name)).expect("a folder of seeds");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().into_string().expect("a plain name"), fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

fn holds(name: &str, mutations: usize) {
    let target = target(name).expect("a target");
    let seeds: Vec<Vec<u8>> = checked_in(target).into_values().collect();
    seeds.iter().for_each(|seed| run(target, seed));
    let mut mutator = Mutator::new(0x5eed);
    for _ in 0..mutations {
        let (seed, other) = (mutator.below(seeds.len()), mutator.below(seeds.len()));
        run(target, &mutator.mutate(&seeds[seed], &seeds[other]));
    }
}

#[test]
fn seeds_are_what_the_generator_makes_and_what_was_found() {
    for target in &TARGETS {
        let mut there = checked_in(target);
        for Seed { name, bytes } in (target.seeds)() {
            assert!(!name.starts_with(Seed::FOUND));
            assert_eq!(there.remove(&name).as_ref(), Some(&bytes), "{}/{name}: run make_seeds", target.name);
        }
        assert!(there.keys().all(|name| name.starts_with(Seed::FOUND)), "{}: run make_seeds", target.name);
    }
}

#[test]
fn a_ciphertext_has_one_text() {
    holds("ciphertext_text", MANY);
}

#[test]
fn an_envelope_opens_only_as_it_was_sealed() {
    holds("envelope", MANY);
}

#[test]
fn a_path_has_one_spelling() {
    holds("http_path", MANY);
}

#[test]
fn a_key_from_elsewhere_is_one_key_or_refused() {
    holds("import", FEW);
}

#[test]
fn a_body_is_strict_json_within_limits() {
    holds("json_body", MANY);
}

#[test]
fn a_ring_record_is_one_ring_or_corrupt() {
    holds("ring_record", MANY);
}

#[test]
fn only_shares_that_were_handed_out_open() {
    holds("share", MANY);
}

#[test]
fn a_record_key_has_one_encoding_in_the_order_of_its_parts() {
    holds("store_key", MANY);
}

#[test]
fn changed_storage_gives_no_other_plaintext() {
    holds("store_record", FEW);
}
