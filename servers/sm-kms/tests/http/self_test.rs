//! A server whose primitives compute wrongly does not start.

use std::sync::Arc;

use strongroom_core::{
    Aead, HashAlgorithm, KeyBackend, Mac, Provider, Random, SystemClock, memory::MemoryStore,
};
use strongroom_keys::RustCrypto;
use strongroom_sm_kms::{Node, NodeError};
use zeroize::Zeroizing;

/// Its HMAC is that of another key, as of a machine with a broken register.
struct Broken(RustCrypto);

impl Provider for Broken {
    fn random(&self) -> &dyn Random {
        self.0.random()
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Vec<u8> {
        self.0.hash(algorithm, parts)
    }

    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.sha256(parts)
    }

    fn hmac(&self, key: &[u8; 32]) -> Box<dyn Mac> {
        self.0.hmac(&key.map(|byte| byte ^ 1))
    }

    fn hkdf(&self, secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        self.0.hkdf(secret, salt, info)
    }

    fn aead(&self) -> &dyn Aead {
        self.0.aead()
    }

    fn software(&self) -> &dyn KeyBackend {
        self.0.software()
    }
}

fn start(provider: Arc<dyn Provider>) -> Result<Node, NodeError> {
    Node::new(Arc::new(MemoryStore::new()), provider, Arc::new(SystemClock), Vec::new())
}

#[test]
fn a_server_whose_primitives_fail_their_self_test_does_not_start() {
    let Err(NodeError::SelfTest(failure)) = start(Arc::new(Broken(RustCrypto::new()))) else {
        unreachable!("it started");
    };
    assert_eq!(failure.failed, ["HMAC-SHA-256 for envelopes"]);
    assert!(start(Arc::new(RustCrypto::new())).is_ok());
}
