//! What is written where, and what is asked before something is lost.

use std::fs;

use super::Used;
use crate::support::mode;

#[test]
fn an_answer_in_a_file_is_its_owners_and_overwrites_nothing_unless_forced() {
    let used = Used::new();
    used.good(&["key", "create", "app"]);
    let encrypt = ["encrypt", "app", "--out", "sealed"];
    assert_eq!(used.good_with(&encrypt, "one"), "");
    assert_eq!(mode(&used.path("sealed")), 0o600);
    let before = fs::read(used.path("sealed")).unwrap();
    assert!(used.fails(&encrypt, "two").contains("is there already"));
    assert_eq!(fs::read(used.path("sealed")).unwrap(), before);
    let beside = used.file("sealed.draft", "another file");
    used.good_with(&[&encrypt[..], &["--force"]].concat(), "two");
    assert_eq!(mode(&used.path("sealed")), 0o600);
    assert_eq!(fs::read_to_string(beside).unwrap(), "another file");
    assert_eq!(used.good(&["decrypt", "app", "--in", "sealed"]), "two");
}

#[test]
fn a_data_key_in_the_clear_goes_into_its_own_file_alone() {
    let used = Used::new();
    used.good(&["key", "create", "app"]);
    let printed = used.json(&["datakey", "app", "--plaintext-out", "clear"], "");
    assert!(printed.get("plaintext").is_none(), "{printed}");
    assert_eq!(mode(&used.path("clear")), 0o600);
    let opened = used.run_with(&["decrypt", "app"], printed["ciphertext"].as_str().unwrap()).stdout;
    assert_eq!(opened, fs::read(used.path("clear")).unwrap());
    assert!(used.fails(&["datakey", "app", "--plaintext-out", "clear"], "").contains("is there already"));
}

#[test]
fn what_is_lost_for_good_is_asked_for_by_name() {
    let used = Used::new();
    used.good(&["key", "create", "app"]);
    assert!(used.fails(&["key", "delete", "app", "--yes"], "").contains("set deletion_allowed first"));
    used.good(&["key", "config", "app", "--deletion-allowed", "true"]);
    for task in
        [&["delete", "app"][..], &["trim", "app", "--before", "1"], &["version", "destroy", "app", "1"]]
    {
        let said = used.fails(&[&["key"], task].concat(), "another\n");
        assert!(said.contains("nothing was done"), "{said}");
    }
    assert!(used.good(&["key", "read", "app"]).contains("active"));
    used.good_with(&["key", "delete", "app"], "app\n");
    for name in ["app/versions", "..", "a?b", ""] {
        assert!(used.fails(&["key", "read", name], "").contains("no name of a key"), "{name}");
    }
}
