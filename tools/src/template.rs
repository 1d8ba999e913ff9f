//! `template.yaml`, so that what the tests stand on is what is deployed.

use serde_json::{Map, Value};
use std::sync::OnceLock;

/// The resources by their logical ids. `!Ref X` reads `{"Ref": "X"}`, and so on.
pub fn resources() -> &'static Map<String, Value> {
    static TEMPLATE: OnceLock<Value> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"));
        let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).expect("YAML");
        serde_json::to_value(plain(template)).expect("JSON")
    });
    template["Resources"].as_object().expect("resources")
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
