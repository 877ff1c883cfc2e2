use std::fmt;

use serde::Serialize;

use crate::{
    Result,
    measure::{Compared, Spread},
};

/// What a figure is held against.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// What a number counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    PerSecond,
}

/// One piece of work and what was found.
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) beside: &'static str,
    pub(crate) unit: Unit,
    /// Ours, the limit, and their ratio; or ours alone, as a spread, where the target is absolute.
    pub(crate) found: Found,
    pub(crate) target: Target,
    pub(crate) note: Option<String>,
}

pub(crate) enum Found {
    Beside(Compared),
    Alone(Spread),
}

/// The table as it grows: a line is printed when it is there.
pub(crate) struct Table {
    quick: bool,
    json: Option<Vec<Line>>,
}

/// A row as it is printed.
#[derive(Serialize)]
struct Line {
    work: String,
    beside: &'static str,
    unit: &'static str,
    ours: f64,
    limit: Option<f64>,
    /// Median and quartiles of the ratio, or of ours where there is no limit.
    low: f64,
    median: f64,
    high: f64,
    target: String,
    met: bool,
    note: Option<String>,
}

impl Table {
    pub(crate) fn begin(quick: bool, json: bool) -> Self {
        if !json {
            if quick {
                println!("A quick run: it shows that everything runs, and the figures mean nothing.");
            }
            print_cells(&["work", "beside", "ours", "limit", "ratio", "quartiles", "target", "met"]);
            println!("{}", "-".repeat(WIDTHS.iter().map(|width| width + 2).sum()));
        }
        Self { quick, json: json.then(Vec::new) }
    }

    pub(crate) fn add(&mut self, row: Row) {
        let line = Line::of(row);
        match &mut self.json {
            Some(lines) => lines.push(line),
            None => line.print(),
        }
    }

    /// Says how busy the machine was: who shares it with other work gets figures that swing, above all where
    /// commits wait for the disk.
    pub(crate) fn end(self) -> Result<()> {
        #[derive(Serialize)]
        struct Whole {
            quick: bool,
            processors: usize,
            load: String,
            rows: Vec<Line>,
        }
        let processors = std::thread::available_parallelism()?.get();
        // proc(5): the load of the last 1, 5 and 15 minutes.
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let load = load.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" ");
        match self.json {
            Some(rows) => {
                let whole = Whole { quick: self.quick, processors, load, rows };
                println!("{}", serde_json::to_string_pretty(&whole)?);
            }
            None => println!("{processors} processors, load {load}"),
        }
        Ok(())
    }
}

impl Line {
    fn of(row: Row) -> Self {
        let (ours, limit, spread) = match row.found {
            Found::Beside(Compared { ours, limit, ratio }) => (ours, Some(limit), ratio),
            Found::Alone(spread) => (spread.median, None, spread),
        };
        Self {
            work: row.work,
            beside: row.beside,
            unit: row.unit.name(),
            ours,
            limit,
            low: spread.low,
            median: spread.median,
            high: spread.high,
            target: match limit {
                Some(_) => format!("{}x", row.target),
                None => format!("{} {}", row.target, row.unit.name()),
            },
            met: row.target.is_met(spread.median),
            note: row.note,
        }
    }

    fn print(&self) {
        let value = |value: f64| if self.unit == "s" { time(value) } else { format!("{value:.0}/s") };
        let spread = |value: f64| if self.limit.is_some() { format!("{value:.2}x") } else { time(value) };
        print_cells(&[
            &self.work,
            self.beside,
            &value(self.ours),
            &self.limit.map(value).unwrap_or_default(),
            &self.limit.map(|_| spread(self.median)).unwrap_or_default(),
            &format!("{}..{}", spread(self.low), spread(self.high)),
            &self.target,
            if self.met { "yes" } else { "NO" },
        ]);
        if let Some(note) = &self.note {
            println!("    {note}");
        }
    }
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::PerSecond => "/s",
        }
    }
}

const WIDTHS: [usize; 8] = [50, 38, 9, 9, 7, 16, 8, 3];

fn print_cells(cells: &[&str; 8]) {
    let line: String = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:width$}  ")).collect();
    println!("{}", line.trim_end());
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} us", s * 1e6),
        s => format!("{:.0} ms", s * 1e3),
    }
}
