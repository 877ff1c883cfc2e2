//! Vectors of the standards.

use strongroom_core::{Algorithm, SignOptions};

use crate::support::{load, unhex};

/// RFC 6979, sections A.2.6 and A.2.7: SHA-384 and SHA-512 of "sample".
#[test]
fn ecdsa_signs_as_in_rfc_6979() {
    for (algorithm, scalar, signature) in [
        (
            Algorithm::EcdsaP384,
            "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
            concat!(
                "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
                "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
            ),
        ),
        (
            Algorithm::EcdsaP521,
            concat!(
                "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa8",
                "96eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
            ),
            concat!(
                "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e",
                "25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
                "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af2826",
                "23eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
            ),
        ),
    ] {
        let key = load(algorithm, &unhex(scalar));
        let made = key.sign(b"sample", &SignOptions::default()).unwrap();
        assert_eq!(made, unhex(signature), "{algorithm:?}");
    }
}
