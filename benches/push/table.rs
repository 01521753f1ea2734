//! The table of a benchmark, in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::ways::Run;

/// One line.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub way: String,
    pub run: Run,
    pub ratio: Option<f64>,
    pub calls: String,
}

impl Row {
    /// The median of some runs, their processor time on average, and the highest peak of all; `None`
    /// without any.
    pub fn of(way: &str, runs: &[Run], floor: Option<&Self>) -> Option<Self> {
        let mut by_time: Vec<_> = runs.iter().collect();
        by_time.sort_by_key(|run| run.wall);
        let mut run = (*by_time.get(by_time.len() / 2)?).clone();
        let mean = |time: fn(&Run) -> Duration| {
            runs.iter().map(time).sum::<Duration>() / u32::try_from(runs.len()).unwrap_or(1)
        };
        run.function = mean(|run| run.function);
        run.local = mean(|run| run.local);
        run.peak = runs.iter().map(|run| run.peak).max().unwrap_or_default();
        let calls = run.calls.iter();
        let calls: Vec<_> = calls
            .map(|(operation, calls)| format!("{operation} {calls}"))
            .collect();
        Some(Self {
            way: way.to_owned(),
            ratio: floor.map(|floor| run.wall.as_secs_f64() / floor.run.wall.as_secs_f64()),
            calls: calls.join(", "),
            run,
        })
    }
}

/// The whole table. A figure that is nought was not measured.
pub fn markdown(rows: &[Row]) -> String {
    let mut out =
        "| way | seconds | of the floor | function's processor s | local AWS's | peak MB \
                   | bundle MB | calls |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
            .to_owned();
    let known = |figure: f64, digits| {
        if figure == 0.0 {
            String::new()
        } else {
            format!("{figure:.digits$}")
        }
    };
    // Kilobytes are exact enough, and far below what a double holds.
    let mb = |bytes: u64| {
        let kilobytes = u32::try_from(bytes / 1_000).unwrap_or(u32::MAX);
        known(f64::from(kilobytes) / 1_000.0, 1)
    };
    for Row {
        way,
        run,
        ratio,
        calls,
    } in rows
    {
        let _ = writeln!(
            out,
            "| {way} | {} | {} | {} | {} | {} | {} | {calls} |",
            known(run.wall.as_secs_f64(), 2),
            known(ratio.unwrap_or_default(), 2),
            known(run.function.as_secs_f64(), 2),
            known(run.local.as_secs_f64(), 2),
            mb(run.peak),
            mb(run.bundle),
        );
    }
    out
}
