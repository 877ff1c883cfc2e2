//! Rows of a sealed database under an attacker who writes to its storage: damaged, moved, rolled back, deleted,
//! before and after the database is unsealed.

use std::time::Duration;

use strongroom_core::{Store, StoreError, Table};

use crate::{
    Seed,
    attacked::Attacked,
    database::{DATABASE, key, private_key},
    input::Input,
};

/// So many edits at most come while the database is unsealed.
const EDITS: usize = 12;

/// The bytes are: what to do at the end, how many edits come before the database is unsealed, then edits.
///
/// - Nothing panics. What cannot be read is `Corrupt`, unsupported, or a tenant that is not there.
/// - Under each key comes out what was once put there, or nothing, or an error.
/// - In the place of a tenant's keys, another tenant's open nothing and seal nothing.
/// - While the rows of the hierarchy are untouched, every untouched record opens.
/// - What is written afterwards reads back, also after unsealing anew, and is nowhere in the storage in the clear.
/// - After sealing, every answer is `Sealed`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (end, before) = (input.byte(), input.byte() % 8);
    let mut attacked = Attacked::new();
    for _ in 0..before {
        attacked.edit(&mut input);
    }
    let Some(unsealed) = attacked.unseal(end & 1 == 0) else { return };
    attacked.strangers = attacked.strangers_now();
    attacked.read(&unsealed, true);
    attacked.estranged(&unsealed);
    for _ in 0..EDITS {
        if !input.is_empty() {
            attacked.edit(&mut input);
        }
    }
    attacked.read(&unsealed, true);
    attacked.operate(&unsealed, end >> 1, &data[..data.len().min(32)]);
    attacked.read(&unsealed, false);
    attacked.lasts();
    unsealed.seal(Duration::ZERO).expect("nobody is inside");
    assert!(matches!(unsealed.get_many(&[private_key(DATABASE.tenants[1])]), Err(StoreError::Sealed)));
}

/// Each kind of edit on each kind of row, before and after unsealing, and each operation.
pub fn seeds() -> Vec<Seed> {
    let table = |number: u16| {
        let of_table = |(bytes, _): &(Vec<u8>, Vec<u8>)| key(bytes).table() == Table::new(number);
        DATABASE.rows.iter().position(of_table).expect("a row of each table") as u8
    };
    let (state, slot, tenant, due, event) = (table(0x10), table(0x11), table(0x12), table(2), table(1));
    let record = table(0x7f01);
    let seed = |name: &str, end: u8, before: u8, edits: &[&[u8]]| {
        Seed::new(name, [&[end, before], edits.concat().as_slice()].concat())
    };
    let mut seeds = vec![
        seed("untouched", 0, 0, &[]),
        seed("untouched-by-shares", 1, 0, &[]),
        seed("untouched-write-to-a-new-key", 2, 0, &[]),
        seed("untouched-rotate-the-root", 4, 0, &[]),
        seed("untouched-rotate-a-tenant", 6, 0, &[]),
        seed("untouched-create-a-tenant", 8, 0, &[]),
        seed("untouched-do-what-is-due", 10, 0, &[]),
        seed("text-behind-rows-of-the-hierarchy", 12, 0, &[b"in the clear"]),
        seed(
            "two-records-exchanged",
            0,
            2,
            &[&[5, record, 0, 0, record + 1], &[5, record + 1, 0, 0, record]],
        ),
        seed(
            "two-tenants-keys-exchanged",
            0,
            2,
            &[&[5, tenant, 0, 0, tenant + 1], &[5, tenant + 1, 0, 0, tenant]],
        ),
        seed("key-of-another-tenant", 0, 1, &[&[5, tenant + 1, 0, 0, tenant + 2]]),
        seed(
            "key-of-another-tenant-and-its-record",
            0,
            2,
            &[&[5, tenant + 1, 0, 0, tenant + 2], &[5, record + 3, 0, 0, record + 6]],
        ),
        seed(
            "key-deleted-after-it-was-read-then-written",
            0,
            0,
            &[&[7, tenant + 1, 0, 0], &[7, tenant + 2, 0, 0], &[7, tenant + 3, 0, 0]],
        ),
        seed("record-of-another-tenant", 0, 1, &[&[8, record + 4, 0, 3, 1]]),
        seed(
            "everything-older",
            2,
            7,
            &[&[6, state, 0, 0, state], &[6, slot, 0, 0, slot], &[6, tenant, 0, 0, tenant]],
        ),
    ];
    let rows = [
        ("state", state),
        ("slot", slot),
        ("tenant", tenant),
        ("due", due),
        ("event", event),
        ("record", record),
    ];
    for (name, row) in rows {
        let flip: &[u8] = &[0, row, 0, 20, 1];
        let kinds: [(&str, &[u8]); 6] = [
            ("flipped", flip),
            ("truncated", &[1, row, 0, 10]),
            ("extended", &[2, row, 0, 0, 2, 0xf6, 0xf6]),
            ("replaced", &[4, row, 0, 0, 1, 0x80]),
            ("deleted", &[7, row, 0, 0]),
            ("rolled-back", &[6, row, 0, 0, row]),
        ];
        for (number, (kind, edit)) in (0u8..).zip(kinds) {
            seeds.push(seed(&format!("{name}-{kind}-before"), number * 2, 1, &[edit]));
            seeds.push(seed(&format!("{name}-{kind}-after"), number * 2, 0, &[edit]));
        }
    }
    seeds
}
