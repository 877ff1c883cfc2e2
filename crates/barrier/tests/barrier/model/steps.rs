use std::time::Duration;

use strongroom_barrier::{Reentered, Share, SlotError, Split, Unsealed};
use strongroom_core::{Clock as _, CommitError, Name, StoreError, fault::Fault, run_due};

use super::world::{Id, Process, Slots, Waiting, Way, World};
use crate::{
    db::{SYSTEM, put, value},
    dice::Dice,
};

const FAULTS: [Fault; 4] = [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SPLIT: Split = Split { shares: 3, threshold: 2 };

/// How an operation ended for the process that asked for it.
enum Ended<T> {
    Done(T),
    /// A fault struck, and the process does not know what became of it.
    Struck,
    /// The slot that the process reads roots by is gone.
    Stale,
    Refused(SlotError),
}

impl<T> Ended<T> {
    /// What happened, in a word.
    fn of(&self, what: &str) -> String {
        let how = match self {
            Self::Done(_) => "done",
            Self::Struck => "struck",
            Self::Stale => "stale",
            Self::Refused(_) => "refused",
        };
        format!("{what}: {how}")
    }
}

fn ended<T>(answer: Result<T, SlotError>) -> Ended<T> {
    match answer {
        Ok(done) => Ended::Done(done),
        Err(SlotError::Commit(CommitError::Store(StoreError::Engine(_)))) => Ended::Struck,
        Err(SlotError::Commit(CommitError::Store(StoreError::Invalid(why)))) if why.contains("is gone") => {
            Ended::Stale
        }
        Err(other) => Ended::Refused(other),
    }
}

impl World {
    /// Something happens; answers what.
    pub(super) fn step(&mut self, dice: &mut Dice) -> String {
        if self.processes.is_empty() || (self.processes.len() < 3 && dice.one_in(4)) {
            let known = self.known();
            self.start(&dice.of(&known).unwrap().1);
            return "a process started".into();
        }
        let which = dice.below(self.processes.len());
        match dice.below(14) {
            0 => {
                let process = self.processes.swap_remove(which);
                process.unsealed.seal(Duration::from_secs(10)).unwrap();
                return "a process sealed".into();
            }
            1 => {
                self.db.clock.advance(DAY / 3);
                return "eight hours passed".into();
            }
            _ => {}
        }
        let fault = dice.one_in(2).then(|| (*dice.of(&FAULTS).unwrap(), dice.below(5)));
        let process = self.processes.swap_remove(which);
        if let Some((fault, at)) = fault {
            process.engine.fail(fault, at as u64);
        }
        let (what, stays) = self.act(dice, &process);
        process.engine.mend();
        // A process that crashed is no more; one whose own slot is gone ends.
        if stays && !matches!(fault, Some((Fault::Crash | Fault::CrashAfter, _))) {
            self.processes.push(process);
        }
        what
    }

    /// What a process does, and whether it can go on.
    fn act(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        match dice.below(11) {
            0 | 1 => self.write(dice, process),
            2 => self.maintain(dice, process),
            3 | 4 => self.add(dice, process),
            5 => self.remove(dice, process),
            6 => self.replace(dice, process),
            7 => self.propose(dice, process),
            8 | 9 => self.confirm(dice, process),
            _ => self.cancel_or_label(dice, process),
        }
    }

    fn write(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let tenant = *dice.of(&self.tenants).unwrap();
        let (key, new) = self.record(tenant);
        let written = ended(put(&process.unsealed, &key, &new).map_err(SlotError::from));
        let stays = self.is_known(process, &written);
        // Whether it was written shows to everybody, and it is the new value or the old one.
        let way = self.known().swap_remove(0).1;
        let reader = self.with_way(&way, |unlock| self.db.sealed.unseal(unlock)).unwrap().unwrap();
        let now = value(&reader, &key).unwrap();
        let is_old = !matches!(written, Ended::Done(())) && now.as_ref() == self.records.get(&key);
        assert!(now.as_ref() == Some(&new) || is_old);
        now.map(|now| self.records.insert(key, now));
        (written.of("a record"), stays)
    }

    /// What changes no slot.
    fn maintain(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let unsealed = &process.unsealed;
        let (what, answer): (_, Result<(), CommitError>) = match dice.below(4) {
            0 => ("the root", unsealed.rotate_root(&SYSTEM).map(drop)),
            1 => {
                let tenant = *dice.of(&self.tenants).unwrap();
                ("a tenant's key", unsealed.rotate_tenant(&SYSTEM, tenant).map(drop))
            }
            2 => {
                let made = unsealed.create_tenant(&SYSTEM);
                ("a tenant", made.map(|tenant| self.tenants.push(tenant)))
            }
            _ => ("rewrapping", rewrapped(unsealed, self.db.clock.now())),
        };
        let answer = ended(answer.map_err(SlotError::from));
        (answer.of(what), self.is_known(process, &answer))
    }

    fn add(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        if self.slots.in_use.len() > 6 {
            return ("there are slots enough".into(), true);
        }
        let way = self.new_way(dice);
        let label = dice.one_in(2).then(|| Name::parse("a-label").unwrap());
        let unsealed = &process.unsealed;
        let added = match self.with_new(&way, |new| unsealed.add_slot(&SYSTEM, new, label.as_ref())) {
            Some(added) => ended(added),
            None => ended(unsealed.add_slot(&SYSTEM, &strongroom_barrier::NewSlot::Shamir(SPLIT), None)),
        };
        let (what, stays) = (added.of("adding"), self.is_known(process, &added));
        let (id, way) = match added {
            Ended::Done(added) => (Some(added.id), with_shares(way, added.shares)),
            _ => (None, with_shares(way, Vec::new())),
        };
        let expired = self.slots.expired(self.db.clock.now());
        self.become_after(id.is_some(), move |slots, new| {
            expired.iter().for_each(|id| slots.forget(*id));
            slots.in_use.insert(id.or(new).unwrap(), way.clone());
        });
        (what, stays)
    }

    fn remove(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let ids: Vec<Id> = self.slots.in_use.keys().copied().collect();
        let id = *dice.of(&ids).unwrap();
        let known = self.known();
        // The barrier cannot know that nobody has the secret of a slot; the model can.
        if known.len() == 1 && known[0].0 == id && ids.len() > 1 {
            return ("the last way in that somebody has stays".into(), true);
        }
        let removed = ended(process.unsealed.remove_slot(&SYSTEM, id));
        match &removed {
            Ended::Refused(SlotError::Last) if ids.len() == 1 => {
                return ("the last slot stayed".into(), true);
            }
            _ => assert!(ids.len() > 1 || !matches!(removed, Ended::Done(()))),
        }
        let stays = self.is_known(process, &removed);
        self.become_after(matches!(removed, Ended::Done(())), move |slots, _| slots.end(id));
        (removed.of("removing"), stays)
    }

    fn replace(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let ids: Vec<Id> = self.slots.in_use.keys().copied().collect();
        let (id, way) = (*dice.of(&ids).unwrap(), self.new_way(dice));
        let unsealed = &process.unsealed;
        let Some(replaced) = self.with_new(&way, |new| unsealed.replace_slot(&SYSTEM, id, new)) else {
            let refused = unsealed.replace_slot(&SYSTEM, id, &strongroom_barrier::NewSlot::Shamir(SPLIT));
            assert!(matches!(refused, Err(SlotError::Unconfirmed)));
            return ("shares do not replace at once".into(), true);
        };
        let replaced = ended(replaced);
        let stays = self.is_known(process, &replaced);
        let new_id = if let Ended::Done(added) = &replaced { Some(added.id) } else { None };
        self.become_after(new_id.is_some(), move |slots, new| {
            slots.end(id);
            slots.in_use.insert(new_id.or(new).unwrap(), way.clone());
        });
        (replaced.of("replacing"), stays)
    }

    fn propose(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let now = self.db.clock.now();
        let expired: Vec<Id> = self.slots.expired(now);
        if self.slots.proposed.len() > expired.len() + 4 {
            return ("there are proposals enough".into(), true);
        }
        let ids: Vec<Id> = self.slots.in_use.keys().copied().collect();
        let replaces = *dice.of(&ids).unwrap();
        let proposed = ended(process.unsealed.propose(&SYSTEM, replaces, SPLIT));
        let (what, stays) = (proposed.of("proposing"), self.is_known(process, &proposed));
        let (id, way) = match proposed {
            Ended::Done(proposed) => (Some(proposed.id), Way::Shares(proposed.shares)),
            _ => (None, Way::Nobody),
        };
        self.become_after(id.is_some(), move |slots, new| {
            expired.iter().for_each(|id| slots.forget(*id));
            slots.proposed.insert(id.or(new).unwrap(), Waiting { way: way.clone(), replaces, made: now });
        });
        (what, stays)
    }

    fn confirm(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let waiting: Vec<(Id, Waiting)> = self.slots.proposed.clone().into_iter().collect();
        let Some((id, waiting)) = dice.of(&waiting).cloned() else { return ("nothing waits".into(), true) };
        let Way::Shares(shares) = &waiting.way else { return ("nobody has these shares".into(), true) };
        let (entered, reentered) = match dice.below(3) {
            0 => (&shares[..2], Reentered::All),
            1 => (&shares[1..], Reentered::Threshold),
            _ => (&shares[..], Reentered::All),
        };
        let confirmed = ended(process.unsealed.confirm(&SYSTEM, entered, reentered));
        let enough = entered.len() == 3 || reentered == Reentered::Threshold;
        let in_time = self.db.clock.now() < waiting.made + DAY;
        let is_there = self.slots.in_use.contains_key(&waiting.replaces);
        let allowed = match &confirmed {
            Ended::Done(done) => {
                enough && in_time && is_there && (done.id, done.replaced) == (id, waiting.replaces)
            }
            Ended::Refused(SlotError::Share(_)) => !enough,
            Ended::Refused(SlotError::Expired) => !in_time,
            Ended::Refused(SlotError::Superseded) => !is_there,
            Ended::Refused(_) => false,
            Ended::Struck | Ended::Stale => true,
        };
        assert!(allowed, "enough: {enough}, in time: {in_time}, the old one is there: {is_there}");
        let stays = matches!(confirmed, Ended::Refused(_)) || self.is_known(process, &confirmed);
        if enough && in_time && is_there {
            self.become_after(matches!(confirmed, Ended::Done(_)), move |slots, _| {
                slots.end(waiting.replaces);
                slots.proposed.remove(&id);
                slots.in_use.insert(id, waiting.way.clone());
            });
        }
        (confirmed.of("confirming"), stays)
    }

    fn cancel_or_label(&mut self, dice: &mut Dice, process: &Process) -> (String, bool) {
        let proposed: Vec<Id> = self.slots.proposed.keys().copied().collect();
        if let Some(id) = dice.of(&proposed).copied().filter(|_| dice.one_in(2)) {
            let cancelled = ended(process.unsealed.cancel(&SYSTEM, id));
            let stays = self.is_known(process, &cancelled);
            self.become_after(matches!(cancelled, Ended::Done(())), move |slots, _| slots.forget(id));
            return (cancelled.of("cancelling"), stays);
        }
        let ids: Vec<Id> = self.slots.in_use.keys().chain(&proposed).copied().collect();
        let label = Name::parse("another-label").unwrap();
        let labelled = ended(process.unsealed.label_slot(&SYSTEM, *dice.of(&ids).unwrap(), Some(&label)));
        (labelled.of("labelling"), self.is_known(process, &labelled))
    }

    /// A way in that no slot had yet.
    fn new_way(&mut self, dice: &mut Dice) -> Way {
        self.counter = self.counter.wrapping_add(1);
        let has_words = self.slots.in_use.values().any(|way| matches!(way, Way::Words(_)));
        match dice.below(6) {
            0 | 1 => Way::Shares(Vec::new()),
            2 if !has_words => Way::Words(self.counter),
            3 => Way::Token(self.counter),
            _ => Way::File(self.counter),
        }
    }

    /// Whether the process goes on; an ending that nothing explains is none that may happen.
    fn is_known<T>(&self, process: &Process, ended: &Ended<T>) -> bool {
        match ended {
            Ended::Done(_) | Ended::Struck => true,
            Ended::Stale => {
                assert!(process.may_be_stale, "nobody else removed a slot");
                false
            }
            Ended::Refused(error) => unreachable!("{error:?}"),
        }
    }

    /// The slots after a change, or as they were: after it if it was `done`. Its new slot is told by the
    /// listing, where its answer was lost.
    fn become_after(&mut self, done: bool, change: impl Fn(&mut Slots, Option<Id>)) {
        let status = self.db.sealed.status().unwrap();
        let listed: Vec<Id> =
            status.slots.iter().map(|slot| slot.id).chain(status.proposals.iter().map(|p| p.id)).collect();
        let known = |id: &Id| self.slots.in_use.contains_key(id) || self.slots.proposed.contains_key(id);
        let new = listed.iter().find(|id| !known(id)).copied();
        let as_it_was = self.slots.in_use.len() + self.slots.proposed.len() == listed.len()
            && listed.iter().all(known)
            && status.slots.iter().all(|slot| self.slots.in_use.contains_key(&slot.id));
        if as_it_was {
            assert!(!done, "a change that was answered is not there");
            return;
        }
        let before: Vec<Id> = self.slots.in_use.keys().copied().collect();
        change(&mut self.slots, new);
        if before.iter().any(|id| !self.slots.in_use.contains_key(id)) {
            self.processes.iter_mut().for_each(|process| process.may_be_stale = true);
        }
    }
}

impl Slots {
    fn end(&mut self, id: Id) {
        let way = self.in_use.remove(&id).unwrap();
        self.gone.push(way);
    }

    fn forget(&mut self, id: Id) {
        let waiting = self.proposed.remove(&id).unwrap();
        self.gone.push(waiting.way);
    }

    fn expired(&self, now: strongroom_core::Time) -> Vec<Id> {
        self.proposed.iter().filter(|(_, waiting)| now >= waiting.made + DAY).map(|(id, _)| *id).collect()
    }
}

fn with_shares(way: Way, shares: Vec<Share>) -> Way {
    match way {
        Way::Shares(_) if shares.is_empty() => Way::Nobody,
        Way::Shares(_) => Way::Shares(shares),
        other => other,
    }
}

fn rewrapped(unsealed: &Unsealed, now: strongroom_core::Time) -> Result<(), CommitError> {
    let report = run_due(unsealed, &[unsealed], now, Duration::from_secs(60))?;
    report.failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}
