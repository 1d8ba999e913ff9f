//! Brings the users of another back end over, from CSV into the users table of a stack.

use lexopt::prelude::*;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use tools::import::import;

const USAGE: &str = "\
cargo import-users FILE --table TABLE --erasures TABLE --key-secret ID --appid APPID [--dry-run]

  FILE             CSV in UTF-8 whose first line names the columns: openid, and if there are any unionid, name, avatar,
                   phone, country_code, created_at
  --table TABLE    the stack's output UsersTableName
  --erasures TABLE the stack's output ErasuresTableName: who was erased there does not come back
  --key-secret ID  the stack's output KeySecretId: phone numbers are sealed
  --appid APPID    the mini-program whose users they are
  --dry-run        read everything, write nothing

Users who exist are left alone, so it can be run again. Credentials and region come from the environment or the AWS
profile; LOCAL_AWS_ENDPOINT=http://127.0.0.1:9002 means the fakes of `cargo local`.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("import_users: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (mut file, mut table, mut erasures, mut key_secret, mut appid) = (None, None, None, None, None);
    let mut dry_run = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("table") => table = Some(parser.value()?.string()?),
            Long("erasures") => erasures = Some(parser.value()?.string()?),
            Long("key-secret") => key_secret = Some(parser.value()?.string()?),
            Long("appid") => appid = Some(parser.value()?.string()?),
            Long("dry-run") => dry_run = true,
            Long("help") | Short('h') => {
                println!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    let (Some(file), Some(table), Some(erasures), Some(key_secret), Some(appid)) =
        (file, table, erasures, key_secret, appid)
    else {
        return Err(USAGE.into());
    };
    let csv = File::open(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (store, keyring) = tools::stack::open(&tools::stack::config(&table, Some(&erasures))?, &key_secret).await?;

    let report = import(csv, &store, &keyring, &appid, dry_run).await?;
    for wrong in &report.wrong {
        eprintln!("{wrong}");
    }
    let done = if dry_run { "would be imported (those who exist are left alone)" } else { "imported" };
    let (imported, existing, erased) = (report.imported, report.existing, report.erased);
    println!("{imported} {done}, {existing} there already, {erased} erased here, {} wrong", report.wrong.len());
    Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
