//! Several servers are initialized once, sealed together, unsealed one by one, and do what is due once.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::fleet::Fleet;
use crate::support::LONG;

const PLAIN: &str = "aGVsbG8=";

/// Encrypts by one server and decrypts by each.
fn used_by_all(fleet: &Fleet, ring: &str) {
    let sealed =
        fleet.client(0).good("POST", &format!("transit/encrypt/{ring}"), &json!({ "plaintext": PLAIN }));
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    for node in 0..fleet.len() {
        let opened = fleet.client(node).good("POST", &format!("transit/decrypt/{ring}"), &sealed);
        assert_eq!(opened["plaintext"], PLAIN);
    }
}

#[test]
fn servers_that_start_together_on_an_empty_database_are_initialized_once_and_hear_of_it() {
    let Some(fleet) = Fleet::of_three() else { return };
    for node in 0..3 {
        let how = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let (status, answer) = fleet.client(node).ask("PUT", "sys/init", &how).unwrap();
        assert_eq!(status, 400, "{answer}");
        assert!(answer["errors"][0].as_str().unwrap().contains("already initialized"), "{answer}");
    }
    fleet.client(2).good("POST", "transit/keys/app", &json!({}));
    used_by_all(&fleet, "app");
}

#[test]
fn when_sealing_one_server_has_returned_none_serves_and_each_is_unsealed_by_itself() {
    let Some(fleet) = Fleet::of_three() else { return };
    fleet.client(0).good("POST", "transit/keys/app", &json!({}));
    used_by_all(&fleet, "app");
    let mut clients: Vec<_> = (0..3).map(|node| fleet.client(node)).collect();
    clients[1].good("PUT", "sys/seal", &Value::Null);
    for client in &mut clients {
        let asked = client.ask("POST", "transit/encrypt/app", &json!({ "plaintext": PLAIN })).unwrap();
        assert_eq!(asked.0, 503, "{}", asked.1);
    }
    (0..3).for_each(|node| fleet.until_sealed_is(node, true));
    fleet.unseal(2);
    // Longer than a server looks after anything.
    sleep(Duration::from_millis(1_500));
    assert_eq!([0, 1, 2].map(|node| fleet.is_sealed(node)), [true, true, false]);
    clients[2].good("POST", "transit/encrypt/app", &json!({ "plaintext": PLAIN }));
    [0, 1].iter().for_each(|node| fleet.unseal(*node));
    used_by_all(&fleet, "app");
}

#[test]
fn what_is_due_after_a_renewal_is_done_once_by_three_servers() {
    let Some(fleet) = Fleet::of_three() else { return };
    let mut client = fleet.client(0);
    client.good("POST", "transit/keys/app", &json!({}));
    let begun = Instant::now();
    let root = client.good("POST", "sys/renew", &json!({}))["root"].clone();
    while client.good("GET", &format!("sys/renew/{root}"), &Value::Null)["done"] != true {
        assert!(begun.elapsed() < LONG, "{}", fleet.logs());
        sleep(Duration::from_millis(50));
    }
    // Who comes late finds nothing left.
    sleep(Duration::from_millis(1_500));
    for node in 0..3 {
        let status = fleet.client(node).good("GET", "sys/rotation/status", &Value::Null);
        assert_eq!(status["root"]["version"], 2, "{status}");
        let tenants = status["tenants"].as_array().unwrap();
        assert_eq!(tenants.len(), 2, "{status}");
        for tenant in tenants {
            let versions: Vec<_> = tenant["versions"].as_array().unwrap().iter().collect();
            assert_eq!((versions.len(), &versions[0]["version"]), (1, &json!(2)), "{status}");
        }
    }
    used_by_all(&fleet, "app");
}
