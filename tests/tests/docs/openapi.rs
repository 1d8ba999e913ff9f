//! `docs/openapi.yaml`, held against the contract table, the routes of the template, and the functions.

use super::read;
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::contract::{ERRORS, is_failure};
use tools::app::TestApp;
use tools::template::resources;

fn document() -> Value {
    serde_yaml_ng::from_str(&read("docs/openapi.yaml")).expect("YAML")
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

/// The methods of each path, as `Allow` lists them.
fn methods(document: &Value) -> BTreeMap<&str, BTreeSet<String>> {
    let paths = object(&document["paths"]).iter();
    paths.map(|(path, item)| (path.as_str(), object(item).keys().map(|name| name.to_uppercase()).collect())).collect()
}

/// The status and the name of each error that an operation documents.
fn errors(operation: &Value) -> BTreeSet<(u16, String)> {
    let of_status = |(status, response): (&String, &Value)| {
        let status: u16 = status.parse().expect("a status");
        let examples = response["content"]["application/json"]["examples"].as_object().into_iter().flatten();
        examples.map(move |(name, _)| (status, name.clone())).collect::<Vec<_>>()
    };
    object(&operation["responses"]).iter().flat_map(of_status).collect()
}

fn operations(document: &Value) -> Vec<&Value> {
    object(&document["paths"]).values().flat_map(|item| object(item).values()).collect()
}

#[test]
fn every_example_of_an_error_is_a_row_of_the_contract() {
    let document = document();
    for (name, example) in object(&document["components"]["examples"]) {
        let row = ERRORS.iter().find(|row| row.2 == name).unwrap_or_else(|| panic!("{name} is not in the contract"));
        assert!(is_failure(u64::from(row.0), &example["value"]), "{name}");
    }
}

#[test]
fn every_row_of_the_contract_has_an_example() {
    let document = document();
    let documented: BTreeSet<&str> = object(&document["components"]["examples"]).keys().map(String::as_str).collect();
    assert_eq!(documented, ERRORS.iter().map(|row| row.2).collect());
    let named = document["components"]["schemas"]["Error"]["properties"]["error"]["enum"].as_array().expect("a list");
    assert_eq!(named.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), documented);
}

#[test]
fn operations_document_errors_with_the_status_of_the_contract() {
    let document = document();
    let contract: BTreeSet<(u16, String)> = ERRORS.iter().map(|row| (row.0, row.2.to_owned())).collect();
    let documented: BTreeSet<(u16, String)> = operations(&document).into_iter().flat_map(errors).collect();
    let missing: Vec<_> = contract.difference(&documented).map(|(_, name)| name.as_str()).collect();
    assert!(documented.is_subset(&contract), "{documented:?}");
    // It is what methods outside of the document get.
    assert_eq!(missing, ["method_not_allowed"]);
}

#[test]
fn examples_refer_to_the_error_by_whose_name_they_go() {
    let document = document();
    for operation in operations(&document) {
        for response in object(&operation["responses"]).values() {
            let examples = response["content"]["application/json"]["examples"].as_object().into_iter().flatten();
            for (name, example) in examples {
                assert_eq!(example["$ref"], format!("#/components/examples/{name}"));
            }
        }
    }
}

#[test]
fn the_paths_are_those_of_the_template() {
    let document = document();
    let functions = resources().values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let events = functions.filter_map(|function| function["Properties"]["Events"].as_object()).flat_map(Map::values);
    let paths: BTreeSet<&str> = events.filter_map(|event| event["Properties"]["Path"].as_str()).collect();
    let documented: BTreeSet<&str> = methods(&document).into_keys().chain(["/example"]).collect();
    assert_eq!(documented, paths);
}

#[tokio::test]
async fn the_methods_are_those_that_the_functions_allow() {
    let app = TestApp::start_unhurried().await;
    for (path, documented) in methods(&document()) {
        let answer = app.request("PATCH", path, &HeaderMap::new(), b"").await;
        let allowed = answer.headers.get("allow").unwrap_or_else(|| panic!("{path} allows PATCH: {answer:?}"));
        assert_eq!(allowed.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), documented, "{path}");
    }
}

#[tokio::test]
async fn every_route_but_the_login_documents_that_it_needs_a_session() {
    let app = TestApp::start_unhurried().await;
    let document = document();
    for (path, methods) in methods(&document) {
        for method in methods {
            let operation = &document["paths"][path][method.to_lowercase()];
            let answer = app.request(&method, path, &HeaderMap::new(), b"").await;
            assert_eq!(answer.status == 401, operation["security"].is_null(), "{method} {path}");
            assert_eq!(answer.status == 401, errors(operation).contains(&(401, "unauthorized".to_owned())));
            let error = (answer.status, answer.outcome().to_owned());
            assert!(errors(operation).contains(&error), "{method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_data_of_a_success_has_the_documented_fields() {
    let app = TestApp::start_unhurried().await;
    let document = document();
    let documented = |schema: &str| {
        let data = &document["components"]["schemas"][schema]["properties"]["data"];
        let required = data["required"].as_array().expect("a list").iter();
        let required: BTreeSet<String> = required.map(|name| name.as_str().expect("a name").to_owned()).collect();
        assert_eq!(object(&data["properties"]).keys().cloned().collect::<BTreeSet<_>>(), required, "{schema}");
        required
    };
    let login = app.login(&app.wechat.login_code("oAlice")).await;
    let token = login.data("token");
    let phone = app.phone(&token, &app.wechat.phone_code("oAlice", "13900000000")).await;
    let read = app.call(&token, "GET", "/user", &Value::Null).await;
    let change = app.call(&token, "PUT", "/user", &json!({"name": "小明"})).await;
    for (schema, answer) in [("LoggedIn", login), ("Phone", phone), ("User", read), ("User", change)] {
        let fields: BTreeSet<String> = object(&answer.body["data"]).keys().cloned().collect();
        assert_eq!(fields, documented(schema), "{schema}");
    }
}
