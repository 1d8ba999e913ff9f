//! The table, and whether its limits are kept.

use crate::functions::Function;
use crate::measure::{Measured, median};

/// How a function's figure is compared with the yardstick's.
#[derive(Clone, Copy, PartialEq)]
enum Against {
    Ratio,
    Difference,
    Itself,
}

/// What a warm call of the yardstick takes on the machine that the limit was set on: a difference is brought to its scale.
const REFERENCE_US: f64 = 29.0;

/// A row: what is measured, in which unit (and what to divide by), its limit for `login`, and whether it is
/// the same at any load of the machine.
struct Row {
    name: &'static str,
    unit: &'static str,
    scale: f64,
    value: fn(&Measured) -> &[f64],
    against: Against,
    limit: Option<f64>,
    steady: bool,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "CPU from exec to the first `/next`, without warm-up", unit: "ms", scale: 1e-3, value: |m| &m.init, against: Against::Ratio, limit: Some(2.2), steady: false },
    Row { name: "the same, with warm-up", unit: "ms", scale: 1e-3, value: |m| &m.warmed_init, against: Against::Ratio, limit: None, steady: false },
    Row { name: "CPU from exec to the end of the first call", unit: "ms", scale: 1e-3, value: |m| &m.first, against: Against::Ratio, limit: Some(3.7), steady: false },
    Row { name: "peak RSS after 1,000 calls", unit: "MB", scale: 1e6, value: |m| &m.memory, against: Against::Ratio, limit: Some(2.5), steady: false },
    Row { name: "binary size", unit: "MB", scale: 1e6, value: |m| &m.size, against: Against::Ratio, limit: Some(2.9), steady: true },
    Row { name: "warm CPU a call (difference as if null took 29 us)", unit: "us", scale: 1e-6, value: |m| &m.warm, against: Against::Difference, limit: Some(150.0), steady: false },
    Row { name: "instructions of a warm call", unit: "thousand", scale: 1e3, value: |m| &m.warm_instructions, against: Against::Ratio, limit: None, steady: true },
    Row { name: "instructions from exec to the end of the first call", unit: "million", scale: 1e6, value: |m| &m.instructions, against: Against::Ratio, limit: Some(20.0), steady: true },
    Row { name: "first call at 128 MB, warmed in init", unit: "ms", scale: 1e-3, value: |m| &m.small, against: Against::Itself, limit: Some(3.0), steady: false },
];

/// Prints the table of medians; whether the steady figures keep their limits.
pub fn print(functions: &[Function], all: &[Measured]) -> bool {
    let (null, others) = all.split_first().expect("the yardstick comes first");
    let names: Vec<&str> = functions.iter().map(|function| function.name).collect();
    let columns: Vec<String> = names[1..].iter().map(|name| format!("{name} | against null")).collect();
    println!("| median | {} | {} | limit |", names[0], columns.join(" | "));
    println!("| --- | --- |{} --- |", " --- | --- |".repeat(others.len()));
    let mut kept = true;
    for row in ROWS {
        let figure = |measured: &Measured| median((row.value)(measured)).map(|value| value / row.scale);
        let Some(yardstick) = figure(null) else {
            continue;
        };
        let mut cells = vec![format!("{yardstick:.2} {}", row.unit)];
        for (position, measured) in others.iter().enumerate() {
            let value = figure(measured).unwrap_or(f64::NAN);
            let compared = match row.against {
                Against::Ratio => value / yardstick,
                Against::Difference => (value - yardstick) * REFERENCE_US / yardstick,
                Against::Itself => value,
            };
            let over = row.limit.is_some_and(|limit| compared > limit);
            // The limits are login's; what the others do more is seen beside them.
            kept &= !(over && row.steady && position == 0);
            let compared = match row.against {
                Against::Ratio => format!("{compared:.2}x"),
                Against::Difference => format!("{compared:+.0} {}", row.unit),
                Against::Itself => String::new(),
            };
            cells.push(format!("{value:.2} {}", row.unit));
            cells.push(if over { format!("**{compared} over**") } else { compared });
        }
        cells.push(row.limit.map_or_else(String::new, |limit| limit.to_string()));
        println!("| {} | {} |", row.name, cells.join(" | "));
    }
    kept
}
