//! What rings take of the machine's memory is what their budget says, whatever their keys: alone in its process, as it
//! asks the system.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{fs, sync::Arc};

use strongroom_core::{Algorithm, Base, Gate, Name, SystemClock, Tenant, memory::MemoryStore};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Kms, Options, Rings};

const BUDGET: usize = 4 << 20;

/// Memory of this process that is there, in bytes: proc(5), in pages of 4 KiB.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    4096 * pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
}

/// As many rings of a kind as would take about three budgets, and no key in memory.
fn rings(algorithm: Algorithm, count: usize) -> (Rings, Vec<Name>) {
    let (store, gate) = (Arc::new(MemoryStore::new()), Arc::new(Gate::new()));
    let base = Base::new(store, gate, Arc::new(RustCrypto::new()), Arc::new(SystemClock)).unwrap();
    let options = Options { cache_bytes: BUDGET, ..Options::default() };
    let rings = Kms::with_options(base, options).without_caller(Tenant::from_bytes([1; 16]));
    let names: Vec<_> = (0..count).map(|number| Name::parse(&number.to_string()).unwrap()).collect();
    names.iter().for_each(|name| drop(rings.create(name, algorithm).unwrap()));
    (rings, names)
}

/// Makes a ring's key ready.
fn use_once(rings: &Rings, name: &Name, algorithm: Algorithm) {
    match algorithm {
        Algorithm::Aes256Gcm => drop(rings.encrypt(name, b"text", b"").unwrap()),
        Algorithm::MlKem768 => drop(rings.encapsulate(name, None).unwrap()),
        _ => drop(rings.sign(name, None, b"text").unwrap()),
    }
}

#[test]
fn rings_take_the_memory_that_their_budget_says_and_not_much_less() {
    let kinds = [
        (Algorithm::Aes256Gcm, 6_000),
        (Algorithm::Ed25519, 6_000),
        (Algorithm::MlKem768, 1_300),
        (Algorithm::MlDsa65, 70),
    ];
    // All stay, so that no kind gets memory that another one has freed.
    let mut all = Vec::new();
    for (algorithm, count) in kinds {
        let (rings, names) = rings(algorithm, count);
        let before = resident();
        names.iter().for_each(|name| use_once(&rings, name, algorithm));
        let grown = resident().saturating_sub(before);
        let kept = names.iter().filter(|name| rings.cached(name)).count();
        assert!(kept < count && kept > 10, "{algorithm:?}: {kept} of {count} are in memory");
        let allowed = BUDGET * 2 / 5..=BUDGET * 5 / 4;
        assert!(allowed.contains(&grown), "{algorithm:?}: {grown} bytes for {kept} rings");
        all.push(rings);
    }
}
