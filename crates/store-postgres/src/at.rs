use std::{fmt, sync::Arc};

use crate::{Config, config::Place};

/// Which database an error is about: enough to find it, and no secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct At(Arc<str>);

impl At {
    pub(crate) fn of(config: &Config) -> Self {
        let database = config.database.escape_debug();
        Self(match &config.place {
            Place::Tcp { host, port } => {
                format!("database {database} on {}, port {port}", host.escape_debug()).into()
            }
            Place::Unix(socket) => format!("database {database} on {socket:?}").into(),
        })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
