use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use strongroom_core::{
    Action, Actor, Base, Caller, CommitError, Credential, Event, Hashed, Hasher, Mac, RequestId, Service,
    StoreError, Tenant, commit,
};
use zeroize::Zeroizing;

use crate::{
    RootToken, Token,
    token::{LONGEST, hash, key},
};

/// The tokens of a database. Cheap to clone; lives for one unsealing.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    base: Base,
    first_tenant: Tenant,
    /// Known tokens by their hash under a key that only this process has: so no token lies in memory.
    mac: Box<dyn Mac>,
    /// Hashes tokens for events, the same way in every process.
    hasher: Hasher,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    tokens: HashMap<[u8; 32], Token>,
    /// Raised by whatever may have ended a token: what was read before is not kept.
    generation: u64,
}

/// More tokens than this are not kept in memory together.
const KNOWN: usize = 100_000;

impl Tokens {
    /// The tokens of the database under `base`. Root tokens work on `first_tenant`.
    ///
    /// # Errors
    /// [`CommitError`]: the first who opens a database makes the key that hashes tokens for events.
    pub fn new(base: Base, first_tenant: Tenant) -> Result<Self, CommitError> {
        let mut secret = Zeroizing::new([0; 32]);
        base.provider.random().fill_secret(secret.as_mut_slice()).map_err(StoreError::from)?;
        let mac = base.provider.hmac(&secret);
        let hasher = Hasher::of(&*base.store, &*base.provider)?;
        let inner = Arc::new(Inner { base, first_tenant, mac, hasher, known: RwLock::default() });
        let weak = Arc::downgrade(&inner);
        inner.base.gate.on_wipe(move || {
            if let Some(inner) = weak.upgrade() {
                inner.forget();
            }
        });
        let weak = Arc::downgrade(&inner);
        inner.base.caches.add(move |tenant| {
            if let Some(inner) = weak.upgrade().filter(|_| tenant == Tenant::SYSTEM) {
                inner.forget();
            }
        });
        Ok(Self(inner))
    }

    /// Makes the token good, if it is not yet.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn install(&self, token: &RootToken) -> Result<(), CommitError> {
        let base = &self.0.base;
        let (key, value) = token.record()?;
        commit(&*base.store, Tenant::SYSTEM, |mut reader| {
            let known = reader.get(&key)?.is_some();
            let mut change = reader.change(());
            if !known {
                change.put_secret(&key, value.clone());
                let (caller, now) = (Caller::system(), base.clock.now());
                let event = Event::allowed(&caller, now, Service::Identity, Action::Create, None);
                base.outbox.put(&mut change, &event)?;
            }
            Ok(change)
        })
    }

    /// What is known of a token without asking the store: nothing means ask [`Tokens::check`].
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub fn cached(&self, text: &str) -> Result<Option<Token>, StoreError> {
        let _inside = self.0.base.enter()?;
        let hash = self.hash(text)?;
        Ok(self.0.known().tokens.get(&hash).cloned())
    }

    /// What is known of a token, if it is good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn check(&self, text: &str) -> Result<Option<Token>, StoreError> {
        let _inside = self.0.base.enter()?;
        if text.is_empty() || text.len() > LONGEST {
            return Ok(None);
        }
        if let Some(token) = self.cached(text)? {
            return Ok(Some(token));
        }
        let generation = self.0.known().generation;
        self.0.base.lease.follow(Tenant::SYSTEM)?;
        let key = key(&hash(&*self.0.base.provider, text))?;
        let record = self.0.base.store.get_many(&[key])?.pop().flatten();
        let Some(record) = record else { return Ok(None) };
        let token = self.0.credited(Token::read(&record.value)?, text)?;
        let hash = self.hash(text)?;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.tokens.len() >= KNOWN {
            known.tokens.clear();
        }
        if known.generation == generation {
            known.tokens.insert(hash, token.clone());
        }
        Ok(Some(token))
    }

    /// On whose behalf the holder of a token calls.
    pub fn caller(&self, token: &Token, request: Option<RequestId>) -> Caller {
        let Token { accessor, credential, .. } = *token;
        Caller { tenant: self.0.first_tenant, actor: Actor::Token(accessor), request, credential }
    }

    /// What stands for a text in events: for a token, or for an accessor as it is shown.
    ///
    /// # Errors
    /// [`StoreError::Sealed`].
    pub fn hash_for_events(&self, text: &str) -> Result<Hashed, StoreError> {
        let _inside = self.0.base.enter()?;
        Ok(self.0.hasher.hash(text.as_bytes())?)
    }

    fn hash(&self, text: &str) -> Result<[u8; 32], StoreError> {
        let text = if text.len() > LONGEST { "" } else { text };
        Ok(*self.0.mac.mac(&[text.as_bytes()])?)
    }
}

impl Inner {
    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { generation: known.generation + 1, ..Known::default() };
    }

    /// The token with what stands for it in events: made once, not for each request.
    fn credited(&self, mut token: Token, text: &str) -> Result<Token, StoreError> {
        let hashed = self.hasher.hash(text.as_bytes())?;
        let accessor = self.hasher.hash(token.accessor_text().as_bytes())?;
        token.credential = Some(Credential { token: hashed, accessor });
        Ok(token)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;
    use strongroom_core::{Gate, SystemClock, memory::MemoryStore};
    use strongroom_keys::RustCrypto;

    use super::*;

    fn tokens() -> (Tokens, RootToken) {
        let (store, gate) = (Arc::new(MemoryStore::new()), Arc::new(Gate::new()));
        let base = Base::new(store, gate, Arc::new(RustCrypto::new()), Arc::new(SystemClock)).unwrap();
        let root = RootToken::new(&*base.provider, base.clock.now()).unwrap();
        let tokens = Tokens::new(base, Tenant::from_bytes([1; 16])).unwrap();
        tokens.install(&root).unwrap();
        (tokens, root)
    }

    fn known(tokens: &Tokens) -> usize {
        tokens.0.known().tokens.len()
    }

    #[test]
    fn sealing_forgets_every_known_token() {
        let (tokens, root) = tokens();
        tokens.check(root.secret().expose_secret()).unwrap();
        assert_eq!(known(&tokens), 1);
        tokens.0.base.gate.close(Duration::from_secs(9)).unwrap();
        assert_eq!(known(&tokens), 0);
    }

    #[test]
    fn wrong_tokens_fill_no_memory() {
        let (tokens, _) = tokens();
        for number in 0..500 {
            assert!(tokens.check(&format!("sr.wrong-{number}")).unwrap().is_none());
        }
        assert_eq!(known(&tokens), 0);
    }
}
