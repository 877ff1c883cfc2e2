//! A model of the whole barrier: several processes do whatever they can, in any order, with faults at any
//! operation. At every moment the ways in that should open do, the others don't, and all data reads back.

mod steps;
mod world;

use std::collections::BTreeMap;

use crate::{dice::Dice, model::world::World};

/// How often each thing happened.
type Tally = BTreeMap<String, usize>;

/// Runs of so many steps, each from its own seed.
fn run(seeds: std::ops::Range<u64>, steps: usize) -> Tally {
    let mut tally = Tally::new();
    for seed in seeds {
        let mut dice = Dice::new(seed + 1);
        let mut world = World::new(seed);
        for step in 0..steps {
            let what = world.step(&mut dice);
            world.check(&mut dice, &format!("seed {seed}, step {step}: {what}"));
            *tally.entry(what).or_default() += 1;
        }
        world.check_everything(&format!("seed {seed}, at the end"));
    }
    tally
}

#[test]
fn whatever_happens_the_ways_in_that_should_open_do_and_the_others_don_t() {
    let tally = run(0..12, 120);
    for what in [
        "a process started",
        "a process sealed",
        "a record: done",
        "the root: done",
        "a tenant's key: done",
        "a tenant: done",
        "rewrapping: done",
        "adding: done",
        "adding: struck",
        "removing: done",
        "removing: struck",
        "replacing: done",
        "replacing: struck",
        "proposing: done",
        "proposing: struck",
        "confirming: done",
        "confirming: struck",
        "confirming: refused",
        "cancelling: done",
        "labelling: done",
    ] {
        assert!(tally.get(what).is_some_and(|often| *often >= 3), "{what}: {tally:#?}");
    }
}
