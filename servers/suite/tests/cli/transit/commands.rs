//! Each command once, from a table; and what comes back from what went in.

use serde_json::Value;

use super::Used;

/// A command, what it reads, and what its answer has: a member of the JSON, or a text without one.
type Row<'a> = (&'a [&'a str], &'a str, &'a str);

const KEYS: [(&str, &str); 8] = [
    ("app", "aes256-gcm96"),
    ("ed", "ed25519"),
    ("mac", "hmac"),
    ("code", "aes256-cmac"),
    ("kdf", "kbkdf-hmac-sha2-256"),
    ("dh", "x25519"),
    ("kem", "ml-kem-768"),
    ("box", "hpke-x25519"),
];

const ROWS: [Row<'_>; 28] = [
    (&["key", "read", "app"], "", "/version_states/1"),
    (&["key", "list"], "", "/keys/0/name"),
    (&["key", "rotate", "app"], "", "/version_states/2"),
    (&["key", "config", "app", "--deletion-allowed", "true"], "", "/deletion_allowed"),
    (&["key", "version", "suspend", "app", "1"], "", "/version_states/1"),
    (&["key", "version", "resume", "app", "1"], "", "/version_states/1"),
    (&["key", "version", "deactivate", "app", "1"], "", "/version_states/1"),
    (&["key", "version", "compromise", "app", "1"], "", "/version_states/1"),
    (&["key", "version", "destroy", "app", "1", "--yes"], "", "/version_states/1"),
    (&["key", "disable", "ed"], "", ""),
    (&["key", "enable", "ed"], "", ""),
    (&["key", "schedule-deletion", "ed", "--wait", "720h"], "", "/deletion_time"),
    (&["key", "cancel-deletion", "ed"], "", "/state"),
    (&["key", "config", "app", "--min-decryption-version", "2"], "", "/min_decryption_version"),
    (&["key", "trim", "app", "--before", "2", "--yes"], "", "/min_available_version"),
    (&["key", "export", "ed"], "", "/keys/1"),
    (&["key", "backup", "app"], "", "/backup"),
    (&["encrypt", "app"], "text", "/ciphertext"),
    (&["encrypt", "box"], "text", "/ciphertext"),
    (&["datakey", "app"], "", "/ciphertext"),
    (&["sign", "ed"], "text", "/signature"),
    (&["hmac", "mac"], "text", "/hmac"),
    (&["cmac", "code"], "text", "/cmac"),
    (&["derive", "kdf"], "", "/derived_key"),
    (&["random", "16"], "", "/random_bytes"),
    (&["hash", "sha2-256"], "text", "/sum"),
    (&["encapsulate", "kem", "--secret-out", "secret", "--force"], "", "/ciphertext"),
    (&["key", "delete", "app", "--yes"], "", ""),
];

fn with_keys() -> Used {
    let used = Used::new();
    for (name, kind) in KEYS {
        assert_eq!(used.json(&["key", "create", name, "--type", kind], "")["name"], name);
    }
    used
}

#[test]
fn each_command_does_what_it_says_and_says_it_in_json() {
    let used = with_keys();
    for (command, input, member) in ROWS {
        let answer = used.json(command, input);
        match member {
            "" => assert_eq!(answer, serde_json::json!({}), "{command:?}"),
            member => {
                assert!(answer.pointer(member).is_some_and(|found| !found.is_null()), "{command:?}: {answer}")
            }
        }
    }
    assert!(used.fails(&["key", "read", "app"], "").contains("404"), "it was deleted");
}

#[test]
fn what_was_encrypted_is_decrypted_also_after_a_rotation_and_anew() {
    let used = with_keys();
    let aad = used.file("aad", "for alice");
    for name in ["app", "box"] {
        let sealed = used.good_with(&["encrypt", name, "--aad", &aad], "a\nletter\n");
        used.good(&["key", "rotate", name]);
        let anew = used.good_with(&["rewrap", name, "--aad", &aad], &sealed);
        assert!(sealed.starts_with("vault:v1:") && anew.starts_with("vault:v2:"), "{sealed} {anew}");
        for ciphertext in [&sealed, &anew] {
            assert_eq!(used.good_with(&["decrypt", name, "--aad", &aad], ciphertext), "a\nletter\n");
            used.fails(&["decrypt", name], ciphertext);
        }
    }
}

#[test]
fn a_signature_and_a_code_are_right_for_what_they_were_made_of_alone() {
    let used = with_keys();
    for (name, make, kind) in [("ed", "sign", "signature"), ("mac", "hmac", "hmac"), ("code", "cmac", "cmac")]
    {
        let made = used.file("made", &used.good_with(&[make, name], "a letter"));
        let verify = ["verify", name, "--signature", &made, "--kind", kind];
        assert_eq!(used.good_with(&verify, "a letter"), "It is right.\n");
        assert_eq!(used.json(&verify, "a letter")["valid"], Value::Bool(true));
        assert!(used.fails(&verify, "another").contains("NOT right"));
        let wrong = used.run_with(&[&verify[..], &["--json"]].concat(), "another");
        assert_eq!(wrong.status.code(), Some(1));
        assert_eq!(serde_json::from_slice::<Value>(&wrong.stdout).unwrap()["valid"], Value::Bool(false));
    }
}

#[test]
fn two_who_agree_or_encapsulate_have_the_same_secret() {
    let used = with_keys();
    used.good(&["key", "create", "peer", "--type", "x25519"]);
    let public = |name: &str| used.file(&format!("{name}.pub"), &used.good(&["key", "export", name]));
    let (ours, theirs) = (public("dh"), public("peer"));
    assert_eq!(
        used.good(&["agree", "dh", "--peer", &theirs]),
        used.good(&["agree", "peer", "--peer", &ours])
    );
    let sealed = used.good(&["encapsulate", "kem", "--secret-out", "shared"]);
    let opened = used.run_with(&["decapsulate", "kem", "--form", "raw"], &sealed).stdout;
    assert_eq!(opened, std::fs::read(used.path("shared")).unwrap());
    assert_eq!(opened.len(), 32);
}
