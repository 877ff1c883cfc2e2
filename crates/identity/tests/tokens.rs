//! Tokens over a real barrier: who has the right one gets in, and a stolen store shows none.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use secrecy::{ExposeSecret, SecretString};
use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{
    Actor, CommitError, Event, FixedClock, Hasher, Provider, RequestId, SealedStore, Store, StoreError,
    Tenant, Time, commit, drain,
    fault::{Fault, FaultStore},
    surface::public_functions,
};
use strongroom_identity::{InvalidToken, RootToken, Token, Tokens};
use strongroom_keys::RustCrypto;
use strongroom_store_postgres::testing::Engine;

const NOW: Time = Time::from_millis(1_750_000_000_000);

struct Db {
    engine: Arc<Engine>,
    sealed: Sealed,
    root: RootToken,
}

fn file() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}

fn chosen(text: &str) -> Result<RootToken, InvalidToken> {
    RootToken::insecure_from_text(&RustCrypto::new(), NOW, SecretString::from(text))
}

/// A database that begins with a root token.
fn db() -> Db {
    with(RootToken::new(&RustCrypto::new(), NOW).unwrap())
}

fn with(root: RootToken) -> Db {
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let (secret, first) = (file(), vec![root.record().unwrap()]);
    let slots = [NewSlot::Secret(&secret)];
    let made = Sealed::create(engine.clone(), Arc::new(RustCrypto::new()), clock, &slots, first).unwrap();
    Db { engine, sealed: made.sealed, root }
}

impl Db {
    fn unseal(&self) -> (Unsealed, Tokens) {
        let unsealed = self.sealed.unseal(&Unlock::Secret(&file())).unwrap();
        let tokens = Tokens::new(unsealed.base(), unsealed.first_tenant()).unwrap();
        (unsealed, tokens)
    }

    fn text(&self) -> &str {
        self.root.secret().expose_secret()
    }
}

fn contains(db: &Db, needle: &[u8]) -> bool {
    let has = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    db.engine.dump().iter().any(|(key, value)| has(key) || has(value))
}

#[test]
fn the_root_token_is_good_after_every_restart() {
    let db = db();
    let token: Vec<Token> = (0..3)
        .map(|_| {
            let (_, tokens) = db.unseal();
            assert_eq!(tokens.cached(db.text()).unwrap(), None, "a new process knows no token yet");
            let token = tokens.check(db.text()).unwrap().unwrap();
            assert_eq!(tokens.cached(db.text()).unwrap(), Some(token.clone()));
            token
        })
        .collect();
    assert!(token.iter().all(|other| *other == token[0] && other.made == NOW));
}

#[test]
fn the_store_shows_no_token_and_no_hash_that_could_be_tried() {
    let db = with(chosen("a-token-that-can-be-guessed").unwrap());
    let (unsealed, tokens) = db.unseal();
    let token = tokens.check(db.text()).unwrap().unwrap();
    unsealed.rotate_tenant(&tokens.caller(&token, None), Tenant::SYSTEM).unwrap();
    let (provider, text) = (RustCrypto::new(), db.text().as_bytes());
    let hashes = [provider.sha256(&[text]), provider.sha256(&[b"strongroom/v1/token", text])];
    assert!(!contains(&db, text) && !contains(&db, &token.accessor));
    assert!(!hashes.iter().any(|hash| contains(&db, hash)));
    // The same token in another database lies under another hash.
    let other = with(chosen("a-token-that-can-be-guessed").unwrap());
    let keys = |db: &Db| -> Vec<Vec<u8>> {
        db.engine.dump().into_iter().map(|(key, _)| key).filter(|key| key[16..18] == [2, 0]).collect()
    };
    assert_eq!((keys(&db).len(), keys(&other).len()), (1, 1));
    assert_ne!(keys(&db), keys(&other));
}

#[test]
fn a_random_token_shows_neither_as_text_nor_as_bytes() {
    let db = db();
    let text = db.text().strip_prefix("sr.").unwrap();
    let bytes = Base64UrlUnpadded::decode_vec(text).unwrap();
    assert_eq!(bytes.len(), 32);
    assert!(!contains(&db, text.as_bytes()) && !contains(&db, &bytes));
    assert_ne!(text, self::db().text().strip_prefix("sr.").unwrap());
}

#[test]
fn what_is_not_the_token_is_nobody_s() {
    let (db, other) = (db(), db());
    let (_, tokens) = db.unseal();
    let text = db.text();
    let mut wrong = vec![other.text().to_owned(), String::new(), "\0".into(), "ü".repeat(256)];
    wrong.extend([format!("{text} "), format!(" {text}"), format!("{text}\n"), format!("{text}\0")]);
    wrong.extend([text.to_uppercase(), text.to_lowercase(), text[3..].to_owned(), text.repeat(2)]);
    wrong.extend((0..text.len()).map(|length| text[..length].to_owned()));
    wrong.extend((0..600).map(|length| "x".repeat(length)));
    wrong.push("x".repeat(1 << 20));
    for round in ["while the right one is not known", "while it is"] {
        for text in &wrong {
            assert!(tokens.cached(text).unwrap().is_none(), "{round}");
            assert!(tokens.check(text).unwrap().is_none(), "{round}: {} bytes", text.len());
        }
        assert!(tokens.check(text).unwrap().is_some());
    }
}

#[test]
fn every_changed_character_makes_a_wrong_token() {
    let db = db();
    let (_, tokens) = db.unseal();
    for at in 0..db.text().len() {
        let mut text = db.text().as_bytes().to_vec();
        text[at] ^= 1;
        assert!(tokens.check(std::str::from_utf8(&text).unwrap()).unwrap().is_none(), "character {at}");
    }
}

#[test]
fn a_wrong_token_costs_what_a_right_one_does() {
    let db = db();
    let engine = Arc::new(FaultStore::new(db.engine.clone(), Fault::Fail, u64::MAX));
    let clock = Arc::new(FixedClock::at(NOW));
    let sealed = Sealed::open(engine.clone(), Arc::new(RustCrypto::new()), clock).unwrap();
    let unsealed = sealed.unseal(&Unlock::Secret(&file())).unwrap();
    let tokens = Tokens::new(unsealed.base(), unsealed.first_tenant()).unwrap();
    let cost = |text: &str| {
        let before = engine.operations();
        let _ = tokens.check(text).unwrap();
        engine.operations() - before
    };
    cost("the first one reads the keys");
    let near = format!("{}x", &db.text()[..db.text().len() - 1]);
    assert_eq!([cost("sr.wrong"), cost(&near), cost(db.text()), cost(db.text())], [1, 1, 1, 0]);
}

#[test]
fn a_chosen_token_has_1_to_512_visible_characters() {
    for text in ["x".to_owned(), "x".repeat(491), "x".repeat(492), "x".repeat(512)] {
        let db = with(chosen(&text).unwrap());
        assert!(db.unseal().1.check(&text).unwrap().is_some(), "{} characters", text.len());
    }
    for text in [String::new(), "x".repeat(513), "a b".into(), "a\n".into(), "\u{7f}".into(), "ü".into()] {
        assert!(matches!(chosen(&text), Err(InvalidToken)), "{text:?}");
    }
}

#[test]
fn installing_makes_a_token_good_once_and_with_its_event() {
    let db = db();
    let (unsealed, tokens) = db.unseal();
    let dev = chosen("dev").unwrap();
    assert!(tokens.check("dev").unwrap().is_none());
    for _ in 0..3 {
        tokens.install(&dev).unwrap();
    }
    let first = tokens.check("dev").unwrap().unwrap();
    // Another token of the same text does not take its place.
    tokens.install(&chosen("dev").unwrap()).unwrap();
    assert_eq!(db.unseal().1.check("dev").unwrap().unwrap(), first);
    let mut events = 0;
    drain(&unsealed, 9, &mut |_: &Event| events += 1).unwrap();
    assert_eq!(events, 1);
}

#[test]
fn a_sealed_database_answers_sealed_and_lets_nobody_in() {
    let db = db();
    let (unsealed, tokens) = db.unseal();
    tokens.check(db.text()).unwrap().unwrap();
    let clone = tokens.clone();
    unsealed.seal(Duration::from_secs(9)).unwrap();
    for tokens in [tokens, clone] {
        for text in [db.text(), "wrong", "", &"x".repeat(999)] {
            assert!(matches!(tokens.check(text), Err(StoreError::Sealed)));
            assert!(matches!(tokens.cached(text), Err(StoreError::Sealed)));
        }
        let installed = tokens.install(&chosen("late").unwrap());
        assert!(matches!(installed, Err(CommitError::Store(StoreError::Sealed))));
    }
    assert!(db.unseal().1.check("late").unwrap().is_none());
}

#[test]
fn a_damaged_or_newer_record_is_an_error_and_no_token() {
    let db = db();
    let (unsealed, _) = db.unseal();
    let (key, good) = db.root.record().unwrap();
    let newer = [vec![good[0], 2], good[2..].to_vec()].concat();
    let shorter = good[..good.len() - 1].to_vec();
    let cases = [(newer, true), (vec![0x81, 0x19, 1, 0], true), (shorter, false), (Vec::new(), false)];
    for (bytes, unsupported) in cases {
        commit::<(), CommitError>(&unsealed as &dyn SealedStore, Tenant::SYSTEM, |reader| {
            let mut change = reader.change(());
            change.put(&key, &bytes);
            Ok(change)
        })
        .unwrap();
        match db.unseal().1.check(db.text()) {
            Err(StoreError::Unsupported(_)) => assert!(unsupported),
            Err(StoreError::Corrupt) => assert!(!unsupported),
            other => unreachable!("{other:?}"),
        }
    }
    assert!(unsealed.get_many(&[key]).unwrap()[0].is_some());
}

#[test]
fn whoever_calls_is_named_by_the_accessor_and_not_by_the_token() {
    let db = db();
    let (unsealed, tokens) = db.unseal();
    let token = tokens.check(db.text()).unwrap().unwrap();
    let caller = tokens.caller(&token, Some(RequestId([5; 16])));
    assert_eq!((caller.tenant, caller.actor), (unsealed.first_tenant(), Actor::Token(token.accessor)));
    assert_eq!(caller.request, Some(RequestId([5; 16])));
}

#[test]
fn nothing_that_prints_shows_the_token() {
    let db = db();
    let (_, tokens) = db.unseal();
    let token = tokens.check(db.text()).unwrap();
    let printed =
        format!("{:?} {:#?} {tokens:?} {token:?} {:?}", db.root, db.root, db.root.record().unwrap().0);
    assert!(!printed.contains(&db.text()[3..19]), "{printed}");
    assert!(!printed.contains(&format!("{:?}", &db.text().as_bytes()[3..11])[1..20]), "{printed}");
}

#[test]
fn events_name_a_token_by_one_hash_in_every_process_and_not_in_another_database() {
    let (one, other) = (with(chosen("guessed").unwrap()), with(chosen("guessed").unwrap()));
    let hashes = |db: &Db| {
        let (_, tokens) = db.unseal();
        let token = tokens.check(db.text()).unwrap().unwrap();
        let caller = tokens.caller(&token, None);
        let credential = caller.credential.unwrap();
        assert_eq!(credential.token, tokens.hash_for_events("guessed").unwrap());
        assert_eq!(credential.accessor, tokens.hash_for_events(&token.accessor_text()).unwrap());
        assert_ne!(credential.token, credential.accessor);
        *credential.token.as_bytes()
    };
    assert_eq!(hashes(&one), hashes(&one));
    assert_ne!(hashes(&one), hashes(&other));
    // The key is a record like others: without it, nobody who has the events tries tokens.
    assert!(!contains(&one, &hashes(&one)));
}

#[test]
fn many_that_open_a_new_database_at_once_hash_alike() {
    let db = db();
    let barrier = std::sync::Barrier::new(8);
    let hash = || {
        let unsealed = db.sealed.unseal(&Unlock::Secret(&file())).unwrap();
        barrier.wait();
        let hasher = Hasher::of(&unsealed, &RustCrypto::new()).unwrap();
        hasher.hash(b"text").unwrap()
    };
    let hashes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
}

const MARK: &str = "canary-5pQ3";

/// What a call answers, as it prints.
type Call = (&'static str, fn(&Tokens) -> String);

/// Every public function that takes or gives the text of a token.
const CALLS: &[Call] = &[
    ("Tokens::install", |tokens| {
        let installed = tokens.install(&chosen(MARK).unwrap());
        format!("{installed:?}")
    }),
    ("Tokens::cached", |tokens| format!("{:?}", tokens.cached(MARK))),
    ("Tokens::check", |tokens| format!("{:?} {:?}", tokens.check(MARK), tokens.check(&MARK.repeat(99)))),
    ("Tokens::hash_for_events", |tokens| format!("{:?}", tokens.hash_for_events(MARK))),
    ("RootToken::insecure_from_text", |_| {
        let refused = chosen(&format!("{MARK} ")).unwrap_err();
        format!("{refused} {refused:?} {:?}", chosen(MARK))
    }),
    ("RootToken::secret", |_| format!("{:?}", chosen(MARK).unwrap().secret())),
    ("RootToken::record", |_| format!("{:?}", chosen(MARK).unwrap().record())),
];

/// Functions that take no text of a token and give none.
const OPEN: &[&str] = &["RootToken::new", "Token::accessor_text", "Tokens::caller", "Tokens::new"];

#[test]
fn the_text_of_a_token_is_in_nothing_that_prints_no_event_and_no_record() {
    let db = db();
    let (unsealed, tokens) = db.unseal();
    let bytes: Vec<_> = MARK.bytes().map(|byte| byte.to_string()).collect();
    for round in 0..2 {
        for (function, call) in CALLS {
            let shown = format!("{} {tokens:?}", call(&tokens));
            assert!(
                !shown.contains(MARK) && !shown.contains(&bytes.join(", ")),
                "{function} {round}: {shown}"
            );
        }
    }
    assert!(tokens.check(MARK).unwrap().is_some(), "it was installed");
    let mut events = Vec::new();
    drain(&unsealed, 9, &mut |event: &Event| events.push(format!("{event:?}"))).unwrap();
    assert!(!events.is_empty() && !events.concat().contains(MARK));
    assert!(!contains(&db, MARK.as_bytes()));
}

#[test]
fn every_public_function_of_tokens_has_its_row() {
    let of = |name: &str| {
        let functions = public_functions(env!("CARGO_MANIFEST_DIR"), name).unwrap();
        functions.into_iter().map(move |function| format!("{name}::{function}")).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = CALLS.iter().map(|(function, _)| *function).chain(OPEN.iter().copied()).collect();
    rows.sort_unstable();
    assert_eq!(["RootToken", "Token", "Tokens"].map(of).concat(), rows);
}
