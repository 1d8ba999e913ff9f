//! The tables' items as they are stored, as JSON.

use super::Local;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// More items than this of one table nobody reads.
const MAX_ITEMS: i32 = 50;

/// A list of the tables, each with its name and items.
pub(super) async fn read(local: &Local) -> Value {
    let client = Client::new(&local.aws.patient_sdk());
    let tables = &local.tables;
    let mut read = Vec::new();
    for name in [&tables.users, &tables.sessions, &tables.access_tokens, &tables.erasures] {
        let scanned = client.scan().table_name(name).limit(MAX_ITEMS).consistent_read(true).send().await;
        let mut items: Vec<Value> = scanned.map(|page| page.items().iter().map(item).collect()).unwrap_or_default();
        items.sort_by_key(Value::to_string);
        read.push(json!({"name": name, "items": items}));
    }
    read.into()
}

fn item(item: &HashMap<String, AttributeValue>) -> Value {
    let sorted: Map<String, Value> = item.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    sorted.into()
}

fn plain(value: &AttributeValue) -> Value {
    let bytes = |blob: &aws_sdk_dynamodb::primitives::Blob| {
        json!(format!("{} ({} bytes)", STANDARD.encode(blob.as_ref()), blob.as_ref().len()))
    };
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_| json!(number)),
        AttributeValue::Bool(truth) => json!(truth),
        AttributeValue::B(blob) => bytes(blob),
        AttributeValue::Bs(blobs) => blobs.iter().map(bytes).collect(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => json!(texts),
        AttributeValue::L(values) => values.iter().map(plain).collect(),
        AttributeValue::M(map) => item(map),
        _ => Value::Null,
    }
}
