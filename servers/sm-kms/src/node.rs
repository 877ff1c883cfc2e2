use std::{
    error::Error,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use strongroom::{
    Strongroom,
    audit::{AuditError, AuditLog, Pruner},
};
use strongroom_barrier::{
    Collector, CreateError, Entered, NewSlot, OpenError, Passphrase, Sealed, Share, Split, Unlock,
    UnsealError, Unsealed,
};
use strongroom_core::{
    Action, Class, Clock, CommitError, Detail, Failure, KeyError, Lease, Outbox, Provider, RecordKey,
    Refusal, StillInside, Store, StoreError, Verdict, Worker, run_due,
};
use strongroom_identity::{RootToken, Tokens};
use strongroom_keys::SelfTestFailed;
use strongroom_kms::Kms;
use strongroom_serve::{DEEP, wiping_stack};

use zeroize::Zeroizing;

use crate::{Asker, Backups, SecretFile, SecretFileError, Spool, journal::Journal, ledger::Ledger};

/// One database as a server has it: uninitialised, sealed or open.
pub struct Node {
    store: Arc<dyn Store>,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    secrets: Vec<SecretFile>,
    collector: Collector,
    /// Shares of proposed sets.
    confirming: Collector,
    /// A passphrase takes much memory: one at a time.
    passphrases: Mutex<()>,
    backups: Option<Backups>,
    serves: Serves,
    /// Whether the last renewal of the lease failed.
    out_of_touch: AtomicBool,
    journal: Journal,
    state: RwLock<State>,
}

/// What a server offers beside `sys` and `auth`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Serves {
    /// Key rings and the log of events.
    #[default]
    KeysAndLog,
    /// The log of events alone.
    Log,
}

enum State {
    Uninitialized,
    Sealed(Sealed),
    Open(Sealed, Open),
}

/// An open database and what works on it. Cheap to clone; useless once sealed.
#[derive(Debug, Clone)]
pub struct Open {
    /// The barrier.
    pub unsealed: Unsealed,
    /// Barrier and key rings, as an application has them.
    pub room: Strongroom,
    /// Key rings.
    pub kms: Kms,
    /// Tokens.
    pub tokens: Tokens,
    /// Where events go.
    pub outbox: Arc<Outbox>,
    /// Where they go from there.
    ledger: Ledger,
}

/// A change of a node's state failed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It was not initialised.
    #[error("not initialized: initialize it first")]
    Uninitialized,
    /// The database cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not unseal.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// Another passphrase is being tried.
    #[error("another passphrase is being tried: try again")]
    Busy,
    /// The file of a secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A change was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It is sealed, but operations have not ended yet.
    #[error(transparent)]
    StillInside(#[from] StillInside),
    /// A primitive does not compute what it should.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailed),
}

impl From<KeyError> for NodeError {
    fn from(error: KeyError) -> Self {
        Self::Store(error.into())
    }
}

const SEAL_WAIT: Duration = Duration::from_secs(10);
const WRONG: Verdict = Verdict::Refused(Refusal::WrongSecret);

impl Open {
    /// The audit log; made by the first who asks.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn audit(&self) -> Result<AuditLog, AuditError> {
        self.ledger.log(&self.room)
    }

    /// Works with keys: sealing waits for it, and no copy of a key is left behind on the stack.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> Result<T, StoreError> {
        let base = self.unsealed.base();
        let _inside = base.enter()?;
        Ok(wiping_stack::<DEEP, _>(work))
    }
}

impl Node {
    /// The database in `store`, if there is one yet. Each of `secrets` becomes a slot at initialisation.
    ///
    /// # Errors
    /// [`NodeError`] where the store cannot be read.
    pub fn new(
        store: Arc<dyn Store>,
        provider: Arc<dyn Provider>,
        clock: Arc<dyn Clock>,
        secrets: Vec<SecretFile>,
    ) -> Result<Self, NodeError> {
        let opened = Sealed::open(Arc::clone(&store), Arc::clone(&provider), Arc::clone(&clock));
        let state = match opened {
            Ok(sealed) => State::Sealed(sealed),
            Err(OpenError::Uninitialized) => State::Uninitialized,
            Err(error) => return Err(error.into()),
        };
        let (collector, confirming) = (Collector::new(), Collector::new());
        let (state, passphrases) = (RwLock::new(state), Mutex::new(()));
        let (backups, out_of_touch) = (None, AtomicBool::new(false));
        let journal = Journal::new(Spool::in_memory());
        Ok(Self {
            store,
            provider,
            clock,
            secrets,
            collector,
            confirming,
            passphrases,
            backups,
            serves: Serves::default(),
            out_of_touch,
            journal,
            state,
        })
    }

    /// The node with a spool for what happens while it is sealed; without one, memory is.
    #[must_use]
    pub fn with_spool(mut self, spool: Spool) -> Self {
        self.journal = Journal::new(spool);
        self
    }

    /// The node with no more than this over HTTP.
    #[must_use]
    pub fn serving(mut self, serves: Serves) -> Self {
        self.serves = serves;
        self
    }

    pub(crate) fn serves(&self) -> Serves {
        self.serves
    }

    /// The node with backups of its store.
    #[must_use]
    pub fn with_backups(mut self, backups: Option<Backups>) -> Self {
        self.backups = backups;
        self
    }

    /// Makes the database, with a Shamir slot if a split is given and one slot for each secret, by which it is then
    /// unsealed; without one it stays sealed. Answers the shares.
    ///
    /// # Errors
    /// [`NodeError::Create`], [`NodeError::Secret`]; nothing has changed.
    pub fn initialize(&self, split: Option<Split>, token: &RootToken) -> Result<Vec<Share>, NodeError> {
        self.initialize_for(&Asker::system(), split, token)
    }

    pub(crate) fn initialize_for(
        &self,
        asker: &Asker,
        split: Option<Split>,
        token: &RootToken,
    ) -> Result<Vec<Share>, NodeError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Uninitialized) {
            return Err(CreateError::Exists.into());
        }
        let secrets = self.secrets.iter().map(SecretFile::read).collect::<Result<Vec<_>, _>>()?;
        let shamir = split.map(NewSlot::Shamir);
        let slots: Vec<_> = secrets.iter().map(NewSlot::Secret).chain(shamir).collect();
        let (store, provider) = (Arc::clone(&self.store), Arc::clone(&self.provider));
        let clock = Arc::clone(&self.clock);
        let first = vec![token.record()?, self.made(asker)?];
        let mut created = Sealed::create(store, provider, clock, &slots, first)?;
        *state = State::Sealed(created.sealed);
        drop(state);
        // The shares are there, and are answered whatever comes of this.
        if !secrets.is_empty()
            && let Err(error) = self.unseal_with_secrets()
        {
            tracing::warn!(error = &error as &dyn Error, "the new database stays sealed");
        }
        Ok(created.shares.pop().unwrap_or_default())
    }

    /// A new root token for [`Node::initialize`].
    ///
    /// # Errors
    /// [`NodeError::Store`] if the system gives no random bytes.
    pub fn new_token(&self) -> Result<RootToken, NodeError> {
        Ok(RootToken::new(self.provider(), self.clock.now())?)
    }

    /// Takes one share; the last one that is needed opens the database.
    ///
    /// # Errors
    /// [`NodeError::Unseal`] says what is wrong with the share; nothing has changed.
    pub fn enter_share(&self, asker: &Asker, share: Share) -> Result<(), NodeError> {
        let sealed = self.sealed().ok_or(NodeError::Uninitialized)?;
        let slot = share.slot();
        let entered = self.collector.enter(&sealed, share);
        let outcome = entered.as_ref().map_or(WRONG, |_| Verdict::Allowed);
        let event = asker.event(self.clock.now(), Action::Submit, outcome).with(Detail::Slot(slot));
        self.journal.spool(&event, Class::Buffered);
        match entered? {
            Entered::Waiting { .. } => Ok(()),
            Entered::Unsealed(unsealed) => self.opened(asker, unsealed),
        }
    }

    /// Opens the database with the first of the node's secrets that fits.
    ///
    /// # Errors
    /// [`NodeError::Unseal`] where none fits, [`NodeError::Secret`] where the last one cannot be read.
    pub fn unseal_with_secrets(&self) -> Result<(), NodeError> {
        let sealed = self.sealed().ok_or(NodeError::Uninitialized)?;
        let mut last = NodeError::Unseal(UnsealError::WrongSecret);
        for secret in &self.secrets {
            let unsealed = secret
                .read()
                .map_err(NodeError::from)
                .and_then(|secret| sealed.unseal(&Unlock::Secret(&secret)).map_err(NodeError::from));
            match unsealed {
                Ok(unsealed) => return self.opened(&Asker::system(), unsealed),
                Err(error) => last = error,
            }
        }
        self.stayed_sealed(&Asker::system(), &last);
        Err(last)
    }

    /// Opens the database with a passphrase. One is tried at a time, as each takes much memory.
    ///
    /// # Errors
    /// [`NodeError::Unseal`] where it fits no slot, [`NodeError::Busy`] while another one is tried.
    pub fn unseal_with_passphrase(&self, asker: &Asker, passphrase: &Passphrase) -> Result<(), NodeError> {
        let _turn = match self.passphrases.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(NodeError::Busy),
        };
        let sealed = self.sealed().ok_or(NodeError::Uninitialized)?;
        match sealed.unseal(&Unlock::Passphrase(passphrase)).map_err(NodeError::from) {
            Ok(unsealed) => self.opened(asker, unsealed),
            Err(error) => {
                self.stayed_sealed(asker, &error);
                Err(error)
            }
        }
    }

    /// A token with a text that somebody chose: for development only.
    ///
    /// # Errors
    /// [`NodeError::Store`] if no token can have this text.
    pub fn insecure_token(&self, text: SecretString) -> Result<RootToken, NodeError> {
        RootToken::insecure_from_text(self.provider(), self.clock.now(), text)
            .map_err(|_| StoreError::Invalid("a token has 1 to 512 visible ASCII characters").into())
    }

    /// Makes such a token good: for development only.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn insecure_install(&self, text: SecretString) -> Result<(), NodeError> {
        let open = self.open().ok_or(StoreError::Sealed)?;
        Ok(open.tokens.install(&self.insecure_token(text)?)?)
    }

    /// Forgets the shares that were entered.
    pub fn reset(&self, asker: &Asker) {
        self.collector.reset();
        let event = asker.event(self.clock.now(), Action::Reset, Verdict::Allowed);
        self.journal.spool(&event, Class::Buffered);
    }

    /// How many shares wait.
    pub fn progress(&self) -> usize {
        self.sealed().map_or(0, |sealed| self.collector.waiting(&sealed))
    }

    /// Seals: nothing begins any more, and when this returns every key is wiped.
    ///
    /// # Errors
    /// [`NodeError::StillInside`] where operations did not end in time; nothing new begins all the same.
    pub fn seal(&self) -> Result<(), NodeError> {
        self.seal_for(&Asker::system())
    }

    pub(crate) fn seal_for(&self, asker: &Asker) -> Result<(), NodeError> {
        let open = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            match std::mem::replace(&mut *state, State::Uninitialized) {
                State::Open(sealed, open) => {
                    *state = State::Sealed(sealed);
                    open
                }
                other => {
                    *state = other;
                    return Ok(());
                }
            }
        };
        // A share that came too late for the last unsealing counts for none.
        self.collector.reset();
        self.confirming.reset();
        self.journal.sealing(&open, asker, self.clock.now());
        let sealed = open.unsealed.seal(SEAL_WAIT);
        self.journal.sealed(&open.outbox);
        Ok(sealed?)
    }

    /// The open database, if it is open.
    pub fn open(&self) -> Option<Open> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_, open) => Some(open.clone()),
            _ => None,
        }
    }

    /// The database, open or not, once it is initialised.
    pub fn sealed(&self) -> Option<Sealed> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Sealed(sealed) | State::Open(sealed, _) => Some(sealed.clone()),
            State::Uninitialized => None,
        }
    }

    /// Seals every node on the same database, this one last. That of another one fails only where the database does
    /// not answer; then the other has lost its lease, or will within a second.
    ///
    /// # Errors
    /// As for [`Node::seal`].
    pub fn seal_everywhere(&self, asker: &Asker) -> Result<(), NodeError> {
        if let Some(open) = self.open()
            && let Err(error) = open.unsealed.order_seal()
        {
            tracing::warn!(
                error = &error as &dyn Error,
                "other nodes on this database were not told to seal"
            );
        }
        self.seal_for(asker)
    }

    /// Renews the node's right to answer from memory. Call it every [`Lease::RENEWED`](strongroom_core::Lease::RENEWED).
    pub fn keep_lease(&self) {
        let Some(open) = self.open() else { return };
        let begun = self.clock.elapsed();
        let renewed = open.unsealed.base().lease.keep();
        let took = self.clock.elapsed().saturating_sub(begun);
        if open.unsealed.is_sealed() {
            tracing::warn!("another node ordered to seal");
            if let Err(error) = self.seal() {
                tracing::warn!(%error, "sealed");
            }
        }
        let lost = matches!(renewed, Err(ref error) if !matches!(error, StoreError::Sealed));
        if self.out_of_touch.swap(lost, Ordering::Relaxed) != lost {
            match renewed {
                Err(error) => tracing::warn!(error = &error as &dyn Error, "the database does not answer"),
                Ok(()) => tracing::info!("the database answers again"),
            }
        } else if !lost && took > Lease::HELD {
            tracing::warn!(?took, "the database answered late: meanwhile nothing was served from memory");
        }
    }

    /// Whether another node has initialised the database meanwhile; opens it then, if a secret of this node does.
    fn look_again(&self) {
        if !self.store.shared() || self.sealed().is_some() {
            return;
        }
        let opened =
            Sealed::open(Arc::clone(&self.store), Arc::clone(&self.provider), Arc::clone(&self.clock));
        let Ok(sealed) = opened else { return };
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Uninitialized) {
                *state = State::Sealed(sealed);
            }
        }
        if !self.secrets.is_empty()
            && let Err(error) = self.unseal_with_secrets()
        {
            tracing::warn!(%error, "the database that another node made does not open with the secrets here");
        }
    }

    /// Writes the events that wait in memory. Call it every 100 ms, from a thread that does nothing else.
    pub fn flush(&self) {
        if let Some(open) = self.open() {
            self.journal.flush(&open, self.clock.now());
        }
    }

    /// Has the audit log take over the events that are written. Call it a few times a second, from a thread that does
    /// nothing else.
    pub fn log_events(&self) {
        if let Some(open) = self.open() {
            open.ledger.take_over(&open);
        }
    }

    /// Has the audit log take over all events up to now, also those that wait in memory.
    ///
    /// # Errors
    /// [`AuditError`].
    pub(crate) fn log_all(&self, open: &Open) -> Result<(), AuditError> {
        self.flush();
        open.ledger.drain(open)
    }

    /// Does the work that is due, and has waiting events logged. Call it now and then.
    pub fn tend(&self) {
        self.look_again();
        self.flush();
        self.log_events();
        if let Some(open) = self.open() {
            // Sealed meanwhile: then nothing is done.
            drop(open.within(|| self.tend_to(&open)));
        }
        // Counting them forgets the shares that waited too long.
        if let Some(sealed) = self.sealed() {
            self.collector.waiting(&sealed);
            self.confirming.waiting(&sealed);
        }
    }

    fn tend_to(&self, open: &Open) {
        // Without a log its rows wait.
        let pruner = open.audit().ok().map(Pruner::new);
        let barrier: &dyn Worker = &open.unsealed;
        let rings: &dyn Worker = &open.kms;
        let pruner = pruner.as_ref().map(|pruner| pruner as _);
        let workers: Vec<_> = [Some(barrier), Some(rings), pruner].into_iter().flatten().collect();
        match run_due(&open.unsealed, &workers, self.clock.now(), Duration::from_millis(200)) {
            Ok(report) => report
                .failed
                .iter()
                .for_each(|(kind, error)| tracing::warn!(kind, %error, "due work failed and stays due")),
            Err(error) => tracing::warn!(%error, "due work waits"),
        }
    }

    /// Whoever tries a passphrase with a token waits for others to end.
    pub(crate) fn passphrase_turn(&self) -> MutexGuard<'_, ()> {
        self.passphrases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn confirming(&self) -> &Collector {
        &self.confirming
    }

    pub(crate) fn backups(&self) -> Option<&Backups> {
        self.backups.as_ref()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    pub(crate) fn now_seconds(&self) -> u64 {
        self.clock.now().as_millis() / 1000
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The record that tells of a new database, in its first commit.
    fn made(&self, asker: &Asker) -> Result<(RecordKey, Zeroizing<Vec<u8>>), NodeError> {
        let mut producer = [0; 16];
        self.provider.random().fill(&mut producer);
        let event = asker.event(self.clock.now(), Action::Initialize, Verdict::Allowed);
        let (key, bytes) = Outbox::new(producer).row(&event)?;
        Ok((key, Zeroizing::new(bytes)))
    }

    /// Says that it was not unsealed.
    fn stayed_sealed(&self, asker: &Asker, error: &NodeError) {
        let outcome = match error {
            NodeError::Unseal(error) if !matches!(error, UnsealError::Store(_)) => WRONG,
            _ => Verdict::Failed(Failure::Unavailable),
        };
        let event = asker.event(self.clock.now(), Action::Unseal, outcome);
        self.journal.spool(&event, Class::Buffered);
    }

    fn opened(&self, asker: &Asker, unsealed: Unsealed) -> Result<(), NodeError> {
        let open = self.opening(asker, &unsealed).inspect_err(|error| {
            // Nobody has it yet, so nothing is inside.
            let _ = unsealed.seal(SEAL_WAIT);
            self.stayed_sealed(asker, error);
        })?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Uninitialized) {
            State::Sealed(sealed) => *state = State::Open(sealed, open),
            // Somebody else was faster: theirs stays, as operations may be inside.
            other => *state = other,
        }
        Ok(())
    }

    /// What works on an open database. That it was unsealed is kept before anybody can use it.
    fn opening(&self, asker: &Asker, unsealed: &Unsealed) -> Result<Open, NodeError> {
        let base = unsealed.base();
        let outbox = Arc::clone(&base.outbox);
        let tokens = Tokens::new(base.clone(), unsealed.first_tenant())?;
        self.journal.unsealed(&base, asker)?;
        let (unsealed, room) = (unsealed.clone(), Strongroom::of(unsealed.clone()));
        let ledger = Ledger::of(&room);
        Ok(Open { unsealed, kms: room.kms().clone(), room, tokens, outbox, ledger })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}
