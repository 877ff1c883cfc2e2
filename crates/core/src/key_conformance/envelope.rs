use super::{Subject, done};
use crate::{Key, Mac};

fn mac(key: &dyn Key) -> &dyn Mac {
    key.mac().expect("a key for envelopes has a MAC")
}

pub(super) fn takes(on: &Subject<'_>, key: &dyn Key) -> bool {
    done(mac(&*on.key).mac(&[b"text"])) == done(mac(key).mac(&[b"text"]))
}

pub(super) fn check(on: &Subject<'_>) {
    let mac = mac(&*on.key);
    let whole = done(mac.mac(&[b"a message in parts"]));
    assert_eq!(done(mac.mac(&[b"a message", b"", b" in parts"])), whole, "the parts are one message");
    assert_ne!(done(mac.mac(&[b"a message in part"])), whole);
    let [first, second] = done(mac.mac_two([b"a message in parts", b""]));
    assert_eq!((first, second), (whole, done(mac.mac(&[]))), "two at once are as one by one");
}
