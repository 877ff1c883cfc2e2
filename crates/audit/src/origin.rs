use std::fmt;

use strongroom_core::{Name, Tenant};

/// Which of a database's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogId {
    /// The log of heads: each leaf is the checkpoint of a tenant's log.
    Global,
    /// The log of a tenant's events.
    Tenant(Tenant),
}

/// The name of a log, unique among all logs: `strongroom/<database>/global`, or the tenant's id in its place. The first
/// line of its checkpoints, and the name of the key that signs them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The name that the database's logs were made with.
    pub database: Name,
    /// Which of them.
    pub log: LogId,
}

const PREFIX: &str = "strongroom/";
const GLOBAL: &str = "global";

impl Origin {
    /// Reads what it displays as, in its one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (database, log) = text.strip_prefix(PREFIX)?.split_once('/')?;
        let database = Name::parse(database).ok()?;
        let log = if log == GLOBAL { LogId::Global } else { LogId::Tenant(Tenant::from_bytes(hex(log)?)) };
        let origin = Self { database, log };
        (origin.to_string() == text).then_some(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.database, self.log)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str(GLOBAL),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}

/// The 16 bytes of 32 hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
