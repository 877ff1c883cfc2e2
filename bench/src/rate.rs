//! Work in threads.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::Result;

/// How often per second this thread does `work`, measured for `time`.
pub(crate) fn alone(time: Duration, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let (began, mut done) = (Instant::now(), 0);
    while began.elapsed() < time {
        work()?;
        done += 1;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// How often per second this many threads together do `work`, measured for `time`.
pub(crate) fn together(threads: usize, time: Duration, work: impl Fn() -> Result<()> + Sync) -> Result<f64> {
    let (begin, done) = (Barrier::new(threads + 1), AtomicU64::new(0));
    let run = || {
        begin.wait();
        let end = Instant::now() + time;
        while Instant::now() < end {
            work()?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Result::Ok(())
    };
    let began = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        begin.wait();
        let began = Instant::now();
        for worker in workers {
            worker.join().map_err(|_| "a thread panicked")??;
        }
        Result::Ok(began)
    })?;
    Ok(done.into_inner() as f64 / began.elapsed().as_secs_f64())
}

/// Does `work` for every number below `count`, in 64 threads.
pub(crate) fn for_each(count: u64, work: impl Fn(u64) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicU64::new(0);
    let run = || loop {
        match next.fetch_add(1, Ordering::Relaxed) {
            number if number < count => work(number)?,
            _ => return Ok(()),
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..64).map(|_| scope.spawn(run)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a thread panicked")?)
    })
}
