//! Keys that travel, and that no secret is where it does not belong.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Used;
use crate::support::text;

const KEY: &[u8; 32] = b"canary-of-a-key-that-is-imported";
const PLAINTEXT: &str = "canary-of-a-plaintext";

/// One server for all, as its wrapping key takes a while to be made.
#[test]
fn a_key_comes_in_wrapped_goes_out_comes_back_and_no_secret_is_told() {
    let mut used = Used::new();
    let key = STANDARD.encode(KEY);
    let import = |name: &str, form: &str, more: &[&str], input: &str| {
        used.run_with(&[&["key", "import", name, "--form", form], more].concat(), input)
    };
    let kind = ["--type", "aes256-gcm96", "--exportable"];
    let mut said = String::new();
    for (form, input) in [("base64", "no base64!"), ("raw", PLAINTEXT), ("pem", &*key), ("der", &*key)] {
        let output = import("other", form, &kind, input);
        assert_eq!(output.status.code(), Some(1), "{form}");
        said += &text(&output.stderr);
    }
    assert!(import("app", "base64", &kind, &key).status.success());
    assert!(used.good(&["key", "wrapping-key"]).starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(used.good(&["key", "export", "app", "--what", "encryption"]).trim(), key);
    let sealed = used.good_with(&["encrypt", "app"], PLAINTEXT);
    assert!(import("app", "raw", &["--new-version"], std::str::from_utf8(KEY).unwrap()).status.success());
    used.good(&["key", "create", "safe", "--type", "rsa-2048"]);
    let wrapped = used.json(&["key", "export", "app", "--for", "safe"], "");
    assert_eq!(wrapped["keys"].as_object().unwrap().len(), 2);

    let backup = used.good(&["key", "backup", "app"]);
    said += &used.fails(&["key", "restore"], &backup);
    used.good(&["key", "config", "app", "--deletion-allowed", "true"]);
    used.good(&["key", "delete", "app", "--yes"]);
    used.good_with(&["key", "restore", "copy"], &backup);
    assert_eq!(used.good_with(&["decrypt", "copy"], &sealed), PLAINTEXT);

    for (command, input) in [
        (&["decrypt", "copy"][..], PLAINTEXT),
        (&["decrypt", "none"], &*sealed),
        (&["encrypt", "copy", "--key-version", "9"], PLAINTEXT),
        (&["sign", "copy"], PLAINTEXT),
        (&["key", "restore", "third"], PLAINTEXT),
    ] {
        said += &used.fails(command, input);
    }
    used.0.server.end();
    said += &used.0.server.said();
    for secret in [PLAINTEXT, &STANDARD.encode(PLAINTEXT), &*key, std::str::from_utf8(KEY).unwrap()] {
        assert!(!said.contains(secret), "{said}");
    }
}
