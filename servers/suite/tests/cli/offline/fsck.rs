use std::fs;

use strongroom::{
    SqliteStore,
    core::{Direction, Range, Store},
};

use super::house::{House, TWO_SHARES, WORDS};
use crate::support::{Server, private_file, set_mode, text};

fn fsck<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["fsck", "--data", "data"], more].concat()
}

#[test]
fn a_sound_database_is_called_so_by_every_way_in() {
    let house = House::new();
    let ways: [&[&str]; 3] = [&TWO_SHARES, &["--unseal-secret", "secret"], &["--passphrase"]];
    for way in ways {
        let output = house.run_with(&fsck(way), WORDS);
        let said = text(&output.stdout);
        assert!(output.status.success(), "{said}{}", text(&output.stderr));
        assert!(said.contains("The database is sound") && said.contains("Problems  none"), "{said}");
        assert!(text(&output.stderr).contains("checking: "), "{}", text(&output.stderr));
    }
    let found = house.json(&fsck(&TWO_SHARES));
    let store = SqliteStore::open(house.database()).unwrap();
    let rows = store.scan(&Range::all(), Direction::Forward, 1000).unwrap().len();
    assert_eq!((&found["sound"], &found["rows"]), (&true.into(), &rows.into()));
    let rings = found["counts"].as_array().unwrap().iter().find(|count| count["table"] == "0101").unwrap();
    assert_eq!(rings["rows"], 4);
}

#[test]
fn one_flipped_bit_in_a_stored_row_is_found_and_its_place_named() {
    let house = House::new();
    let store = SqliteStore::open(house.database()).unwrap();
    let rows = store.scan(&Range::all(), Direction::Forward, 1000).unwrap();
    let orders = |key: &strongroom::core::RecordKey| format!("{key:?}").contains("\"orders\"");
    let (key, record) = rows.iter().find(|(key, _)| orders(key) && key.table().number() == 0x0101).unwrap();
    let value = record.value.clone();
    drop(store);
    // In the file itself, as a bad disk does it.
    let mut bytes = fs::read(house.database()).unwrap();
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&value)).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + value.len() - 20] ^= 0x10);
    fs::write(house.database(), &bytes).unwrap();

    let output = house.run(&fsck(&TWO_SHARES));
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    assert!(said.contains("NOT SOUND") && said.contains("restore the newest backup"), "{said}");
    assert!(said.contains(&format!("Problem   {key:?}: does not open")), "{said}");
    let output = house.run(&fsck(&[&TWO_SHARES[..], &["--json"]].concat()));
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["sound"], found["problems"].as_array().unwrap().len()), (&false.into(), 1));
    assert_eq!(found["problems"][0]["row"], format!("{key:?}"));
}

#[test]
fn a_database_that_a_server_has_open_is_left_alone() {
    let house = House::new();
    let mut command = crate::support::strongroom();
    command.args(["server", "--insecure-http", "--listen", "127.0.0.1:0", "--data"]).arg(house.path("data"));
    let _server = Server::start(command);
    let said = house.refused(&fsck(&TWO_SHARES));
    assert!(said.contains("in use") && said.contains("stop the process"), "{said}");
}

#[test]
fn shares_that_are_wrong_are_named_by_their_file() {
    let (house, other) = (House::new(), House::new());
    fs::copy(other.path("share-2"), house.path("foreign")).unwrap();
    let mut typo = fs::read(house.path("share-2")).unwrap();
    typo[45] = if typo[45] == b'a' { b'b' } else { b'a' };
    private_file(house.folder.path(), "typo", &typo);
    for (second, says) in [
        ("foreign", "the share in foreign cannot be used: the share belongs to another slot or database"),
        ("typo", "the share in typo cannot be used: the share is damaged"),
        ("share-1", "share 1 was entered twice"),
        ("gone", "gone cannot be read"),
    ] {
        let said = house.refused(&fsck(&["--share-file", "share-1", "--share-file", second]));
        assert!(said.contains(says), "{says}: {said}");
    }
    set_mode(&house.path("share-3"), 0o644);
    let said = house.refused(&fsck(&TWO_SHARES));
    assert!(said.contains("everybody may read share-3") && said.contains("chmod 600"), "{said}");
    let said = house.refused(&fsck(&["--share-file", "share-1"]));
    assert!(said.contains("1 more shares are needed"), "{said}");
    assert_eq!(house.run(&fsck(&[])).status.code(), Some(2), "some way in has to be named");
}

#[test]
fn a_folder_without_a_database_says_so_and_stays_as_it_is() {
    let house = House::new();
    fs::create_dir(house.path("empty")).unwrap();
    for data in ["empty", "gone"] {
        let said = house.refused(&[&["fsck", "--data", data], &TWO_SHARES[..]].concat());
        assert!(said.contains(&format!("no database in {data}")) && said.contains("--data"), "{said}");
    }
    assert!(fs::read_dir(house.path("empty")).unwrap().next().is_none() && !house.path("gone").exists());
    SqliteStore::create(house.path("empty/strongroom.db")).unwrap();
    let said = house.refused(&[&["fsck", "--data", "empty"], &TWO_SHARES[..]].concat());
    assert!(said.contains("holds no database yet"), "{said}");
}
