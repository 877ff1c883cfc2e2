use std::{
    io::{self, Write},
    process::ExitCode,
    thread::sleep,
    time::Duration,
};

use hyper::Method;
use serde_json::{Value, json};
use strongroom::audit::{InclusionProof, VerifierKey};

use super::{Audit, AuditTaskError, member};
use crate::reach::encoded;

/// Which events.
#[derive(clap::Args)]
pub(super) struct Filter {
    /// Of this service: kms, barrier, identity, backup, server, audit
    #[arg(long)]
    service: Option<String>,
    /// Of this action, such as create, rotate, encrypt
    #[arg(long)]
    action: Option<String>,
    /// By this actor: the accessor of a token, system, application or anonymous
    #[arg(long)]
    actor: Option<String>,
    /// On this name
    #[arg(long)]
    resource: Option<String>,
    /// In the request with this id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// That ended so: allowed, refused or failed
    #[arg(long)]
    outcome: Option<String>,
    /// Logged then or later, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Logged before
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// The oldest first
    #[arg(long)]
    oldest: bool,
    /// How many at most; 0 for all
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

#[derive(clap::Args)]
pub(super) struct Tail {
    #[command(flatten)]
    filter: Filter,
}

/// Events of one answer.
const PAGE: usize = 500;
/// How often it is asked whether something came in.
const PAUSE: Duration = Duration::from_millis(500);

impl Filter {
    /// The query of a request.
    pub(super) fn query(&self) -> String {
        let Self { service, action, actor, resource, request, outcome, from, to } = self;
        let members = [
            ("service", service),
            ("action", action),
            ("actor", actor),
            ("resource", resource),
            ("request", request),
            ("outcome", outcome),
            ("from", from),
            ("to", to),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.map(|(name, value)| format!("&{name}={}", encoded(value))).collect()
    }
}

impl List {
    pub(super) fn run(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        let most = if self.limit == 0 { usize::MAX } else { self.limit };
        let order = if self.oldest { "oldest" } else { "newest" };
        let (mut events, mut after) = (Vec::new(), String::new());
        while events.len() < most {
            let limit = PAGE.min(most - events.len());
            let path = format!("events?order={order}&limit={limit}{}{after}", self.filter.query());
            let mut page = audit.data(Method::GET, &path, &Value::Null)?;
            if let Some(Value::Array(found)) = page.get_mut("events").map(Value::take) {
                events.extend(found);
            }
            let Some(next) = page.get("next").and_then(Value::as_str) else { break };
            after = format!("&after={next}");
        }
        let shown = json!({ "events": events });
        Ok(audit.shown(&shown, |_| match &events[..] {
            [] => "No events.\n".to_owned(),
            events => events.iter().map(line).collect(),
        }))
    }
}

impl Tail {
    pub(super) fn run(&self, audit: &Audit) -> Result<ExitCode, AuditTaskError> {
        let (mut after, mut own) = (String::new(), Value::Null);
        loop {
            let path = audit.path(&format!("tail?limit={PAGE}{after}{}", self.filter.query()));
            let mut answer = audit.server.answer(Method::GET, &path, &Value::Null)?;
            let page = answer.get_mut("data").map(Value::take).unwrap_or_default();
            let mut events = page.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
            let full = events.len() >= PAGE;
            // That this command asked the last time is an event as well, and no news here.
            events.retain(|event| own.is_null() || event.get("request") != Some(&own));
            own = answer.get_mut("request_id").map(Value::take).unwrap_or_default();
            let mut out = io::stdout().lock();
            for event in &events {
                let text = if audit.json { format!("{event}\n") } else { line(event) };
                out.write_all(text.as_bytes())?;
            }
            out.flush()?;
            after = format!("&after={}", member(&page, "next"));
            if !full {
                sleep(PAUSE);
            }
        }
    }
}

impl Audit {
    /// One event, by its proof, as the server has it.
    pub(super) fn show(&self, index: u64) -> Result<String, AuditTaskError> {
        let key = VerifierKey::parse(&member(&self.data(Method::GET, "key", &Value::Null)?, "key"))?;
        let proof = String::from_utf8(self.bytes(&format!("proof/{index}"))?);
        let proof = proof.map_err(|_| AuditTaskError::Invalid("the proof is no text"))?;
        let proven = InclusionProof::parse(&proof)?.verify(&key)?;
        let event = super::verify::proven_shown(&proven);
        Ok(self.shown(&event, lines))
    }
}

/// One event in one line.
fn line(event: &Value) -> String {
    let outcome = match event.get("reason") {
        Some(Value::String(reason)) => format!("{}: {reason}", member(event, "outcome")),
        _ => member(event, "outcome"),
    };
    format!(
        "{:>8}  {}  {}/{}  {}  {outcome}  by {}\n",
        member(event, "index"),
        member(event, "logged"),
        member(event, "service"),
        member(event, "action"),
        member(event, "resource"),
        member(event, "actor"),
    )
}

/// One event with all its members.
pub(super) fn lines(event: &Value) -> String {
    let members = event.as_object().into_iter().flatten();
    members.map(|(name, _)| format!("{name:<13} {}\n", member(event, name))).collect()
}
