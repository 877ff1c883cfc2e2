use std::borrow::Cow;

use strongroom_core::{Encoding, HashAlgorithm, Input, KeyError, Padding, SignOptions};

use crate::hash::digest_of;

/// The digest that a signature covers, and the hash that made it.
pub(super) struct Digested<'a> {
    pub(super) hash: HashAlgorithm,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// For algorithms that sign digests.
pub(super) fn digested<'a>(
    input: &'a [u8],
    options: &SignOptions,
    own: HashAlgorithm,
) -> Result<Digested<'a>, KeyError> {
    match options.input {
        Input::Message(hash) => {
            let hash = hash.unwrap_or(own);
            Ok(Digested { hash, bytes: Cow::Owned(digest_of(hash, &[input])) })
        }
        Input::Digest(hash) if input.len() == hash.size() => {
            Ok(Digested { hash, bytes: Cow::Borrowed(input) })
        }
        Input::Digest(_) => Err(KeyError::Invalid),
    }
}

/// For algorithms that hash inside: nothing but the message can be signed.
pub(super) fn only_message(options: &SignOptions) -> Result<(), KeyError> {
    let SignOptions { input, padding, encoding, deterministic: _ } = options;
    let plain = *input == Input::Message(None) && *encoding == Encoding::Fixed;
    if plain && *padding == Padding::default() { Ok(()) } else { Err(KeyError::Unsupported) }
}
