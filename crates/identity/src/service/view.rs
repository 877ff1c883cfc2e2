use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use strongroom_core::{Actor, Caller, Credential, RequestId, Tenant, Time};

use super::{Cidr, record::Record};

/// What is known of a service token that is good: enough to decide what its holder may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Whose token it is.
    pub tenant: Tenant,
    /// What stands for it in events; there if its text was shown.
    pub credential: Option<Credential>,
    pub(crate) record: Record,
    /// When it or one of its ancestors ends.
    pub(crate) until: Time,
}

impl TokenView {
    /// Names the token and cannot be used as one.
    pub fn accessor(&self) -> &[u8; 16] {
        &self.record.accessor
    }

    /// The accessor as it is shown: hexadecimal.
    pub fn accessor_text(&self) -> String {
        self.record.accessor.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The names of its policies: canonical, sorted, each once.
    pub fn policies(&self) -> &[String] {
        &self.record.policies
    }

    /// What its creator noted about it.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.record.metadata
    }

    /// What people call it.
    pub fn display_name(&self) -> &str {
        &self.record.display_name
    }

    /// When it was made.
    pub fn made(&self) -> Time {
        self.record.made
    }

    /// When it ends by itself, unless it is renewed. It may end sooner, with an ancestor.
    pub fn expires(&self) -> Time {
        self.record.until
    }

    /// No renewal goes past it; a token with a period and without an explicit maximum has none.
    pub fn latest(&self) -> Option<Time> {
        self.record.latest
    }

    /// What each renewal adds, if it has a period.
    pub fn period(&self) -> Option<Duration> {
        self.record.period.map(Duration::from_millis)
    }

    /// What it was made to live for.
    pub fn creation_ttl(&self) -> Duration {
        Duration::from_millis(self.record.ttl)
    }

    /// Whether it can be renewed.
    pub fn is_renewable(&self) -> bool {
        self.record.renewable
    }

    /// Whether no other token ends it.
    pub fn is_orphan(&self) -> bool {
        self.record.ancestors.is_empty()
    }

    /// How often it may be used after this use; without a limit if nothing is there.
    pub fn uses_left(&self) -> Option<u32> {
        self.record.uses
    }

    /// From where it may be used; from everywhere if it is empty.
    pub fn bound_cidrs(&self) -> &[Cidr] {
        &self.record.bound
    }

    /// On whose behalf its holder calls.
    pub fn caller(&self, request: Option<RequestId>) -> Caller {
        let (tenant, actor) = (self.tenant, Actor::Token(self.record.accessor));
        Caller { tenant, actor, request, credential: self.credential }
    }

    /// A token that is bound to addresses is good for nobody whose address is not known.
    pub(crate) fn allows(&self, from: Option<IpAddr>) -> bool {
        let bound = &self.record.bound;
        bound.is_empty() || from.is_some_and(|from| bound.iter().any(|block| block.contains(from)))
    }
}
