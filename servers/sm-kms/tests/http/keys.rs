//! `transit/keys`: rings and their settings.

use serde_json::{Value, json};
use strongroom_core::{Algorithm, Purpose};
use strongroom_sm_kms::type_name;

use crate::support::{NEW_YEAR, Request, Vault, b64};

fn config(vault: &Vault, name: &str, body: Value) -> u16 {
    vault.write(&format!("transit/keys/{name}/config"), body).status
}

fn names(vault: &Vault, query: &str) -> Value {
    let answer = vault.list(&format!("transit/keys{query}"));
    if answer.status == 404 { json!([]) } else { answer.data()["keys"].clone() }
}

#[test]
fn a_new_ring_says_what_it_can_do() {
    let vault = Vault::with_rings();
    let aes = vault.read("transit/keys/aes").data();
    assert_eq!(aes["keys"], json!({ "1": NEW_YEAR }), "a symmetric key shows when it was made, nothing else");
    for (name, kind, crypts) in
        [("aes", "aes256-gcm96", true), ("ed", "ed25519", false), ("p256", "ecdsa-p256", false)]
    {
        let ring = vault.read(&format!("transit/keys/{name}")).data();
        assert_eq!(ring["type"], json!(kind));
        for ability in ["supports_encryption", "supports_decryption"] {
            assert_eq!(ring[ability], json!(crypts), "{name} {ability}");
        }
        assert_eq!(ring["supports_signing"], json!(!crypts));
        for never in ["exportable", "allow_plaintext_backup", "derived", "imported_key", "soft_deleted"] {
            assert_eq!(ring[never], json!(false), "{name} {never}");
        }
        assert_eq!((&ring["latest_version"], &ring["min_decryption_version"]), (&json!(1), &json!(1)));
    }
    let p256 = vault.read("transit/keys/p256").data();
    assert!(p256["keys"]["1"]["public_key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[test]
fn creating_again_changes_nothing_and_never_the_type() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "kept");
    vault.write("transit/keys/aes/rotate", Value::Null);
    for body in [Value::Null, json!({}), json!({ "type": "aes256-gcm96" })] {
        assert_eq!(vault.write("transit/keys/aes", body).data()["latest_version"], json!(2));
    }
    assert_eq!(vault.write("transit/keys/aes", json!({ "type": "ed25519" })).status, 400);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    assert_eq!(vault.send(&vault.request("PUT", "transit/keys/new")).data()["type"], json!("aes256-gcm96"));
}

#[test]
fn what_no_key_can_be_is_refused_and_leaves_nothing() {
    let vault = Vault::open();
    for body in [
        json!({ "type": "rsa-1024" }),
        json!({ "type": "ml-dsa" }),
        json!({ "type": "ml-dsa", "parameter_set": "45" }),
        json!({ "type": "ed25519", "parameter_set": "44" }),
        json!({ "type": "managed_key" }),
        json!({ "type": "" }),
        json!({ "type": "AES256-GCM96" }),
        json!({ "type": "ed25519 " }),
        json!({ "type": "ed25519", "derived": true }),
        json!({ "type": "rsa-2048", "derived": "true" }),
        json!({ "type": "hmac", "derived": true }),
        json!({ "convergent_encryption": true }),
        json!({ "convergent_encryption": true, "derived": true, "type": "chacha20-poly1305" }),
        json!({ "type": "hmac", "key_size": 31 }),
        json!({ "key_size": 32 }),
        json!({ "auto_rotate_period": "59m" }),
        json!({ "auto_rotate_period": 3599 }),
        json!({ "auto_rotate_period": "1x" }),
        json!({ "auto_rotate_period": [] }),
    ] {
        assert_eq!(vault.write("transit/keys/x", body.clone()).error().0, 400, "{body}");
    }
    assert_eq!(vault.read("transit/keys/x").error(), (404, String::new()));
    let empty = json!({ "derived": false, "exportable": "false", "auto_rotate_period": "0s", "key_size": 0 });
    assert_eq!(vault.write("transit/keys/x", empty).status, 200);
}

/// GHSA-8w8f-r2xv-4q4j: a panic by an unusual pair of key type and flag.
#[test]
fn every_pair_of_type_and_flags_is_made_as_asked_or_refused() {
    let vault = Vault::open();
    let flags = ["derived", "convergent_encryption", "exportable", "allow_plaintext_backup"];
    for algorithm in Algorithm::ALL {
        let kind = type_name(algorithm);
        if algorithm.modulus_bits().is_some_and(|bits| bits > 2048) {
            continue;
        }
        let symmetric = matches!(algorithm.purpose(), Purpose::Envelope | Purpose::Aead);
        for set in 0..16_u32 {
            // One of RSA takes its time.
            if algorithm.modulus_bits().is_some() && set > 3 {
                continue;
            }
            let (derived, convergent) = (set & 1 != 0, set & 2 != 0);
            let mut body = json!({ "type": kind });
            for (bit, flag) in flags.iter().enumerate() {
                body[flag] = json!(set & (1 << bit) != 0);
            }
            let path = format!("transit/keys/{kind}-{set}");
            let to_siv = matches!(algorithm, Algorithm::Aes256Gcm | Algorithm::Aes256Siv);
            let fits = (!derived || symmetric) && (!convergent || derived && to_siv);
            assert_eq!(vault.write(&path, body.clone()).status, if fits { 200 } else { 400 }, "{body}");
            let shown = vault.read(&path);
            assert_eq!(shown.status, if fits { 200 } else { 404 });
            if fits {
                let shown = shown.data();
                for flag in ["derived", "exportable", "allow_plaintext_backup"] {
                    assert_eq!(shown[flag], body[flag], "{body}");
                }
            }
        }
    }
}

#[test]
fn listing_is_by_name_and_in_pages() {
    let vault = Vault::open();
    assert_eq!(vault.list("transit/keys").error(), (404, String::new()), "there is none yet");
    for name in ["b", "a", "B", "a.b", "a-b", "10", "9"] {
        vault.write(&format!("transit/keys/{name}"), Value::Null);
    }
    let all = json!(["10", "9", "B", "a", "a-b", "a.b", "b"]);
    assert_eq!(names(&vault, ""), all);
    assert_eq!(names(&vault, "/"), all);
    assert_eq!(vault.read("transit/keys?list=true").data()["keys"], all);
    assert_eq!(names(&vault, "?limit=2"), json!(["10", "9"]));
    assert_eq!(names(&vault, "?after=9&limit=3"), json!(["B", "a", "a-b"]));
    assert_eq!(names(&vault, "?after=a"), json!(["a-b", "a.b", "b"]));
    assert_eq!(names(&vault, "?after=aa"), json!(["b"]), "also after a name that there is not");
    assert_eq!(names(&vault, "?after=b"), json!([]));
    assert_eq!(names(&vault, "?after=&limit=1000000"), all);
    assert_eq!(names(&vault, "?limit=18446744073709551615"), all);
}

#[test]
fn pages_of_every_size_make_up_the_whole_listing() {
    let vault = Vault::open();
    for number in 0..23 {
        vault.write(&format!("transit/keys/k{number:02}"), Value::Null);
    }
    for size in [1, 2, 7, 22, 23, 24] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        while let Value::Array(page) = names(&vault, &format!("?limit={size}&after={after}")) {
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.as_str().unwrap().into();
            seen.extend(page);
        }
        assert_eq!(json!(seen), names(&vault, ""), "pages of {size}");
    }
}

/// OpenBao 2.6.1, #3518: a limit of zero or less went around the limit of pages.
#[test]
fn a_limit_that_is_no_count_is_refused() {
    let vault = Vault::with_rings();
    for limit in
        ["0", "-1", "-0", "00", "x", "", "1.5", "1e3", "0x10", "18446744073709551616", "1&limit=2", "%31%"]
    {
        let answer = vault.list(&format!("transit/keys?limit={limit}"));
        assert_eq!(answer.status, 400, "{limit}");
    }
    for after in ["!!", "a/b", "%2e%2e", "%00", &"n".repeat(129)] {
        assert_eq!(vault.list(&format!("transit/keys?after={after}")).error().0, 400, "{after}");
    }
}

#[test]
fn rotating_adds_a_version_and_keeps_the_old() {
    let vault = Vault::with_rings();
    let (old, signature) = (vault.encrypt("aes", "old"), vault.sign("ed", "old"));
    for name in ["aes", "ed", "p256"] {
        let ring = vault.write(&format!("transit/keys/{name}/rotate"), json!({})).data();
        assert_eq!(ring["latest_version"], json!(2));
        assert_eq!(ring["keys"].as_object().unwrap().len(), 2);
    }
    assert!(vault.encrypt("aes", "new").starts_with("vault:v2:"));
    assert_eq!(vault.decrypt("aes", &old).status, 200);
    assert_eq!(vault.verify("ed", "old", &signature).data()["valid"], json!(true));
    assert_eq!(vault.write("transit/keys/none/rotate", Value::Null).error().0, 400);
}

#[test]
fn settings_are_enforced_at_once_and_checked() {
    let vault = Vault::with_rings();
    let old = vault.encrypt("aes", "old");
    for _ in 0..2 {
        vault.write("transit/keys/aes/rotate", Value::Null);
    }
    assert_eq!(vault.decrypt("aes", &old).status, 200, "also warms every cache");
    let ring = vault.write("transit/keys/aes/config", json!({ "min_decryption_version": "2" })).data();
    assert_eq!(ring["keys"].as_object().unwrap().keys().collect::<Vec<_>>(), ["2", "3"]);
    let (status, text) = vault.decrypt("aes", &old).error();
    assert!(status == 400 && text.contains("too old"), "{text}");
    assert_eq!(config(&vault, "aes", json!({ "min_encryption_version": 3 })), 200);
    let second = json!({ "plaintext": "", "key_version": 2 });
    assert_eq!(vault.write("transit/encrypt/aes", second).error().0, 400);
    for (name, wrong) in [
        ("min_decryption_version", json!(4)),
        ("min_decryption_version", json!(-1)),
        ("min_decryption_version", json!(u64::MAX)),
        ("min_decryption_version", json!(1.5)),
        ("min_decryption_version", json!("x")),
        ("min_encryption_version", json!(4)),
        ("min_encryption_version", json!(-1)),
        ("min_encryption_version", json!(u32::MAX)),
        ("min_encryption_version", json!(1)),
        ("deletion_allowed", json!("maybe")),
        ("deletion_allowed", json!(2)),
        ("exportable", json!("maybe")),
        ("allow_plaintext_backup", json!(2)),
        ("auto_rotate_period", json!("59m")),
        ("publish_delay", json!("400d")),
    ] {
        assert_eq!(config(&vault, "aes", json!({ name: wrong })), 400, "{name} {wrong}");
    }
    let ring = vault.read("transit/keys/aes").data();
    assert_eq!((&ring["min_decryption_version"], &ring["min_encryption_version"]), (&json!(2), &json!(3)));
    assert_eq!(config(&vault, "none", json!({ "min_decryption_version": 1 })), 400);
}

#[test]
fn versions_below_the_minimum_are_shown_again_once_it_is_lowered_and_never_once_they_are_trimmed() {
    let vault = Vault::with_rings();
    let old = vault.encrypt("aes", "old");
    (0..3).for_each(|_| drop(vault.write("transit/keys/aes/rotate", Value::Null)));
    let versions = |answer: Value| answer["keys"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let minimum = |version: u32| {
        let body = json!({ "min_decryption_version": version, "min_encryption_version": version });
        versions(vault.write("transit/keys/aes/config", body).data())
    };
    assert_eq!(minimum(3), ["3", "4"]);
    assert_eq!(minimum(1), ["1", "2", "3", "4"]);
    assert_eq!(versions(vault.read("transit/keys/aes").data()), ["1", "2", "3", "4"]);
    assert_eq!(vault.decrypt("aes", &old).status, 200);
    let trim =
        |version: Value| vault.write("transit/keys/aes/trim", json!({ "min_available_version": version }));
    assert_eq!(trim(json!(2)).error().0, 400, "the minimums are lower");
    minimum(3);
    for wrong in [json!(null), json!(-1), json!(5), json!("x")] {
        assert_eq!(trim(wrong.clone()).error().0, 400, "{wrong}");
    }
    let trimmed = trim(json!(3)).data();
    assert_eq!(
        (&trimmed["min_available_version"], versions(trimmed.clone())),
        (&json!(3), vec!["3".into(), "4".into()])
    );
    assert_eq!(config(&vault, "aes", json!({ "min_decryption_version": 1 })), 400);
    assert_eq!(vault.decrypt("aes", &old).error().0, 400);
}

#[test]
fn a_ring_whose_deletion_is_scheduled_does_nothing_and_comes_back_if_it_is_cancelled() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "x");
    let post = |verb: &str, body: Value| vault.write(&format!("transit/keys/aes/{verb}"), body);
    for wrong in [json!("6d"), json!("31d"), json!(-1), json!("x")] {
        assert_eq!(post("schedule-deletion", json!({ "wait": wrong })).error().0, 400, "{wrong}");
    }
    let shown = post("schedule-deletion", json!({ "wait": "7d" })).data();
    assert_eq!(shown["state"], json!("pending_deletion"));
    assert_eq!(shown["deletion_time"], json!("2026-01-08T00:00:00.000Z"));
    assert_eq!(vault.decrypt("aes", &ciphertext).error().0, 400);
    assert_eq!(post("cancel-deletion", Value::Null).data()["state"], json!("active"));
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    assert_eq!(post("cancel-deletion", Value::Null).error().0, 400);
}

#[test]
fn zero_as_the_lowest_version_is_one_and_says_so() {
    let vault = Vault::with_rings();
    let answer = vault.write("transit/keys/aes/config", json!({ "min_decryption_version": 0 }));
    assert_eq!(answer.data()["min_decryption_version"], json!(1));
    assert_eq!(answer.json()["warnings"].as_array().unwrap().len(), 1);
    let answer = vault.write("transit/keys/aes/config", json!({ "min_encryption_version": 0 }));
    assert_eq!(
        (answer.data()["min_encryption_version"].clone(), answer.json()["warnings"].clone()),
        (json!(0), Value::Null)
    );
}

#[test]
fn deleting_waits_until_it_is_allowed_and_is_final() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "gone");
    assert_eq!(vault.delete("transit/keys/aes").error().0, 400);
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    assert_eq!(config(&vault, "aes", json!({ "deletion_allowed": "true" })), 200);
    let answer = vault.delete("transit/keys/aes");
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(vault.read("transit/keys/aes").status, 404);
    assert_eq!(vault.delete("transit/keys/aes").error().0, 400);
    assert_eq!(names(&vault, ""), json!(["ed", "p256"]));
    assert_eq!(vault.decrypt("aes", &ciphertext).error().0, 400);
    vault.write("transit/keys/aes", Value::Null);
    assert_eq!(vault.decrypt("aes", &ciphertext).error().0, 400, "another key of the same name");
}

/// COSMIAN-2026-008: a key still worked after its end, through a cache.
#[test]
fn nothing_works_with_a_disabled_ring_through_any_cache() {
    let vault = Vault::with_rings();
    let (ciphertext, signature) = (vault.encrypt("aes", "x"), vault.sign("ed", "x"));
    let uses = || {
        [
            vault.write("transit/encrypt/aes", json!({ "plaintext": "" })).status,
            vault.decrypt("aes", &ciphertext).status,
            vault.write("transit/rewrap/aes", json!({ "ciphertext": ciphertext })).status,
            vault.write("transit/encrypt/aes", json!({ "batch_input": [{ "plaintext": "" }] })).status,
            vault
                .write("transit/decrypt/aes", json!({ "batch_input": [{ "ciphertext": ciphertext }] }))
                .status,
            vault.write("transit/sign/ed", json!({ "input": b64("x") })).status,
            vault.verify("ed", "x", &signature).status,
        ]
    };
    assert_eq!(uses(), [200; 7]);
    for _ in 0..3 {
        for name in ["aes", "ed"] {
            let answer = vault.write(&format!("transit/keys/{name}/disable"), Value::Null);
            assert_eq!((answer.status, answer.body.len()), (204, 0));
            assert_eq!(vault.read(&format!("transit/keys/{name}")).data()["soft_deleted"], json!(true));
        }
        assert_eq!(uses(), [400; 7]);
        for name in ["aes", "ed"] {
            assert_eq!(vault.write(&format!("transit/keys/{name}/enable"), json!({})).status, 204);
        }
        assert_eq!(uses(), [200; 7]);
    }
    for verb in ["disable", "enable"] {
        assert_eq!(vault.write(&format!("transit/keys/none/{verb}"), Value::Null).error().0, 400);
    }
}

#[test]
fn many_at_once_lose_no_rotation_and_no_ciphertext() {
    let vault = Vault::with_rings();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let ciphertext = vault.encrypt("aes", "x");
                    let rotate = vault.request("POST", "transit/keys/aes/rotate");
                    while vault.send(&rotate).status != 200 {}
                    assert_eq!(vault.decrypt("aes", &ciphertext).data()["plaintext"], json!(b64("x")));
                }
            });
        }
    });
    assert_eq!(vault.read("transit/keys/aes").data()["latest_version"], json!(41));
}

#[test]
fn a_name_has_one_spelling_and_a_limit() {
    let vault = Vault::open();
    for name in ["a", "_", "UPPER", "a.b_c-d", "0", &"n".repeat(128)] {
        assert_eq!(vault.write(&format!("transit/keys/{name}"), Value::Null).status, 200, "{name}");
    }
    for name in [
        "bad%20name",
        "%C3%BC",
        "-lead",
        "trail.",
        "...",
        "%20",
        "a*",
        "a%25",
        "a;b",
        "a:b",
        &"n".repeat(129),
    ] {
        for (method, path) in
            [("POST", "keys"), ("GET", "keys"), ("DELETE", "keys"), ("POST", "encrypt"), ("POST", "sign")]
        {
            let answer = vault.send(&vault.request(method, &format!("transit/{path}/{name}")));
            assert_eq!(answer.status, 404, "{method} {path} {name}");
        }
    }
    assert_eq!(vault.read("transit/keys/upper").status, 404, "case counts");
    let long = Request::new("GET", &format!("transit/keys/{}", "n".repeat(5000))).token(&vault.token);
    assert_eq!(vault.send(&long).error().0, 400);
}
