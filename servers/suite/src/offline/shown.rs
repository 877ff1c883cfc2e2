//! How things are told to an operator.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use strongroom::{
    backup::{Progress, Step},
    core::Time,
};

/// Tells on the standard error how far something is: when a step begins, and then once a second.
pub(crate) struct Teller {
    doing: &'static str,
    told: Instant,
}

const PAUSE: Duration = Duration::from_secs(1);

impl Teller {
    pub(crate) fn new() -> Self {
        Self { doing: "", told: Instant::now() }
    }

    pub(super) fn tell(&mut self, Progress { step, done, total }: Progress) {
        match step {
            Step::Snapshot => self.bytes("copying", done, total),
            Step::Encrypt => self.bytes("encrypting", done, total),
            Step::Decrypt => self.bytes("verifying and decrypting", done, total),
            Step::Check => self.rows("checking", done),
        }
    }

    pub(super) fn bytes(&mut self, doing: &'static str, done: u64, total: Option<u64>) {
        let of = total.map_or(String::new(), |total| format!(" of {}", total.div_ceil(1024)));
        self.say(doing, || format!("{}{of} KiB", done.div_ceil(1024)));
    }

    pub(super) fn rows(&mut self, doing: &'static str, done: u64) {
        self.say(doing, || format!("{done} rows"));
    }

    pub(crate) fn entries(&mut self, doing: &'static str, done: u64, total: u64) {
        self.say(doing, || format!("{done} of {total} entries"));
    }

    fn say(&mut self, doing: &'static str, how_far: impl FnOnce() -> String) {
        if self.doing != doing || self.told.elapsed() >= PAUSE {
            (self.doing, self.told) = (doing, Instant::now());
            // There is nobody to tell if this fails.
            let _ = writeln!(io::stderr(), "{doing}: {}", how_far());
        }
    }
}

pub(super) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A moment as RFC 3339 has it, in UTC.
pub(crate) fn utc(time: Time) -> String {
    let seconds = time.as_millis() / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The date so many days after 1970-01-01: years that begin with March have their leap day at the end.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_date_1_shows_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(Time::from_millis(seconds * 1000)), text);
        }
    }
}
