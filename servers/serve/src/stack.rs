use std::hint::black_box;

/// How much of the stack is wiped: more than any work with keys uses. Code that was not optimised uses more.
const DEPTH: usize = if cfg!(debug_assertions) { 64 << 10 } else { 16 << 10 };

/// Works, and then overwrites the part of the stack that the work used.
///
/// Keys wipe themselves when they are dropped, but not the places that they were moved away from, and what a
/// cipher expands them to stays where it was. In a thread that waits for its next job these copies would outlive
/// the sealing. The jobs of a [`Pool`](crate::Pool) are run so, before they answer; what touches keys elsewhere is
/// to be.
pub fn wiping_stack<T>(work: impl FnOnce() -> T) -> T {
    let _wipe = Wipe;
    below(work)
}

/// Also after a panic.
struct Wipe;

impl Drop for Wipe {
    fn drop(&mut self) {
        overwrite();
    }
}

/// A frame of its own, so that nothing of the work lies in the caller's.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Takes the place that `below` had.
#[inline(never)]
fn overwrite() {
    black_box(&mut [0_u8; DEPTH]);
}
