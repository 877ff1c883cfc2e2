//! `transit/encrypt`, `decrypt` and `rewrap`.

use serde_json::{Value, json};

use crate::support::{Vault, b64};

/// The ciphertext with one bit changed at a byte of its envelope, from the end if negative.
fn flipped(ciphertext: &str, at: isize) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (version, body) = ciphertext.rsplit_once(':').unwrap();
    let mut bytes = STANDARD.decode(body).unwrap();
    let at = usize::try_from(at).unwrap_or_else(|_| bytes.len() - at.unsigned_abs());
    bytes[at] ^= 1;
    format!("{version}:{}", b64(bytes))
}

#[test]
fn what_is_encrypted_decrypts_and_never_repeats() {
    let vault = Vault::with_rings();
    for plaintext in ["", "x", &"long ".repeat(40_000)] {
        let (one, other) = (vault.encrypt("aes", plaintext), vault.encrypt("aes", plaintext));
        assert_ne!(one, other);
        assert!(one.starts_with("vault:v1:"));
        for ciphertext in [one, other] {
            assert_eq!(vault.decrypt("aes", &ciphertext).data(), json!({ "plaintext": b64(plaintext) }));
        }
    }
    let put = vault.request("PUT", "transit/encrypt/aes").json(&json!({ "plaintext": "" }));
    assert_eq!(vault.send(&put).data()["key_version"], json!(1));
}

#[test]
fn additional_data_is_bound() {
    let vault = Vault::with_rings();
    let body = json!({ "plaintext": b64("x"), "associated_data": b64("row 7") });
    let bound = vault.write("transit/encrypt/aes", body).data()["ciphertext"].clone();
    let open = |data: Value| {
        vault.write("transit/decrypt/aes", json!({ "ciphertext": bound, "associated_data": data })).status
    };
    assert_eq!(open(json!(b64("row 7"))), 200);
    for wrong in [json!(b64("row 8")), json!(""), Value::Null, json!("!!"), json!(7)] {
        assert_eq!(open(wrong.clone()), 400, "{wrong}");
    }
    assert_eq!(vault.decrypt("aes", bound.as_str().unwrap()).status, 400);
    assert_eq!(vault.write("transit/rewrap/aes", json!({ "ciphertext": bound })).status, 400);
}

#[test]
fn a_ciphertext_that_was_touched_does_not_open() {
    let vault = Vault::with_rings();
    vault.write("transit/keys/other", Value::Null);
    vault.write("transit/keys/aes/rotate", Value::Null);
    let good = vault.encrypt("aes", "secret");
    let body = good.strip_prefix("vault:v2:").unwrap();
    let damaged = (0..30).chain(-16..0).map(|at| flipped(&good, at));
    let relabelled = [
        "vault:v1:",
        "vault:v3:",
        "vault:v02:",
        "vault:v+2:",
        "vault:v0:",
        "vault:v:",
        "vault:",
        "VAULT:v2:",
        "",
    ]
    .map(|prefix| format!("{prefix}{body}"));
    let cut = (0..good.len()).step_by(7).map(|length| good[..length].to_owned());
    let added = [
        format!("{good}AAAA"),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
    ];
    for ciphertext in damaged.chain(relabelled).chain(cut).chain(added) {
        let (status, text) = vault.decrypt("aes", &ciphertext).error();
        assert!(status == 400 && !text.is_empty(), "{ciphertext}: {status} {text}");
        let rewrapped = vault.write("transit/rewrap/aes", json!({ "ciphertext": ciphertext }));
        assert_eq!(rewrapped.error().0, 400, "{ciphertext}");
    }
    assert_eq!(vault.decrypt("other", &good).error().0, 400, "another ring's");
    assert_eq!(vault.decrypt("none", &good).error().0, 400);
    assert_eq!(vault.decrypt("ed", &good).error().0, 400);
    assert_eq!(vault.decrypt("aes", &good).status, 200);
}

#[test]
fn rewrap_moves_to_a_version_and_shows_no_plaintext() {
    let vault = Vault::with_rings();
    let first = vault.encrypt("aes", "kept");
    vault.write("transit/keys/aes/rotate", Value::Null);
    let rewrap = |body: Value| vault.write("transit/rewrap/aes", body);
    let answer = rewrap(json!({ "ciphertext": first }));
    assert_eq!(answer.data()["key_version"], json!(2));
    assert!(!answer.text().contains(&b64("kept")));
    let moved = answer.data()["ciphertext"].as_str().unwrap().to_owned();
    assert!(moved.starts_with("vault:v2:"));
    assert_eq!(vault.decrypt("aes", &moved).data()["plaintext"], json!(b64("kept")));
    assert_eq!(rewrap(json!({ "ciphertext": first, "key_version": 1 })).data()["key_version"], json!(1));
    assert_eq!(rewrap(json!({ "ciphertext": first, "key_version": 3 })).error().0, 400);
}

#[test]
fn a_key_version_is_one_that_there_is() {
    let vault = Vault::with_rings();
    vault.write("transit/keys/aes/rotate", Value::Null);
    let encrypt = |version: Value| {
        vault.write("transit/encrypt/aes", json!({ "plaintext": "", "key_version": version }))
    };
    for (version, used) in
        [(json!(1), 1), (json!("1"), 1), (json!(0), 2), (json!("0"), 2), (Value::Null, 2), (json!(2), 2)]
    {
        assert_eq!(encrypt(version.clone()).data()["key_version"], json!(used), "{version}");
    }
    for version in [
        json!(3),
        json!(-1),
        json!("-1"),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 2),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.0),
        json!(1e300),
        json!("1.0"),
        json!(""),
        json!(" 1"),
        json!("٣"),
        json!(true),
        json!([1]),
        json!({ "a": 1 }),
    ] {
        assert_eq!(encrypt(version.clone()).error().0, 400, "{version}");
    }
}

#[test]
fn base64_has_one_spelling() {
    let vault = Vault::with_rings();
    for text in [
        "eA",
        "eA=",
        "eA===",
        "eA==\n",
        "\neA==",
        " eA==",
        "eA == ",
        "eB==",
        "_-8=",
        "_-8",
        "=",
        "====",
        "e",
        "eAA=A",
        "é",
        "eA==eA==",
        "!!",
        "data:,eA==",
    ] {
        let wrong = [
            ("encrypt/aes", json!({ "plaintext": text })),
            ("encrypt/aes", json!({ "plaintext": "", "associated_data": text })),
            ("sign/ed", json!({ "input": text })),
        ];
        for (path, body) in wrong {
            assert_eq!(vault.write(&format!("transit/{path}"), body.clone()).error().0, 400, "{path} {body}");
        }
    }
    for wrong in [json!(5), json!(true), json!(["eA=="]), json!({ "a": "eA==" }), json!(1.5)] {
        assert_eq!(
            vault.write("transit/encrypt/aes", json!({ "plaintext": wrong })).error().0,
            400,
            "{wrong}"
        );
    }
    let escaped = vault.request("POST", "transit/encrypt/aes").body(r#"{"plaintext":"\u0065A\u003d="}"#);
    let ciphertext = vault.send(&escaped).data()["ciphertext"].as_str().unwrap().to_owned();
    assert_eq!(vault.decrypt("aes", &ciphertext).data()["plaintext"], json!("eA=="));
}

/// CVE-2023-4680: a nonce of the caller was used, and so used twice.
#[test]
fn a_nonce_of_the_caller_is_refused_and_never_used() {
    let vault = Vault::with_rings();
    let nonce = b64([0; 12]);
    for path in ["encrypt/aes", "decrypt/aes", "rewrap/aes"] {
        for body in [
            json!({ "plaintext": "", "nonce": nonce }),
            json!({ "batch_input": [{ "plaintext": "", "nonce": nonce }] }),
            json!({ "plaintext": "", "nonce": [0] }),
        ] {
            let answer = vault.write(&format!("transit/{path}"), body.clone());
            let text = answer.text();
            assert!(text.contains("nonce") && !text.contains("vault:v"), "{path} {body}: {text}");
        }
    }
    let empty = json!({ "plaintext": "", "nonce": "", "context": null });
    assert_eq!(
        vault.write("transit/encrypt/aes", empty).status,
        200,
        "as clients send it that ask for nothing"
    );
}

#[test]
fn a_context_that_would_bind_nothing_is_refused() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "x");
    for (path, body) in [
        ("encrypt/aes", json!({ "plaintext": "", "context": b64("tenant") })),
        ("decrypt/aes", json!({ "ciphertext": ciphertext, "context": b64("tenant") })),
        ("rewrap/aes", json!({ "ciphertext": ciphertext, "context": b64("tenant") })),
        ("sign/ed", json!({ "input": "", "context": b64("tenant") })),
        ("verify/ed", json!({ "input": "", "signature": "x", "context": b64("tenant") })),
    ] {
        let (status, text) = vault.write(&format!("transit/{path}"), body).error();
        assert!(status == 400 && text.contains("context"), "{path} {text}");
    }
}

#[test]
fn a_key_does_only_what_its_type_does_and_is_never_made_by_its_use() {
    let vault = Vault::with_rings();
    for (path, body) in [
        ("encrypt/ed", json!({ "plaintext": "" })),
        ("encrypt/p256", json!({ "plaintext": "" })),
        ("sign/aes", json!({ "input": "" })),
        ("verify/aes", json!({ "input": "", "signature": "vault:v1:AAAA" })),
        ("encrypt/none", json!({ "plaintext": "", "type": "aes256-gcm96" })),
        ("sign/none", json!({ "input": "" })),
        ("encrypt/aes", json!({})),
        ("decrypt/aes", json!({})),
        ("rewrap/aes", json!({ "ciphertext": "" })),
        ("sign/ed", json!({})),
        ("verify/ed", json!({ "input": "" })),
        ("verify/ed", json!({ "signature": "vault:v1:AAAA" })),
    ] {
        assert_eq!(vault.write(&format!("transit/{path}"), body).error().0, 400, "{path}");
    }
    assert_eq!(vault.read("transit/keys/none").status, 404);
}
