use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

use super::{Audit, AuditTaskError, member};

#[derive(Subcommand)]
pub(super) enum ProducerTask {
    /// List the producers, what each may hand in, and the number that is expected next of it
    List,
    /// Register a producer, or register it anew
    Register {
        /// Its id: 32 hexadecimal digits, chosen at random
        id: String,
        /// A service that it speaks for; repeat it for several
        #[arg(long, value_name = "SERVICE", required = true)]
        service: Vec<String>,
        /// The accessor of the token that it uses; yours unless you name another one
        #[arg(long, value_name = "ACCESSOR")]
        actor: Option<String>,
    },
    /// From now on it hands in nothing; what it handed in stays
    End {
        /// Its id
        id: String,
    },
}

impl ProducerTask {
    pub(super) fn run(&self, audit: &Audit) -> Result<String, AuditTaskError> {
        match self {
            Self::List => {
                let producers = audit.data(Method::GET, "producer", &Value::Null)?;
                Ok(audit.shown(&producers, |shown| {
                    let producers = shown.get("producers").and_then(Value::as_array).into_iter().flatten();
                    let text: String = producers.map(line).collect();
                    if text.is_empty() { "No producers.\n".into() } else { text }
                }))
            }
            Self::Register { id, service, actor } => {
                let body = match actor {
                    Some(actor) => json!({ "services": service, "actor": actor }),
                    None => json!({ "services": service }),
                };
                audit.data(Method::POST, &format!("producer/{id}"), &body)?;
                Ok(audit.done("It may hand in events of these services.\n"))
            }
            Self::End { id } => {
                audit.data(Method::POST, &format!("producer/{id}"), &json!({ "services": [] }))?;
                Ok(audit.done("It hands in nothing any more.\n"))
            }
        }
    }
}

fn line(producer: &Value) -> String {
    let services = producer.get("services").and_then(Value::as_array).into_iter().flatten();
    let services: Vec<_> = services.filter_map(Value::as_str).collect();
    let services = if services.is_empty() { "nothing".to_owned() } else { services.join(", ") };
    let services = services.replace(|character: char| character.is_control(), " ");
    format!(
        "{} by {}: {services}; next {}\n",
        member(producer, "producer"),
        member(producer, "actor"),
        member(producer, "next")
    )
}
