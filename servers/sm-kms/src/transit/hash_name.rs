use strongroom_core::HashAlgorithm;

/// A hash function by the name that Vault gives it.
#[derive(Debug, Clone, Copy)]
pub struct HashName(pub(super) HashAlgorithm);

impl HashName {
    pub(super) fn parse(name: &str) -> Result<Self, &'static str> {
        Ok(Self(match name {
            "sha2-224" => HashAlgorithm::Sha224,
            "sha2-256" => HashAlgorithm::Sha256,
            "sha2-384" => HashAlgorithm::Sha384,
            "sha2-512" => HashAlgorithm::Sha512,
            "sha3-224" => HashAlgorithm::Sha3_224,
            "sha3-256" => HashAlgorithm::Sha3_256,
            "sha3-384" => HashAlgorithm::Sha3_384,
            "sha3-512" => HashAlgorithm::Sha3_512,
            "sha1" => return Err("SHA-1 is broken: use sha2-256"),
            "none" => return Err("a digest is signed with the name of the hash that made it"),
            _ => return Err("the hash must be sha2-224, -256, -384, -512 or sha3-224, -256, -384, -512"),
        }))
    }

    /// The first that is named, by path or by body.
    pub(super) fn first<'a>(
        path: Option<Self>,
        body: impl IntoIterator<Item = &'a Option<String>>,
    ) -> Result<Option<HashAlgorithm>, &'static str> {
        let named = body.into_iter().flatten().find(|name| !name.is_empty());
        let named = named.map(|name| Self::parse(name)).transpose()?;
        Ok(path.or(named).map(|Self(hash)| hash))
    }
}
