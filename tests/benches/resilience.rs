//! Proves the built functions under faults, in the long form, and keeps the figures in `docs/results.md`.
//!
//! `cargo resilience [ROW…]` runs all rows, or those whose name is given and then keeps nothing.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Instant;
use tests::resilience::{self, Figure, Size};
use tools::leaks::Canaries;

type Scenario = for<'a> fn(&'a Canaries) -> Pin<Box<dyn Future<Output = Figure> + 'a>>;

const ROWS: [(&str, Scenario); 9] = [
    ("stalls", |canaries| Box::pin(resilience::stalls(Size::Long, canaries))),
    ("broken-bodies", |canaries| Box::pin(resilience::broken_bodies(Size::Long, canaries))),
    ("kills", |canaries| Box::pin(resilience::kills(Size::Long, canaries))),
    ("lost-replies", |canaries| Box::pin(resilience::lost_replies(Size::Long, canaries))),
    ("revoked", |canaries| Box::pin(resilience::revoked(Size::Long, canaries))),
    ("throttled", |canaries| Box::pin(resilience::throttled(Size::Long, canaries))),
    ("rotated", |canaries| Box::pin(resilience::rotated(Size::Long, canaries))),
    ("frozen", |canaries| Box::pin(resilience::frozen(Size::Long, canaries))),
    ("storm", |canaries| Box::pin(resilience::storm(Size::Long, canaries))),
];

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| ROWS.iter().all(|(row, _)| row != name)) {
        eprintln!("cargo resilience: no row {unknown}; there are {}", ROWS.map(|(row, _)| row).join(", "));
        return ExitCode::FAILURE;
    }
    let canaries = Canaries::default();
    let start = Instant::now();
    let mut figures = Vec::new();
    for (name, scenario) in ROWS.iter().filter(|(row, _)| wanted.is_empty() || wanted.iter().any(|name| name == row)) {
        let start = Instant::now();
        let figure = scenario(&canaries).await;
        report(name, &figure, start.elapsed().as_secs());
        figures.push(figure);
    }
    if wanted.is_empty() {
        let figure = resilience::no_leaks(&canaries);
        report("canaries", &figure, 0);
        figures.push(figure);
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/results.md");
        let others = others(&std::fs::read_to_string(file).unwrap_or_default());
        if let Err(error) = std::fs::write(file, table(&figures, start.elapsed().as_secs()) + &others) {
            eprintln!("cargo resilience: {file}: {error}");
            return ExitCode::FAILURE;
        }
    }
    match figures.iter().all(|figure| figure.faults.is_empty()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// To standard error: standard output has the log lines of what runs within this process.
fn report(name: &str, figure: &Figure, seconds: u64) {
    eprintln!(
        "\n== {name} ({seconds} s): {}\n   to reach: {}\n   reached:  {}",
        figure.what, figure.target, figure.reached
    );
    for fault in figure.faults.iter().take(50) {
        eprintln!("   FAULT {fault}");
    }
}

/// What stands in the file below this example's own part: the sections of others.
fn others(file: &str) -> String {
    file.find("\n## ").map_or_else(String::new, |start| file[start..].to_owned())
}

fn table(figures: &[Figure], seconds: u64) -> String {
    let mut text = format!(
        "# Figures under faults\n\n\
         Made by `cargo resilience` in {} min on {} {} with {} cores: the built functions (`dev` \
         profile), each a process of its own on a Runtime API, behind proxies that spoil what goes over the wire. Stand-ins \
         for WeChat, DynamoDB and Secrets Manager as in `cargo test`. Everything is decided by seeds, but for the order in \
         which processes get their turn.\n\n\
         | what | to reach | reached | |\n| --- | --- | --- | --- |\n",
        seconds.div_ceil(60),
        std::env::consts::OS,
        std::env::consts::ARCH,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    for figure in figures {
        let verdict = if figure.faults.is_empty() { "yes" } else { "**no**" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {} | {} | {verdict} |", figure.what, figure.target, figure.reached);
    }
    text
}
