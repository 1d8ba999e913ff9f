//! The tables, as `template.yaml` makes them.

use crate::template;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use std::collections::HashMap;

/// The names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The users.
    pub users: String,
    /// Their sessions.
    pub sessions: String,
    /// WeChat's access tokens.
    pub access_tokens: String,
    /// The erasures.
    pub erasures: String,
}

impl Tables {
    /// Names that no other test has.
    pub fn unique() -> Self {
        let suffix = crate::random_text(12);
        Self::with_suffix(&format!("-{suffix}"))
    }

    /// `users`, `sessions` and so on, each with this suffix.
    pub fn with_suffix(suffix: &str) -> Self {
        let name = |table: &str| format!("{table}{suffix}");
        Self {
            users: name("users"),
            sessions: name("sessions"),
            access_tokens: name("access_tokens"),
            erasures: name("erasures"),
        }
    }

    /// Tells the stand-ins what the tables are called in `template.yaml`.
    pub fn name(&self, aws: &super::Aws) {
        aws.name(&self.users, "UsersTable");
        aws.name(&self.sessions, "SessionsTable");
        aws.name(&self.access_tokens, "AccessTokensTable");
        aws.name(&self.erasures, "ErasuresTable");
    }

    /// Makes the tables as `template.yaml` does, unless they are there.
    pub async fn create(&self, client: &Client) {
        create(client, &self.users, "UsersTable").await;
        create(client, &self.sessions, "SessionsTable").await;
        create(client, &self.access_tokens, "AccessTokensTable").await;
        create(client, &self.erasures, "ErasuresTable").await;
    }
}

async fn create(client: &Client, table: &str, logical_id: &str) {
    let properties = &template::resources()[logical_id]["Properties"];
    let key = properties["KeySchema"][0]["AttributeName"].as_str().expect("a key");
    let attribute = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
    let hash = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
    let made = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute.build().expect("a full definition"))
        .key_schema(hash.build().expect("a full element"))
        .send()
        .await;
    if let Err(error) = made {
        let error = error.into_service_error();
        assert!(error.is_resource_in_use_exception(), "{table} cannot be made: {error:?}");
    }
    if let Some(attribute) = properties["TimeToLiveSpecification"]["AttributeName"].as_str() {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let set = client.update_time_to_live().table_name(table);
        // An engine refuses to enable what is enabled.
        let _ = set.time_to_live_specification(ttl.expect("a full specification")).send().await;
    }
}

/// Everything in a table.
pub async fn scan(client: &Client, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.expect("a table that can be read")
}
