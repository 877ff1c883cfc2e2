use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use secrecy::{ExposeSecret, SecretString};
use strongroom_core::{
    Action, Base, Caller, Change, CommitError, Credential, Due, Event, Hasher, Mac, Reader, Service,
    StoreError, Tenant, Time, commit,
};
use zeroize::Zeroizing;

use super::{
    Creator, NewToken, TokenError, TokenView,
    cache::Cache,
    record::{Place, Record},
    tables::{self, Accessor},
};
use crate::token::hash;

/// Creates, checks, renews and revokes service tokens: random texts that are kept only as a keyed hash, each of one
/// tenant. Cheap to clone; lives for one unsealing.
///
/// A token is good until its time, unless it or an ancestor was revoked or has ended before: nothing has to be deleted
/// for that. Its [`Worker`](strongroom_core::Worker) deletes the rows of what has ended.
#[derive(Clone)]
pub struct ServiceTokens(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) base: Base,
    limits: TokenLimits,
    /// Known tokens by their hash under a key that only this process has: so no token lies in memory.
    mac: Box<dyn Mac>,
    /// Hashes tokens for events, the same way in every process.
    hasher: Hasher,
    pub(crate) cache: Cache,
}

/// How long tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLimits {
    /// One for which nothing else is asked.
    pub default: Duration,
    /// At most, unless it has a period.
    pub max: Duration,
}

impl Default for TokenLimits {
    fn default() -> Self {
        let month = Duration::from_secs(32 * 24 * 3600);
        Self { default: month, max: month }
    }
}

/// A token on its way to whoever asked for it.
#[derive(Debug)]
pub struct Created {
    /// Its text, which nobody can read again.
    pub secret: SecretString,
    /// What is known of it.
    pub view: TokenView,
}

/// A page of accessors, in no order that means anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accessors {
    /// Of tokens that are good.
    pub found: Vec<[u8; 16]>,
    /// After which one the next page begins, if there may be one.
    pub next: Option<[u8; 16]>,
}

/// How every service token's text begins.
const PREFIX: &str = "srs.";
/// The prefix and 32 bytes.
const LENGTH: usize = 47;
/// Tokens of one page of a list.
const PAGE: usize = 1_000;
/// The kind of due work that looks whether a token has ended.
pub(crate) const END: &str = "token-end";

impl ServiceTokens {
    /// The service tokens of the database under `base`.
    ///
    /// # Errors
    /// [`CommitError`]: the first who opens a database makes the key that hashes tokens for events.
    pub fn new(base: Base, limits: TokenLimits) -> Result<Self, CommitError> {
        let mut secret = Zeroizing::new([0; 32]);
        base.provider.random().fill_secret(secret.as_mut_slice()).map_err(StoreError::from)?;
        let mac = base.provider.hmac(&secret);
        let hasher = Hasher::of(&*base.store, &*base.provider)?;
        let inner = Arc::new(Inner { base, limits, mac, hasher, cache: Cache::default() });
        let weak = Arc::downgrade(&inner);
        inner.base.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.cache.forget(|_| true);
            }
        });
        let weak = Arc::downgrade(&inner);
        inner.base.caches.add(move |tenant| {
            if let Some(inner) = weak.upgrade() {
                inner.cache.forget(|view| view.tenant == tenant);
            }
        });
        Ok(Self(inner))
    }

    /// Makes a token of the caller's tenant.
    ///
    /// # Errors
    /// [`TokenError::Denied`] where the creator may not give what is asked for, [`TokenError::NotFound`] where it has
    /// ended, [`TokenError::Invalid`], and [`TokenError::Commit`].
    pub fn create(&self, caller: &Caller, by: Creator<'_>, new: &NewToken) -> Result<Created, TokenError> {
        let Inner { base, limits, .. } = &*self.0;
        let _inside = base.enter()?;
        let now = base.clock.now();
        let (secret, mut record) = self.0.drawn(now)?;
        new.write(by, *limits, &mut record)?;
        let credential = Some(self.0.credential(secret.expose_secret(), &record.accessor)?);
        commit(&*base.store, caller.tenant, |mut reader| {
            if let Creator::Token(parent) | Creator::Sudo(parent) = by
                && (parent.tenant != caller.tenant || live(&mut reader, parent.accessor(), now)?.is_none())
            {
                return Err(TokenError::NotFound);
            }
            let mut change = reader.change(());
            put_new(&mut change, caller.tenant, &record)?;
            self.0.tell(&mut change, caller, now, Action::Create)?;
            Ok(change)
        })?;
        let until = record.until;
        Ok(Created { secret, view: TokenView { tenant: caller.tenant, credential, record, until } })
    }

    /// What is known of a token without asking the store: nothing means ask [`ServiceTokens::check`].
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub fn cached(&self, text: &str, from: Option<IpAddr>) -> Result<Option<Arc<TokenView>>, StoreError> {
        let _inside = self.0.base.enter()?;
        if !is_text(text) {
            return Ok(None);
        }
        let found = self.0.cache.find(&*self.0.mac.mac(&[text.as_bytes()])?);
        let now = self.0.base.clock.now();
        Ok(found.filter(|view| now < view.until && view.allows(from)))
    }

    /// What is known of a token, if it is good for somebody at this address. It is one use of a token whose uses are
    /// counted: the count is durable before the answer.
    ///
    /// # Errors
    /// [`TokenError::Commit`]; a use whose count may have been written is spent.
    pub fn check(&self, text: &str, from: Option<IpAddr>) -> Result<Option<Arc<TokenView>>, TokenError> {
        let _inside = self.0.base.enter()?;
        if !is_text(text) {
            return Ok(None);
        }
        if let Some(view) = self.cached(text, from)? {
            return Ok(Some(view));
        }
        let mark = *self.0.mac.mac(&[text.as_bytes()])?;
        let generation = self.0.cache.generation(&mark);
        let Some((tenant, accessor)) = self.0.place(text)? else { return Ok(None) };
        self.0.base.lease.follow(tenant)?;
        let Some(mut view) = self.0.view(tenant, &accessor)? else { return Ok(None) };
        if !view.allows(from) {
            return Ok(None);
        }
        view.credential = Some(self.0.credential(text, &accessor)?);
        if view.uses_left().is_some() {
            return Ok(self.0.spend(view)?.map(Arc::new));
        }
        let view = Arc::new(view);
        self.0.cache.fill(mark, generation, &view);
        Ok(Some(view))
    }

    /// The accessor of a tenant's token by its text, if it is good. It is no use of the token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn accessor(&self, tenant: Tenant, text: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let _inside = self.0.base.enter()?;
        let place = if is_text(text) { self.0.place(text)? } else { None };
        let Some((_, accessor)) = place.filter(|(owner, _)| *owner == tenant) else { return Ok(None) };
        Ok(self.0.view(tenant, &accessor)?.map(|_| accessor))
    }

    /// What is known of a tenant's token by its accessor, if it is good. It is no use of the token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lookup(&self, tenant: Tenant, accessor: &[u8; 16]) -> Result<Option<TokenView>, StoreError> {
        let _inside = self.0.base.enter()?;
        self.0.view(tenant, accessor)
    }

    /// A page of the accessors of a tenant's good tokens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(
        &self,
        tenant: Tenant,
        after: Option<&[u8; 16]>,
        limit: usize,
    ) -> Result<Accessors, StoreError> {
        let _inside = self.0.base.enter()?;
        let (store, now, limit) = (&*self.0.base.store, self.0.base.clock.now(), limit.clamp(1, PAGE));
        let mut range = tables::tokens(tenant)?;
        if let Some(after) = after {
            range = range.after(&tables::token(tenant, after)?)?;
        }
        let rows = store.scan(&range, strongroom_core::Direction::Forward, limit)?;
        let (mut found, mut last) = (Vec::with_capacity(rows.len()), None);
        for (_, row) in &rows {
            let record = Record::read(&row.value)?;
            last = Some(record.accessor);
            let mut reader = Reader::new(store, tenant);
            if good_with_ancestors(&mut reader, &record, now)?.is_some() {
                found.push(record.accessor);
            }
        }
        Ok(Accessors { found, next: last.filter(|_| rows.len() == limit) })
    }

    /// Renews a token of the caller's tenant: it ends so much later than now, or as it was made to, and never past its
    /// maximum. It does not end earlier than before.
    ///
    /// # Errors
    /// [`TokenError::NotFound`], [`TokenError::NotRenewable`], and [`TokenError::Commit`].
    pub fn renew(
        &self,
        caller: &Caller,
        accessor: &[u8; 16],
        increment: Option<Duration>,
    ) -> Result<TokenView, TokenError> {
        let base = &self.0.base;
        let _inside = base.enter()?;
        let (now, tenant) = (base.clock.now(), caller.tenant);
        commit(&*base.store, tenant, |mut reader| {
            let found = live(&mut reader, accessor, now)?;
            let (mut record, until) = found.ok_or(TokenError::NotFound)?;
            if !record.renewable {
                return Err(TokenError::NotRenewable);
            }
            record.until = record.renewed(now, increment);
            let mut change = reader.change(());
            change.put(&tables::token(tenant, accessor)?, &record.to_bytes()?);
            self.0.tell(&mut change, caller, now, Action::Configure)?;
            let until = until.max(record.until);
            Ok(change.map(|()| TokenView { tenant, credential: None, record, until }))
        })
    }
}

impl Inner {
    /// A new text, and what is kept of it.
    fn drawn(&self, now: Time) -> Result<(SecretString, Record), TokenError> {
        let random = self.base.provider.random();
        let (mut bytes, mut accessor, mut work) = (Zeroizing::new([0; 32]), [0; 16], [0; 16]);
        random.fill_secret(bytes.as_mut_slice())?;
        random.fill_secret(&mut accessor)?;
        random.fill(&mut work);
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()));
        let secret = SecretString::from([PREFIX, &text].concat());
        let hash = hash(&*self.base.provider, secret.expose_secret());
        let mut record = Record::new(accessor, hash, now, now);
        record.work = work;
        Ok((secret, record))
    }

    fn credential(&self, text: &str, accessor: &Accessor) -> Result<Credential, StoreError> {
        let shown: String = accessor.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Credential {
            token: self.hasher.hash(text.as_bytes())?,
            accessor: self.hasher.hash(shown.as_bytes())?,
        })
    }

    fn place(&self, text: &str) -> Result<Option<(Tenant, Accessor)>, StoreError> {
        let key = tables::text(&hash(&*self.base.provider, text))?;
        let Some(record) = self.base.store.get_many(&[key])?.pop().flatten() else { return Ok(None) };
        let Place { tenant, accessor, .. } = Place::read(&record.value)?;
        Ok(Some((Tenant::from_bytes(tenant), accessor)))
    }

    fn view(&self, tenant: Tenant, accessor: &Accessor) -> Result<Option<TokenView>, StoreError> {
        let mut reader = Reader::new(&*self.base.store, tenant);
        match live(&mut reader, accessor, self.base.clock.now()) {
            Ok(found) => {
                Ok(found.map(|(record, until)| TokenView { tenant, credential: None, record, until }))
            }
            // A tenant that was shredded has no tokens, whatever texts are still known.
            Err(StoreError::Invalid(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Counts one use.
    fn spend(&self, view: TokenView) -> Result<Option<TokenView>, TokenError> {
        let (accessor, now) = (*view.accessor(), self.base.clock.now());
        commit(&*self.base.store, view.tenant, |mut reader| {
            let found = live(&mut reader, &accessor, now)?;
            let Some((mut record, until)) = found else { return Ok(reader.change(None)) };
            record.uses = record.uses.map(|uses| uses.saturating_sub(1));
            let mut change = reader.change(());
            change.put(&tables::token(view.tenant, &accessor)?, &record.to_bytes()?);
            Ok(change.map(|()| Some(TokenView { record, until, ..view.clone() })))
        })
    }

    pub(crate) fn tell<T>(
        &self,
        change: &mut Change<T>,
        caller: &Caller,
        now: Time,
        action: Action,
    ) -> Result<(), TokenError> {
        let event = Event::allowed(caller, now, Service::Identity, action, None);
        self.base.outbox.put(change, &event)?;
        Ok(())
    }
}

/// Whether it has the form of a service token's text.
fn is_text(text: &str) -> bool {
    text.len() == LENGTH && text.starts_with(PREFIX)
}

/// A token that is good, and when it or an ancestor ends.
pub(crate) fn live(
    reader: &mut Reader<'_>,
    accessor: &Accessor,
    now: Time,
) -> Result<Option<(Record, Time)>, StoreError> {
    let Some(found) = reader.get(&tables::token(reader.tenant(), accessor)?)? else { return Ok(None) };
    let record = Record::read(&found.value)?;
    Ok(good_with_ancestors(reader, &record, now)?.map(|until| (record, until)))
}

/// When a token or an ancestor ends, if all of them are good. Above one that left its children, nobody counts.
fn good_with_ancestors(
    reader: &mut Reader<'_>,
    record: &Record,
    now: Time,
) -> Result<Option<Time>, StoreError> {
    if !record.is_good(now) {
        return Ok(None);
    }
    let tenant = reader.tenant();
    let keys: Vec<_> =
        record.ancestors().map(|accessor| tables::token(tenant, accessor)).collect::<Result<_, _>>()?;
    let mut until = record.until;
    for ancestor in if keys.is_empty() { Vec::new() } else { reader.get_many(&keys)? } {
        let Some(ancestor) = ancestor else { return Ok(None) };
        let ancestor = Record::read(&ancestor.value)?;
        if ancestor.left {
            break;
        }
        if !ancestor.is_good(now) {
            return Ok(None);
        }
        until = until.min(ancestor.until);
    }
    Ok(Some(until))
}

fn put_new<T>(change: &mut Change<T>, tenant: Tenant, record: &Record) -> Result<(), StoreError> {
    let Record { accessor, hash, until, work, .. } = record;
    change.put(&tables::token(tenant, accessor)?, &record.to_bytes()?);
    change.put(&tables::text(hash)?, &Place::new(*tenant.as_bytes(), *accessor).to_bytes()?);
    if let Some(parent) = record.ancestors().next() {
        change.put(&tables::child(tenant, parent, accessor)?, accessor);
    }
    let payload = [accessor.as_slice(), hash].concat();
    Due { time: *until, kind: END, id: *work, tenant, payload }.put(change)
}

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceTokens")
    }
}
