use std::collections::BTreeSet;

use crate::linear::search::{Effect, Kind, Model};

/// The id of a ring, which stands in its ciphertexts.
type Id = [u8; 16];

/// A ciphertext, by which ring and version made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) id: [u8; 16],
    pub(crate) version: u32,
}

/// What is done to the ring of one name, or with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Create {
        /// Whether it is no error if it is there.
        may_exist: bool,
    },
    Rotate,
    Enable,
    Disable,
    /// Sets the least version that decrypts, and allows the deletion.
    Least(u32),
    /// Brings a version into a state.
    State(u32, To),
    Delete,
    Read,
    Encrypt,
    Decrypt(Text),
}

/// A state that a version is brought into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Active,
    Suspended,
    Compromised,
}

/// What a ring shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) newest: u32,
    pub(crate) least: u32,
    pub(crate) enabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// None came, or one that leaves open whether it was done.
    Unknown,
    Done,
    /// The version that a rotation made.
    Version(u32),
    Shown(Shown),
    Made(Text),
    Refused(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) act: Act,
    pub(crate) answer: Answer,
}

impl Kind for Call {
    fn effect(&self) -> Effect {
        match (self.act, self.answer) {
            (_, Answer::Refused(_)) | (Act::Read | Act::Encrypt | Act::Decrypt(_), _) => Effect::Nothing,
            (Act::Create { may_exist: true }, _) => Effect::MayGive,
            (Act::Create { .. } | Act::Rotate | Act::Enable | Act::State(_, To::Active), _) => Effect::Gives,
            (Act::Disable | Act::Least(_) | Act::State(..) | Act::Delete, _) => Effect::Takes,
        }
    }

    fn uses_memory(&self) -> bool {
        matches!(self.act, Act::Encrypt | Act::Decrypt(_))
    }
}

/// All that a name has been.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    ring: Option<Ring>,
    /// The rings that were deleted: no key of theirs comes back.
    gone: BTreeSet<Id>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ring {
    /// Known from its first ciphertext on.
    id: Option<Id>,
    newest: u32,
    least: u32,
    enabled: bool,
    deletable: bool,
    /// A bit for each version; those above 63 are active.
    suspended: u64,
    compromised: u64,
}

impl Model for State {
    type Call = Call;

    fn after(&self, call: &Call) -> Option<Self> {
        let mut next = self.clone();
        if let (Act::Decrypt(text), Answer::Refused("does not open")) = (call.act, call.answer) {
            return self.may_refuse(text).then_some(next);
        }
        let right = match (next.run(call.act), call.answer) {
            (Ok(_), Answer::Unknown | Answer::Done) => true,
            (Ok(now), Answer::Version(version)) => now.newest == version,
            (Ok(now), Answer::Shown(shown)) => now.shown() == shown,
            (Ok(now), Answer::Made(text)) => now.newest == text.version && next.is(text.id),
            (Err(why), Answer::Refused(said)) => return (why == said).then(|| self.clone()),
            (Ok(_), Answer::Refused(_)) | (Err(_), _) => false,
        };
        right.then_some(next)
    }
}

impl State {
    /// Does it as one node alone would; answers the ring that it was done to or with.
    fn run(&mut self, act: Act) -> Result<Ring, &'static str> {
        if let (Act::Create { .. }, None) = (act, self.ring) {
            return Ok(*self.ring.insert(Ring::NEW));
        }
        let mut ring = self.ring.ok_or("not found")?;
        let disabled = || if ring.enabled { Ok(()) } else { Err("disabled") };
        match act {
            Act::Create { may_exist: false } => return Err("exists"),
            Act::Rotate => {
                disabled()?;
                ring.newest += 1;
            }
            Act::Enable => ring.enabled = true,
            Act::Disable => ring.enabled = false,
            Act::Least(least) if !(1..=ring.newest).contains(&least) => return Err("invalid"),
            Act::Least(least) => (ring.least, ring.deletable) = (least, true),
            Act::Delete if !ring.deletable => return Err("not deletable"),
            Act::Delete => {
                self.gone.extend(ring.id);
                self.ring = None;
                return Ok(ring);
            }
            Act::State(version, to) => ring.bring(version, to)?,
            Act::Create { may_exist: true } | Act::Read => {}
            Act::Encrypt => {
                disabled()?;
                ring.active(ring.newest)?;
            }
            Act::Decrypt(text) => {
                disabled()?;
                return self.open(text);
            }
        }
        Ok(*self.ring.insert(ring))
    }

    fn open(&mut self, text: Text) -> Result<Ring, &'static str> {
        let ring = self.ring.ok_or("not found")?;
        match text.version {
            _ if !self.is(text.id) => Err("does not open"),
            version if version < ring.least => Err("too old"),
            version if version > ring.newest => Err("no version"),
            version => ring.active(version).map(|()| ring),
        }
    }

    /// Whether a text may be none of the ring's, which may be not known yet.
    fn may_refuse(&self, text: Text) -> bool {
        self.ring.is_some_and(|ring| ring.enabled && ring.id != Some(text.id))
    }

    /// Whether the ring is the one with this id, as far as is known; it is known then.
    fn is(&mut self, id: Id) -> bool {
        let gone = self.gone.contains(&id);
        self.ring.as_mut().is_some_and(|ring| !gone && *ring.id.get_or_insert(id) == id)
    }
}

impl Ring {
    const NEW: Self =
        Self { id: None, newest: 1, least: 1, enabled: true, deletable: false, suspended: 0, compromised: 0 };

    fn active(&self, version: u32) -> Result<(), &'static str> {
        let bit = 1u64.checked_shl(version).unwrap_or(0);
        match () {
            () if self.compromised & bit > 0 => Err("compromised"),
            () if self.suspended & bit > 0 => Err("suspended"),
            () => Ok(()),
        }
    }

    fn bring(&mut self, version: u32, to: To) -> Result<(), &'static str> {
        let (bit, is) = (1u64.checked_shl(version).unwrap_or(0), self.active(version));
        match (to, is) {
            _ if version > self.newest => return Err("no version"),
            (_, Err("compromised")) => return Err("compromised"),
            (To::Active, Ok(())) => return Err("active"),
            (To::Suspended, Err(is)) => return Err(is),
            (To::Active, Err(_)) => self.suspended &= !bit,
            (To::Suspended, Ok(())) => self.suspended |= bit,
            (To::Compromised, _) => self.compromised |= bit,
        }
        Ok(())
    }

    fn shown(&self) -> Shown {
        Shown { newest: self.newest, least: self.least, enabled: self.enabled }
    }
}
