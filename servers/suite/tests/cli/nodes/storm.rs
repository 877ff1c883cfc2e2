//! Servers are killed and started again, and so is the database, while clients ask all of them. Nothing that was
//! answered is lost, nothing happens twice, and what was taken is served by nobody.

use std::{
    collections::HashMap,
    env,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{fleet::Fleet, remote::Remote};
use crate::{
    linear::{Act, Answer, Dice, Load, ROLES},
    support::LONG,
};

/// For how many seconds; more of them show more.
const VARIABLE: &str = "STRONGROOM_TEST_STORM_SECONDS";
const USUAL: Duration = Duration::from_secs(15);
/// Each round has rings of its own, so that what was never answered does not pile up.
const ROUND: Duration = Duration::from_secs(4);

#[test]
fn what_three_servers_answered_can_have_happened_one_after_the_other_although_all_are_killed() {
    let Some(fleet) = Fleet::of_three() else { return };
    let begin = fleet.client(0).good("GET", "audit/tail", &Value::Null);
    let from = begin["next"].as_str().unwrap();
    let seconds = env::var(VARIABLE).ok().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let (begun, mut rounds) = (Instant::now(), Vec::new());
    while begun.elapsed() < seconds.unwrap_or(USUAL) {
        rounds.push(round(&fleet, rounds.len()));
    }
    let count = |is: fn(Act, Answer) -> bool| -> usize {
        rounds.iter().map(|round| round.history.count(|_, act, answer| is(act, answer))).sum()
    };
    assert!(count(|act, answer| matches!(act, Act::Decrypt(_)) && answer == Answer::Done) > 50);
    assert!(count(|act, answer| matches!(act, Act::Disable | Act::Delete) && answer == Answer::Done) > 0);
    rounds.iter().for_each(|round| each_change_has_one_event(round, &fleet, from));
}

fn round(fleet: &Fleet, number: usize) -> Load<String> {
    let rings = (0..6).map(|ring| format!("storm-{number}-{ring}")).collect();
    let load = Load::on(fleet.len(), rings);
    let client = || Remote::to(fleet);
    load.begin(&mut client(), number % fleet.len());
    thread::scope(|scope| {
        let load = &load;
        for (role, count) in ROLES {
            (0..count).for_each(|_| drop(scope.spawn(move || load.work(role, &mut client()))));
        }
        scope.spawn(move || destroy(fleet, number, load));
        sleep(ROUND);
        load.end();
    });
    load.look(&mut client());
    let unexplained = load.history.unexplained();
    assert!(unexplained.is_empty(), "round {number}: {}", unexplained.join("\n"));
    load
}

/// Kills one server after the other; in every second round the database first.
fn destroy(fleet: &Fleet, number: usize, load: &Load<String>) {
    let mut dice = Dice::new();
    let pause = |dice: &mut Dice, longest| Duration::from_millis(dice.below(longest) as u64);
    if number % 2 == 1 {
        sleep(pause(&mut dice, 1_000));
        fleet.restart_database();
    }
    while !load.is_over() {
        sleep(pause(&mut dice, 1_500));
        fleet.kill(dice.below(fleet.len()), pause(&mut dice, 300));
    }
}

type Same = fn(Act) -> bool;
const CHANGES: [(&str, Same); 6] = [
    ("create", |act| matches!(act, Act::Create { .. })),
    ("rotate", |act| matches!(act, Act::Rotate)),
    ("enable", |act| matches!(act, Act::Enable)),
    ("disable", |act| matches!(act, Act::Disable)),
    ("configure", |act| matches!(act, Act::Least(_))),
    ("delete", |act| matches!(act, Act::Delete)),
];

/// How many changes of each ring the log of events tells of, by what they were, from a place on.
fn logged(fleet: &Fleet, from: &str) -> HashMap<(String, String), usize> {
    let (mut client, mut next, mut counts) = (fleet.client(0), from.to_owned(), HashMap::new());
    loop {
        let path = format!("audit/tail?service=kms&outcome=allowed&limit=1000&after={next}");
        let page = client.good("GET", &path, &Value::Null);
        page["next"].as_str().unwrap().clone_into(&mut next);
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            return counts;
        }
        for event in events {
            let word = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
            *counts.entry((word("resource"), word("action"))).or_default() += 1;
        }
    }
}

/// Of each kind there are as many events as changes that were answered, and perhaps some that were not.
fn each_change_has_one_event(load: &Load<String>, fleet: &Fleet, from: &str) {
    let (mut counts, begun) = (logged(fleet, from), Instant::now());
    for (ring, (action, same)) in load.rings().iter().flat_map(|ring| CHANGES.map(|change| (ring, change))) {
        let count = |is: fn(Answer) -> bool| {
            load.history.count(|name, act, answer| name == ring && same(act) && is(answer))
        };
        let answered = count(|answer| !matches!(answer, Answer::Unknown | Answer::Refused(_)));
        let most = answered + count(|answer| answer == Answer::Unknown);
        // Who creates may have found it.
        let least = if action == "create" { answered.min(1) } else { answered };
        let key = (ring.clone(), action.to_owned());
        // The last ones may wait for a server to take them over.
        while counts.get(&key).copied().unwrap_or(0) < least && begun.elapsed() < LONG {
            sleep(Duration::from_millis(100));
            counts = logged(fleet, from);
        }
        let found = counts.get(&key).copied().unwrap_or(0);
        assert!((least..=most).contains(&found), "{ring} {action}: {least} to {most}, not {found}");
    }
}
