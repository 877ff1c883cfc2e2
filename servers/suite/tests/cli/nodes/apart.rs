//! A server that is cut from the database, while others are not.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use strongroom_store_postgres::testing::{Proxy, Weather};

use super::fleet::{Fleet, by_socket, cluster};
use crate::support::{Client, LONG};

/// From the cut to the first refusal: the lease ends within a second, and this is a loaded machine.
const SOON: Duration = Duration::from_secs(2);

/// From when the network is back to the first answer: a question that it swallowed is given up within a second, and the
/// next one is asked a quarter of a second later.
const BACK: Duration = Duration::from_secs(3);

#[test]
fn a_server_whose_requests_are_lost_refuses_with_a_clear_text_and_recovers_by_itself() {
    is_cut_off_by(Weather::LoseRequests);
}

#[test]
fn a_server_that_gets_no_answers_refuses_with_a_clear_text_and_recovers_by_itself() {
    is_cut_off_by(Weather::LoseAnswers);
}

fn is_cut_off_by(trouble: Weather) {
    let Some((cluster, database)) = cluster() else { return };
    let proxy = Proxy::before(Path::new(cluster.folder()).join(format!(".s.PGSQL.{}", database.port())));
    let apart = format!("postgres://postgres@127.0.0.1:{}/{}", proxy.port(), database.name());
    let stores = vec![by_socket(&cluster, &database), apart];
    let fleet = Fleet::start(cluster, stores);
    let (mut here, mut there) = (fleet.client(0), fleet.client(1));
    here.good("POST", "transit/keys/app", &json!({}));
    let sealed = here.good("POST", "transit/encrypt/app", &json!({ "plaintext": "aGVsbG8=" }));
    let sealed = json!({ "ciphertext": sealed["ciphertext"] });
    let open = |there: &mut Client| there.ask("POST", "transit/decrypt/app", &sealed).unwrap();
    assert_eq!(open(&mut there).0, 200);

    proxy.set(trouble);
    refused(&until(SOON, || Some(open(&mut there)).filter(|(status, _)| *status != 200)));
    here.good("POST", "transit/keys/app/disable", &json!({}));
    refused_soon(|| open(&mut there));
    refused_soon(|| there.ask("POST", "transit/keys/app/rotate", &json!({})).unwrap());

    proxy.set(Weather::Fair);
    let (status, answer) = until(BACK, || Some(open(&mut there)).filter(|(status, _)| *status != 503));
    assert_eq!(status, 400, "{answer}");
    assert!(answer["errors"][0].as_str().unwrap().contains("disabled"), "{answer}");
    here.good("POST", "transit/keys/app/enable", &json!({}));
    until(LONG, || Some(open(&mut there)).filter(|(status, _)| *status == 200));
    // The cut lasted longer than any question for the lease, so one failed: it is never said that it was answered late.
    let said = |text: &str| fleet.logs().contains(text);
    assert!(said("the database does not answer"));
    until(LONG, || said("the database answers again").then_some(()));
    assert!(!said("the database answered late"));
}

fn refused((status, answer): &(u16, Value)) {
    assert_eq!(*status, 503, "{answer}");
    assert!(answer["errors"][0].as_str().unwrap().contains("the database does not answer"), "{answer}");
}

/// An operation waits a second at most for a lease.
fn refused_soon(operation: impl FnOnce() -> (u16, Value)) {
    let asked = Instant::now();
    refused(&operation());
    assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
}

/// Tries until there is something, for so long at most.
fn until<T>(longest: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begun.elapsed() < longest, "it takes too long");
        sleep(Duration::from_millis(10));
    }
}
