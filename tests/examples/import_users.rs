//! Brings the users of another back end over, from CSV into the users table of a stack.

use aws_config::BehaviorVersion;
use lexopt::prelude::*;
use miniprogram::keyring::Keyring;
use miniprogram::store::Store;
use miniprogram::{Config, aws};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use tests::import::import;

const USAGE: &str = "\
cargo run --package tests --example import_users -- FILE --table TABLE --key-secret ID --appid APPID [--dry-run]

  FILE             CSV in UTF-8 whose first line names the columns: openid, and if there are any unionid, name, avatar,
                   phone, country_code, created_at
  --table TABLE    the stack's output UsersTableName
  --key-secret ID  the stack's output KeySecretId: phone numbers are sealed
  --appid APPID    the mini-program whose users they are
  --dry-run        read everything, write nothing

Users who exist are left alone, so it can be run again. Credentials and region come from the environment or the AWS
profile; LOCAL_AWS_ENDPOINT=http://127.0.0.1:9002 means the stand-ins of `cargo local`.";

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
    let (mut file, mut table, mut key_secret, mut appid, mut dry_run) = (None, None, None, None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("table") => table = Some(parser.value()?.string()?),
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
    let (Some(file), Some(table), Some(key_secret), Some(appid)) = (file, table, key_secret, appid) else {
        return Err(USAGE.into());
    };
    let csv = File::open(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let config = Config::from_lookup(|name| match name {
        "USERS_TABLE" => Some(table.clone()),
        "LOCAL_AWS_ENDPOINT" => tests::environment(name),
        // Not used here.
        "WECHAT_SECRET_ID" | "KEY_SECRET_ID" | "SESSIONS_TABLE" | "ACCESS_TOKENS_TABLE" => Some("-".to_owned()),
        _ => None,
    })?;
    // The operator's own credentials, wherever they are: a profile, an assumed role, the environment.
    let mut sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(aws::http_client(None)?);
    if let Some(endpoint) = &config.local_aws_endpoint {
        sdk = sdk.endpoint_url(endpoint);
    }
    let sdk = aws::with_limits(sdk.load().await);
    let secret = aws_sdk_secretsmanager::Client::new(&sdk).get_secret_value().secret_id(key_secret).send().await;
    let secret = secret.map_err(|error| format!("the keyring cannot be read: {}", error.into_service_error()))?;
    let keyring = Keyring::parse(secret.secret_string().unwrap_or_default())?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&sdk), &config);

    let report = import(csv, &store, &keyring, &appid, dry_run).await?;
    for wrong in &report.wrong {
        eprintln!("{wrong}");
    }
    let done = if dry_run { "would be imported (those who exist are left alone)" } else { "imported" };
    println!("{} {done}, {} there already, {} wrong", report.imported, report.existing, report.wrong.len());
    Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
