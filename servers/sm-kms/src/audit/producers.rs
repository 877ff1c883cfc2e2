use serde::Deserialize;
use serde_json::json;
use strongroom::audit::Producer;
use strongroom_core::Actor;
use strongroom_serve::{Response, StatusCode};

use super::{Work, failed, shown::actor_shown, words};
use crate::{
    answer::bad_request,
    payload::{check, take},
    sys::id,
};

/// What a producer may hand in.
#[derive(Deserialize)]
struct Registration {
    services: Vec<String>,
    /// The accessor of the token that hands in; the asker's own, unless another one is named.
    actor: Option<String>,
}

impl Work<'_> {
    pub(super) fn producers(&self) -> Result<Response, Response> {
        let producers = self.log.producers(self.tenant).map_err(|error| failed(&error))?;
        let shown = producers.iter().map(|(Producer { id, tenant: _, actor, services }, next)| {
            json!({
                "producer": id::text(id),
                "actor": actor_shown(*actor),
                "services": services.iter().map(words::word).collect::<Vec<_>>(),
                "next": next,
            })
        });
        Ok(self.reply.data(&json!({ "producers": shown.collect::<Vec<_>>() })))
    }

    pub(super) fn register_producer(&self, id: id::Id) -> Result<Response, Response> {
        let Registration { services, actor } = check(self.body).and_then(take)?;
        let service =
            |text: String| words::service(&text).ok_or_else(|| bad_request("no such service in 'services'"));
        let services = services.into_iter().map(service).collect::<Result<Vec<_>, _>>()?;
        let wrong = || bad_request("'actor' must be the accessor of a token: 32 hex digits");
        let actor = match actor {
            Some(text) => Actor::Token(id::parse(&text).ok_or_else(wrong)?),
            None => self.access.caller.actor,
        };
        let producer = Producer { id, tenant: self.tenant, actor, services };
        let registered = self.log.register_producer(&self.access.caller, &producer);
        registered.map_err(|error| failed(&error))?;
        Ok(Response::empty(StatusCode::NO_CONTENT))
    }
}
