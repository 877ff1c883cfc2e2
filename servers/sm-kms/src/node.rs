use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError},
    time::Duration,
};

use secrecy::SecretString;
use strongroom::Strongroom;
use strongroom_barrier::{
    Collector, CreateError, Entered, NewSlot, OpenError, Passphrase, Sealed, Share, Split, Unlock,
    UnsealError, Unsealed,
};
use strongroom_core::{
    Clock, CommitError, KeyError, Provider, StillInside, Store, StoreError, drain, run_due,
};
use strongroom_identity::{RootToken, Tokens};
use strongroom_keys::SelfTestFailed;
use strongroom_kms::Kms;
use strongroom_serve::{DEEP, wiping_stack};

use crate::{Backups, SecretFile, SecretFileError};

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
    state: RwLock<State>,
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

/// Events of one step.
const DRAINED: usize = 400;
const SEAL_WAIT: Duration = Duration::from_secs(10);

impl Open {
    /// Works with keys: sealing waits for it, and no copy of a key is left behind on the stack.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    fn within<T>(&self, work: impl FnOnce() -> T) -> Result<T, StoreError> {
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
        let backups = None;
        Ok(Self { store, provider, clock, secrets, collector, confirming, passphrases, backups, state })
    }

    /// The node with backups of its store.
    #[must_use]
    pub fn with_backups(mut self, backups: Option<Backups>) -> Self {
        self.backups = backups;
        self
    }

    /// Makes the database, with a Shamir slot if a split is given and one slot for each secret; it stays
    /// sealed. Answers the shares.
    ///
    /// # Errors
    /// [`NodeError::Create`], [`NodeError::Secret`]; nothing has changed.
    pub fn initialize(&self, split: Option<Split>, token: &RootToken) -> Result<Vec<Share>, NodeError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Uninitialized) {
            return Err(CreateError::Exists.into());
        }
        let secrets = self.secrets.iter().map(SecretFile::read).collect::<Result<Vec<_>, _>>()?;
        let shamir = split.map(NewSlot::Shamir);
        let slots: Vec<_> = secrets.iter().map(NewSlot::Secret).chain(shamir).collect();
        let (store, provider) = (Arc::clone(&self.store), Arc::clone(&self.provider));
        let clock = Arc::clone(&self.clock);
        let mut created = Sealed::create(store, provider, clock, &slots, vec![token.record()?])?;
        *state = State::Sealed(created.sealed);
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
    pub fn enter_share(&self, share: Share) -> Result<(), NodeError> {
        let sealed = self.sealed().ok_or(NodeError::Uninitialized)?;
        match self.collector.enter(&sealed, share)? {
            Entered::Waiting { .. } => Ok(()),
            Entered::Unsealed(unsealed) => self.opened(unsealed),
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
                Ok(unsealed) => return self.opened(unsealed),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Opens the database with a passphrase. One is tried at a time, as each takes much memory.
    ///
    /// # Errors
    /// [`NodeError::Unseal`] where it fits no slot, [`NodeError::Busy`] while another one is tried.
    pub fn unseal_with_passphrase(&self, passphrase: &Passphrase) -> Result<(), NodeError> {
        let _turn = match self.passphrases.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(NodeError::Busy),
        };
        let sealed = self.sealed().ok_or(NodeError::Uninitialized)?;
        let unsealed = sealed.unseal(&Unlock::Passphrase(passphrase))?;
        self.opened(unsealed)
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
    pub fn reset(&self) {
        self.collector.reset();
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
        Ok(open.unsealed.seal(SEAL_WAIT)?)
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

    /// Does the work that is due, and hands waiting events to the log. Call it now and then.
    pub fn tend(&self) {
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
        let log = &mut |event: &strongroom_core::Event| tracing::info!(?event, "event");
        loop {
            match drain(&open.unsealed, DRAINED, log) {
                Ok(DRAINED) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "events wait");
                    break;
                }
            }
        }
        match run_due(&open.unsealed, &[&open.unsealed], self.clock.now(), Duration::from_millis(200)) {
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

    fn opened(&self, unsealed: Unsealed) -> Result<(), NodeError> {
        let base = unsealed.base();
        let tokens = Tokens::new(base, unsealed.first_tenant())?;
        let room = Strongroom::of(unsealed.clone());
        let open = Open { unsealed, kms: room.kms().clone(), room, tokens };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Uninitialized) {
            State::Sealed(sealed) => *state = State::Open(sealed, open),
            // Somebody else was faster: theirs stays, as operations may be inside.
            other => *state = other,
        }
        Ok(())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}
