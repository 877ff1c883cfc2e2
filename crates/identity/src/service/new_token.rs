use std::{collections::BTreeMap, time::Duration};

use strongroom_core::Time;

use super::{Cidr, TokenError, TokenLimits, TokenView, record::Record};
use crate::{InvalidPolicyName, PolicyName};

/// What a new token is to be.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// Names of policies, in any case; without one, those of the creator.
    pub policies: Vec<String>,
    /// Not to add the policy `default`.
    pub no_default_policy: bool,
    /// What to note about it.
    pub metadata: BTreeMap<String, String>,
    /// What people call it.
    pub display_name: String,
    /// What it lives for without being renewed.
    pub ttl: Option<Duration>,
    /// What it lives for at most, however it is renewed.
    pub explicit_max: Option<Duration>,
    /// What each renewal adds, without a maximum beside the explicit one.
    pub period: Option<Duration>,
    /// It cannot be renewed.
    pub fixed: bool,
    /// How often it may be used.
    pub uses: Option<u32>,
    /// From where it may be used.
    pub bound_cidrs: Vec<Cidr>,
    /// It does not end with its creator.
    pub orphan: bool,
}

/// Who makes a token.
#[derive(Debug, Clone, Copy)]
pub enum Creator<'t> {
    /// A root, or a login: nothing limits what is given, and no token ends it.
    Unlimited,
    /// The holder of a token, which gives at most what it has.
    Token(&'t TokenView),
    /// The holder of a token with `sudo` on the path it uses: what it gives may exceed what it has.
    Sudo(&'t TokenView),
}

/// More text than this in the metadata and the name of one token is refused.
const TEXT: usize = 16 << 10;
const POLICIES: usize = 256;
const BLOCKS: usize = 64;
/// A token has at most so many ancestors.
pub(crate) const DEPTH: usize = 32;

/// The spelling of a policy's name that a token keeps: that of [`PolicyName`], whatever spaces stood around it.
///
/// # Errors
/// [`TokenError::Invalid`]; [`TokenError::Denied`] for `root`.
pub fn policy_name(text: &str) -> Result<String, TokenError> {
    match PolicyName::parse(text.trim_matches(' ')) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(InvalidPolicyName::Name) => Err(TokenError::Invalid("policies")),
        Err(InvalidPolicyName::Root) => Err(TokenError::Denied),
    }
}

impl NewToken {
    /// Fills in the record what the creator may give.
    pub(crate) fn write(
        &self,
        by: Creator<'_>,
        limits: TokenLimits,
        record: &mut Record,
    ) -> Result<(), TokenError> {
        self.check_sizes()?;
        record.policies = self.policies(by)?;
        record.bound = self.bound(by)?;
        if let Creator::Token(_) = by
            && (self.orphan || self.period.is_some())
        {
            return Err(TokenError::Denied);
        }
        record.ancestors = self.ancestors(by)?;
        record.metadata.clone_from(&self.metadata);
        record.display_name.clone_from(&self.display_name);
        (record.uses, record.renewable) = (self.uses, !self.fixed);
        self.times(limits, record);
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), TokenError> {
        let pairs = self.metadata.iter().map(|(key, value)| key.len() + value.len());
        if pairs.sum::<usize>() + self.display_name.len() > TEXT {
            return Err(TokenError::Invalid("metadata"));
        }
        if self.policies.len() > POLICIES {
            return Err(TokenError::Invalid("policies"));
        }
        if self.bound_cidrs.len() > BLOCKS {
            return Err(TokenError::Invalid("bound_cidrs"));
        }
        match self.uses {
            Some(0) => Err(TokenError::Invalid("uses")),
            _ => Ok(()),
        }
    }

    fn policies(&self, by: Creator<'_>) -> Result<Vec<String>, TokenError> {
        let mut names: Vec<_> =
            self.policies.iter().map(|name| policy_name(name)).collect::<Result<_, _>>()?;
        if let (true, Creator::Token(parent) | Creator::Sudo(parent)) = (names.is_empty(), by) {
            names.extend(parent.policies().iter().filter(|name| *name != DEFAULT).cloned());
        }
        if let Creator::Token(parent) = by
            && !names.iter().all(|name| name == DEFAULT || parent.policies().contains(name))
        {
            return Err(TokenError::Denied);
        }
        let narrowed =
            matches!(by, Creator::Token(parent) if !parent.policies().iter().any(|name| name == DEFAULT));
        if narrowed && names.iter().any(|name| name == DEFAULT) {
            return Err(TokenError::Denied);
        }
        if !self.no_default_policy && !narrowed {
            names.push(DEFAULT.into());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// A creator that is bound to addresses binds what it makes to the same ones.
    fn bound(&self, by: Creator<'_>) -> Result<Vec<Cidr>, TokenError> {
        match by {
            Creator::Token(parent) if !parent.bound_cidrs().is_empty() => match self.bound_cidrs.as_slice() {
                [] => Ok(parent.bound_cidrs().to_vec()),
                own if own.iter().all(|block| parent.bound_cidrs().contains(block)) => Ok(own.to_vec()),
                _ => Err(TokenError::Denied),
            },
            _ => Ok(self.bound_cidrs.clone()),
        }
    }

    fn ancestors(&self, by: Creator<'_>) -> Result<Vec<minicbor::bytes::ByteArray<16>>, TokenError> {
        let (Creator::Token(parent) | Creator::Sudo(parent)) = by else { return Ok(Vec::new()) };
        if parent.uses_left().is_some() {
            return Err(TokenError::Denied);
        }
        if self.orphan {
            return Ok(Vec::new());
        }
        let mut ancestors = vec![(*parent.accessor()).into()];
        ancestors.extend_from_slice(&parent.record.ancestors);
        if ancestors.len() > DEPTH { Err(TokenError::Invalid("ancestors")) } else { Ok(ancestors) }
    }

    fn times(&self, limits: TokenLimits, record: &mut Record) {
        let given = |duration: Option<Duration>| duration.filter(|duration| !duration.is_zero());
        let (period, explicit) = (given(self.period), given(self.explicit_max));
        let longest = if period.is_some() {
            explicit
        } else {
            Some(explicit.map_or(limits.max, |max| max.min(limits.max)))
        };
        let wanted = period.or(given(self.ttl)).unwrap_or(limits.default);
        let ttl = longest.map_or(wanted, |longest| wanted.min(longest));
        record.until = record.made + ttl;
        record.latest = longest.map(|longest| record.made + longest);
        record.ttl = Record::new(record.accessor, record.hash, record.made, record.until).ttl;
        record.period = period.map(|period| (Time::from_millis(0) + period).as_millis());
    }
}

const DEFAULT: &str = "default";
