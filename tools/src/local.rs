//! `cargo local`: the functions, WeChat, DynamoDB and Secrets Manager in one process on this machine.
//!
//! The functions are the ones that go to AWS: each HTTP request becomes an API Gateway event and goes through
//! `lambda_http`; the real AWS SDK speaks to a real DynamoDB-compatible engine.
//!
//! - [`Options`]: the command line.
//! - `devtools`: what `--devtools` changes; `chaos`: faults by seed; `data`: what `--data` keeps.
//! - `walkthrough`: a whole login, printed as it happens, and lines to paste.
//! - `playground`: the page at WeChat's port; `record`: what it shows.

mod chaos;
mod data;
mod devtools;
mod options;
mod playground;
mod ports;
mod record;
mod tables;
mod walkthrough;

pub use options::{Options, USAGE};

use crate::app::{APP_ID, KEY_SECRET_ID, WECHAT_SECRET_ID, authorizer, config, functions, open_sample_session};
use crate::fakes::aws::{Aws, Tables};
use crate::fakes::clock::TestClock;
use crate::fakes::gateway::{Api, Cors, Route, Target, deployed};
use crate::fakes::wechat::{DEVTOOLS_PHONE, WeChat};
use crate::faults::Proxy;
use chaos::{Chaos, Places};
use data::Data;
use ports::Ports;
use record::Record;
use serde_json::json;
use std::sync::Arc;

/// Everything that runs behind the ports.
struct Local {
    wechat: WeChat,
    /// Reached without the fault injector.
    aws: Aws,
    tables: Tables,
    clock: TestClock,
    before_wechat: Proxy,
    before_aws: Proxy,
    api: Option<Arc<Api>>,
    record: Record,
    chaos: Chaos,
    /// Hands requests on to the fake of WeChat.
    http: reqwest::Client,
}

/// Serves until Ctrl-C, or with `--once` until the walkthrough has ended.
///
/// # Errors
/// If a port is in use, what was kept cannot be read, or the walkthrough does not go as it should.
pub async fn run(options: &Options) -> Result<(), String> {
    let ports = Ports::listen(options).await?;
    let data = Data::open(options.data.as_deref())?;
    let clock = TestClock::default();
    let wechat = WeChat::serve(free_port().await?, clock.clone(), APP_ID, &data.app_secret);
    data.restore_session_keys(&wechat)?;
    let aws = Aws::serve(free_port().await?, Some(data.database()?)).await;
    aws.put_secret(WECHAT_SECRET_ID, &json!({"AppId": APP_ID, "AppSecret": data.app_secret}).to_string());
    aws.put_secret(KEY_SECRET_ID, &json!({"current": "k1", "k1": data.key}).to_string());
    let tables = Tables::with_suffix("");
    tables.create(&aws_sdk_dynamodb::Client::new(&aws.patient_sdk())).await;
    let mut config = config(&wechat, &tables);
    open_sample_session(&config, &aws, &clock).await;
    if let Some(openid) = &options.devtools {
        wechat.accept_invented_codes(openid);
    }

    let before_wechat = Proxy::serve(free_port().await?, wechat.base_url());
    let before_aws = Proxy::serve(ports.aws.listener, aws.endpoint());
    before_wechat.url().clone_into(&mut config.wechat_base_url);
    let record = Record::default();
    let api = ports.functions.as_ref().map(|_| {
        let aws = aws.behind(before_aws.url());
        let mut functions = functions(&config, &aws, &clock);
        if options.devtools.is_some() {
            devtools::tell_logins_apart(&mut functions, &wechat);
        }
        let mut routes = deployed(&functions);
        routes.extend(options.routes.iter().map(|(key, url)| Route {
            key: key.clone(),
            open: false,
            target: Target::Invoke(url.clone()),
        }));
        let cors = Cors::new(options.cors.clone());
        Arc::new(Api::new(routes, authorizer(&config, &aws, &clock), cors, record.requests()))
    });
    let local = Arc::new(Local {
        wechat,
        aws,
        tables,
        clock,
        before_wechat,
        before_aws,
        api,
        record,
        chaos: Chaos::default(),
        http: crate::http_client(),
    });
    local.watch(data);
    local.apply_chaos();
    tokio::spawn(playground::serve(ports.wechat.listener, Arc::clone(&local)));

    println!("Fake of WeChat    {}", ports.wechat.url);
    println!("Fakes of AWS      {}  (DynamoDB, Secrets Manager)", ports.aws.url);
    if let (Some(functions), Some(api)) = (ports.functions, &local.api) {
        tokio::spawn(Arc::clone(api).serve(functions.listener));
        println!("Functions         {}", functions.url);
        println!("Playground        {}/\n", ports.wechat.url);
        walkthrough::exchange(&functions.url, &ports.wechat.url).await?;
        if options.once {
            return Ok(());
        }
        walkthrough::advertise(&functions.url, &ports.wechat.url);
    }
    explain(options);
    if let Some(seed) = options.chaos {
        println!("\nFrom here on one call in six goes wrong, the same ones each time with --chaos {seed}:");
        local.chaos.set(seed, Places::behind());
        local.apply_chaos();
    }
    println!("\nServing until Ctrl-C.");
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

/// Says what the options mean that change how this is used.
fn explain(options: &Options) {
    if let Some(openid) = &options.devtools {
        println!(
            "\nFor WeChat DevTools: every code that it invents is accepted. A login is {openid}'s, the phone number is"
        );
        println!("{DEVTOOLS_PHONE}. (What DevTools encrypts itself, such as steps, cannot be decrypted here.)");
        println!("Another user: curl -d '{{\"openid\":\"oBob\"}}' …/_control/devtools at the fake of WeChat.");
    }
    for (key, url) in &options.routes {
        println!("\nYour own route {key}, behind the authorizer: {url}");
    }
    if !options.cors.is_empty() {
        println!("\nPages of {} may call the functions.", options.cors.join(", "));
    }
    if options.host_is_open() {
        ports::print_lan(options);
    }
}

impl Local {
    /// Records what goes on from now on, and keeps what shall be kept.
    fn watch(&self, data: Data) {
        let (record, wechat) = (self.record.clone(), self.wechat.clone());
        self.before_wechat.observe(move |exchange| {
            record.wechat(exchange);
            data.keep_session_keys(&wechat);
        });
        let record = self.record.clone();
        miniprogram::log::listen(move |line| record.log(line));
    }

    /// Injects the faults that are wanted now, and counts the calls anew.
    fn apply_chaos(&self) {
        for proxy in [&self.before_wechat, &self.before_aws] {
            let (chaos, record) = (self.chaos.clone(), self.record.clone());
            proxy.decide(move |call| {
                let fault = chaos.fault(call);
                record.call(call, fault.as_ref());
                fault
            });
        }
        if let Some(api) = &self.api {
            let chaos = self.chaos.clone();
            api.decide(move |path, nth| chaos.page_fault(path, nth));
        }
    }
}

async fn free_port() -> Result<tokio::net::TcpListener, String> {
    crate::listen(0).await.map_err(|error| error.to_string())
}
