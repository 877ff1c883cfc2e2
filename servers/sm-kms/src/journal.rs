use std::{
    fmt,
    net::IpAddr,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use strongroom_core::{
    Action, Actor, Base, Caller, Class, CommitError, Detail, Event, Outbox, Refusal, RequestId, Service,
    Tenant, Time, Verdict,
};
use strongroom_serve::Knocks;

use crate::{NodeError, Open, Spool};

/// Who asks for something that concerns the whole node.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    caller: Caller,
    source: Option<IpAddr>,
}

impl Asker {
    /// The server itself.
    pub const fn system() -> Self {
        Self { caller: Caller::system(), source: None }
    }

    /// Somebody without a token.
    pub const fn anyone(request: RequestId, source: IpAddr) -> Self {
        let caller = Caller {
            tenant: Tenant::SYSTEM,
            actor: Actor::Anonymous,
            request: Some(request),
            credential: None,
        };
        Self { caller, source: Some(source) }
    }

    /// The holder of a token.
    pub const fn holder(caller: Caller) -> Self {
        Self { caller, source: None }
    }

    /// What was asked of the barrier, and how it ended.
    pub(crate) fn event(&self, now: Time, action: Action, outcome: Verdict) -> Event {
        let caller = Caller { tenant: Tenant::SYSTEM, ..self.caller };
        let event = Event::of(&caller, now, Service::Barrier, action, None, outcome);
        match self.source {
            Some(source) => event.with(Detail::Source(source)),
            None => event,
        }
    }
}

/// Where a node's events go: into the open database, and while none is open into the spool. What nobody that is
/// recognised asks is only counted.
pub(crate) struct Journal {
    spool: Spool,
    knocks: Knocks,
    /// The last flush did not succeed.
    behind: AtomicBool,
}

/// How long sealing waits for its own event: it seals in any case.
const SEAL_EVENT: Duration = Duration::from_secs(5);

impl Journal {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool, knocks: Knocks::new(), behind: AtomicBool::new(false) }
    }

    /// Counts a request by nobody that was recognised.
    pub(crate) fn knock(&self, source: IpAddr, refusal: Refusal, now: Time) {
        self.knocks.count(source, refusal, now);
    }

    /// Counts a request that was to change the state of the node, and was refused without a token. A wrong secret has an
    /// event of its own.
    pub(crate) fn refused(&self, source: IpAddr, outcome: Verdict, now: Time) {
        match outcome {
            Verdict::Refused(Refusal::WrongSecret) => {}
            Verdict::Refused(why) => self.knock(source, why, now),
            Verdict::Allowed | Verdict::Failed(_) => self.knock(source, Refusal::Malformed, now),
        }
    }

    /// Keeps an event of a database that is not open.
    pub(crate) fn spool(&self, event: &Event, class: Class) {
        self.spool.keep(event, class);
    }

    /// Takes over what waited while it was sealed, then keeps that it was unsealed. Whoever unseals gets no answer
    /// before this.
    ///
    /// # Errors
    /// [`NodeError::Commit`]: the database must not stay open then.
    pub(crate) fn unsealed(&self, base: &Base, asker: &Asker) -> Result<(), NodeError> {
        let now = base.clock.now();
        self.spool.drain(&base.outbox, &*base.store, now)?;
        let event = asker.event(now, Action::Unseal, Verdict::Allowed);
        Ok(base.outbox.record(&*base.store, &event)?)
    }

    /// Keeps that it will be sealed now, and all that waits in memory. Where the database does not take it in time, the
    /// spool does: sealing waits for no disk.
    pub(crate) fn sealing(&self, open: &Open, asker: &Asker, now: Time) {
        let event = asker.event(now, Action::Seal, Verdict::Allowed);
        for counted in self.knocks.take_all() {
            let _ = open.outbox.buffer(counted);
        }
        let (kept, outcome) = mpsc::channel();
        let (last, writing) = (event.clone(), open.clone());
        let write = move || {
            let written = writing.within(|| {
                writing.outbox.record(&writing.unsealed, &last)?;
                writing.outbox.flush(&writing.unsealed, now)
            });
            let _ = kept.send(matches!(written, Ok(Ok(_))));
        };
        let writer = thread::Builder::new().name("seal-event".into()).spawn(write);
        let outcome = outcome.recv_timeout(SEAL_EVENT);
        if outcome != Ok(true) {
            self.spool.keep(&event, Class::Strict);
        }
        // One that answered ends at once; nothing of it may keep the store open when this returns.
        if let (Ok(writer), Ok(_)) = (writer, outcome) {
            let _ = writer.join();
        }
    }

    /// Keeps what running requests told after the last flush, once it is sealed.
    pub(crate) fn sealed(&self, outbox: &Outbox) {
        outbox.take().iter().for_each(|event| self.spool.keep(event, Class::Strict));
    }

    /// Writes what waits in memory.
    pub(crate) fn flush(&self, open: &Open, now: Time) {
        // What is counted goes nowhere while there is no room for it.
        if open.outbox.waiting() + Knocks::SOURCES * 2 < Outbox::BUFFERED {
            for event in self.knocks.take(now) {
                let _ = open.outbox.buffer(event);
            }
        }
        if open.outbox.is_empty() {
            return;
        }
        let flushed = open.within(|| open.outbox.flush(&open.unsealed, now));
        match flushed {
            Ok(Err(error)) => self.fell_behind(&error),
            Ok(Ok(_)) if self.behind.swap(false, Ordering::Relaxed) => {
                tracing::info!("events are written again");
            }
            // Sealed meanwhile: whoever sealed keeps them.
            _ => {}
        }
    }

    /// Told once, not ten times a second.
    fn fell_behind(&self, error: &CommitError) {
        if !self.behind.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "events cannot be written: what needs one is refused until they can");
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}
