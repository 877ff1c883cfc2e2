//! Rings of keys that a build may have or not.

use strongroom_core::Algorithm;

use crate::support::{name, rings};

#[test]
fn a_ring_of_slh_dsa_works_where_the_build_has_it_and_is_refused_in_words_elsewhere() {
    let (rings, ring) = (rings(), name("ring"));
    let created = rings.create(&ring, Algorithm::SlhDsaSha2_128f);
    if cfg!(feature = "slh-dsa") {
        created.unwrap();
        let signature = rings.sign(&ring, None, b"text").unwrap();
        assert!(rings.verify(&ring, b"text", &signature).unwrap());
        assert!(!rings.verify(&ring, b"other", &signature).unwrap());
    } else {
        assert_eq!(created.unwrap_err().to_string(), "this build has no keys of this type");
        assert!(rings.read(&ring).is_err());
    }
}
