//! `cargo performance`: what the functions cost, beside an empty handler.
//!
//! It builds both as they are deployed, starts them on a Lambda Runtime API of its own, and lets them speak TLS to
//! the stand-ins. The process's own CPU clock is read; all that is compared alternates.

mod front;
mod functions;
mod instance;
mod measure;
mod quota;
mod report;
mod scale;
mod tls;

use functions::World;
use std::process::ExitCode;

const USAGE: &str = "\
cargo performance [--short]

  --short  only what does not depend on the machine's load: instructions (needs valgrind) and binary size

It ends with 1 if one of those two is over its limit for login.";

fn main() -> ExitCode {
    let mut short = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--short" => short = true,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let functions = functions::build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let kept = runtime.block_on(async {
        let world = World::start().await;
        world.answer_from_memory(&functions).await;
        let mut all = measure::steady(&functions, &world).await;
        if !short {
            measure::times(&functions, &world, &mut all).await;
        }
        let kept = report::print(&functions, &all);
        if !short {
            scale::measure(&functions[1], &world).await;
        }
        kept
    });
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
