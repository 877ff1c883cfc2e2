//! Whatever opens a slot carries a mark, which then stands in no error, no event, no record, and in nothing that
//! prints. Each public function has its row: a new one without fails.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
};

use strongroom_barrier::{Collector, NewSlot, Passphrase, Reentered, Share, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{Event, Reader, Tenant, drain, surface::public_functions};

use crate::db::{Db, SYSTEM, cheap, passphrase, provider};

const MARK: &str = "canary-6wN1";

/// What a call answers, as it prints.
type Call = (&'static str, fn(&Db, &Unsealed) -> String);

/// Every function that takes a secret, or gives one out.
const CALLS: &[Call] = &[
    ("UnsealSecret::new", |_, _| {
        shown(UnsealSecret::new(MARK.into())) + &shown(UnsealSecret::new(marked().into_bytes()))
    }),
    ("Passphrase::new", |_, _| shown(Passphrase::new(MARK[..8].into())) + &shown(Passphrase::new(marked()))),
    ("Share::parse", |_, _| {
        let parse = |text: &str| shown(Share::parse(&*provider(), text));
        parse(MARK) + &parse(&marked()) + &parse(&format!("strongroom-share-1 {}", marked()))
    }),
    ("Share::from_bytes", |_, _| shown(Share::from_bytes(&*provider(), marked().as_bytes()))),
    ("Sealed::create", |_, _| {
        let (secret, words) = (secret(), passphrase(&marked()));
        let slots = [NewSlot::Secret(&secret), NewSlot::Passphrase(&words, cheap())];
        format!("{slots:?} {:?}", Db::with(&slots).sealed)
    }),
    ("Sealed::unseal", |db, _| {
        let (secret, words) = (secret(), passphrase(&marked()));
        shown(db.sealed.unseal(&Unlock::Secret(&secret)))
            + &shown(db.sealed.unseal(&Unlock::Passphrase(&words)))
    }),
    ("Sealed::unseal_any", |db, _| {
        let (secret, words) = (secret(), passphrase(&marked()));
        let ways = [Unlock::Secret(&secret), Unlock::Passphrase(&words)];
        format!("{ways:?}") + &shown(db.sealed.unseal_any(&ways))
    }),
    ("Sealed::verify", |db, _| {
        let (secret, words) = (secret(), passphrase(&marked()));
        shown(db.sealed.verify(&Unlock::Secret(&secret)))
            + &shown(db.sealed.verify(&Unlock::Passphrase(&words)))
    }),
    ("Unsealed::add_slot", |_, unsealed| {
        let words = passphrase(&marked());
        shown(unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&secret()), None))
            + &shown(unsealed.add_slot(&SYSTEM, &NewSlot::Passphrase(&words, cheap()), None))
    }),
    ("Unsealed::plan_add_slot", |_, unsealed| {
        shown(unsealed.plan_add_slot(reader(unsealed), &SYSTEM, &NewSlot::Secret(&secret()), None).map(drop))
    }),
    ("Unsealed::replace_slot", |_, unsealed| {
        let added = unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&secret()), None).unwrap().id;
        shown(unsealed.replace_slot(&SYSTEM, added, &NewSlot::Secret(&secret())))
            + &shown(unsealed.replace_slot(&SYSTEM, [9; 16], &NewSlot::Secret(&secret())))
    }),
    ("Unsealed::plan_replace_slot", |_, unsealed| {
        let plan =
            unsealed.plan_replace_slot(reader(unsealed), &SYSTEM, [9; 16], &NewSlot::Secret(&secret()));
        shown(plan.map(drop))
    }),
];

/// Functions that take or give shares: what no share shows is tested beside those, as a share has no place for a mark.
const SHARES: &[&str] = &[
    "Collector::confirm",
    "Collector::enter",
    "Sealed::check_share",
    "Share::expose_base64",
    "Share::expose_hex",
    "Share::expose_text",
    "Share::index",
    "Share::slot",
    "Share::threshold",
    "Unsealed::check_proposed",
    "Unsealed::confirm",
    "Unsealed::plan_confirm",
    "Unsealed::plan_propose",
    "Unsealed::propose",
];

/// Functions that take ids, names, times and settings, or a key that is elsewhere.
const OPEN: &[&str] = &[
    "BackendKey::new",
    "Collector::new",
    "Collector::reset",
    "Collector::waiting",
    "Sealed::open",
    "Sealed::status",
    "Unsealed::base",
    "Unsealed::cancel",
    "Unsealed::create_tenant",
    "Unsealed::database",
    "Unsealed::first_tenant",
    "Unsealed::is_sealed",
    "Unsealed::label_slot",
    "Unsealed::order_seal",
    "Unsealed::plan_cancel",
    "Unsealed::plan_create_tenant",
    "Unsealed::plan_label_slot",
    "Unsealed::plan_remove_slot",
    "Unsealed::plan_renew",
    "Unsealed::plan_reseal",
    "Unsealed::plan_rotate_root",
    "Unsealed::plan_rotate_tenant",
    "Unsealed::plan_set_schedule",
    "Unsealed::plan_shred_tenant",
    "Unsealed::remove_slot",
    "Unsealed::renew",
    "Unsealed::renewal",
    "Unsealed::reseal",
    "Unsealed::root_status",
    "Unsealed::rotate_root",
    "Unsealed::rotate_tenant",
    "Unsealed::schedule",
    "Unsealed::seal",
    "Unsealed::set_schedule",
    "Unsealed::shred_tenant",
    "Unsealed::tenant_status",
    "Unsealed::tenants",
];

fn marked() -> String {
    format!("{MARK} and enough of words for a secret")
}

fn secret() -> UnsealSecret {
    UnsealSecret::new(marked().into_bytes()).unwrap()
}

fn reader(unsealed: &Unsealed) -> Reader<'_> {
    Reader::new(unsealed, Tenant::SYSTEM)
}

fn shown<T: Debug, E: Debug + Display>(answer: Result<T, E>) -> String {
    match answer {
        Ok(value) => format!("{value:?} {value:#?}\n"),
        Err(error) => format!("{error} {error:?}\n"),
    }
}

/// The mark in the spellings in which something may print it.
fn seen(text: &str) -> bool {
    let bytes: Vec<_> = MARK.bytes().map(|byte| byte.to_string()).collect();
    text.contains(MARK) || text.contains(&bytes.join(", "))
}

#[test]
fn what_opens_a_slot_is_in_no_answer_that_prints_no_event_and_no_record() {
    let db = Db::new();
    let unsealed = db.by_file();
    for (function, call) in CALLS {
        let answer = call(&db, &unsealed);
        assert!(!seen(&answer), "{function}: {answer}");
    }
    let mut events = Vec::new();
    while drain(&unsealed, 400, &mut |event: &Event| events.push(format!("{event:?}"))).unwrap() > 0 {}
    assert!(events.len() > 3 && !seen(&events.concat()), "{events:?}");
    let bytes = |bytes: &[u8]| bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes());
    assert!(!db.engine.dump().iter().any(|(key, value)| bytes(key) || bytes(value)));
}

#[test]
fn a_share_shows_nothing_by_any_function_that_takes_it() {
    let db = Db::new();
    let (unsealed, collector) = (db.by_file(), Collector::new());
    let share = || db.shares[0].clone();
    let secrets = [share().expose_hex()[40..56].to_owned(), share().expose_text()[60..80].to_owned()];
    for answer in [
        shown(collector.enter(&db.sealed, share())),
        shown(collector.confirm(&unsealed, &SYSTEM, &share(), Reentered::All)),
        shown(db.sealed.check_share(&share())),
        shown(unsealed.check_proposed(&share())),
        shown(unsealed.confirm(&SYSTEM, &[share()], Reentered::All)),
        shown(unsealed.plan_confirm(reader(&unsealed), &SYSTEM, &[share()], Reentered::All).map(drop)),
        format!("{collector:?}"),
    ] {
        assert!(secrets.iter().all(|secret| !answer.contains(secret)), "{answer}");
    }
}

#[test]
fn every_public_function_of_what_unseals_has_its_row() {
    let of = |name: &str| {
        let functions = public_functions(env!("CARGO_MANIFEST_DIR"), name).unwrap();
        functions.into_iter().map(move |function| format!("{name}::{function}")).collect::<Vec<_>>()
    };
    let types = ["BackendKey", "Collector", "Passphrase", "Sealed", "Share", "UnsealSecret", "Unsealed"];
    let found: BTreeSet<_> = types.iter().flat_map(|name| of(name)).collect();
    let rows = CALLS.iter().map(|(function, _)| function).chain(SHARES).chain(OPEN);
    assert_eq!(found, rows.map(|row| (*row).to_owned()).collect());
}
