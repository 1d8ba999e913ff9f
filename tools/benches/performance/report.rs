//! The tables, and whether their limits are kept.

use crate::functions::Function;
use crate::measure::{BLOCKS, CALLS_A_BLOCK, Measured, REPETITIONS, STARTS, median};
use std::fmt::Write;
use std::num::NonZero;
use std::time::Duration;

/// How a function's figure is compared with the yardstick's.
#[derive(Clone, Copy, PartialEq)]
enum Against {
    Ratio,
    Difference,
    Itself,
}

/// What a warm call of the yardstick takes on the machine that the limits were set on: a difference is brought to its scale.
const REFERENCE_US: f64 = 29.0;

/// A row: what is measured, in which unit (and what to divide by), and what the functions that are named may reach.
struct Row {
    name: &'static str,
    unit: &'static str,
    scale: f64,
    value: fn(&Measured) -> &[f64],
    against: Against,
    limits: &'static [(&'static str, f64)],
    /// Whether it is the same at any load of the machine.
    steady: bool,
}

const ROWS: &[Row] = &[
    Row {
        name: "CPU from exec to the first `/next`, without warm-up",
        unit: "ms",
        scale: 1e-3,
        value: |measured| &measured.init,
        against: Against::Ratio,
        limits: &[("login", 2.2)],
        steady: false,
    },
    Row {
        name: "the same, with warm-up",
        unit: "ms",
        scale: 1e-3,
        value: |measured| &measured.warmed_init,
        against: Against::Ratio,
        limits: &[],
        steady: false,
    },
    Row {
        name: "CPU from exec to the end of the first call",
        unit: "ms",
        scale: 1e-3,
        value: |measured| &measured.first,
        against: Against::Ratio,
        limits: &[("login", 3.7)],
        steady: false,
    },
    Row {
        name: "peak RSS after 1,000 calls",
        unit: "MB",
        scale: 1e6,
        value: |measured| &measured.memory,
        against: Against::Ratio,
        limits: &[("login", 2.5)],
        steady: false,
    },
    Row {
        name: "binary size",
        unit: "MB",
        scale: 1e6,
        value: |measured| &measured.size,
        against: Against::Ratio,
        limits: &[("login", 2.9), ("phone", 2.9), ("user", 2.95), ("decrypt", 2.85), ("authorizer", 2.4)],
        steady: true,
    },
    Row {
        name: "warm CPU a call (difference as if null took 29 us)",
        unit: "us",
        scale: 1e-6,
        value: |measured| &measured.warm,
        against: Against::Difference,
        limits: &[("login", 150.0), ("authorizer", 70.0)],
        steady: false,
    },
    Row {
        name: "instructions of a warm call",
        unit: "thousand",
        scale: 1e3,
        value: |measured| &measured.warm_instructions,
        against: Against::Ratio,
        limits: &[("login", 9.0), ("phone", 8.75), ("user", 7.6), ("decrypt", 5.0), ("authorizer", 3.7)],
        steady: true,
    },
    Row {
        name: "instructions from exec to the end of the first call",
        unit: "million",
        scale: 1e6,
        value: |measured| &measured.instructions,
        against: Against::Ratio,
        limits: &[("login", 20.0), ("phone", 21.5), ("user", 13.5), ("decrypt", 12.75), ("authorizer", 7.25)],
        steady: true,
    },
    Row {
        name: "first call at 128 MB (7 % of a CPU), warmed in init",
        unit: "ms",
        scale: 1e-3,
        value: |measured| &measured.small,
        against: Against::Itself,
        limits: &[("login", 3.0)],
        steady: false,
    },
];

/// The machine's load average over the last minute.
pub fn load() -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().unwrap_or_default().to_owned()
}

/// What the section begins with: how the figures were made.
pub fn head(short: bool, took: Duration, load_before: &str) -> String {
    let command = if short { "cargo performance --short" } else { "cargo performance --write" };
    let cores = std::thread::available_parallelism().map_or(0, NonZero::get);
    let calls = REPETITIONS * (BLOCKS - 1) * usize::try_from(CALLS_A_BLOCK).unwrap_or_default();
    let made = format!(
        "## Performance\n\nMade by `{command}` in {} s after the build, on {} {} with {cores} cores, whose load average was \
         {load_before} before and {} after. ",
        took.as_secs(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        load(),
    );
    let times = format!(
        "Medians of {STARTS} starts and {calls} warm calls, functions and null handler in turn. CPU is that of the function's own \
         process. The stand-ins speak TLS (RSA with 2048 bits, AES-128) and answer from memory; what they, API Gateway and Lambda \
         itself take is not in it. Instructions are callgrind's.\n"
    );
    made + if short { "Instructions are callgrind's.\n" } else { &times }
}

/// The tables of medians, one for each function, and what is over its limit although it does not depend on the machine's load.
pub fn tables(functions: &[Function], all: &[Measured]) -> (String, Vec<String>) {
    let (null, others) = all.split_first().expect("the yardstick comes first");
    let (mut text, mut faults) = (String::new(), Vec::new());
    for (function, measured) in functions[1..].iter().zip(others) {
        let name = function.name;
        text += &format!("\n### {name}\n\n| median | null | {name} | against null | limit |\n");
        text += "| --- | --- | --- | --- | --- |\n";
        for row in ROWS {
            let figure = |measured: &Measured| median((row.value)(measured)).map(|value| value / row.scale);
            let (Some(yardstick), Some(value)) = (figure(null), figure(measured)) else {
                continue;
            };
            let compared = match row.against {
                Against::Ratio => value / yardstick,
                Against::Difference => (value - yardstick) * REFERENCE_US / yardstick,
                Against::Itself => value,
            };
            let shown = row.shown(compared);
            let limit = row.limits.iter().find(|(of, _)| *of == name).map(|(_, limit)| *limit);
            let over = limit.is_some_and(|limit| compared > limit);
            let limit = limit.map_or_else(String::new, |limit| row.shown(limit));
            if over && row.steady {
                faults.push(format!("{name}: {}: {shown}, at most {limit}", row.name));
            }
            let shown = if over { format!("**{shown}, over**") } else { shown };
            let unit = row.unit;
            writeln!(text, "| {} | {yardstick:.2} {unit} | {value:.2} {unit} | {shown} | {limit} |", row.name)
                .expect("a text grows");
        }
    }
    (text, faults)
}

impl Row {
    fn shown(&self, compared: f64) -> String {
        match self.against {
            Against::Ratio => format!("{compared:.2}x"),
            Against::Difference => format!("{compared:+.0} {}", self.unit),
            Against::Itself => format!("{compared:.2} {}", self.unit),
        }
    }
}
