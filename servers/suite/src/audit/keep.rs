use clap::Subcommand;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::{Audit, AuditTaskError, list::lines, member};
use crate::ask;

/// Shows how long which events are kept, or sets it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct RetentionTask {
    /// A rule; repeat it for several, of which the first that fits an event counts
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Back to seven years for all
    #[arg(long, conflicts_with = "rule")]
    reset: bool,
}

const EXAMPLE: &str = "\
A rule is a list of service=…, class=strict|buffered, trigger=logged|resource_end|expiry and days=…:

  strongroom audit retention --rule service=kms,trigger=resource_end,days=3650 --rule class=buffered,days=365";

#[derive(Subcommand)]
pub(super) enum HoldTask {
    /// List the holds
    List,
    /// Place a hold
    Place {
        /// What it is called
        name: String,
        /// Only events on this name
        #[arg(long)]
        resource: Option<String>,
        /// Only events logged then or later
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Only events logged before
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
    },
    /// Release a hold
    Release {
        /// What it is called
        name: String,
    },
}

impl RetentionTask {
    pub(super) fn run(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        if !self.reset && self.rule.is_empty() {
            let retention = audit.data(Method::GET, "retention", &Value::Null)?;
            return Ok(audit.shown(&retention, |shown| {
                let rules = shown.get("rules").and_then(Value::as_array).into_iter().flatten();
                let rules: String = rules.map(rule_line).collect();
                rules + &shown.get("otherwise").map(rule_line).unwrap_or_default()
            }));
        }
        let rules = self.rule.iter().map(|text| rule(text)).collect::<Result<Vec<_>, _>>()?;
        audit.data(Method::POST, "retention", &json!({ "rules": rules }))?;
        Ok(audit.done("From now on, this decides how long events are kept.\n"))
    }
}

impl HoldTask {
    pub(super) fn run(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        match self {
            Self::List => {
                let holds = audit.data(Method::GET, "hold", &Value::Null)?;
                Ok(audit.shown(&holds, |shown| {
                    let holds = shown.get("holds").and_then(Value::as_array).into_iter().flatten();
                    let text: String = holds.map(|hold| lines(hold) + "\n").collect();
                    if text.is_empty() { "No holds.\n".into() } else { text }
                }))
            }
            Self::Place { name, resource, from, to } => {
                let body = json!({ "resource": resource, "from": from, "to": to });
                audit.data(Method::POST, &format!("hold/{name}"), &body)?;
                Ok(audit.done("These events stay until the hold is released.\n"))
            }
            Self::Release { name } => {
                audit.data(Method::DELETE, &format!("hold/{name}"), &Value::Null)?;
                Ok(audit.done("The hold is released.\n"))
            }
        }
    }
}

/// Erases the events of a month, once it was given twice.
pub(super) fn prune(audit: &Audit, month: &str, yes: bool) -> Result<String, AuditTaskError> {
    let confirm = if yes {
        month.to_owned()
    } else {
        ask::line("What is erased does not come back. The month once more: ")?
    };
    if confirm != month {
        return Err(AuditTaskError::NotConfirmed);
    }
    audit.data(Method::POST, "prune", &json!({ "month": month, "confirm": confirm }))?;
    Ok(audit.done("The events of this month are erased; every proof of them holds on.\n"))
}

/// A rule as a request has it.
fn rule(text: &str) -> Result<Value, AuditTaskError> {
    const WRONG: AuditTaskError = AuditTaskError::Invalid(
        "a rule is a list of service=, class=, trigger= and days=, with commas between",
    );
    let mut rule = Map::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or(WRONG)?;
        let value = match name {
            "days" => value.parse::<u32>().map_err(|_| WRONG)?.into(),
            "service" | "class" | "trigger" => value.into(),
            _ => return Err(WRONG),
        };
        if rule.insert(name.to_owned(), value).is_some() {
            return Err(WRONG);
        }
    }
    if rule.contains_key("days") { Ok(Value::Object(rule)) } else { Err(WRONG) }
}

fn rule_line(rule: &Value) -> String {
    let any = |name| match member(rule, name).as_str() {
        "-" => "any".to_owned(),
        other => other.to_owned(),
    };
    let (service, class) = (any("service"), any("class"));
    format!(
        "{} days from {}: {class} events of {service} service\n",
        member(rule, "days"),
        member(rule, "trigger")
    )
}
