use std::fs;

use strongroom::core::{Direction, Range, Store};

use super::house::{House, TWO_SHARES, WORDS, names};
use crate::support::text;

#[test]
fn a_drill_passes_by_every_way_in_uses_every_kind_of_ring_and_leaves_nothing() {
    let house = House::new();
    fs::create_dir(house.path("scratch")).unwrap();
    let before = (names(house.folder.path()), fs::read(house.database()).unwrap());
    let ways: [&[&str]; 3] = [&TWO_SHARES, &["--unseal-secret", "secret"], &["--passphrase"]];
    for way in ways {
        let arguments = house.back("drill", &[&["--scratch", "scratch"], way].concat());
        let output = house.run_with(&arguments, &format!("{WORDS}\n"));
        let said = text(&output.stdout);
        assert!(output.status.success(), "{said}{}", text(&output.stderr));
        for word in
            ["The drill passed", "2 of aes256-gcm96: one was used, and works", "Problems  none", "Times"]
        {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(text(&output.stderr).contains("checking: "), "{}", text(&output.stderr));
        assert_eq!(names(&house.path("scratch")), [""; 0]);
    }
    let found = house.json(&house.back("drill", &TWO_SHARES));
    assert_eq!(
        (&found["passed"], &found["check"]["sound"], &found["slots"]),
        (&true.into(), &true.into(), &3.into())
    );
    let rings: Vec<_> = found["rings"].as_array().unwrap().iter().collect();
    assert_eq!(rings.len(), 3);
    assert!(rings.iter().all(|ring| ring["works"] == true), "{found}");
    assert!(["restore", "unseal", "check"].iter().all(|step| found["seconds"][step].as_f64().unwrap() > 0.0));
    assert!((names(house.folder.path()), fs::read(house.database()).unwrap()) == before);
}

#[test]
fn a_drill_without_the_right_secrets_says_which_are_wrong_and_leaves_nothing() {
    let (house, other) = (House::new(), House::new());
    fs::create_dir(house.path("scratch")).unwrap();
    fs::copy(other.path("share-2"), house.path("foreign")).unwrap();
    fs::write(house.path("damaged"), "strongroom-share-nothing").unwrap();
    crate::support::set_mode(&house.path("damaged"), 0o600);
    crate::support::private_file(house.folder.path(), "other", &[9; 40]);
    for (way, says) in [
        (&["--share-file", "share-1"][..], "1 more shares are needed"),
        (&["--share-file", "share-1", "--share-file", "share-1"], "share 1 was entered twice"),
        (&["--share-file", "share-1", "--share-file", "foreign"], "belongs to another slot or database"),
        (&["--share-file", "share-1", "--share-file", "damaged"], "the share in damaged cannot be used"),
        (&["--share-file", "share-1", "--share-file", "gone"], "gone cannot be read"),
        (&["--unseal-secret", "other"], "is it the right file"),
        (&["--passphrase"], "at least 12 characters"),
    ] {
        let said = house.refused(&house.back("drill", &[&["--scratch", "scratch"], way].concat()));
        assert!(said.contains(says), "{says}: {said}");
        assert_eq!(names(&house.path("scratch")), [""; 0]);
    }
    let wrong = house.run_with(&house.back("drill", &["--passphrase"]), "another passphrase\n");
    assert!(text(&wrong.stderr).contains("no slot of this database opens with this passphrase"));
    assert_eq!(wrong.status.code(), Some(1));
    let said = house.refused(&house.back("drill", &[&["--scratch", "nowhere"], &TWO_SHARES[..]].concat()));
    assert!(said.contains("nowhere cannot be written") && said.contains("No such file"), "{said}");
    // One way in, no less and no more.
    for way in [&[][..], &["--passphrase", "--unseal-secret", "secret"]] {
        assert_eq!(house.run(&house.back("drill", way)).status.code(), Some(2));
    }
}

#[test]
fn a_drill_of_a_backup_with_a_rotten_row_fails_and_names_it() {
    let house = House::new();
    let (store, room) = house.open();
    let rows = store.scan(&Range::all(), Direction::Forward, 1000).unwrap();
    let (key, _) = rows.iter().find(|(key, _)| format!("{key:?}").ends_with("/\"letters\"")).unwrap();
    let transaction = store.begin().unwrap();
    let rot = "UPDATE strongroom_records SET value = \
               CAST(substr(value, 1, length(value) - 8) || zeroblob(8) AS BLOB) WHERE key = ?1";
    assert_eq!(transaction.execute(rot, [key.as_bytes()]).unwrap(), 1);
    transaction.commit_rows().unwrap();
    drop((store, room));
    house.take_again();
    let output = house.run(&house.back("drill", &TWO_SHARES));
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("The drill FAILED"), "{said}");
    assert!(said.contains(&format!("Problem   {key:?}: does not open")), "{said}");
    let output = house.run(&house.back("drill", &[&TWO_SHARES[..], &["--json"]].concat()));
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["passed"], &found["check"]["sound"]), (&false.into(), &false.into()));
}
