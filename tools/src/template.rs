//! `template.yaml`, so that the tests run against what is deployed.

use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// The template. `!Ref X` reads `{"Ref": "X"}`, and so on.
pub fn template() -> &'static Value {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
        let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).expect("YAML");
        serde_json::to_value(plain(template)).expect("JSON")
    })
}

/// The resources by their logical ids.
pub fn resources() -> &'static Map<String, Value> {
    template()["Resources"].as_object().expect("resources")
}

/// The value of an expression over parameters, as CloudFormation evaluates it: `changed` first, then the defaults. A
/// `Ref` is text, whatever the parameter's type; a resource stays `{"Ref": …}`.
pub fn evaluate(value: &Value, changed: &[(&str, &str)]) -> Value {
    let truth = |value: &Value| evaluate(value, changed) == true;
    let Some((function, argument)) = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next())
    else {
        return value.clone();
    };
    match function.as_str() {
        "Ref" => {
            let name = argument.as_str().unwrap_or_default();
            let default = &template()["Parameters"][name]["Default"];
            let given = changed.iter().find(|(changed, _)| *changed == name).map(|(_, value)| (*value).to_owned());
            match given.or_else(|| default.as_str().map(str::to_owned)) {
                Some(text) => text.into(),
                None if default.is_number() => default.to_string().into(),
                None => value.clone(),
            }
        }
        "Equals" => (evaluate(&argument[0], changed) == evaluate(&argument[1], changed)).into(),
        "Not" => (!truth(&argument[0])).into(),
        "Condition" => truth(&template()["Conditions"][argument.as_str().unwrap_or_default()]).into(),
        "If" => {
            let branch = if truth(&json!({"Condition": argument[0]})) { 1 } else { 2 };
            evaluate(&argument[branch], changed)
        }
        _ => value.clone(),
    }
}

/// The names that `value` refers to by `Ref`, the conditions of its `If`s included.
pub fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("Ref", Value::String(name)) => vec![name.clone()],
                ("If", Value::Array(values)) => {
                    let condition = &template()["Conditions"][values[0].as_str().unwrap_or_default()];
                    [references(condition), references(value)].concat()
                }
                _ => references(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Turns `!Ref X` into `{"Ref": "X"}`, and so on.
fn plain(value: serde_yaml_ng::Value) -> serde_yaml_ng::Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            Yaml::Mapping([(Yaml::String(name), plain(tagged.value))].into_iter().collect())
        }
        Yaml::Sequence(values) => Yaml::Sequence(values.into_iter().map(plain).collect()),
        Yaml::Mapping(map) => Yaml::Mapping(map.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        other => other,
    }
}
