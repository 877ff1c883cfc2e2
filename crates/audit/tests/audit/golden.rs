//! Texts that were given out: whatever changes, they are read and hold.

use strongroom_audit::{ConsistencyProof, InclusionProof, LogId, VerifierKey};
use strongroom_core::{Action, Actor, Service};

const KEY: &str = include_str!("../golden/verifier-key-1.txt");
const INCLUSION: &str = include_str!("../golden/inclusion-1.txt");
const CONSISTENCY: &str = include_str!("../golden/consistency-1.txt");

fn key() -> VerifierKey {
    VerifierKey::parse(KEY.trim_end()).unwrap()
}

#[test]
fn a_proof_of_inclusion_of_the_first_version_holds() {
    let proof = InclusionProof::parse(INCLUSION).unwrap();
    let proven = proof.verify(&key()).unwrap();
    let event = proven.payload.unwrap().event;
    assert_eq!(
        (event.service, event.action, event.actor),
        (Service::Kms, Action::Create, Actor::Application)
    );
    assert_eq!(event.resource.unwrap().as_str(), "key-3");
    assert_eq!(
        (proven.index, proven.checkpoint.size, proven.leaf.month.to_string()),
        (3, 7, "2023-11".into())
    );
}

#[test]
fn a_proof_of_consistency_of_the_first_version_holds() {
    let proof = ConsistencyProof::parse(CONSISTENCY).unwrap();
    let tenant = InclusionProof::parse(INCLUSION).unwrap().verify(&key()).unwrap().leaf.tenant;
    let (old, new) = proof.verify(&key().of_log(LogId::Tenant(tenant))).unwrap();
    assert_eq!((old.size, new.size), (5, 7));
}
