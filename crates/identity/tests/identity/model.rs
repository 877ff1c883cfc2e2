//! Random lives of many tokens, told to the library and to a model of a few lines.

use std::time::Duration;

use proptest::prelude::*;
use strongroom_core::Time;
use strongroom_identity::{Created, Creator, NewToken, TokenError};

use crate::world::{HOUR, LIMITS, NOW, Node, World};

#[derive(Debug, Clone)]
enum Step {
    Create { parent: Option<usize>, hours: u64, uses: Option<u32> },
    Use(usize),
    Renew(usize, u64),
    Revoke(usize),
    RevokeAlone(usize),
    Pass(u64),
    Work,
    Restart,
}

/// What the model knows of a token.
struct Life {
    parent: Option<usize>,
    until: Time,
    latest: Time,
    ttl: Duration,
    uses: Option<u32>,
    /// Revoked, with what it made or alone.
    ended: bool,
}

struct Model {
    lives: Vec<Life>,
    now: Time,
}

impl Model {
    fn good(&self, at: usize) -> bool {
        let life = &self.lives[at];
        let own = !life.ended && self.now < life.until && life.uses != Some(0);
        own && life.parent.is_none_or(|parent| self.good(parent))
    }

    fn create(&mut self, parent: Option<usize>, ttl: Duration, uses: Option<u32>) {
        let (until, latest) = (self.now + ttl, self.now + LIMITS.max);
        self.lives.push(Life { parent, until, latest, ttl, uses, ended: false });
    }

    fn leave(&mut self, at: usize) {
        self.lives[at].ended = true;
        self.lives.iter_mut().filter(|life| life.parent == Some(at)).for_each(|life| life.parent = None);
    }
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..12_usize;
    prop_oneof![
        4 => (prop::option::of(0..12_usize), 1..72_u64, prop::option::weighted(0.2, 1..3_u32))
            .prop_map(|(parent, hours, uses)| Step::Create { parent, hours, uses }),
        3 => which.clone().prop_map(Step::Use),
        2 => (which.clone(), 0..400_u64).prop_map(|(at, hours)| Step::Renew(at, hours)),
        1 => which.clone().prop_map(Step::Revoke),
        1 => which.prop_map(Step::RevokeAlone),
        2 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::Work),
        1 => Just(Step::Restart),
    ]
}

/// The library beside the model.
struct Both {
    world: World,
    node: Node,
    made: Vec<Created>,
    model: Model,
}

impl Both {
    fn new() -> Self {
        let world = World::new();
        let node = world.node();
        Self { world, node, made: Vec::new(), model: Model { lives: Vec::new(), now: NOW } }
    }

    fn take(&mut self, step: &Step) {
        let known = |at: &usize| self.made.get(*at).map(|made| (*at, *made.view.accessor()));
        let (tokens, caller) = (&self.node.tokens, self.node.caller());
        match step {
            Step::Create { parent, hours, uses } => {
                self.create(*parent, HOUR * u32::try_from(*hours).unwrap(), *uses)
            }
            Step::Use(at) if *at < self.made.len() => self.spend(*at),
            Step::Renew(at, hours) => {
                let Some((at, accessor)) = known(at) else { return };
                let renewed = tokens.renew(&caller, &accessor, Some(Duration::from_secs(hours * 3600)));
                assert_eq!(renewed.is_ok(), self.model.good(at));
                let (good, now) = (self.model.good(at), self.model.now);
                let life = &mut self.model.lives[at];
                let ttl = if *hours == 0 { life.ttl } else { Duration::from_secs(hours * 3600) };
                if good {
                    life.until = (now + ttl).min(life.latest).max(life.until);
                    assert_eq!(renewed.unwrap().expires(), life.until);
                }
            }
            Step::Revoke(at) => {
                let Some((at, accessor)) = known(at) else { return };
                let revoked = tokens.revoke(&caller, &accessor);
                assert!(revoked.is_ok() || !self.model.good(at));
                self.model.lives[at].ended |= revoked.is_ok();
            }
            Step::RevokeAlone(at) => {
                let Some((at, accessor)) = known(at) else { return };
                // What has ended already leaves nothing that would go on.
                if self.model.good(at) {
                    tokens.revoke_orphan(&caller, &accessor).unwrap();
                    self.model.leave(at);
                }
            }
            Step::Pass(hours) => {
                let time = Duration::from_secs(hours * 3600);
                self.world.clock.advance(time);
                self.model.now = self.model.now + time;
            }
            Step::Work => self.node.work(),
            Step::Restart => self.node = self.world.node(),
            Step::Use(_) => {}
        }
    }

    fn create(&mut self, parent: Option<usize>, ttl: Duration, uses: Option<u32>) {
        let new = NewToken { ttl: Some(ttl), uses, ..NewToken::default() };
        let parent = parent.filter(|at| *at < self.made.len());
        let by = parent.map_or(Creator::Unlimited, |at| Creator::Token(&self.made[at].view));
        let allowed = parent.is_none_or(|at| self.model.good(at) && self.model.lives[at].uses.is_none());
        match self.node.tokens.create(&self.node.caller(), by, &new) {
            Ok(made) => {
                assert!(allowed);
                self.made.push(made);
                self.model.create(parent, ttl, uses);
            }
            Err(TokenError::NotFound | TokenError::Denied) => assert!(!allowed),
            Err(error) => unreachable!("{error:?}"),
        }
    }

    fn spend(&mut self, at: usize) {
        let good = self.model.good(at);
        assert_eq!(self.node.good(&self.made[at]), good);
        let uses = &mut self.model.lives[at].uses;
        *uses = uses.map(|uses| uses - u32::from(good));
    }

    /// Every token is good in the one if it is in the other.
    fn agree(&self) {
        for (at, made) in self.made.iter().enumerate() {
            let found = self.node.tokens.lookup(self.node.tenant, made.view.accessor()).unwrap();
            assert_eq!(found.is_some(), self.model.good(at), "token {at}");
            if self.model.lives[at].uses.is_none() {
                assert_eq!(self.node.good(made), self.model.good(at), "token {at}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tokens_live_as_the_model_says(steps in prop::collection::vec(step(), 1..40)) {
        let mut both = Both::new();
        for step in &steps {
            both.take(step);
            both.agree();
        }
    }
}
