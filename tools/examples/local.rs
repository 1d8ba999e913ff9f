//! `cargo local`: the functions, WeChat, DynamoDB and Secrets Manager in one process on this machine.

use std::process::ExitCode;
use tools::local::{self, Options, USAGE};

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Options::from_args(std::env::args_os()) {
        Ok(Some(options)) => local::run(&options).await,
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo local: {error}");
            ExitCode::FAILURE
        }
    }
}
