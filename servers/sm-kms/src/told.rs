//! What the event of each request says. Every route has its row here, or in the tables of `sys` and `transit`.

use strongroom_core::{Action, Class, Detail, Event, Name, Service, Verdict};
use strongroom_serve::Response;

use crate::{Node, answer::no_event, routes::Access};

/// What an operation is called in its event, and who makes the event.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    service: Service,
    action: Action,
    resource: Option<Name>,
    detail: Option<Detail>,
    teller: Teller,
}

/// Who makes the event of an operation that was allowed and done. All others are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    /// The change does, in its own commit.
    Change,
    /// It is made when the operation is done.
    After,
    /// It is made before the operation begins, as it cannot be taken back.
    Before,
}

impl Told {
    const fn by(service: Service, action: Action, teller: Teller) -> Self {
        Self { service, action, resource: None, detail: None, teller }
    }

    /// An operation whose change tells of it.
    pub(crate) const fn change(service: Service, action: Action) -> Self {
        Self::by(service, action, Teller::Change)
    }

    /// An operation that is told of when it is done.
    pub(crate) const fn after(service: Service, action: Action) -> Self {
        Self::by(service, action, Teller::After)
    }

    /// An operation that is told of before it begins.
    pub(crate) const fn before(service: Service, action: Action) -> Self {
        Self::by(service, action, Teller::Before)
    }

    /// On this.
    pub(crate) fn on(self, name: &Name) -> Self {
        Self { resource: Some(name.clone()), ..self }
    }

    /// With a detail that the path has.
    pub(crate) fn with(self, detail: Detail) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// A request that no route takes.
    pub(crate) const fn nowhere() -> Self {
        Self::after(Service::Server, Action::Ask)
    }

    pub(crate) fn event(&self, node: &Node, access: &Access, outcome: Verdict, details: &[Detail]) -> Event {
        let (now, resource) = (node.clock().now(), self.resource.clone());
        let event = Event::of(&access.caller, now, self.service, self.action, resource, outcome);
        self.detail.iter().chain(details).fold(event, |event, detail| event.with(*detail))
    }

    /// Runs an operation once its event is durable, if it is one that is told of before.
    pub(crate) fn run(&self, node: &Node, access: &Access, operation: impl FnOnce() -> Response) -> Response {
        if self.teller == Teller::Before {
            let event = self.event(node, access, Verdict::Allowed, &[]);
            if let Err(refusal) = record(access, &event) {
                return refusal;
            }
        }
        operation()
    }

    /// The event that is still to be kept before this answer goes out. One that waits for no disk is kept now.
    pub(crate) fn left(&self, node: &Node, access: &Access, response: Response) -> (Response, Option<Event>) {
        let outcome = response.verdict();
        let told_already = match self.teller {
            // What was allowed and changed nothing says so itself.
            Teller::Change => response.told_verdict().is_none(),
            Teller::Before => true,
            Teller::After => false,
        };
        if outcome == Verdict::Allowed && told_already {
            return (response, None);
        }
        let event = self.event(node, access, outcome, response.details());
        match event.class() {
            Class::Strict => (response, Some(event)),
            Class::Buffered => match access.open.outbox.buffer(event) {
                Ok(()) => (response, None),
                Err(_) => (no_event(), None),
            },
        }
    }
}

/// The answer, once its event is durable. Where that cannot be, only an answer that says as much stays as it is.
pub(crate) fn recorded(access: &Access, response: Response, event: &Event) -> Response {
    match record(access, event) {
        Ok(()) => response,
        Err(_) if response.status().is_server_error() => response,
        Err(refusal) => refusal,
    }
}

fn record(access: &Access, event: &Event) -> Result<(), Response> {
    access.open.outbox.record(&access.open.unsealed, event).map_err(|error| {
        tracing::warn!(%error, "the event of a request cannot be written: it is refused");
        no_event()
    })
}
