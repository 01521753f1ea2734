//! The table of a benchmark, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::ways::Run;

/// One line.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub way: String,
    pub wall: Option<Duration>,
    pub ratio: Option<f64>,
    pub calls: String,
    pub read: Option<u64>,
    pub written: Option<u64>,
    pub peak: Option<u64>,
    pub bundle: Option<u64>,
}

impl Row {
    /// The median of some runs.
    pub fn of(way: &str, runs: &[Run], floor: Option<Duration>) -> Self {
        let mut by_time: Vec<_> = runs.iter().collect();
        by_time.sort_by_key(|run| run.wall);
        let Some(run) = by_time.get(by_time.len() / 2) else {
            return Self::default();
        };
        let calls: Vec<_> = run
            .calls
            .iter()
            .map(|(operation, calls)| format!("{operation} {calls}"))
            .collect();
        Self {
            way: way.to_owned(),
            wall: Some(run.wall),
            ratio: floor.map(|floor| run.wall.as_secs_f64() / floor.as_secs_f64()),
            calls: calls.join(", "),
            read: Some(run.read),
            written: Some(run.written),
            peak: runs.iter().filter_map(|run| run.peak).max(),
            bundle: Some(run.bundle),
        }
    }
}

/// The whole table.
pub fn markdown(title: &str, rows: &[Row]) -> String {
    let mut out = format!(
        "{title}\n\n| way | seconds | of the floor | read MB | written MB | peak MB | bundle MB | calls |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
    );
    let mb = |bytes: Option<u64>| {
        bytes.map_or(String::new(), |bytes| {
            // Tenths are exact enough, and far below what a double holds.
            let tenths = u32::try_from(bytes / 100_000).unwrap_or(u32::MAX);
            format!("{:.1}", f64::from(tenths) / 10.0)
        })
    };
    for row in rows {
        let wall = row
            .wall
            .map_or(String::new(), |wall| format!("{:.2}", wall.as_secs_f64()));
        let ratio = row
            .ratio
            .map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            out,
            "| {} | {wall} | {ratio} | {} | {} | {} | {} | {} |",
            row.way,
            mb(row.read),
            mb(row.written),
            mb(row.peak),
            mb(row.bundle),
            row.calls
        );
    }
    out
}
