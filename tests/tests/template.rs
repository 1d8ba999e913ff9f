//! What a deployment depends on in `template.yaml`, and what no linter checks.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use tools::template::{evaluate, references, resources, template};

fn of_type(kind: &str) -> Vec<(&'static str, &'static Value)> {
    let all = resources().iter().filter(|(_, resource)| resource["Type"] == kind);
    all.map(|(id, resource)| (id.as_str(), &resource["Properties"])).collect()
}

fn functions() -> Vec<(&'static str, &'static Value)> {
    of_type("AWS::Serverless::Function")
}

/// Each function's routes: path and what it says of authorization.
fn routes() -> Vec<(&'static str, &'static Value)> {
    let events = functions().into_iter().filter_map(|(_, function)| function["Events"].as_object());
    let events = events.flat_map(serde_json::Map::values).map(|event| &event["Properties"]);
    events.map(|event| (event["Path"].as_str().expect("a path"), &event["Auth"])).collect()
}

#[test]
fn a_function_with_inline_code_inherits_no_code_uri() {
    // `sam delete` takes the inherited `.` for an S3 URL and crashes halfway.
    assert_eq!(template()["Globals"]["Function"].get("CodeUri"), None);
    for (id, function) in functions() {
        assert_ne!(function.get("InlineCode").is_some(), function.get("CodeUri").is_some(), "{id}");
    }
}

#[test]
fn the_authorizer_cache_time_is_the_number_that_was_chosen() {
    let identity = &resources()["Api"]["Properties"]["Auth"]["Authorizers"]["Session"]["Identity"];
    let choices = template()["Parameters"]["AuthorizerCacheSeconds"]["AllowedValues"].as_array().expect("choices");
    for seconds in choices {
        let chosen = evaluate(&identity["ReauthorizeEvery"], &[("AuthorizerCacheSeconds", &seconds.to_string())]);
        assert_eq!(&chosen, seconds);
    }
}

#[test]
fn the_generated_secrets_are_never_generated_again() {
    // CloudFormation generates a new value when this block changes: the keyring would be gone.
    let generated = |id: &str| resources()[id]["Properties"]["GenerateSecretString"].clone();
    assert_eq!(
        generated("KeySecret"),
        json!({
            "SecretStringTemplate": r#"{"current": "k1"}"#, "GenerateStringKey": "k1", "PasswordLength": 64,
            "ExcludePunctuation": true,
        })
    );
    assert_eq!(
        generated("WeChatSecret"),
        json!({
            "SecretStringTemplate": r#"{"AppId": "put-the-AppId-here"}"#, "GenerateStringKey": "AppSecret",
            "ExcludePunctuation": true,
        })
    );
}

#[test]
fn users_and_secrets_outlive_the_stack() {
    for id in ["UsersTable", "WeChatSecret", "KeySecret"] {
        assert_eq!(resources()[id]["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(resources()[id]["UpdateReplacePolicy"], "Retain", "{id}");
    }
}

#[test]
fn a_route_that_says_nothing_is_closed() {
    assert_eq!(resources()["Api"]["Properties"]["Auth"]["DefaultAuthorizer"], "Session");
}

#[test]
fn every_route_but_the_example_checks_its_callers_itself() {
    for (path, auth) in routes() {
        let expected = if path == "/example" { Value::Null } else { json!({"Authorizer": "NONE"}) };
        assert_eq!(auth, &expected, "{path}");
    }
}

#[test]
fn a_changed_parameter_publishes_a_new_version_of_every_function() {
    let parameters = template()["Parameters"].as_object().expect("parameters");
    let globals = &template()["Globals"]["Function"];
    let mut configuration = globals.clone();
    // Neither is part of a version.
    for name in ["ReservedConcurrentExecutions", "DeploymentPreference"] {
        configuration.as_object_mut().expect("a map").remove(name);
    }
    let of_parameters = |value: &Value| -> BTreeSet<String> {
        references(value).into_iter().filter(|name| parameters.contains_key(name)).collect()
    };
    for (id, function) in functions() {
        assert_eq!(of_parameters(&function["VersionDescription"]), of_parameters(&configuration), "{id}");
    }
}

#[test]
fn the_longest_stack_name_that_the_guide_names_fits() {
    for (id, function) in functions() {
        let name =
            function["FunctionName"]["Sub"].as_str().expect("a name").replace("${AWS::StackName}", &"s".repeat(53));
        assert!(name.len() <= 64, "{id}: {name}");
    }
}

/// The functions whose metric the alarm `id` sums up.
fn summed(id: &str) -> BTreeSet<String> {
    let metrics = resources()[id]["Properties"]["Metrics"].as_array().expect("metrics");
    metrics.iter().flat_map(|metric| references(&metric["MetricStat"]["Metric"]["Dimensions"])).collect()
}

#[test]
fn the_sums_leave_out_no_function() {
    let all: BTreeSet<String> = functions().into_iter().map(|(id, _)| id.to_owned()).collect();
    assert_eq!(summed("FunctionErrorsAlarm"), all);
    assert_eq!(summed("FunctionThrottlesAlarm"), all);
}

#[test]
fn the_server_errors_alarm_leaves_out_no_route() {
    let metrics = resources()["ServerErrorsAlarm"]["Properties"]["Metrics"].as_array().expect("metrics");
    let watched = |metric: &Value| metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"].as_str().map(str::to_owned);
    let watched: BTreeSet<String> = metrics.iter().filter_map(watched).collect();
    let binaries =
        resources().values().filter_map(|resource| resource["Metadata"]["BuildProperties"]["Binary"].as_str());
    let routes: BTreeSet<String> = binaries.filter(|name| *name != "authorizer").map(str::to_owned).collect();
    assert_eq!(watched, routes);
}

#[test]
fn no_alarm_reads_more_metrics_than_cloudwatch_allows() {
    for (id, alarm) in of_type("AWS::CloudWatch::Alarm") {
        let metrics = alarm["Metrics"].as_array().into_iter().flatten();
        assert!(metrics.filter(|metric| metric.get("MetricStat").is_some()).count() <= 10, "{id}");
    }
}

#[test]
fn an_alarm_that_ends_is_reported_like_one_that_begins() {
    for (id, alarm) in of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"], alarm["OKActions"], "{id}");
        assert!(alarm["AlarmActions"].is_object(), "{id}");
    }
}

#[test]
fn an_alarm_watches_only_metrics_that_are_made() {
    let filters = of_type("AWS::Logs::MetricFilter");
    let made: BTreeSet<&str> =
        filters.iter().filter_map(|(_, filter)| filter["MetricTransformations"][0]["MetricName"].as_str()).collect();
    for (id, alarm) in of_type("AWS::CloudWatch::Alarm") {
        let in_math = alarm["Metrics"].as_array().into_iter().flatten().map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in in_math.chain([alarm]).filter(|metric| metric["Namespace"] == json!({"Ref": "AWS::StackName"})) {
            let name = metric["MetricName"].as_str().expect("a name");
            assert!(made.contains(name), "{id}: {name}");
        }
    }
}
