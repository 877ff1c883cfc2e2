//! Whatever comes, there is an answer by the rules and nothing panics.

use std::sync::{LazyLock, Mutex};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    routes::{self, Route},
    support::{Client, Request, Vault},
};

/// Texts that mean something somewhere, and others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "eA==",
            "!!",
            "aes",
            "ed",
            "p256",
            "none",
            "aes256-gcm96",
            "ed25519",
            "ecdsa-p256",
            "true",
            "0",
            "-1",
            "1",
            "2",
            "sha2-256",
            "sha2-512",
            "jws",
            "asn1",
            "vault:v1:",
            "vault:v1:AAAA",
            "vault:v0:eA==",
            "4294967296",
            "é",
            "\u{0}",
            "24h",
        ])
        .prop_map(String::from),
        "\\PC{0,12}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..5_i64).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner)]
    })
}

fn object(values: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "plaintext",
        "ciphertext",
        "associated_data",
        "key_version",
        "reference",
        "batch_input",
        "nonce",
        "context",
        "input",
        "signature",
        "hash_algorithm",
        "algorithm",
        "prehashed",
        "marshaling_algorithm",
        "partial_failure_response_code",
        "type",
        "derived",
        "exportable",
        "auto_rotate_period",
        "min_decryption_version",
        "min_encryption_version",
        "deletion_allowed",
        "secret_shares",
        "secret_threshold",
        "pgp_keys",
        "key",
        "other",
    ]);
    prop::collection::vec((names, values), 0..6).prop_map(|members| {
        Value::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    })
}

static VAULT: LazyLock<Vault> = LazyLock::new(Vault::with_rings);
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| routes::all(&VAULT));

/// One connection after another, as a server ends one where it refuses early.
fn exchange(request: &Request) -> (u16, String) {
    static CLIENT: Mutex<Option<Client>> = Mutex::new(None);
    let mut client = CLIENT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut open = client.take().unwrap_or_else(|| VAULT.connect());
    let answer = open.exchange(request);
    if answer.header("connection") != Some("close") {
        *client = Some(open);
    }
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_makes_a_route_fail(route in 0..ROUTES.len(), body in prop_oneof![4 => object(value()), 1 => value()]) {
        let route = &ROUTES[route];
        let (status, text) = exchange(&route.request().token(&VAULT.token).body(body.to_string()));
        prop_assert!(status < 500 && !text.contains("internal"), "{} {} {body}: {status} {text}", route.method, route.path);
    }

    #[test]
    fn no_bytes_make_a_route_fail(route in 0..ROUTES.len(), body in prop::collection::vec(any::<u8>(), 0..40)) {
        let route = &ROUTES[route];
        let (status, text) = exchange(&route.request().token(&VAULT.token).body(body));
        prop_assert!(status < 500, "{} {}: {status} {text}", route.method, route.path);
    }

    #[test]
    fn a_damaged_good_body_makes_no_route_fail(route in 0..ROUTES.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let route = &ROUTES[route];
        let mut request = route.request().token(&VAULT.token);
        if !request.body.is_empty() {
            let at = at.index(request.body.len());
            request.body[at] = byte;
        }
        let (status, text) = exchange(&request);
        prop_assert!(status < 500, "{} {}: {status} {text}", route.method, route.path);
    }

    #[test]
    fn no_path_makes_the_server_fail(
        method in prop::sample::select(vec!["GET", "LIST", "POST", "PUT", "DELETE", "PATCH"]),
        path in "/(v1/)?(transit|sys|auth)?/?(keys|encrypt|sign|mounts|rotate)?/?[a-z0-9%./_-]{0,12}(\\?[a-z=&0-9%-]{0,16})?",
        token in prop::option::of("[ -~]{0,40}"),
    ) {
        let request = Request { path, ..Request::new(method, "x").token(&token.unwrap_or_else(|| VAULT.token.clone())) };
        let (status, text) = exchange(&request);
        prop_assert!(status < 500, "{method} {}: {status} {text}", request.path);
    }
}
