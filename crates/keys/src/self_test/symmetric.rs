use std::sync::Arc;

use strongroom_core::{Algorithm, Key, Provider};

use super::{Fixed, KnownAnswer, unhex};
use crate::RustCrypto;

pub(super) const ROWS: &[KnownAnswer] = &[
    // NIST's validation program for GCM: encryption, 128 bits, nonces of 96 and additional data of 160 bits, case 0.
    ("AES-128-GCM", || {
        let known = Aead {
            key: "d4a22488f8dd1d5c6c19a7d6ca17964c",
            nonce: "f3d5837f22ac1a0425e0d1d5",
            aad: "f1c5d424b83f96c6ad8cb28ca0d20e475e023b5a",
            plaintext: "7b43016a16896497fb457be6d2a54122",
            ciphertext: "c2bd67eef5e95cac27e3b06e3031d0a8f23eacf9d1cdf8737726c58648826e9c",
        };
        known.holds(Algorithm::RawAes128Gcm).is_some_and(|right| right)
    }),
    // NIST's validation program for GCM: encryption, 192 bits, nonces of 96 and additional data of 160 bits, case 0.
    ("AES-192-GCM", || {
        let known = Aead {
            key: "95e5c8dcee4ef17571e1becc3f2d4ac8d5aa73e74b3f1115",
            nonce: "e3b91649120f92b4f712644b",
            aad: "68b093733bd1e77448fe5687b74796834d1797cf",
            plaintext: "eca3606b9e2a0c7a1c6c4b765176f643",
            ciphertext: "0ff6d858cf0f5309c0f4b2747f6b551f94d6ac2796a9b9901933a0f9e5377979",
        };
        known.holds(Algorithm::RawAes192Gcm).is_some_and(|right| right)
    }),
    // NIST's validation program for GCM: encryption, 256 bits, nonces of 96 and additional data of 160 bits, case 0.
    ("AES-256-GCM", || {
        let known = Aead {
            key: "83688deb4af8007f9b713b47cfa6c73e35ea7a3aa4ecdb414dded03bf7a0fd3a",
            nonce: "0b459724904e010a46901cf3",
            aad: "794a14ccd178c8ebfd1379dc704c5e208f9d8424",
            plaintext: "33d893a2114ce06fc15d55e454cf90c3",
            ciphertext: "cc66bee423e3fcd4c0865715e95866960fb291bd3dba94a1dfd8b286cfb97ac5",
        };
        known.holds(Algorithm::RawAes256Gcm).is_some_and(|right| right)
    }),
    // RFC 8439, section 2.8.2.
    ("ChaCha20-Poly1305", || {
        let known = Aead {
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            nonce: "070000004041424344454647",
            aad: "50515253c0c1c2c3c4c5c6c7",
            plaintext: concat!(
                "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f6620273939",
                "3a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220",
                "746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
            ),
            ciphertext: concat!(
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca96712",
                "82fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58",
                "fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09",
                "e26a7e902ecbd0600691",
            ),
        };
        known.holds(Algorithm::RawChaCha20Poly1305).is_some_and(|right| right)
    }),
    // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    ("XChaCha20-Poly1305", || {
        let known = Aead {
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            nonce: "404142434445464748494a4b4c4d4e4f5051525354555657",
            aad: "50515253c0c1c2c3c4c5c6c7",
            plaintext: concat!(
                "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f6620273939",
                "3a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220",
                "746865206675747572652c2073756e73637265656e20776f756c642062652069742e",
            ),
            ciphertext: concat!(
                "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa644",
                "0bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e",
                "3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7",
                "987947deafd8780acf49",
            ),
        };
        known.holds(Algorithm::RawXChaCha20Poly1305).is_some_and(|right| right)
    }),
    // By OpenSSL; RFC 5297 has no vector of this length.
    ("AES-256-SIV", || {
        let known = Aead {
            key: concat!(
                "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfefff0f1f2f3f4f5f6f7",
                "f8f9fafbfcfdfefffffefdfcfbfaf9f8f7f6f5f4f3f2f1f0",
            ),
            nonce: "",
            aad: "101112131415161718191a1b1c1d1e1f2021222324252627",
            plaintext: "112233445566778899aabbccddee",
            ciphertext: "724dfb2eaf94dbb19b0ba3a299a0801ef3b05a55498ec2552690b89810e4",
        };
        known.holds(Algorithm::Aes256Siv).is_some_and(|right| right)
    }),
    // RFC 4231, section 4.2.
    ("HMAC-SHA-224", || {
        let known = Mac {
            key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            message: "4869205468657265",
            code: "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
        };
        known.holds(Algorithm::HmacSha224).is_some_and(|right| right)
    }),
    // RFC 4231, section 4.2.
    ("HMAC-SHA-256", || {
        let known = Mac {
            key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            message: "4869205468657265",
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        };
        known.holds(Algorithm::HmacSha256).is_some_and(|right| right)
    }),
    // RFC 4231, section 4.2.
    ("HMAC-SHA-384", || {
        let known = Mac {
            key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            message: "4869205468657265",
            code: concat!(
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f",
                "4af152e8b2fa9cb6",
            ),
        };
        known.holds(Algorithm::HmacSha384).is_some_and(|right| right)
    }),
    // RFC 4231, section 4.2.
    ("HMAC-SHA-512", || {
        let known = Mac {
            key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            message: "4869205468657265",
            code: concat!(
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702",
                "038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
        };
        known.holds(Algorithm::HmacSha512).is_some_and(|right| right)
    }),
    // Project Wycheproof, hmac_sha3_224, test 17.
    ("HMAC-SHA3-224", || {
        let known = Mac {
            key: "26491168a32ce8cbc4c0cd64107e4fcc432f07d59c992862e1e55b1e",
            message: "15e51091b4f424ba1fdecb5e2fba11f6",
            code: "6ca3ae8f244120dee0b4c1d4db3dbed42564c04206fb47cfded97662",
        };
        known.holds(Algorithm::HmacSha3_224).is_some_and(|right| right)
    }),
    // Project Wycheproof, hmac_sha3_256, test 17.
    ("HMAC-SHA3-256", || {
        let known = Mac {
            key: "6fa353868c82e5deeedac7f09471a61bf749ab5498239e947e012eee3c82d7c4",
            message: "aeed3e4d4cb9bbb60d482e98c126c0f5",
            code: "4c5198e69a42db2d77aae9975c96429970a4bc64dd906d8cb16883a216a3f304",
        };
        known.holds(Algorithm::HmacSha3_256).is_some_and(|right| right)
    }),
    // Project Wycheproof, hmac_sha3_384, test 17.
    ("HMAC-SHA3-384", || {
        let known = Mac {
            key: concat!(
                "503d7478a773b694d6e552c9703cc8bc56fd49fafc9a17cab8b0332dca8d49336fa7e9ec2bcb5625",
                "3fe5bb504e3e7f7f",
            ),
            message: "d96e6fed893addfd9237c81c4f4e341b",
            code: concat!(
                "8651de548c5110fe0112d26c7e0a2f244f84aeff6baf5267cfd3afdb544bb0a5c1b29e9b78a2e949",
                "9e2c4f62c0f16e4a",
            ),
        };
        known.holds(Algorithm::HmacSha3_384).is_some_and(|right| right)
    }),
    // Project Wycheproof, hmac_sha3_512, test 17.
    ("HMAC-SHA3-512", || {
        let known = Mac {
            key: concat!(
                "f5e2b9e2313f4f807cb3a924a7d4943fc3fb475d8f1a1b40ce09a37770f621af8977729cadf986c9",
                "8c75f08a4fab4280538e09e7e51e87a8d62c03411bdb8d24",
            ),
            message: "74ef623c83275ae99745bff7e6142afa",
            code: concat!(
                "8d0acc11d6c6992ad16a5e7070236a1000b0f1ccd1c98849eeca395a0daf5f404c8d272257ecbf8b",
                "d84c42de302fe368d6c308e4639f2ecd2d91f3dda6a0d8e6",
            ),
        };
        known.holds(Algorithm::HmacSha3_512).is_some_and(|right| right)
    }),
    // SP 800-38B, appendix D, AES-128, example 2.
    ("AES-128-CMAC", || {
        let known = Mac {
            key: "2b7e151628aed2a6abf7158809cf4f3c",
            message: "6bc1bee22e409f96e93d7e117393172a",
            code: "070a16b46b4d4144f79bdd9dd04a287c",
        };
        known.holds(Algorithm::CmacAes128).is_some_and(|right| right)
    }),
    // SP 800-38B, appendix D, AES-192, example 2.
    ("AES-192-CMAC", || {
        let known = Mac {
            key: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            message: "6bc1bee22e409f96e93d7e117393172a",
            code: "9e99a7bf31e710900662f65e617c5184",
        };
        known.holds(Algorithm::CmacAes192).is_some_and(|right| right)
    }),
    // SP 800-38B, appendix D, AES-256, example 2.
    ("AES-256-CMAC", || {
        let known = Mac {
            key: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            message: "6bc1bee22e409f96e93d7e117393172a",
            code: "28a7023f452e8f82bd4bf28d8c37c35c",
        };
        known.holds(Algorithm::CmacAes256).is_some_and(|right| right)
    }),
    // By pyca/cryptography.
    ("Key derivation", || derives().is_some_and(|right| right)),
];

/// The key of these bytes, which draws this nonce.
pub(super) fn key(algorithm: Algorithm, secret: &[u8], nonce: Vec<u8>) -> Option<Arc<dyn Key>> {
    let provider = RustCrypto::with_random(Box::new(Fixed(nonce)));
    provider.software().load(&provider.software().import(algorithm, secret).ok()?).ok()
}

/// A known answer of authenticated encryption: the ciphertext with its tag, but without the nonce.
struct Aead {
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
}

impl Aead {
    /// Whether the key makes this ciphertext, opens it, and does not open it with other additional data.
    fn holds(&self, algorithm: Algorithm) -> Option<bool> {
        let (nonce, aad, plaintext) = (unhex(self.nonce)?, unhex(self.aad)?, unhex(self.plaintext)?);
        let key = key(algorithm, &unhex(self.key)?, nonce.clone())?;
        let expected = [nonce, unhex(self.ciphertext)?].concat();
        let mut made = Vec::new();
        key.encrypt(&aad, &plaintext, &mut made).ok()?;
        let opened = key.decrypt(&aad, &expected).ok()?;
        Some(made == expected && *opened == plaintext && key.decrypt(b"", &expected).is_err())
    }
}

/// A known answer of a MAC.
struct Mac {
    key: &'static str,
    message: &'static str,
    code: &'static str,
}

impl Mac {
    /// Whether the key makes this code, takes it, and does not take it for another message.
    fn holds(&self, algorithm: Algorithm) -> Option<bool> {
        let (message, code) = (unhex(self.message)?, unhex(self.code)?);
        let key = key(algorithm, &unhex(self.key)?, Vec::new())?;
        let taken = [message.as_slice(), b""].map(|message| key.verify_mac(message, &code));
        Some(*key.compute_mac(&message).ok()? == code && taken == [Ok(true), Ok(false)])
    }
}

fn derives() -> Option<bool> {
    let secret = unhex("63c6cdcf3eb38851a4b771ef6c2f2c4524ac5f79ad4fe70ab86560b536d49ec4")?;
    let expected = unhex(concat!(
        "90a44d832e20aab78c76eaa67ffb65b708d55ec05ee2b6a037ae9a57e9e81d9833d9437866b517f6",
        "dc2868edc8e8a2c941c11ee72106007986b0a3eb96e8c04e70f9bc2fe5b65b5b957505cc4ef46ae9",
        "5867cf42841f7945259df536dce7c908519353b3",
    ))?;
    let key = key(Algorithm::KbkdfHmacSha256, &secret, Vec::new())?;
    let derived = key.derive(b"golden additional data", b"a message for all times", expected.len()).ok()?;
    Some(*derived == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_the_known_one_fails() {
        let mac = |code| Mac { key: "2b7e151628aed2a6abf7158809cf4f3c", message: "", code };
        let cmac = Algorithm::CmacAes128;
        assert_eq!(
            mac("bb1d6929e95937287fa37d129b756746").holds(cmac),
            Some(false),
            "empty is another message here"
        );
        let mac = |code| Mac { message: "6bc1bee22e409f96e93d7e117393172a", ..mac(code) };
        assert_eq!(mac("070a16b46b4d4144f79bdd9dd04a287c").holds(cmac), Some(true));
        assert_eq!(mac("070a16b46b4d4144f79bdd9dd04a287d").holds(cmac), Some(false));
        assert_eq!(mac("070a16b46b4d4144f79bdd9dd04a28").holds(cmac), Some(false));
        assert_eq!(mac("no code").holds(cmac), None);
    }
}
