//! A ring's life against a model of a few lines.

use proptest::prelude::*;
use strongroom_core::{Algorithm, Purpose};
use strongroom_kms::{Code, RingState, Rings, Settings, Signature};

use crate::support::{DELETABLE, name, rings, verdict};

#[derive(Debug, Clone, Copy)]
enum Step {
    Rotate,
    Configure(Option<u32>, Option<u32>),
    Disable,
    Enable,
    Replace,
    /// Encrypts, or signs, under a version.
    Make(Option<u32>),
    /// Decrypts, or verifies, one of the things made so far.
    Use(prop::sample::Index),
    /// Encrypts one of them anew under a version.
    Rewrap(prop::sample::Index, Option<u32>),
}

fn step() -> impl Strategy<Value = Step> {
    let version = || prop::option::of(0..8u32);
    prop_oneof![
        3 => Just(Step::Rotate),
        3 => (version(), version()).prop_map(|(from, to)| Step::Configure(from, to)),
        1 => Just(Step::Disable),
        2 => Just(Step::Enable),
        1 => Just(Step::Replace),
        5 => version().prop_map(Step::Make),
        5 => any::<prop::sample::Index>().prop_map(Step::Use),
        2 => (any::<prop::sample::Index>(), version()).prop_map(|(at, version)| Step::Rewrap(at, version)),
    ]
}

/// What names the ring and the version of what was made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Names {
    /// The ciphertext says both.
    Both,
    /// The ciphertext says the version.
    Version,
    /// Nothing: the version is kept beside it, and who looks at it gets a yes or no.
    Beside,
}

impl Names {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm.purpose() {
            Purpose::Envelope => Self::Both,
            Purpose::Aead => Self::Version,
            _ => Self::Beside,
        }
    }
}

/// What a ring is, without a key.
struct Model {
    names: Names,
    life: u32,
    latest: u32,
    decrypts_from: u32,
    encrypts_from: u32,
    disabled: bool,
}

impl Model {
    fn new(names: Names) -> Self {
        Self { names, life: 0, latest: 1, decrypts_from: 1, encrypts_from: 0, disabled: false }
    }

    fn rotate(&mut self) -> &'static str {
        if self.disabled {
            return "disabled";
        }
        self.latest += 1;
        "ok"
    }

    fn configure(&mut self, from: Option<u32>, to: Option<u32>) -> &'static str {
        let (from, to) = (from.unwrap_or(self.decrypts_from), to.unwrap_or(self.encrypts_from));
        let fits = from >= 1 && from <= self.latest && (to == 0 || (to >= from && to <= self.latest));
        if !fits {
            return "invalid";
        }
        (self.decrypts_from, self.encrypts_from) = (from, to);
        "ok"
    }

    fn make(&self, asked: Option<u32>) -> Result<u32, &'static str> {
        let version = asked.filter(|asked| *asked > 0).unwrap_or(self.latest);
        match () {
            () if self.disabled => Err("disabled"),
            () if version < self.decrypts_from || version < self.encrypts_from => Err("too old"),
            () if version > self.latest => Err("no version"),
            () => Ok(version),
        }
    }

    /// What comes of opening or verifying what a version in some life of the ring made.
    fn open(&self, (life, version): (u32, u32)) -> &'static str {
        match () {
            () if self.disabled => "disabled",
            () if life != self.life && self.names == Names::Both => "does not open",
            () if version < self.decrypts_from => "too old",
            () if version > self.latest => "no version",
            () if life != self.life && self.names == Names::Version => "does not open",
            () if life != self.life => "wrong",
            () => "ok",
        }
    }
}

/// A thing that was made, and in which life of the ring by which version.
struct Made {
    by: (u32, u32),
    bytes: Vec<u8>,
}

struct Run {
    rings: Rings,
    algorithm: Algorithm,
    model: Model,
    made: Vec<Made>,
}

impl Run {
    fn step(&mut self, step: Step) -> (&'static str, &'static str) {
        let (rings, ring) = (self.rings.clone(), name("ring"));
        match step {
            Step::Rotate => (verdict(rings.rotate(&ring)), self.model.rotate()),
            Step::Configure(min_decryption_version, min_encryption_version) => {
                let settings = Settings { min_decryption_version, min_encryption_version, ..Settings::NONE };
                let expected = self.model.configure(min_decryption_version, min_encryption_version);
                (verdict(rings.configure(&ring, &settings)), expected)
            }
            Step::Disable => {
                self.model.disabled = true;
                (verdict(rings.disable(&ring)), "ok")
            }
            Step::Enable => {
                self.model.disabled = false;
                (verdict(rings.enable(&ring)), "ok")
            }
            Step::Replace => {
                self.model = Model { life: self.model.life + 1, ..Model::new(self.model.names) };
                rings.configure(&ring, &DELETABLE).unwrap();
                rings.delete(&ring).unwrap();
                (verdict(rings.create(&ring, self.algorithm)), "ok")
            }
            Step::Make(version) => {
                let made = match self.algorithm.purpose() {
                    Purpose::Sign => rings.sign(&ring, version, b"text").map(|signature| signature.bytes),
                    Purpose::Mac => rings.mac(&ring, version, b"text").map(|code| code.bytes),
                    _ => rings.encrypt_with(&ring, version, b"text", b""),
                };
                self.keep(made, self.model.make(version))
            }
            Step::Use(_) | Step::Rewrap(..) if self.made.is_empty() => ("ok", "ok"),
            Step::Use(at) => {
                let made = at.get(&self.made);
                (self.used(made), self.model.open(made.by))
            }
            Step::Rewrap(..) if self.model.names == Names::Beside => ("ok", "ok"),
            Step::Rewrap(at, version) => {
                let made = at.get(&self.made);
                let again = rings.rewrap_with(&ring, version, &made.bytes, b"");
                let expected = match self.model.open(made.by) {
                    "ok" => self.model.make(version),
                    refused => Err(refused),
                };
                self.keep(again, expected)
            }
        }
    }

    fn used(&self, made: &Made) -> &'static str {
        let ring = name("ring");
        if self.model.names != Names::Beside {
            return verdict(
                self.rings.decrypt(&ring, &made.bytes, b"").map(|text| assert_eq!(*text, b"text")),
            );
        }
        let (version, bytes) = (made.by.1, made.bytes.clone());
        let looked = match self.algorithm.purpose() {
            Purpose::Mac => self.rings.verify_mac(&ring, b"text", &Code { version, bytes }),
            _ => self.rings.verify(&ring, b"text", &Signature { version, bytes }),
        };
        match looked {
            Ok(false) => "wrong",
            other => verdict(other),
        }
    }

    fn keep(
        &mut self,
        made: Result<Vec<u8>, strongroom_kms::KmsError>,
        expected: Result<u32, &'static str>,
    ) -> (&'static str, &'static str) {
        if let (Ok(bytes), Ok(version)) = (&made, expected) {
            self.made.push(Made { by: (self.model.life, version), bytes: bytes.clone() });
        }
        (verdict(made), expected.map_or_else(|refused| refused, |_| "ok"))
    }
}

/// All that make what can be looked at again.
fn algorithms() -> Vec<Algorithm> {
    let purposes = [Purpose::Envelope, Purpose::Aead, Purpose::Mac, Purpose::Sign];
    Algorithm::ALL.into_iter().filter(|algorithm| purposes.contains(&algorithm.purpose())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_ring_does_what_the_model_says(
        algorithm in prop::sample::select(algorithms()),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut run = Run { rings: rings(), algorithm, model: Model::new(Names::of(algorithm)), made: Vec::new() };
        run.rings.create(&name("ring"), algorithm).unwrap();
        for step in steps {
            let (found, expected) = run.step(step);
            prop_assert_eq!(found, expected, "{:?}", step);
            let shown = run.rings.read(&name("ring")).unwrap();
            let model = &run.model;
            prop_assert_eq!(shown.latest_version, model.latest);
            prop_assert_eq!(shown.min_decryption_version, model.decrypts_from);
            prop_assert_eq!(shown.min_encryption_version, model.encrypts_from);
            prop_assert_eq!(shown.state == RingState::Disabled, model.disabled);
        }
        // In the end whatever was made is as the model says, also read anew.
        for made in &run.made {
            prop_assert_eq!(run.used(made), run.model.open(made.by));
        }
    }
}
