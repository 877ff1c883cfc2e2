use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use strongroom_core::{Action, Actor, Caller, Detail, Event, Refusal, Service, Tenant, Time, Verdict};

/// Counts requests by nobody that was recognised, for each source and minute: each becomes a number in memory, and
/// a source one event a minute. Sources that find the table full share one line.
///
/// An IPv6 source is a network of 64 bits, as one host has as many addresses in it as it likes.
///
/// ```
/// use strongroom_core::{Refusal, Time};
/// use strongroom_serve::Knocks;
/// let knocks = Knocks::new();
/// for _ in 0..3 {
///     knocks.count([192, 0, 2, 1].into(), Refusal::Unknown, Time::from_millis(5));
/// }
/// assert!(knocks.take(Time::from_millis(59_999)).is_empty());
/// assert_eq!(knocks.take(Time::from_millis(60_000)).len(), 1);
/// ```
#[derive(Default)]
pub struct Knocks(Mutex<HashMap<Line, u64>>);

/// What is counted together. Without a source it is all those that found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Line {
    minute: u64,
    refusal: Refusal,
    source: Option<IpAddr>,
}

const MINUTE: u64 = 60_000;

/// Lines without a source, about.
const MINUTES: usize = 64;

impl Knocks {
    /// Lines with a source of their own.
    pub const SOURCES: usize = 1_024;

    /// Nobody was there yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more request from there that was refused so.
    pub fn count(&self, source: IpAddr, refusal: Refusal, now: Time) {
        let minute = now.as_millis() / MINUTE;
        let mut lines = self.lines();
        let line = Line { minute, refusal, source: Some(network(source)) };
        let full = lines.len() >= Self::SOURCES;
        let line = if full && !lines.contains_key(&line) { shared(&lines, line) } else { line };
        let count = lines.entry(line).or_default();
        *count = count.saturating_add(1);
    }

    /// The events of all minutes that are over. What is taken is forgotten here.
    pub fn take(&self, now: Time) -> Vec<Event> {
        let current = now.as_millis() / MINUTE;
        let mut taken: Vec<_> = self
            .lines()
            .extract_if(|line, _| line.minute != current)
            .map(|(line, count)| line.event(count))
            .collect();
        taken.sort_by_key(|event| event.time);
        taken
    }

    /// The events of all minutes, for a server that ends.
    pub fn take_all(&self) -> Vec<Event> {
        self.lines().drain().map(|(line, count)| line.event(count)).collect()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Line, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn event(self, count: u64) -> Event {
        let begin = Time::from_millis(self.minute.saturating_mul(MINUTE));
        let caller = Caller { actor: Actor::Anonymous, tenant: Tenant::SYSTEM, ..Caller::system() };
        let outcome = Verdict::Refused(self.refusal);
        Event::of(&caller, begin, Service::Server, Action::Knock, None, outcome)
            .with(self.source.map_or(Detail::Others, Detail::Source))
            .with(Detail::Count(count))
            .with(Detail::Until(begin + std::time::Duration::from_millis(MINUTE)))
    }
}

/// The line of those that found no room: of this minute, or of the last one for which there is a line. Where nobody
/// takes the events for long, minutes too need room.
fn shared(lines: &HashMap<Line, u64>, line: Line) -> Line {
    let line = Line { source: None, ..line };
    if lines.len() < Knocks::SOURCES + MINUTES {
        return line;
    }
    let same = lines.keys().filter(|other| other.source.is_none() && other.refusal == line.refusal);
    same.max_by_key(|other| other.minute).copied().unwrap_or(line)
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

impl fmt::Debug for Knocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Knocks").field("lines", &self.lines().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1_000)
    }

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn a_flood_is_one_event_for_its_source_and_minute() {
        let knocks = Knocks::new();
        for second in 0..120 {
            (0..100).for_each(|_| knocks.count(source(1), Refusal::Unknown, at(second)));
        }
        knocks.count(source(2), Refusal::Malformed, at(119));
        let mut events = knocks.take(at(119));
        events.extend(knocks.take(at(120)));
        let counts: Vec<_> = events.iter().map(|event| (event.time, event.details[1])).collect();
        assert_eq!(counts.len(), 3);
        assert_eq!(counts[0], (at(0), Detail::Count(6_000)));
        assert!(counts[1..].contains(&(at(60), Detail::Count(6_000))));
        assert!(counts[1..].contains(&(at(60), Detail::Count(1))));
        assert!(knocks.take(at(999)).is_empty(), "each is taken once");
    }

    #[test]
    fn sources_beyond_the_table_share_a_line_and_none_is_lost() {
        let knocks = Knocks::new();
        for number in 0..50_000 {
            knocks.count(source(number), Refusal::Unknown, at(1));
        }
        let events = knocks.take_all();
        assert_eq!(events.len(), Knocks::SOURCES + 1);
        let count = |event: &Event| match event.details[1] {
            Detail::Count(count) => count,
            other => panic!("{other:?}"),
        };
        assert_eq!(events.iter().map(count).sum::<u64>(), 50_000);
        assert_eq!(events.iter().filter(|event| event.details[0] == Detail::Others).count(), 1);
    }

    #[test]
    fn a_server_that_nobody_asks_for_its_counts_takes_no_more_memory() {
        let knocks = Knocks::new();
        for minute in 0..5_000 {
            for number in 0..2 {
                knocks.count(source(minute + number), Refusal::Unknown, at(60 * u64::from(minute)));
            }
        }
        let events = knocks.take_all();
        assert!(events.len() <= Knocks::SOURCES + MINUTES, "{}", events.len());
        let counts = events.iter().map(|event| match event.details[1] {
            Detail::Count(count) => count,
            _ => 0,
        });
        assert_eq!(counts.sum::<u64>(), 10_000);
    }

    #[test]
    fn the_many_addresses_of_one_host_are_one_source() {
        let knocks = Knocks::new();
        for low in 0..5_000_u128 {
            let address = Ipv6Addr::from(0x2001_0db8_0000_0001_0000_0000_0000_0000 + low);
            knocks.count(address.into(), Refusal::Unknown, at(1));
        }
        knocks.count("::ffff:192.0.2.7".parse().expect("an address"), Refusal::Unknown, at(1));
        knocks.count("192.0.2.7".parse().expect("an address"), Refusal::Unknown, at(1));
        assert_eq!(knocks.take_all().len(), 2);
    }
}
