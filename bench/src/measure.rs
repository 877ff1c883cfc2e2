//! How figures are taken: both sides in turns, a ratio inside each round, the median over the rounds. So what
//! else runs on the machine meets both sides.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::{Result, effort::Effort};

/// One slice of work that only computes.
const SLICE: Duration = Duration::from_millis(1);

/// What was found for one piece of work.
pub(crate) struct Compared {
    /// Median over the rounds.
    pub(crate) ours: f64,
    /// Median over the rounds.
    pub(crate) limit: f64,
    /// Ours through the limit, inside each round.
    pub(crate) ratio: Spread,
}

/// The median and the quartiles of what the rounds gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Compared {
    /// From pairs of ours and the limit, one for each round.
    pub(crate) fn of(rounds: &[(f64, f64)]) -> Self {
        let each = |pick: fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(pick).collect());
        Self {
            ours: each(|round| round.0).median,
            limit: each(|round| round.1).median,
            ratio: each(|round| round.0 / round.1),
        }
    }
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (values.len().max(1) - 1) as f64;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}

/// CPU time of this thread for one run of each side, in seconds.
pub(crate) fn computing(effort: &Effort, mut ours: impl FnMut(), mut limit: impl FnMut()) -> Compared {
    let (our_runs, limit_runs) = (runs_in_slice(&mut ours), runs_in_slice(&mut limit));
    let mut rounds = Vec::with_capacity(effort.rounds);
    for _ in 0..effort.rounds {
        let (mut our_time, mut limit_time) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..effort.slices {
            our_time += cpu_time_of(our_runs, &mut ours);
            limit_time += cpu_time_of(limit_runs, &mut limit);
        }
        let each = |time: Duration, runs: u64| time.as_secs_f64() / (runs * effort.slices as u64) as f64;
        rounds.push((each(our_time, our_runs), each(limit_time, limit_runs)));
    }
    Compared::of(&rounds)
}

/// What both sides answer (a rate, or a time for one run) in turns.
pub(crate) fn waiting(
    rounds: usize,
    mut ours: impl FnMut() -> Result<f64>,
    mut limit: impl FnMut() -> Result<f64>,
) -> Result<Compared> {
    let pair = |_| Ok((ours()?, limit()?));
    Ok(Compared::of(&(0..rounds).map(pair).collect::<Result<Vec<_>>>()?))
}

/// How many runs fill a slice.
fn runs_in_slice(work: &mut impl FnMut()) -> u64 {
    let mut runs = 1;
    loop {
        let time = cpu_time_of(runs, work);
        if time >= SLICE / 2 {
            let slice = runs as f64 * SLICE.as_secs_f64() / time.as_secs_f64();
            return (slice as u64).max(1);
        }
        runs *= 2;
    }
}

fn cpu_time_of(runs: u64, work: &mut impl FnMut()) -> Duration {
    let before = cpu_time();
    for _ in 0..runs {
        work();
    }
    cpu_time().saturating_sub(before)
}

/// CPU time of this thread so far.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_inside_each_round() {
        // The machine is three times slower in the second round, for both sides.
        let compared = Compared::of(&[(2.0, 1.0), (6.0, 3.0), (4.0, 1.0)]);
        assert_eq!(compared.ratio, Spread { low: 2.0, median: 2.0, high: 3.0 });
        assert_eq!((compared.ours, compared.limit), (4.0, 1.0));
    }
}
