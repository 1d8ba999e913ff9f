//! Seals the stored phone numbers anew, after the keyring of a stack got another current key.

use lexopt::prelude::*;
use std::process::ExitCode;
use tools::reseal::{Options, Walk};

const USAGE: &str = "\
cargo reseal --table TABLE --key-secret ID [--per-second N] [--dry-run]

  --table TABLE    the stack's output UsersTableName
  --key-secret ID  the stack's output KeySecretId, whose current key seals
  --per-second N   how many users are written in a second, at most (50)
  --dry-run        open everything, write nothing

What the current key sealed is left alone, so it can be stopped anywhere and run again. Credentials and region come from the
environment or the AWS profile; LOCAL_AWS_ENDPOINT=http://127.0.0.1:9002 means the stand-ins of `cargo local`.";

/// How many users are read at once.
const PAGE: i32 = 100;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("reseal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (mut table, mut key_secret, mut per_second, mut dry_run) = (None, None, 50, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("table") => table = Some(parser.value()?.string()?),
            Long("key-secret") => key_secret = Some(parser.value()?.string()?),
            Long("per-second") => per_second = parser.value()?.parse()?,
            Long("dry-run") => dry_run = true,
            Long("help") | Short('h') => {
                println!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let (Some(table), Some(key_secret), 1..) = (table, key_secret, per_second) else {
        return Err(USAGE.into());
    };
    let (store, keyring) = tools::stack::open(&tools::stack::config(&table, None)?, &key_secret).await?;

    let done = if dry_run { "would be sealed anew" } else { "sealed anew" };
    let mut walk = Walk::new(&store, &keyring, Options { page: PAGE, per_second, dry_run });
    while let Some(page) = walk.read().await? {
        walk.seal(&page).await?;
        let report = walk.report();
        println!("{} looked at, {} {done}, {} do not open", report.seen, report.sealed, report.closed);
    }
    let report = walk.report();
    if report.closed > 0 {
        eprintln!("{} do not open: the key that they name is not in the keyring, or they are damaged", report.closed);
    }
    if report.changed > 0 {
        eprintln!("{} changed meanwhile: run it again", report.changed);
    }
    Ok(if report.closed + report.changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
