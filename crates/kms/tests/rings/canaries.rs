//! Whatever a call is about carries a mark, which then stands in no event, no record, no error, and in nothing that
//! prints. Each public function has its row: a new one without fails.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Display},
    sync::Arc,
};

use strongroom_core::{
    Algorithm, HashAlgorithm, Name, OaepHash, PublicKey, SealOptions, Sealer, SignOptions, Signer,
    memory::MemoryStore, surface::public_functions,
};
use strongroom_keys::{KeyFormat, Transport};
use strongroom_kms::{
    BackupFrom, BackupTo, Code, DataKeySize, Import, Kms, NewRing, Replace, Rings, Sealed, Signature,
    Versions,
};

use crate::support::{NOW, TENANT, base_over, drained, name};

const MARK: &str = "canary-8kW2";

/// What a call answers, as it prints, on a ring of any kind.
type Call = (&'static str, fn(&Rings, &Name) -> String);

/// Every function that takes or gives something that may be secret.
const CALLS: &[Call] = &[
    ("encrypt", |rings, ring| shown(rings.encrypt(ring, &marked("p"), &marked("a")))),
    ("encrypt_with", |rings, ring| shown(rings.encrypt_with(ring, Some(1), &marked("p"), &marked("a")))),
    ("decrypt", |rings, ring| {
        let good = shown(rings.decrypt(ring, &sealed(rings, ring), &marked("a")));
        good + &shown(rings.decrypt(ring, &sealed(rings, ring), &marked("b")))
            + &shown(rings.decrypt(ring, &marked("e"), &marked("a")))
    }),
    ("rewrap", |rings, ring| {
        shown(rings.rewrap(ring, &sealed(rings, ring), &marked("a")))
            + &shown(rings.rewrap(ring, &marked("e"), b""))
    }),
    ("rewrap_with", |rings, ring| {
        shown(rings.rewrap_with(ring, Some(1), &sealed(rings, ring), &marked("a")))
            + &shown(rings.rewrap_with(ring, Some(9), &marked("e"), b""))
    }),
    ("sign", |rings, ring| shown(rings.sign(ring, None, &marked("m")))),
    ("sign_digest", |rings, ring| shown(rings.sign_digest(ring, None, HashAlgorithm::Sha256, &digest()))),
    ("sign_with", |rings, ring| shown(rings.sign_with(ring, None, &marked("m"), &options()))),
    ("verify", |rings, ring| {
        let good = rings.sign(ring, None, &marked("m")).unwrap_or_else(|_| signature());
        shown(rings.verify(ring, &marked("m"), &good))
            + &shown(rings.verify(ring, &marked("m"), &signature()))
    }),
    ("verify_digest", |rings, ring| {
        shown(rings.verify_digest(ring, HashAlgorithm::Sha256, &digest(), &signature()))
    }),
    ("verify_with", |rings, ring| shown(rings.verify_with(ring, &marked("m"), &signature(), &options()))),
    ("seal", |rings, ring| {
        shown(rings.seal(ring, None, &marked("p"), &seal_options()))
            + &shown(rings.seal(ring, None, &long(), &seal_options()))
    }),
    ("open", |rings, ring| {
        let sealed = rings.seal(ring, None, &marked("p"), &seal_options());
        let sealed = sealed.unwrap_or_else(|_| Sealed { version: 1, bytes: marked("s") });
        let wrong = Sealed { version: 1, bytes: marked("s") };
        shown(rings.open(ring, &sealed, &seal_options())) + &shown(rings.open(ring, &wrong, &seal_options()))
    }),
    ("reseal", |rings, ring| {
        let sealed = rings.seal(ring, None, &marked("p"), &seal_options());
        let wrong = Sealed { version: 1, bytes: marked("s") };
        let sealed = sealed.unwrap_or_else(|_| wrong.clone());
        shown(rings.reseal(ring, None, &sealed, &seal_options()))
            + &shown(rings.reseal(ring, None, &wrong, &seal_options()))
    }),
    ("agree", |rings, ring| shown(rings.agree(ring, None, &marked("peer")))),
    ("encapsulate", |rings, ring| shown(rings.encapsulate(ring, None))),
    ("decapsulate", |rings, ring| {
        let ciphertext = rings.encapsulate(ring, None).map_or_else(|_| marked("c"), |made| made.ciphertext);
        shown(rings.decapsulate(ring, 1, &ciphertext)) + &shown(rings.decapsulate(ring, 1, &marked("c")))
    }),
    ("mac", |rings, ring| shown(rings.mac(ring, None, &marked("m")))),
    ("verify_mac", |rings, ring| {
        let wrong = || Code { version: 1, bytes: digest().to_vec() };
        let good = rings.mac(ring, None, &marked("m")).unwrap_or_else(|_| wrong());
        shown(rings.verify_mac(ring, &marked("m"), &good))
            + &shown(rings.verify_mac(ring, &marked("m"), &wrong()))
    }),
    ("mac_with", |rings, ring| shown(rings.mac_with(ring, None, HashAlgorithm::Sha384, &marked("m")))),
    ("verify_mac_with", |rings, ring| {
        let (hash, wrong) = (HashAlgorithm::Sha384, Code { version: 1, bytes: digest().to_vec() });
        let good = rings.mac_with(ring, None, hash, &marked("m")).unwrap_or_else(|_| wrong.clone());
        shown(rings.verify_mac_with(ring, hash, &marked("m"), &good))
            + &shown(rings.verify_mac_with(ring, hash, &marked("m"), &wrong))
    }),
    ("derive", |rings, ring| {
        shown(rings.derive(ring, None, &marked("label"), &marked("context"), 32))
            + &shown(rings.derive(ring, None, &marked("\0"), &marked("context"), 32))
    }),
    ("data_key", |rings, ring| shown(rings.data_key(ring, None, DataKeySize::Bits256, &marked("a")))),
    ("wrapped_data_key", |rings, ring| {
        shown(rings.wrapped_data_key(ring, None, DataKeySize::Bits512, &marked("a")))
    }),
    ("random", |rings, _| shown(rings.random(32))),
    ("hash", |rings, _| failed(rings.hash(HashAlgorithm::Sha256, &marked("m")))),
    ("import", |rings, ring| {
        let new = rings.algorithm(ring).map_or(NewRing::of(Algorithm::HmacSha256), NewRing::of);
        let another = |more: &str| name(&format!("{ring}-{more}"));
        ways().iter().fold(String::new(), |all, way| {
            all + &format!("{way:?}") + &shown(rings.import(&another("in"), &new, way))
        })
    }),
    ("import_version", |rings, ring| {
        ways().iter().fold(String::new(), |all, way| all + &shown(rings.import_version(ring, None, way)))
    }),
    ("export", |rings, ring| {
        let format = rings.algorithm(ring).map_or(KeyFormat::Raw, KeyFormat::of);
        shown(rings.export(ring, Versions::All, format))
    }),
    ("export_wrapped", |rings, ring| {
        let to = PublicKey { algorithm: Algorithm::Rsa2048, bytes: marked("to") };
        shown(rings.export_wrapped(ring, Versions::Newest, &to, TRANSPORT))
    }),
    ("backup", |rings, ring| {
        let to = PublicKey { algorithm: Algorithm::X25519, bytes: marked("to") };
        let mut out = Vec::new();
        shown(rings.backup(ring, BackupTo::Database, &mut out))
            + &shown(rings.backup(ring, BackupTo::Recipient(&to), &mut out))
            + &String::from_utf8_lossy(&out)
    }),
    ("restore", |rings, ring| {
        let mut kept = Vec::new();
        let _ = rings.backup(ring, BackupTo::Database, &mut kept);
        [kept, marked("backup")].iter().fold(String::new(), |all, backup| {
            let name = Some(ring);
            all + &shown(rings.restore(name, &mut &backup[..], BackupFrom::Database, Replace::Same))
        })
    }),
    ("ring", |rings, ring| match rings.ring(ring) {
        Ok(handle) => {
            let sealed = handle.seal(&marked("p"), &marked("a")).unwrap_or_else(|_| marked("e"));
            format!("{handle:?}")
                + &shown(Signer::sign(&handle, &marked("m")))
                + &shown(handle.seal(&marked("p"), &marked("a")))
                + &shown(handle.open(&sealed, &marked("a")))
                + &shown(handle.open(&marked("e"), &marked("a")))
        }
        Err(error) => format!("{error} {error:?}"),
    }),
];

/// Functions that take names, numbers and settings, and give what may be known of a ring.
const OPEN: &[&str] = &[
    "list",
    "read",
    "algorithm",
    "cached",
    "create",
    "rotate",
    "rotate_and_read",
    "configure",
    "disable",
    "enable",
    "delete",
    "plan_create",
    "plan_rotate",
    "plan_configure",
    "plan_disable",
    "plan_enable",
    "plan_delete",
    "plan_create_with",
    "plan_schedule_deletion",
    "plan_cancel_deletion",
    "plan_trim",
    "plan_version_state",
    "recording",
    "usage",
    "find",
    "archived",
    "derived",
    "create_with",
    "set_version_state",
    "suspend",
    "resume",
    "deactivate",
    "compromise",
    "destroy_version",
    "trim",
    "tombstone",
    "schedule_deletion",
    "cancel_deletion",
    "wrapping_key",
];

const TRANSPORT: Transport = Transport::AesKwp(OaepHash::Sha256);

/// A key that is none, in each way that it can come.
fn ways() -> [Import<'static>; 3] {
    const WRITTEN: &[u8] = b"canary-8kW2";
    [
        Import::Secret { format: KeyFormat::Raw, written: WRITTEN },
        Import::Secret { format: KeyFormat::Pem, written: WRITTEN },
        Import::Public { format: KeyFormat::Pem, written: WRITTEN },
    ]
}

fn marked(more: &str) -> Vec<u8> {
    format!("{MARK} {more}").into_bytes()
}

fn long() -> Vec<u8> {
    marked(&"x".repeat(5_000))
}

fn digest() -> [u8; 32] {
    *b"canary-8kW2 and 21 bytes of more"
}

fn signature() -> Signature {
    Signature { version: 1, bytes: marked("signature") }
}

fn options() -> SignOptions {
    SignOptions::hash(HashAlgorithm::Sha256)
}

/// The one way of sealing that rings without RSA have.
fn seal_options() -> SealOptions<'static> {
    SealOptions::Hpke { info: b"canary-8kW2 info", aad: b"canary-8kW2 aad" }
}

/// What opens, on a ring that seals so.
fn sealed(rings: &Rings, ring: &Name) -> Vec<u8> {
    rings.encrypt(ring, &marked("p"), &marked("a")).unwrap_or_else(|_| marked("e"))
}

/// What is public when it succeeds.
fn failed<T, E: Debug + Display>(answer: Result<T, E>) -> String {
    answer.err().map(|error| format!("{error} {error:?}\n")).unwrap_or_default()
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
    let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    [MARK, &hex, &bytes.join(", "), &bytes.join(",\n    ")].iter().any(|mark| text.contains(mark))
}

#[test]
fn what_any_call_on_any_ring_is_about_is_in_no_answer_that_prints_no_event_and_no_record() {
    let store = Arc::new(MemoryStore::new());
    let base = base_over(store.clone());
    let rings = Kms::new(base.clone()).without_caller(TENANT).recording();
    let mut names = vec![name("none")];
    // RSA keys take seconds to make, and seal and sign as others do.
    for algorithm in Algorithm::ALL.iter().filter(|algorithm| !format!("{algorithm:?}").starts_with("Rsa")) {
        let ring = name(&format!("{algorithm:?}"));
        rings.create(&ring, *algorithm).unwrap();
        names.push(ring);
    }
    rings.create(&name("off"), Algorithm::Aes256Gcm).unwrap();
    rings.disable(&name("off")).unwrap();
    names.push(name("off"));
    for (function, call) in CALLS {
        for ring in &names {
            let answer = call(&rings, ring);
            assert!(!seen(&answer), "{function} on {ring}: {answer}");
        }
    }
    base.outbox.flush(&*store, NOW).unwrap();
    for (key, value) in store.dump() {
        assert!(![key, value].iter().any(|bytes| seen(&String::from_utf8_lossy(bytes))));
    }
    let events = drained(&*store);
    assert!(events.len() > CALLS.len() * names.len(), "{}", events.len());
    assert!(!seen(&format!("{events:?}")));
}

#[test]
fn every_public_function_of_rings_has_its_row() {
    let rows: Vec<_> = CALLS.iter().map(|(function, _)| *function).chain(OPEN.iter().copied()).collect();
    let known: BTreeSet<_> = rows.iter().map(|function| (*function).to_owned()).collect();
    assert_eq!(known.len(), rows.len(), "each once");
    assert_eq!(public_functions(env!("CARGO_MANIFEST_DIR"), "Rings").unwrap(), known);
    let others = ["new", "with_limits", "with_options", "make_ahead", "without_caller", "on_behalf_of"]
        .map(str::to_owned);
    assert_eq!(public_functions(env!("CARGO_MANIFEST_DIR"), "Kms").unwrap(), BTreeSet::from(others));
}

#[test]
fn the_mark_would_be_seen() {
    let bytes = marked("x");
    for text in [format!("{bytes:?}"), format!("{bytes:#?}"), String::from_utf8_lossy(&bytes).into_owned()] {
        assert!(seen(&text), "{text}");
    }
    let oaep = SealOptions::Oaep { hash: OaepHash::Sha256, label: &bytes };
    assert!(!seen(&format!("{:?} {oaep:?}", seal_options())), "what a message is bound to does not print");
}
