use super::{Subject, done};
use crate::{Key, KeyError};

fn public(key: &dyn Key) -> Vec<u8> {
    key.public().map(|public| public.bytes.clone()).unwrap_or_default()
}

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    let peer = public(&*on.other);
    done(on.key.agree(&peer)) == done(key.agree(&peer))
}

pub(super) fn check(on: &Subject<'_>) {
    let (ours, theirs) = (public(&*on.key), public(&*on.other));
    assert_eq!(done(on.key.agree(&theirs)), done(on.other.agree(&ours)), "{:?}", on.algorithm);
    let (_, short) = ours.split_last().expect("a public half has bytes");
    for peer in [&[][..], &vec![0; ours.len()], short] {
        assert_eq!(on.key.agree(peer).err(), Some(KeyError::Failed), "{:?}", on.algorithm);
    }
}
