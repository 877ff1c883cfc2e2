//! Wrapped keys: what is no wrapped key, and what is no key to wrap with.

use proptest::prelude::*;
use strongroom_core::KeyError;
use strongroom_keys::KeyWrap;

const BOTH: [KeyWrap; 2] = [KeyWrap::Kw, KeyWrap::Kwp];

#[test]
fn a_wrapped_key_with_any_bit_changed_or_cut_does_not_unwrap() {
    for wrap in BOTH {
        let (wrapping, key) = ([7; 32], [9; 32]);
        let wrapped = wrap.wrap(&wrapping, &key).unwrap();
        for bit in 0..wrapped.len() * 8 {
            let mut wrong = wrapped.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(wrap.unwrap(&wrapping, &wrong), Err(KeyError::Failed), "{wrap:?} {bit}");
        }
        for length in 0..wrapped.len() {
            assert_eq!(
                wrap.unwrap(&wrapping, &wrapped[..length]),
                Err(KeyError::Failed),
                "{wrap:?} {length}"
            );
        }
        assert_eq!(wrap.unwrap(&[8; 32], &wrapped), Err(KeyError::Failed));
    }
}

/// The constants of RFC 3394 and 5649 with nothing behind them: an integrity check that is not deciphered says yes.
#[test]
fn the_bare_constant_is_no_wrapped_key() {
    let bare = [(KeyWrap::Kw, [0xa6; 8]), (KeyWrap::Kwp, [0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 0])];
    for (wrap, constant) in bare {
        assert_eq!(wrap.unwrap(&[7; 32], &constant), Err(KeyError::Failed), "{wrap:?}");
    }
}

#[test]
fn what_is_wrapped_in_one_way_does_not_unwrap_in_the_other() {
    let wrapped = BOTH.map(|wrap| wrap.wrap(&[7; 16], &[9; 32]).unwrap());
    assert_eq!(KeyWrap::Kwp.unwrap(&[7; 16], &wrapped[0]), Err(KeyError::Failed));
    assert_eq!(KeyWrap::Kw.unwrap(&[7; 16], &wrapped[1]), Err(KeyError::Failed));
}

#[test]
fn keys_that_cannot_be_wrapped_and_keys_that_cannot_wrap_are_refused() {
    for length in [0, 1, 8, 15, 17, 31, (64 << 10) + 8] {
        assert_eq!(KeyWrap::Kw.wrap(&[7; 32], &vec![1; length]), Err(KeyError::Invalid), "{length}");
    }
    for length in [0, (64 << 10) + 1] {
        assert_eq!(KeyWrap::Kwp.wrap(&[7; 32], &vec![1; length]), Err(KeyError::Invalid), "{length}");
    }
    for wrap in BOTH {
        for length in [0, 15, 17, 20, 33, 64] {
            let (wrapping, key) = (vec![7; length], [1; 16]);
            assert_eq!(wrap.wrap(&wrapping, &key), Err(KeyError::Invalid), "{wrap:?} {length}");
            assert_eq!(wrap.unwrap(&wrapping, &[1; 24]), Err(KeyError::Invalid), "{wrap:?} {length}");
        }
    }
}

proptest! {
    #[test]
    fn a_key_of_any_length_comes_back(
        wrapping in prop::sample::select(vec![16_usize, 24, 32]),
        key in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let wrapping = vec![7; wrapping];
        let wrapped = KeyWrap::Kwp.wrap(&wrapping, &key).unwrap();
        prop_assert_eq!(&*KeyWrap::Kwp.unwrap(&wrapping, &wrapped).unwrap(), &key);
        let whole = key.len() / 8 * 8;
        if whole >= 16 {
            let wrapped = KeyWrap::Kw.wrap(&wrapping, &key[..whole]).unwrap();
            prop_assert_eq!(&*KeyWrap::Kw.unwrap(&wrapping, &wrapped).unwrap(), &key[..whole]);
        }
    }

    #[test]
    fn nothing_else_unwraps(wrapped in prop::collection::vec(any::<u8>(), 0..100)) {
        for wrap in BOTH {
            prop_assert_eq!(wrap.unwrap(&[7; 32], &wrapped), Err(KeyError::Failed));
        }
    }
}
