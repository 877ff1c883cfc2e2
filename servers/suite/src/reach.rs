use std::{env, path::PathBuf};

use hyper::{Method, Uri};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    ask::{self, AskError},
    client::{Client, ClientError},
};

/// A running server, and how to reach it.
#[derive(clap::Args)]
pub(crate) struct Reach {
    /// Where the server listens
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = SERVER,
        env = "STRONGROOM_ADDR",
        default_value = "https://127.0.0.1:8200"
    )]
    address: Uri,

    /// Root certificates to trust, PEM; otherwise the system's
    #[arg(long, global = true, value_name = "FILE", help_heading = SERVER, env = "STRONGROOM_CACERT")]
    ca_cert: Option<PathBuf>,

    /// File of the token; otherwise the environment variable STRONGROOM_TOKEN
    #[arg(long, global = true, value_name = "FILE", help_heading = SERVER)]
    token_file: Option<PathBuf>,
}

const SERVER: &str = "To reach a running server";

/// A server was not asked, or did not answer as hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no token: name its file with --token-file, or set STRONGROOM_TOKEN")]
    NoToken,
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl Reach {
    /// Calls with the token; gives `data` of the answer.
    pub(crate) fn data(&self, method: Method, path: &str, body: &Value) -> Result<Value, ReachError> {
        let mut answer = self.answer(method, path, body)?;
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// Calls with the token; gives all of the answer.
    pub(crate) fn answer(&self, method: Method, path: &str, body: &Value) -> Result<Value, ReachError> {
        Ok(self.with_token()?.call(method, path, body)?)
    }

    /// Calls with the token; gives the bytes of a good answer.
    pub(crate) fn bytes(&self, method: Method, path: &str, body: &Value) -> Result<Vec<u8>, ReachError> {
        Ok(self.with_token()?.fetch(method, path, body)?)
    }

    pub(crate) fn client(&self, token: Option<SecretString>) -> Client {
        Client { address: self.address.clone(), roots: self.ca_cert.clone(), token }
    }

    fn with_token(&self) -> Result<Client, ReachError> {
        let token = match &self.token_file {
            Some(path) => SecretString::from(ask::read(path)?.trim()),
            None => SecretString::from(env::var("STRONGROOM_TOKEN").map_err(|_| ReachError::NoToken)?),
        };
        Ok(self.client(Some(token)))
    }
}

/// A text in a query (RFC 3986, section 2.1).
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
