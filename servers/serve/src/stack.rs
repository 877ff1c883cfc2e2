use std::hint::black_box;

/// Works, and then overwrites so many bytes of the stack below, which the work used.
///
/// Keys wipe themselves when they are dropped, but not the places that they were moved away from, and what a
/// cipher expands them to stays where it was. In a thread that waits for its next job these copies would outlive
/// the sealing. The steps of a [`Service`](crate::Service) and the jobs of a [`Pool`](crate::Pool) are run so,
/// before they answer; what touches keys elsewhere is to be, with [`DEEP`].
pub fn wiping_stack<const DEPTH: usize, T>(work: impl FnOnce() -> T) -> T {
    let _wipe = Wipe::<DEPTH>;
    below(work)
}

/// For work that may load keys from storage, or make them: it takes about a microsecond.
pub const DEEP: usize = 64 << 10;

/// For the use of keys in memory. Code that is not optimised uses more.
pub(crate) const USE: usize = if cfg!(debug_assertions) { DEEP } else { 16 << 10 };

/// For a token that is looked up in memory.
pub(crate) const LOOK_UP: usize = if cfg!(debug_assertions) { DEEP } else { 4 << 10 };

/// Also after a panic.
struct Wipe<const DEPTH: usize>;

impl<const DEPTH: usize> Drop for Wipe<DEPTH> {
    fn drop(&mut self) {
        overwrite::<DEPTH>();
    }
}

/// A frame of its own, so that nothing of the work lies in the caller's.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Takes the place that `below` had.
#[inline(never)]
fn overwrite<const DEPTH: usize>() {
    black_box(&mut [0_u8; DEPTH]);
}
