//! `cargo local`: the functions, WeChat, DynamoDB and Secrets Manager in one process on this machine.
//!
//! The functions are the ones that go to AWS: each HTTP request becomes an API Gateway event and goes through
//! `lambda_http`; the real AWS SDK speaks to a real DynamoDB-compatible engine.

use dynoxide::Database;
use serde_json::{Value, json};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tools::app::{
    APP_ID, KEY_SECRET_ID, SAMPLE_TOKEN, WECHAT_SECRET_ID, authorizer, config, functions, open_sample_session,
};
use tools::fakes::aws::{Aws, Tables};
use tools::fakes::clock::TestClock;
use tools::fakes::wechat::{SAMPLE_LOGIN_CODE, SAMPLE_OPENID, SAMPLE_PHONE_CODE, WeChat};
use tools::faults::{Mix, Proxy, Schedule};
use tools::{fakes::gateway, http_client, random_text};

const USAGE: &str = "\
cargo local [--once] [--stand-ins-only] [--host HOST] [--port-base PORT] [--data DIR] [--chaos SEED]

  --once            run the exchange, and end with 0 or 1
  --stand-ins-only  no functions: leaves the first port to `cargo lambda watch`
  --host HOST       listen on this address (127.0.0.1)
  --port-base PORT  the functions' port (9000); WeChat's and AWS's are the next two
  --data DIR        keep tables and secrets (not WeChat's codes) in this folder
  --chaos SEED      a bad day: one call in six to WeChat or AWS goes wrong, as this number decides";

struct Arguments {
    once: bool,
    stand_ins_only: bool,
    host: String,
    port_base: u16,
    data: Option<PathBuf>,
    chaos: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(error),
    };
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn fail(error: impl Display) -> ExitCode {
    eprintln!("cargo local: {error}");
    ExitCode::FAILURE
}

fn arguments() -> Result<Option<Arguments>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut arguments = Arguments {
        once: false,
        stand_ins_only: false,
        host: "127.0.0.1".into(),
        port_base: 9000,
        data: None,
        chaos: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("once") => arguments.once = true,
            Long("stand-ins-only") => arguments.stand_ins_only = true,
            Long("host") => arguments.host = parser.value()?.parse()?,
            Long("port-base") => {
                arguments.port_base = parser.value()?.parse()?;
                if arguments.port_base == 0 || arguments.port_base > u16::MAX - 2 {
                    return Err("--port-base must be from 1 to 65533".into());
                }
            }
            Long("data") => match parser.value()? {
                folder if folder.is_empty() => return Err("--data needs a folder".into()),
                folder => arguments.data = Some(folder.into()),
            },
            Long("chaos") => arguments.chaos = Some(parser.value()?.parse()?),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if arguments.once && arguments.stand_ins_only {
        return Err("--once needs the functions, which --stand-ins-only leaves out".into());
    }
    if arguments.once && arguments.chaos.is_some() {
        return Err("--once shows that all is well, which --chaos makes doubtful".into());
    }
    Ok(Some(arguments))
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let functions_listener = match arguments.stand_ins_only {
        true => None,
        false => Some(listen(arguments, 0).await?),
    };
    let wechat_listener = listen(arguments, 1).await?;
    let aws_listener = listen(arguments, 2).await?;

    let secrets = Secrets::load(arguments.data.as_deref())?;
    let database = match &arguments.data {
        Some(folder) => Database::new(&folder.join("dynamodb.sqlite").to_string_lossy()),
        None => Database::memory(),
    };
    let database = database.map_err(|error| format!("the tables cannot be opened: {error}"))?;
    let clock = TestClock::default();
    // With chaos the proxies have the ports that are known, and the stand-ins others behind them.
    let (wechat_listener, before_wechat) = behind(wechat_listener, arguments).await?;
    let (aws_listener, before_aws) = behind(aws_listener, arguments).await?;
    let wechat = WeChat::serve(wechat_listener, clock.clone(), APP_ID, &secrets.app_secret);
    let aws = Aws::serve(aws_listener, Some(database)).await;
    aws.put_secret(WECHAT_SECRET_ID, &json!({"AppId": APP_ID, "AppSecret": secrets.app_secret}).to_string());
    aws.put_secret(KEY_SECRET_ID, &json!({"current": "k1", "k1": secrets.key}).to_string());
    let tables = Tables::with_suffix("");
    tables.create(&aws_sdk_dynamodb::Client::new(&aws.patient_sdk())).await;
    let mut config = config(&wechat, &tables);
    open_sample_session(&config, &aws, &clock).await;
    let proxies = [(before_wechat, wechat.base_url()), (before_aws, aws.endpoint())];
    let proxies: Vec<Proxy> =
        proxies.into_iter().filter_map(|(listener, upstream)| Some(Proxy::serve(listener?, upstream))).collect();
    let (wechat_url, aws) = match proxies.as_slice() {
        [wechat, before_aws] => (wechat.url().to_owned(), aws.behind(before_aws.url())),
        _ => (wechat.base_url().to_owned(), aws),
    };
    config.wechat_base_url.clone_from(&wechat_url);
    println!("WeChat stand-in   {wechat_url}");
    println!("AWS stand-ins     {}  (DynamoDB, Secrets Manager)", aws.endpoint());

    if let Some(listener) = functions_listener {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let base = format!("http://{address}");
        let authorizer = authorizer(&config, &aws, &clock);
        tokio::spawn(gateway::serve(listener, functions(&config, &aws, &clock), authorizer));
        println!("Functions         {base}\n");
        exchange(&base, &wechat_url).await?;
        if arguments.once {
            return Ok(());
        }
        advertise(&base, &wechat_url);
    }
    if let Some(seed) = arguments.chaos {
        spoil(&proxies, seed);
    }
    println!("\nServing until Ctrl-C.");
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

async fn listen(arguments: &Arguments, offset: u16) -> Result<TcpListener, String> {
    let port = arguments.port_base + offset;
    TcpListener::bind((arguments.host.as_str(), port))
        .await
        .map_err(|error| format!("cannot listen on {}:{port}: {error}", arguments.host))
}

/// The listener that a stand-in takes, and that of the proxy before it, if there is to be one.
async fn behind(known: TcpListener, arguments: &Arguments) -> Result<(TcpListener, Option<TcpListener>), String> {
    if arguments.chaos.is_none() {
        return Ok((known, None));
    }
    let other = tools::listen(0).await.map_err(|error| error.to_string())?;
    Ok((other, Some(known)))
}

/// Lets calls go wrong from now on, and says which.
fn spoil(proxies: &[Proxy], seed: u64) {
    println!("\nFrom here on one call in six goes wrong, the same ones each time with --chaos {seed}:");
    let schedule = Schedule { seed, mix: Mix::Mild };
    for proxy in proxies {
        proxy.decide(move |call| {
            let fault = schedule.fault(call)?;
            println!("   chaos: {call}: {fault}");
            Some(fault)
        });
    }
}

/// A whole login, and what the session is good for, as it happens.
async fn exchange(functions: &str, wechat: &str) -> Result<(), String> {
    let nothing = Value::Null;
    let at = |path: &str| format!("{functions}{path}");
    println!("1. The page calls wx.login and gets a code:");
    let code = ask("POST", &format!("{wechat}/_control/login-codes"), None, &json!({"openid": "oAlice"})).await?;
    println!("2. It sends the code to the back end, which exchanges it at WeChat and opens a session:");
    let first = ask("POST", &at("/login"), None, &json!({"code": code["code"]})).await?;
    println!("3. Was the reply lost on the way? The same code gives the same token for two minutes:");
    let again = ask("POST", &at("/login"), None, &json!({"code": code["code"]})).await?;
    println!("4. The user taps the phone button, and the page gets another code:");
    let phone = json!({"openid": "oAlice", "phone": "13900000000"});
    let phone_code = ask("POST", &format!("{wechat}/_control/phone-codes"), None, &phone).await?;
    println!("5. It sends that code with the token; the back end fetches the number with its own access token:");
    let token = first["data"]["token"].as_str();
    let number = ask("POST", &at("/phone"), token, &json!({"code": phone_code["code"]})).await?;
    println!("6. The user says what they are called:");
    let named = ask("PUT", &at("/user"), token, &json!({"name": "小明"})).await?;
    println!("7. The page reads what is stored of the user:");
    let user = ask("GET", &at("/user"), token, &nothing).await?;
    println!("8. A route of your own is told by the authorizer who calls:");
    let example = ask("GET", &at("/example"), token, &nothing).await?;
    println!("9. The user logs out:");
    let out = ask("POST", &at("/logout"), token, &nothing).await?;
    println!("10. The token is worth nothing from here on:");
    let refused = ask("GET", &at("/user"), token, &nothing).await?;
    if first["code"] != 200
        || first["data"]["openid"] != "oAlice"
        || first != again
        || number["data"]["phone"] != "13900000000"
        || (&user["data"]["name"], &user["data"]["phone"]) != (&json!("小明"), &json!("13900000000"))
        || user != named
        || example["data"]["openid"] != "oAlice"
        || out["code"] != 200
        || refused["error"] != "unauthorized"
    {
        return Err("the exchange did not go as it should".into());
    }
    println!("Done.");
    Ok(())
}

/// A request with this JSON as body; none if it is null.
async fn ask(method: &str, url: &str, token: Option<&str>, body: &Value) -> Result<Value, String> {
    let shown = if body.is_null() { String::new() } else { format!(" {body}") };
    println!("   {method} {url}{shown}");
    let method = method.parse().map_err(|_| "no method".to_owned())?;
    let mut request = http_client().request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    if let Some(token) = token {
        println!("   Authorization: Bearer {token}");
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    println!("   {status} {body}\n");
    Ok(body)
}

fn advertise(functions: &str, wechat: &str) {
    let bearer = format!("-H 'Authorization: Bearer {SAMPLE_TOKEN}'");
    let json = "-H 'Content-Type: application/json'";
    println!("\nTry it. This code works every time:");
    println!("  curl -d '{{\"code\":\"{SAMPLE_LOGIN_CODE}\"}}' {json} {functions}/login");
    println!("A code that works once, like one of wx.login:");
    println!("  curl -X POST {wechat}/_control/login-codes");
    println!("A session and a code of the phone button that work every time:");
    println!("  curl -d code={SAMPLE_PHONE_CODE} {bearer} {functions}/phone");
    println!("A login as a form, which is what curl sends if not told otherwise:");
    println!("  curl -d code={SAMPLE_LOGIN_CODE} {functions}/login");
    println!("What is stored of that user, read and changed:");
    println!("  curl {bearer} {functions}/user");
    println!("  curl -X PUT -d '{{\"name\":\"小明\"}}' {json} {bearer} {functions}/user");
    println!("A route of your own, behind the authorizer:");
    println!("  curl {bearer} {functions}/example");
    println!("What WeChat's client encrypts and signs, and the back end opens:");
    let data = json!({"openid": SAMPLE_OPENID, "data": {"stepInfoList": [{"timestamp": 1_795_420_800, "step": 100}]}});
    println!("  curl -s -d '{data}' {wechat}/_control/client-data | curl -d @- {json} {bearer} {functions}/decrypt");
    println!("The end of that session, until this is started again:");
    println!("  curl -X POST {bearer} {functions}/logout");
}

/// What is made once and kept with the tables, because a new key opens nothing that the old one sealed.
struct Secrets {
    app_secret: String,
    key: String,
}

impl Secrets {
    fn load(folder: Option<&Path>) -> Result<Self, String> {
        let fresh = Self { app_secret: random_text(32), key: random_text(64) };
        let Some(folder) = folder else {
            return Ok(fresh);
        };
        let file = folder.join("secrets.json");
        let failed = |error: &dyn Display| format!("{}: {error}", file.display());
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        if !file.exists() {
            let text = json!({"app_secret": fresh.app_secret, "key": fresh.key}).to_string();
            std::fs::write(&file, text).map_err(|error| failed(&error))?;
            return Ok(fresh);
        }
        let text = std::fs::read_to_string(&file).map_err(|error| failed(&error))?;
        let kept: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        match (kept["app_secret"].as_str(), kept["key"].as_str()) {
            (Some(app_secret), Some(key)) => Ok(Self { app_secret: app_secret.into(), key: key.into() }),
            _ => Err(failed(&"app_secret or key is missing")),
        }
    }
}
