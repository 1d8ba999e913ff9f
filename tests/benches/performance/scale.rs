//! N instances at once against the embedded DynamoDB: what a login costs must not depend on how many there are.

use crate::functions::{Function, World};
use crate::instance::Instance;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Bytes;
use axum::http::HeaderMap;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use tests::aws::scan;
use tests::gateway;

/// How many instances there are at once.
const INSTANCES: [u32; 4] = [1, 2, 4, 8];

/// Logins of one instance, each of another user.
const LOGINS: u32 = 50;

/// Measures and prints one line for each number of instances.
pub async fn measure(login: &Function, world: &World) {
    world.aws.remember(false);
    world.wechat.remember(false);
    println!(
        "\n| instances | CPU a login | calls a login | items a login | bytes a login |\n| --- | --- | --- | --- | --- |"
    );
    for count in INSTANCES {
        let mut instances = join_all((0..count).map(|_| login.start(world))).await;
        // The first login of each opens its connection to WeChat.
        join_all(instances.iter_mut().map(|instance| async { login.call(instance).await })).await;
        let cpu_before = join_all(instances.iter().map(Instance::cpu)).await;
        let (items_before, bytes_before) = stored(world).await;
        world.app.aws.forget_calls();
        let wechat_before = wechat_calls(world);
        join_all(instances.iter_mut().enumerate().map(|(number, instance)| async move {
            for login in 0..LOGINS {
                let (_, answer) = instance.invoke(&event(world, &format!("oScale{count}-{number}-{login}"))).await;
                let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an answer is JSON");
                assert_eq!(answer["statusCode"], 200, "{answer}");
            }
        }))
        .await;
        let mut calls: BTreeMap<String, u32> = BTreeMap::new();
        for call in world.app.aws.calls() {
            *calls.entry(call).or_default() += 1;
        }
        calls.insert("WeChat.code2Session".to_owned(), wechat_calls(world) - wechat_before);
        let cpu_after = join_all(instances.iter().map(Instance::cpu)).await;
        let cpu: f64 = cpu_after.iter().zip(&cpu_before).map(|(after, before)| (*after - *before).as_secs_f64()).sum();
        let (items, bytes) = stored(world).await;
        let logins = f64::from(count * LOGINS);
        let calls: Vec<String> =
            calls.iter().map(|(call, n)| format!("{:.2} {call}", f64::from(*n) / logins)).collect();
        println!(
            "| {count} | {:.0} us | {} | {:.2} | {:.0} |",
            cpu / logins * 1e6,
            calls.join(", "),
            f64::from(items - items_before) / logins,
            f64::from(bytes - bytes_before) / logins,
        );
    }
}

fn event(world: &World, openid: &str) -> Bytes {
    let body = json!({"code": world.app.wechat.login_code(openid)}).to_string();
    Bytes::from(gateway::event("POST", "/login", &HeaderMap::new(), body.as_bytes()).to_string())
}

fn wechat_calls(world: &World) -> u32 {
    u32::try_from(world.app.wechat.calls("/sns/jscode2session")).expect("a small number")
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
