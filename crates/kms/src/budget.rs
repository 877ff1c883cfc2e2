use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::KmsError;

/// The first block that is reserved: what is lost at most if the process ends after one use.
const FIRST: u64 = 64;

/// The largest.
const LARGEST: u64 = 1 << 16;

/// Uses of a key that are reserved on disk and not spent yet. Blocks grow with the use, so that a key that is used a lot
/// seldom writes, and one that is loaded over and over loses little: never more than it used, and [`FIRST`] a time.
pub(crate) struct Budget {
    left: AtomicU64,
    /// The block to reserve next.
    next: Mutex<u64>,
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self { left: AtomicU64::new(0), next: Mutex::new(FIRST) }
    }

    /// Takes one use; where none is left `reserve` is asked for a block, by one thread at a time.
    pub(crate) fn take(&self, reserve: impl FnOnce(u64) -> Result<u64, KmsError>) -> Result<(), KmsError> {
        if self.spend() {
            return Ok(());
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // Who waited finds what the one before reserved.
        if self.spend() {
            return Ok(());
        }
        let granted = reserve(*next)?;
        self.left.fetch_add(granted.saturating_sub(1), Ordering::AcqRel);
        *next = (*next * 2).min(LARGEST);
        Ok(())
    }

    fn spend(&self) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, thread};

    use super::*;

    #[test]
    fn blocks_grow_and_each_is_spent_before_the_next() {
        let (budget, asked) = (Budget::new(), RefCell::new(Vec::new()));
        let take = || {
            budget.take(|block| {
                asked.borrow_mut().push(block);
                Ok(block)
            })
        };
        (0..64 + 128 + 256).for_each(|_| take().unwrap());
        assert_eq!(*asked.borrow(), [64, 128, 256]);
        take().unwrap();
        assert_eq!(*asked.borrow(), [64, 128, 256, 512]);
        (0..1_000_000).for_each(|_| take().unwrap());
        assert_eq!(asked.borrow().iter().max(), Some(&LARGEST));
    }

    #[test]
    fn threads_spend_exactly_what_was_reserved() {
        let (budget, stock) = (Budget::new(), AtomicU64::new(10_000));
        let reserve = |block: u64| {
            let left = stock.load(Ordering::Acquire);
            stock.store(left - left.min(block), Ordering::Release);
            if left == 0 { Err(KmsError::Exhausted(1)) } else { Ok(left.min(block)) }
        };
        let spend = || (0..10_000).filter(|_| budget.take(reserve).is_ok()).count();
        let spent: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(spend)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(spent, 10_000);
    }
}
