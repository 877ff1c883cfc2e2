//! Servers are killed and started again while clients ask all of them. Nothing that was
//! answered is lost, nothing happens twice, and what was taken is served by nobody.

use std::{
    collections::{HashMap, HashSet},
    env,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use strongroom_store_postgres::testing::{Cluster, Database};

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

/// The address of a database for `--store`, by its socket.
pub(crate) fn by_socket(cluster: &Cluster, database: &Database) -> String {
    let folder = cluster.folder().replace('/', "%2F");
    format!("postgres://postgres@{folder}:{}/{}", database.port(), database.name())
}

#[test]
fn what_three_servers_answered_can_have_happened_one_after_the_other_although_all_are_killed() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let store = by_socket(&cluster, &cluster.database());
    let storm = Storm { fleet: Fleet::start(vec![store; 3]) };
    let seconds = env::var(VARIABLE).ok().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let (begun, mut rounds) = (Instant::now(), Vec::new());
    while begun.elapsed() < seconds.unwrap_or(USUAL) {
        rounds.push(storm.round(rounds.len()));
    }
    let count = |is: fn(Act, Answer) -> bool| -> usize {
        rounds.iter().map(|round| round.history.count(|_, act, answer| is(act, answer))).sum()
    };
    assert!(count(|act, answer| matches!(act, Act::Decrypt(_)) && answer == Answer::Done) > 50);
    assert!(count(|act, answer| matches!(act, Act::Disable | Act::Delete) && answer == Answer::Done) > 0);
    rounds.iter().for_each(|round| each_change_has_one_event(round, &storm.fleet));
}

struct Storm {
    fleet: Fleet,
}

impl Storm {
    fn round(&self, number: usize) -> Load<String> {
        let rings = (0..6).map(|ring| format!("storm-{number}-{ring}")).collect();
        let load = Load::on(self.fleet.len(), rings);
        let client = || Remote::to(&self.fleet);
        load.begin(&mut client(), number % self.fleet.len());
        thread::scope(|scope| {
            let load = &load;
            for (role, count) in ROLES {
                (0..count).for_each(|_| drop(scope.spawn(move || load.work(role, &mut client()))));
            }
            scope.spawn(move || self.destroy(load));
            sleep(ROUND);
            load.end();
        });
        load.look(&mut client());
        let unexplained = load.history.unexplained();
        assert!(unexplained.is_empty(), "round {number}: {}", unexplained.join("\n"));
        load
    }

    /// Kills one after the other.
    fn destroy(&self, load: &Load<String>) {
        let mut dice = Dice::new();
        let pause = |dice: &mut Dice, longest| Duration::from_millis(dice.below(longest) as u64);
        while !load.is_over() {
            sleep(pause(&mut dice, 1_500));
            self.fleet.kill(dice.below(self.fleet.len()), pause(&mut dice, 300));
        }
    }
}

type Same = fn(Act) -> bool;
const CHANGES: [(&str, Same); 6] = [
    ("Create", |act| matches!(act, Act::Create { .. })),
    ("Rotate", |act| matches!(act, Act::Rotate)),
    ("Enable", |act| matches!(act, Act::Enable)),
    ("Disable", |act| matches!(act, Act::Disable)),
    ("Configure", |act| matches!(act, Act::Least(_))),
    ("Delete", |act| matches!(act, Act::Delete)),
];

/// How many changes of each ring the servers have logged, by what they were. Each event counts once: who dies before an
/// event is removed leaves it to the next, which logs it again.
fn logged(fleet: &Fleet) -> HashMap<(String, String), usize> {
    let logs = fleet.logs();
    let events: HashSet<_> = logs.lines().filter_map(|line| Some(&line[line.find("Event {")?..])).collect();
    let mut counts = HashMap::new();
    for event in events.iter().filter(|event| event.contains("outcome: Allowed")) {
        let after = |mark, end| event.split_once(mark)?.1.split_once(end).map(|(found, _)| found.to_owned());
        if let (Some(ring), Some(action)) = (after("resource: Some(\"", "\""), after("action: ", ",")) {
            *counts.entry((ring, action)).or_default() += 1;
        }
    }
    counts
}

/// Of each kind there are as many events as changes that were answered, and perhaps some that were not.
fn each_change_has_one_event(load: &Load<String>, fleet: &Fleet) {
    let (mut counts, begun) = (logged(fleet), Instant::now());
    for (ring, (action, same)) in load.rings().iter().flat_map(|ring| CHANGES.map(|change| (ring, change))) {
        let count = |is: fn(Answer) -> bool| {
            load.history.count(|name, act, answer| name == ring && same(act) && is(answer))
        };
        let answered = count(|answer| !matches!(answer, Answer::Unknown | Answer::Refused(_)));
        let most = answered + count(|answer| answer == Answer::Unknown);
        // Who creates may have found it.
        let least = if action == "Create" { answered.min(1) } else { answered };
        let key = (ring.clone(), action.to_owned());
        // The last ones may wait for a server to log them.
        while counts.get(&key).copied().unwrap_or(0) < least && begun.elapsed() < LONG {
            sleep(Duration::from_millis(100));
            counts = logged(fleet);
        }
        let found = counts.get(&key).copied().unwrap_or(0);
        assert!((least..=most).contains(&found), "{ring} {action}: {least} to {most}, not {found}");
    }
}
