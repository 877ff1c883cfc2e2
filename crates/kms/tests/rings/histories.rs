//! The checker of histories: what it accepts, and what it must reject.

use std::time::Duration;

use strongroom_core::Lease;

use crate::linear::{
    Act::{self, *},
    Answer::{self, Done, Made, Refused, Unknown, Version},
    Call, Operation, Shown, State, Text, To,
    search::check,
};

pub(crate) const FIRST: [u8; 16] = [1; 16];
pub(crate) const SECOND: [u8; 16] = [2; 16];

pub(crate) const CREATE: Act = Create { may_exist: false };

/// An operation through a node, from one millisecond to another.
pub(crate) fn at(node: usize, begun: u64, ended: u64, act: Act, answer: Answer) -> Operation<Call> {
    let ended = (answer != Unknown).then(|| Duration::from_millis(ended));
    Operation { node, call: Call { act, answer }, begun: Duration::from_millis(begun), ended }
}

pub(crate) fn text(id: [u8; 16], version: u32) -> Text {
    Text { id, version }
}

pub(crate) fn linear(history: &[Operation<Call>]) -> bool {
    check(State::default(), history).is_ok()
}

/// A ring of two versions, from before 100 ms on.
fn begun() -> Vec<Operation<Call>> {
    vec![
        at(0, 0, 10, CREATE, Done),
        at(0, 20, 30, Rotate, Version(2)),
        at(0, 40, 50, Encrypt, Made(text(FIRST, 2))),
    ]
}

/// What goes on after [`begun`]. Everything in it is long after what is given there.
fn goes_on(later: &[Operation<Call>]) -> bool {
    let mut history = begun();
    history.extend(later.iter().cloned().map(|mut operation| {
        operation.begun += LONG;
        operation.ended = operation.ended.map(|ended| ended + LONG);
        operation
    }));
    linear(&history)
}

const LONG: Duration = Duration::from_secs(10);
const OPENS: Act = Decrypt(Text { id: FIRST, version: 2 });
pub(crate) const OPENS_FIRST: Act = Decrypt(Text { id: FIRST, version: 1 });

#[test]
fn what_happened_one_after_the_other_is_accepted() {
    assert!(goes_on(&[
        at(1, 0, 10, OPENS, Done),
        at(1, 20, 1030, Act::Least(2), Done),
        at(2, 1040, 1050, OPENS_FIRST, Refused("too old")),
        at(2, 1060, 2070, Disable, Done),
        at(0, 2080, 2090, OPENS, Refused("disabled")),
        at(0, 2080, 2090, Rotate, Refused("disabled")),
        at(1, 2100, 2110, Enable, Done),
        at(1, 2120, 2130, Encrypt, Made(text(FIRST, 2))),
        at(1, 2140, 3150, Delete, Done),
        at(0, 3160, 3170, OPENS, Refused("not found")),
        at(0, 3180, 3190, CREATE, Done),
        at(0, 3200, 3210, Encrypt, Made(text(SECOND, 1))),
        at(0, 3220, 3230, OPENS, Refused("does not open")),
        at(0, 3240, 3250, Delete, Refused("not deletable")),
    ]));
}

#[test]
fn a_stale_read_after_a_returned_revocation_is_rejected_and_before_it_returned_accepted() {
    let revocations = [
        (Disable, OPENS, "disabled"),
        (Act::Least(2), OPENS_FIRST, "too old"),
        (Act::State(2, To::Suspended), OPENS, "suspended"),
        (Act::State(1, To::Compromised), OPENS_FIRST, "compromised"),
        (Delete, OPENS, "not found"),
    ];
    for (revoke, used, refusal) in revocations {
        let stale = |begun| {
            goes_on(&[
                at(0, 0, 1010, Act::Least(1), Done),
                at(0, 1100, 2200, revoke, Done),
                // Its own node refuses at once, and a read of the database tells.
                at(0, 1150, 1160, used, Refused(refusal)),
                at(1, begun, begun + 5, used, Done),
            ])
        };
        assert!(stale(1050) && stale(1200) && stale(2160), "{revoke:?}: nobody was told yet");
        assert!(!stale(2161), "{revoke:?}: it had happened a lease ago");
        assert!(!stale(2201), "{revoke:?}: it had returned");
    }
}

#[test]
fn what_is_given_may_be_heard_of_late_but_not_later_than_a_lease() {
    let heard = |node, begun| {
        goes_on(&[
            at(0, 0, 1010, Disable, Done),
            at(0, 2000, 2010, Enable, Done),
            at(node, begun, begun + 5, OPENS, Refused("disabled")),
        ])
    };
    let last = 2010 + u64::try_from(Lease::AWAITED.as_millis()).unwrap();
    assert!(heard(1, 2020) && heard(1, last));
    assert!(!heard(1, last + 1));
    assert!(heard(0, 2005) && !heard(0, 2020), "its own node knows at once");
}

#[test]
fn a_lost_acknowledged_write_is_rejected() {
    let shown = |newest, least, enabled| Answer::Shown(Shown { newest, least, enabled });
    let lost: [&[_]; 6] = [
        &[at(0, 0, 5, Rotate, Version(3)), at(1, 10, 15, Read, shown(2, 1, true))],
        &[at(0, 0, 5, Act::Least(2), Done), at(1, 10, 15, Read, shown(2, 1, true))],
        &[at(0, 0, 5, Disable, Done), at(1, 10, 15, Read, shown(2, 1, true))],
        &[at(0, 0, 5, Rotate, Version(3)), at(0, 10, 15, Encrypt, Made(text(FIRST, 2)))],
        &[at(0, 0, 5, Rotate, Version(3)), at(1, 2000, 2005, Encrypt, Made(text(FIRST, 2)))],
        &[at(1, 0, 5, Read, Refused("not found"))],
    ];
    lost.iter().for_each(|history| assert!(!goes_on(history), "{history:?}"));
    assert!(goes_on(&[at(0, 0, 5, Rotate, Version(3)), at(1, 10, 15, Read, shown(3, 1, true))]));
}

#[test]
fn a_write_that_happened_twice_is_rejected() {
    let shown = |newest| Answer::Shown(Shown { newest, least: 1, enabled: true });
    assert!(!goes_on(&[at(0, 0, 5, Rotate, Version(3)), at(0, 10, 15, Read, shown(4))]));
    assert!(!goes_on(&[at(0, 0, 5, Rotate, Version(4))]));
    assert!(!goes_on(&[at(0, 0, 5, Rotate, Version(3)), at(1, 0, 5, Rotate, Version(3))]));
    assert!(!goes_on(&[at(0, 0, 5, CREATE, Done)]));
    assert!(!goes_on(&[at(0, 0, 5, Rotate, Unknown), at(0, 10, 15, Read, shown(4))]));
}

#[test]
fn what_was_never_answered_may_have_happened_at_any_time_or_never_but_once() {
    let shown = |newest, enabled| Answer::Shown(Shown { newest, least: 1, enabled });
    let lost = || at(0, 0, 0, Rotate, Unknown);
    assert!(goes_on(&[lost(), at(1, 10, 15, Read, shown(2, true))]));
    assert!(goes_on(&[lost(), at(1, 10, 15, Read, shown(2, true)), at(1, 5000, 5005, Read, shown(3, true))]));
    assert!(!goes_on(&[lost(), at(1, 10, 15, Read, shown(3, true)), at(1, 20, 25, Read, shown(2, true))]));
    assert!(
        !goes_on(&[at(1, 0, 5, Read, shown(3, true)), at(0, 10, 0, Rotate, Unknown)]),
        "not before it began"
    );
    let disables = || at(0, 0, 0, Disable, Unknown);
    assert!(goes_on(&[disables(), at(1, 10, 15, OPENS, Refused("disabled"))]));
    assert!(goes_on(&[disables(), at(1, 10, 15, OPENS, Done)]));
}

#[test]
fn a_key_that_was_deleted_does_not_come_back_under_its_name() {
    let again = |act, answer| {
        goes_on(&[
            at(0, 0, 1010, Act::Least(1), Done),
            at(0, 1020, 2030, Delete, Done),
            at(0, 2040, 2050, CREATE, Done),
            at(0, 2060, 2070, act, answer),
        ])
    };
    assert!(again(OPENS_FIRST, Refused("does not open")));
    assert!(!again(OPENS_FIRST, Done));
    assert!(!again(Encrypt, Made(text(FIRST, 1))));
    assert!(again(Encrypt, Made(text(SECOND, 1))));
}

#[test]
fn what_is_compromised_never_opens_again_and_what_was_suspended_may() {
    let again = |to, answer| {
        goes_on(&[
            at(0, 0, 1010, Act::State(2, to), Done),
            at(0, 1020, 1030, Act::State(2, To::Active), answer),
            at(0, 1040, 1050, OPENS, if answer == Done { Done } else { answer }),
        ])
    };
    assert!(again(To::Suspended, Done) && !again(To::Suspended, Refused("suspended")));
    assert!(again(To::Compromised, Refused("compromised")) && !again(To::Compromised, Done));
}
