//! `cargo performance`: what the functions cost, beside an empty handler.
//!
//! It builds both as they are deployed, starts them on a Lambda Runtime API of its own, and lets them speak TLS to
//! the stand-ins. The process's own CPU clock is read; all that is compared alternates.

mod front;
mod functions;
mod instance;
mod measure;
mod peers;
mod quota;
mod report;
mod scale;
mod tls;

use functions::{Function, World};
use std::process::ExitCode;
use std::time::Instant;
use tools::results;

const USAGE: &str = "\
cargo performance [--short | --write | --peers]

  --short  only what does not depend on the machine's load: instructions and binary size
  --write  puts the figures into docs/results.md
  --peers  the second half of tools/peers/run: what teams run instead

It needs valgrind, and ends with 1 if instructions or binary size of a function are over their limit.";

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Short,
    Printed,
    Kept,
    Peers,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let form = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Form::Printed,
        ["--short"] => Form::Short,
        ["--write"] => Form::Kept,
        ["--peers"] => Form::Peers,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let functions = functions::build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (section, faults) = runtime.block_on(async {
        let world = World::start().await;
        world.answer_from_memory(&functions).await;
        match form {
            Form::Peers => (peers::compare(&functions, &world).await, Vec::new()),
            _ => measure(&functions, &world, form == Form::Short).await,
        }
    });
    println!("{section}");
    if matches!(form, Form::Kept | Form::Peers)
        && let Err(error) = results::keep(&section)
    {
        eprintln!("docs/results.md: {error}");
        return ExitCode::FAILURE;
    }
    for fault in &faults {
        eprintln!("over its limit: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The figures as a section of `docs/results.md`, and what is over its limit.
async fn measure(functions: &[Function], world: &World, short: bool) -> (String, Vec<String>) {
    let (start, load) = (Instant::now(), report::load());
    let mut all = measure::steady(functions, world).await;
    let unmeasured = match short {
        true => None,
        false => measure::times(functions, world, &mut all).await,
    };
    let (tables, faults) = report::tables(functions, &all);
    let mut section = report::head(short, start.elapsed(), &load);
    if let Some(reason) = unmeasured {
        section += &format!("\n{reason}\n");
    }
    section += &tables;
    if !short {
        let login = functions.iter().find(|function| function.name == "login").expect("login is measured");
        world.aws.remember(false);
        world.wechat.remember(false);
        section += &scale::calls(functions, world).await;
        section += &scale::instances(login, world).await;
    }
    (section, faults)
}
