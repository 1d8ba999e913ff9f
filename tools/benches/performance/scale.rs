//! What a call asks the services for; and N instances at once against the embedded DynamoDB: what a login costs must not
//! depend on how many there are.

use crate::functions::{Function, NULL, World};
use crate::instance::Instance;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Bytes;
use axum::http::HeaderMap;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use tools::fakes::aws::scan;
use tools::fakes::gateway;

/// How many instances there are at once.
const INSTANCES: [u32; 4] = [1, 2, 4, 8];

/// Logins of one instance, each of another user.
const LOGINS: u32 = 50;

/// What WeChat is asked for.
const WECHAT: [&str; 3] = ["/sns/jscode2session", "/wxa/business/getuserphonenumber", "/cgi-bin/stable_token"];

/// Warm calls of one instance, by which is counted what a function asks the services for.
const CALLS: u32 = 10;

/// One line for each function: what a warm call asks the services for.
pub async fn calls(functions: &[Function], world: &World) -> String {
    let mut table = "\n### What a warm call asks for\n\n| function | calls |\n| --- | --- |\n".to_owned();
    for function in functions.iter().filter(|function| function.name != NULL) {
        let mut instance = function.start(world).await;
        function.call(&mut instance).await;
        let counter = Counter::start(world);
        for _ in 0..CALLS {
            function.call(&mut instance).await;
        }
        table += &format!("| {} | {} |\n", function.name, counter.per(f64::from(CALLS)));
    }
    table
}

/// One line for each number of instances.
pub async fn instances(login: &Function, world: &World) -> String {
    let mut table = "\n### N instances of login at once, against the embedded DynamoDB\n\n\
        | instances | CPU a login | calls a login | items a login | bytes a login |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for count in INSTANCES {
        let mut instances = join_all((0..count).map(|_| login.start(world))).await;
        // The first login of each opens what it still has to open.
        join_all(instances.iter_mut().map(|instance| async { login.call(instance).await })).await;
        let cpu_before = join_all(instances.iter().map(Instance::cpu)).await;
        let (items_before, bytes_before) = stored(world).await;
        let counter = Counter::start(world);
        join_all(instances.iter_mut().enumerate().map(|(number, instance)| async move {
            for login in 0..LOGINS {
                let (_, answer) = instance.invoke(&event(world, &format!("oScale{count}-{number}-{login}"))).await;
                let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an answer is JSON");
                assert_eq!(answer["statusCode"], 200, "{answer}");
            }
        }))
        .await;
        let logins = f64::from(count * LOGINS);
        let calls = counter.per(logins);
        let cpu_after = join_all(instances.iter().map(Instance::cpu)).await;
        let cpu: f64 = cpu_after.iter().zip(&cpu_before).map(|(after, before)| (*after - *before).as_secs_f64()).sum();
        let (items, bytes) = stored(world).await;
        table += &format!(
            "| {count} | {:.0} us | {calls} | {:.2} | {:.0} |\n",
            cpu / logins * 1e6,
            f64::from(items - items_before) / logins,
            f64::from(bytes - bytes_before) / logins,
        );
    }
    table
}

/// Counts what the services are asked for from its start on.
struct Counter<'a> {
    world: &'a World,
    wechat: [u32; WECHAT.len()],
}

impl<'a> Counter<'a> {
    fn start(world: &'a World) -> Self {
        world.app.aws.forget_calls();
        Self { world, wechat: asked_wechat(world) }
    }

    /// The calls so far, by what they ask for, each divided by `number`.
    fn per(&self, number: f64) -> String {
        let mut calls: BTreeMap<String, u32> = BTreeMap::new();
        for call in self.world.app.aws.calls() {
            *calls.entry(call).or_default() += 1;
        }
        for ((path, before), now) in WECHAT.iter().zip(self.wechat).zip(asked_wechat(self.world)) {
            let name = path.rsplit('/').next().unwrap_or_default();
            calls.insert(format!("WeChat.{name}"), now - before);
        }
        let calls = calls.iter().filter(|(_, count)| **count > 0);
        let calls: Vec<String> =
            calls.map(|(call, count)| format!("{:.2} {call}", f64::from(*count) / number)).collect();
        calls.join(", ")
    }
}

fn asked_wechat(world: &World) -> [u32; WECHAT.len()] {
    WECHAT.map(|path| u32::try_from(world.app.wechat.calls(path)).expect("a small number"))
}

fn event(world: &World, openid: &str) -> Bytes {
    let body = json!({"code": world.app.wechat.login_code(openid)}).to_string();
    Bytes::from(gateway::event("POST", "/login", &HeaderMap::new(), body.as_bytes()).to_string())
}

/// How many items the users and sessions tables hold, and how many bytes by DynamoDB's rule.
async fn stored(world: &World) -> (u32, u32) {
    let client = world.app.dynamodb();
    let tables = &world.app.tables;
    let items = [scan(&client, &tables.users).await, scan(&client, &tables.sessions).await].concat();
    let bytes = items.iter().map(size).sum::<usize>();
    (u32::try_from(items.len()).expect("a small number"), u32::try_from(bytes).expect("a small number"))
}

fn size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Ss(texts) => 3 + texts.iter().map(|text| text.len() + 1).sum::<usize>(),
        _ => 1,
    }
}
