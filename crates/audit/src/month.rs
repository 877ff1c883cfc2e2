use std::fmt;

use strongroom_core::Time;

/// A month of the calendar, in UTC. Displays as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(u32);

const DAY: u64 = 86_400_000;

impl Month {
    /// The month in which a moment lies.
    pub fn of(time: Time) -> Self {
        // The calendar of 400 years, in years that begin in March: a leap day is the last day of its year.
        let days = time.as_millis() / DAY + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        Self(u32::try_from(12 * (400 * era + year) + month + 2).unwrap_or(u32::MAX))
    }

    /// The month of a year, from 1 to 12; nothing if there is none.
    pub fn new(year: u32, month: u32) -> Option<Self> {
        let index = month.checked_sub(1).filter(|index| *index < 12)?;
        year.checked_mul(12)?.checked_add(index).map(Self)
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Months since the year 0.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_where_the_calendar_says() {
        let cases = [
            (0, "1970-01"),
            (951_782_399_999, "2000-02"),   // 2000-02-28
            (951_868_799_999, "2000-02"),   // the leap day of a century
            (951_868_800_000, "2000-03"),   // 2000-03-01T00:00:00Z
            (1_767_225_599_999, "2025-12"), // the last millisecond of the year
            (1_767_225_600_000, "2026-01"),
            (4_107_542_399_999, "2100-02"), // a century without a leap day
            (4_107_542_400_000, "2100-03"),
        ];
        for (millis, month) in cases {
            assert_eq!(Month::of(Time::from_millis(millis)).to_string(), month, "{millis}");
        }
        assert_eq!(Month::new(1970, 1), Some(Month::of(Time::from_millis(0))));
        assert_eq!((Month::new(2026, 0), Month::new(2026, 13)), (None, None));
    }
}
