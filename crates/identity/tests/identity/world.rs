//! A database, the time, and service tokens over both.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use strongroom_barrier::{NewSlot, Sealed, Unlock, UnsealSecret, Unsealed};
use strongroom_core::{Base, Caller, FixedClock, Store, Tenant, Time, run_due};
use strongroom_identity::{Created, Creator, NewToken, ServiceTokens, TokenLimits, TokenView};
use strongroom_keys::RustCrypto;
use strongroom_store_postgres::testing::Engine;

pub(crate) const NOW: Time = Time::from_millis(1_750_000_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const LIMITS: TokenLimits = TokenLimits { default: DAY, max: Duration::from_secs(10 * 86_400) };

pub(crate) struct World {
    pub engine: Arc<Engine>,
    pub clock: Arc<FixedClock>,
}

pub(crate) struct Node {
    pub unsealed: Unsealed,
    pub base: Base,
    pub tokens: ServiceTokens,
    pub tenant: Tenant,
}

fn file() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Engine::new())
    }

    /// A database that several nodes have open.
    pub(crate) fn shared() -> Self {
        Self::over(Engine::shared())
    }

    fn over(engine: Engine) -> Self {
        let (engine, clock) = (Arc::new(engine), Arc::new(FixedClock::at(NOW)));
        let (secret, provider) = (file(), Arc::new(RustCrypto::new()));
        let slots = [NewSlot::Secret(&secret)];
        drop(Sealed::create(engine.clone(), provider, clock.clone(), &slots, Vec::new()).unwrap());
        Self { engine, clock }
    }

    pub(crate) fn node(&self) -> Node {
        self.through(self.engine.clone())
    }

    pub(crate) fn through(&self, engine: Arc<dyn Store>) -> Node {
        let sealed = Sealed::open(engine, Arc::new(RustCrypto::new()), self.clock.clone()).unwrap();
        let unsealed = sealed.unseal(&Unlock::Secret(&file())).unwrap();
        let (base, tenant) = (unsealed.base(), unsealed.first_tenant());
        let tokens = ServiceTokens::new(base.clone(), LIMITS).unwrap();
        Node { unsealed, base, tokens, tenant }
    }

    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        let has = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        self.engine.dump().iter().any(|(key, value)| has(key) || has(value))
    }

    /// Rows of identity in the store.
    pub(crate) fn rows(&self) -> usize {
        self.engine.dump().iter().filter(|(key, _)| key[16] == 2).count()
    }
}

impl Node {
    pub(crate) fn caller(&self) -> Caller {
        Caller::application(self.tenant)
    }

    pub(crate) fn make(&self, by: Creator<'_>, new: &NewToken) -> Created {
        self.tokens.create(&self.caller(), by, new).unwrap()
    }

    pub(crate) fn root(&self, new: &NewToken) -> Created {
        self.make(Creator::Unlimited, new)
    }

    pub(crate) fn child(&self, parent: &Created) -> Created {
        self.make(Creator::Token(&parent.view), &NewToken::default())
    }

    pub(crate) fn check(&self, token: &Created) -> Option<Arc<TokenView>> {
        self.tokens.check(text(token), None).unwrap()
    }

    pub(crate) fn good(&self, token: &Created) -> bool {
        self.check(token).is_some()
    }

    /// Does due work until there is none left for now.
    pub(crate) fn work(&self) {
        for second in 1.. {
            let now = self.base.clock.now() + Duration::from_secs(second);
            let report = run_due(&self.unsealed, &[&self.tokens], now, Duration::from_secs(20)).unwrap();
            assert!(report.failed.is_empty(), "{report:?}");
            if report.done == 0 {
                return;
            }
        }
    }
}

pub(crate) fn text(token: &Created) -> &str {
    token.secret.expose_secret()
}

pub(crate) fn policies(names: &[&str]) -> NewToken {
    NewToken { policies: names.iter().map(|name| (*name).to_owned()).collect(), ..NewToken::default() }
}
