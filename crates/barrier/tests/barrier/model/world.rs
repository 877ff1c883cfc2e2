use std::{collections::BTreeMap, sync::Arc};

use strongroom_barrier::{NewSlot, Sealed, Share, ShareError, Unlock, UnsealError, Unsealed};
use strongroom_core::{RecordKey, Tenant, Time, fault::FaultStore};
use strongroom_keys::RustCrypto;

use crate::{
    db::{Db, cheap, name, passphrase, secret, value},
    dice::{Dice, seeded},
    token::Token,
};

pub(super) type Id = [u8; 16];

/// What opens a slot, as far as somebody still has it.
#[derive(Debug, Clone)]
pub(super) enum Way {
    File(u8),
    Words(u8),
    Token(u8),
    Shares(Vec<Share>),
    /// The shares of a change whose answer was lost: nobody has them.
    Nobody,
}

/// A set of shares that waits for its confirmation.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) way: Way,
    pub(super) replaces: Id,
    pub(super) made: Time,
}

/// The slots as they should be.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    pub(super) in_use: BTreeMap<Id, Way>,
    pub(super) proposed: BTreeMap<Id, Waiting>,
    /// Ways that opened once, or never came to it.
    pub(super) gone: Vec<Way>,
}

/// A process and its engine, in which a fault can be set.
pub(super) struct Process {
    pub(super) unsealed: Unsealed,
    pub(super) engine: Arc<FaultStore>,
    /// Whether another process removed a slot since it was unsealed: its own may be gone.
    pub(super) may_be_stale: bool,
}

pub(super) struct World {
    pub(super) db: Db,
    provider: Arc<RustCrypto>,
    pub(super) token: Token,
    pub(super) slots: Slots,
    pub(super) processes: Vec<Process>,
    /// All tenants that somebody wrote to, and all that they wrote.
    pub(super) records: BTreeMap<RecordKey, Vec<u8>>,
    pub(super) tenants: Vec<Tenant>,
    pub(super) counter: u8,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (first, split) = (secret(0), strongroom_barrier::Split { shares: 3, threshold: 2 });
        let provider = seeded(seed);
        let db = Db::by(provider.clone(), &[NewSlot::Secret(&first), NewSlot::Shamir(split)]);
        let mut slots = Slots::default();
        for slot in db.slots() {
            let way = if slot.split.is_some() { Way::Shares(db.shares.clone()) } else { Way::File(0) };
            slots.in_use.insert(slot.id, way);
        }
        let unsealed = db.sealed.unseal(&Unlock::Secret(&first)).unwrap();
        let tenants = vec![Tenant::SYSTEM, unsealed.first_tenant()];
        let token = Token::new([7; 32]);
        Self {
            db,
            provider,
            token,
            slots,
            processes: Vec::new(),
            records: BTreeMap::new(),
            tenants,
            counter: 0,
        }
    }

    /// Asks `answer` what becomes of a way in.
    pub(super) fn with_way<T>(&self, way: &Way, answer: impl FnOnce(&Unlock<'_>) -> T) -> Option<T> {
        Some(match way {
            Way::File(byte) => answer(&Unlock::Secret(&secret(*byte))),
            Way::Words(byte) => answer(&Unlock::Passphrase(&words(*byte))),
            Way::Token(byte) => answer(&Unlock::Key(&self.token.key(&format!("key-{byte}")))),
            Way::Shares(shares) => answer(&Unlock::Shares(&shares[..2])),
            Way::Nobody => return None,
        })
    }

    /// Asks `answer` what becomes of a new slot; nothing for shares.
    pub(super) fn with_new<T>(&self, way: &Way, answer: impl FnOnce(&NewSlot<'_>) -> T) -> Option<T> {
        Some(match way {
            Way::File(byte) => answer(&NewSlot::Secret(&secret(*byte))),
            Way::Words(byte) => answer(&NewSlot::Passphrase(&words(*byte), cheap())),
            Way::Token(byte) => answer(&NewSlot::Key(&self.token.key(&format!("key-{byte}")))),
            Way::Shares(_) | Way::Nobody => return None,
        })
    }

    /// Ways in that somebody has.
    pub(super) fn known(&self) -> Vec<(Id, Way)> {
        let known = self.slots.in_use.iter().filter(|(_, way)| !matches!(way, Way::Nobody));
        known.map(|(id, way)| (*id, way.clone())).collect()
    }

    /// What is listed is what should be there; of the ways in one that should open, one that should not, and
    /// one record are tried.
    pub(super) fn check(&self, dice: &mut Dice, when: &str) {
        let status = self.db.sealed.status().unwrap();
        let mut listed: Vec<_> = status.slots.iter().map(|slot| slot.id).collect();
        listed.sort_unstable();
        assert!(self.slots.in_use.keys().eq(&listed), "{when}");
        let mut proposed: Vec<_> = status.proposals.iter().map(|proposal| proposal.id).collect();
        proposed.sort_unstable();
        assert!(self.slots.proposed.keys().eq(&proposed), "{when}");
        let known = self.known();
        let (id, way) = dice.of(&known).unwrap();
        self.opens(*id, way, when);
        self.reads_all(way, when);
        if let Some(way) = dice.of(&self.slots.gone) {
            self.does_not_open(way, when);
        }
        for waiting in self.slots.proposed.values() {
            self.does_not_open(&waiting.way, when);
        }
    }

    pub(super) fn check_everything(&self, when: &str) {
        for (id, way) in self.known() {
            self.opens(id, &way, when);
            self.reads_all(&way, when);
        }
        self.slots.gone.iter().for_each(|way| self.does_not_open(way, when));
    }

    fn opens(&self, id: Id, way: &Way, when: &str) {
        let verified = self.with_way(way, |unlock| self.db.sealed.verify(unlock)).unwrap();
        assert!(matches!(verified, Ok(by) if by == id), "{when}: {way:?} should open: {verified:?}");
    }

    fn does_not_open(&self, way: &Way, when: &str) {
        let verified = self.with_way(way, |unlock| self.db.sealed.verify(unlock));
        let refused = match &verified {
            None => true,
            Some(Err(UnsealError::Share(ShareError::Foreign | ShareError::Proposed))) => true,
            Some(Err(error)) => {
                matches!(
                    error,
                    UnsealError::WrongSecret | UnsealError::WrongPassphrase | UnsealError::WrongKey
                )
            }
            Some(Ok(_)) => false,
        };
        assert!(refused, "{when}: {way:?} should not open: {verified:?}");
    }

    fn reads_all(&self, way: &Way, when: &str) {
        let unsealed = self.with_way(way, |unlock| self.db.sealed.unseal(unlock)).unwrap().unwrap();
        for (key, expected) in &self.records {
            assert_eq!(value(&unsealed, key).unwrap().as_ref(), Some(expected), "{when}");
        }
    }

    /// A new process, by this way in.
    pub(super) fn start(&mut self, way: &Way) {
        let engine = Arc::new(FaultStore::sound(self.db.engine.clone()));
        let sealed = Sealed::open(engine.clone(), self.provider.clone(), self.db.clock.clone()).unwrap();
        let unsealed = self.with_way(way, |unlock| sealed.unseal(unlock)).unwrap().unwrap();
        self.processes.push(Process { unsealed, engine, may_be_stale: false });
    }

    /// A record that is there for good.
    pub(super) fn record(&mut self, tenant: Tenant) -> (RecordKey, Vec<u8>) {
        self.counter = self.counter.wrapping_add(1);
        (name(tenant, &format!("record-{}", self.counter % 8)), vec![self.counter; 3])
    }
}

fn words(byte: u8) -> strongroom_barrier::Passphrase {
    passphrase(&format!("several random words, number {byte}"))
}
