//! How keys are shown.

use serde_json::json;

use super::Used;

/// The times of a table, which are those of the run, as letters.
fn timeless(text: &str) -> String {
    let word = |word: &str| {
        let is_time = word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
        if is_time { "<time>" } else { word }.to_owned()
    };
    text.split_inclusive(char::is_whitespace)
        .map(|part| {
            part.strip_suffix(char::is_whitespace)
                .map_or_else(|| word(part), |head| word(head) + &part[head.len()..])
        })
        .collect()
}

fn with_keys() -> Used {
    let used = Used::new();
    for (name, kind) in [("app-1", "aes256-gcm96"), ("app-long-name", "ml-dsa-44"), ("web", "ed25519")] {
        used.good(&["key", "create", name, "--type", kind]);
    }
    used.good(&["key", "rotate", "app-1"]);
    used.good(&["key", "disable", "web"]);
    used
}

#[test]
fn the_table_of_keys_has_columns_as_wide_as_needed() {
    let used = with_keys();
    assert_eq!(
        timeless(&used.good(&["key", "list"])),
        "NAME           TYPE          STATE     MADE\n\
         app-1          aes256-gcm96  active    <time>\n\
         app-long-name  ml-dsa-44     active    <time>\n\
         web            ed25519       disabled  <time>\n"
    );
    assert_eq!(
        timeless(&used.good(&["key", "list", "--prefix", "app-1", "--versions"])),
        "NAME   TYPE          STATE   MADE                      NEWEST  DECRYPTS FROM\n\
         app-1  aes256-gcm96  active  <time>  2       1\n"
    );
}

#[test]
fn filters_leave_what_fits_and_a_limit_ends_the_list() {
    let used = with_keys();
    for (filter, names) in [
        (&["--type", "ed25519"][..], &["web"][..]),
        (&["--state", "disabled"], &["web"]),
        (&["--prefix", "app", "--state", "active"], &["app-1", "app-long-name"]),
        (&["--limit", "2"], &["app-1", "app-long-name"]),
        (&["--made-before", "2020-01-01T00:00:00Z"], &[]),
        (&["--made-after", "2020-01-01T00:00:00Z"], &["app-1", "app-long-name", "web"]),
    ] {
        let listed = used.json(&[&["key", "list"], filter].concat(), "");
        let listed: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
        assert_eq!(listed, names, "{filter:?}");
    }
    assert_eq!(used.good(&["key", "list", "--prefix", "none"]), "No keys.\n");
    assert!(used.fails(&["key", "list", "--state", "broken"], "").contains("state must be"));
}

#[test]
fn a_key_is_shown_with_its_versions() {
    let used = with_keys();
    used.good(&["key", "version", "suspend", "app-1", "1"]);
    assert_eq!(
        timeless(&used.good(&["key", "read", "app-1"])),
        "Name         app-1\n\
         Type         aes256-gcm96\n\
         State        active\n\
         Newest       2\n\
         Decrypts     from version 1\n\
         Exportable   false\n\
         Deletable    false\n\
         \n\
         VERSION  STATE      MADE\n\
         1        suspended  <time>\n\
         2        active     <time>\n"
    );
}

#[test]
fn a_list_longer_than_a_page_is_whole() {
    let used = Used::new();
    let mut client = used.0.setup.client(&used.0.server, &used.0.token);
    let names: Vec<_> = (0..1_003).map(|number| format!("k{number:04}")).collect();
    names.iter().for_each(|name| drop(client.good("POST", &format!("transit/keys/{name}"), &json!({}))));
    let listed = used.json(&["key", "list"], "");
    let listed: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
    assert_eq!(listed, names.iter().collect::<Vec<_>>());
}
