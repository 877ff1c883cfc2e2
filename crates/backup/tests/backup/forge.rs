//! What an attacker can do: take a backup apart, change it, and put it together with all links computed anew. Written
//! from the documentation of the format, apart from the code.

use hpke::{
    Deserializable, Kem as _, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256, kem::X25519HkdfSha256,
    single_shot_seal_with_rng,
};
use rand_core::UnwrapErr;
use strongroom_backup::Part;
use strongroom_core::{Provider, Signer};
use strongroom_keys::{
    RustCrypto,
    envelope::{self, Context, KeyId},
};

/// Length, check and link around each body.
const AROUND: usize = 8 + 32;
const PREAMBLE: usize = 16;

/// A backup in parts.
#[derive(Clone)]
pub(crate) struct Parts(pub(crate) Vec<Frame>);

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Parts {
    pub(crate) fn take_apart(backup: &[u8]) -> Self {
        let (mut rest, mut frames) = (&backup[PREAMBLE..], Vec::new());
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let (frame, after) = rest.split_at(length + AROUND);
            let body = frame[8..8 + length].to_vec();
            let kind = match (frames.len(), length, after.len()) {
                (0, _, _) => 1,
                (_, 96, _) => 2,
                (_, 64, 0) => 5,
                (_, 64, _) => 3,
                _ => 4,
            };
            frames.push(Frame { kind, body });
            rest = after;
        }
        Self(frames)
    }

    /// Where the parts are, as a backup of these begins and ends.
    pub(crate) fn places(&self) -> Vec<(Part, std::ops::Range<usize>)> {
        let mut places = vec![(Part::Preamble, 0..PREAMBLE)];
        let (mut recipients, mut chunks) = (0..u8::MAX, 0..u64::MAX);
        for Frame { kind, body } in &self.0 {
            let part = match kind {
                1 => Part::Manifest,
                2 => Part::Recipient(recipients.next().unwrap()),
                3 => Part::HeaderSignature,
                4 => Part::Chunk(chunks.next().unwrap()),
                _ => Part::Signature,
            };
            let begin = places.last().unwrap().1.end;
            places.push((part, begin..begin + body.len() + AROUND));
        }
        places
    }

    /// Where this part begins.
    pub(crate) fn place(&self, wanted: Part) -> usize {
        self.places().into_iter().find(|(part, _)| *part == wanted).unwrap().1.start
    }

    /// The positions of the frames of a kind.
    pub(crate) fn of(&self, kind: u8) -> Vec<usize> {
        (0..self.0.len()).filter(|at| self.0[*at].kind == kind).collect()
    }

    /// With links that fit, and the signatures as they are.
    pub(crate) fn relinked(&self) -> Vec<u8> {
        self.assemble(|_, _| None)
    }

    /// With links that fit, signed anew.
    pub(crate) fn signed(&self, signer: &dyn Signer) -> Vec<u8> {
        self.assemble(|kind, link| match kind {
            3 => Some(signer.sign(&[b"strongroom/v1/backup/header\0", link].concat()).unwrap()),
            5 => Some(signer.sign(&[b"strongroom/v1/backup/whole\0", link].concat()).unwrap()),
            _ => None,
        })
    }

    /// The link of all before a frame.
    pub(crate) fn link_before(&self, position: usize) -> [u8; 32] {
        if position == 0 {
            return preamble(1).1;
        }
        let before = Self(self.0[..position].to_vec()).relinked();
        before[before.len() - 32..].try_into().unwrap()
    }

    fn assemble(&self, body: impl Fn(u8, &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
        let (mut backup, mut link) = preamble(1);
        for frame in &self.0 {
            let body = body(frame.kind, &link).unwrap_or_else(|| frame.body.clone());
            backup.extend(head(&link, frame.kind, body.len() as u32));
            let length = (body.len() as u32).to_be_bytes();
            link = sha256(&[b"strongroom/v1/backup/link\0", &link, &[frame.kind], &length, &body]);
            backup.extend(body);
            backup.extend(link);
        }
        backup
    }
}

/// The preamble of a format, and link 0.
pub(crate) fn preamble(format: u32) -> (Vec<u8>, [u8; 32]) {
    let start = [b"SRBACKUP".as_slice(), &format.to_be_bytes()].concat();
    let link = sha256(&[b"strongroom/v1/backup/preamble\0", &start]);
    ([&start, &link[..4]].concat(), link)
}

/// A length with a check that fits.
pub(crate) fn head(link: &[u8; 32], kind: u8, length: u32) -> Vec<u8> {
    let length = length.to_be_bytes();
    let check = sha256(&[b"strongroom/v1/backup/frame\0", link, &[kind], &length]);
    [length.as_slice(), &check[..4]].concat()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    RustCrypto::new().sha256(parts)
}

/// The body of a recipient: this key, wrapped for this public key after this link.
pub(crate) fn stanza(public: &[u8], link: &[u8; 32], key: &[u8; 32]) -> Vec<u8> {
    let fingerprint = sha256(&[b"strongroom/v1/backup/recipient\0", public]);
    let (enc, wrapped) = single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &<X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(public).unwrap(),
        b"strongroom/v1/backup/key",
        key,
        link,
        &mut UnwrapErr(getrandom::SysRng),
    )
    .unwrap();
    [&fingerprint[..16], &enc.to_bytes(), &wrapped].concat()
}

/// A private and a public key of X25519.
pub(crate) fn key_pair(seed: u8) -> ([u8; 32], [u8; 32]) {
    let (private, public) = X25519HkdfSha256::derive_keypair(&[seed; 32]);
    (private.to_bytes().into(), public.to_bytes().into())
}

/// A chunk under this key.
pub(crate) fn chunk(id: [u8; 16], key: &[u8; 32], index: u64, last: bool, plaintext: &[u8]) -> Vec<u8> {
    let provider = RustCrypto::new();
    let parts = [b"backup".as_slice(), &id, &index.to_be_bytes(), &[u8::from(last)]];
    let context = Context::new(&provider, &parts).unwrap();
    let mac = provider.hmac(key);
    envelope::seal(&provider, &*mac, KeyId { id, version: 1 }, &context, plaintext).unwrap()
}
