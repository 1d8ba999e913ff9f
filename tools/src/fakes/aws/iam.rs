//! Permissions, as `template.yaml` gives them: the stand-ins refuse a function what its role does not allow, so every test
//! runs under the policy that is deployed.

use super::State;
use crate::template;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// An action and the logical id of the resource that it is done with.
pub type Permission = (String, String);

/// What the role of each function allows, by the function's binary. What Lambda itself does in the function's name
/// (logs) is left out.
pub fn allowed() -> &'static BTreeMap<String, BTreeSet<Permission>> {
    static ALLOWED: OnceLock<BTreeMap<String, BTreeSet<Permission>>> = OnceLock::new();
    ALLOWED.get_or_init(|| {
        let resources = template::resources();
        let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
        functions
            .map(|function| {
                let role = function["Properties"]["Role"]["GetAtt"].as_str().expect("a role of its own");
                let role = &resources[role.split('.').next().unwrap_or_default()]["Properties"];
                // The example is JavaScript, and has no binary.
                let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
                (binary.unwrap_or("example").to_owned(), permissions(role))
            })
            .collect()
    })
}

fn permissions(role: &Value) -> BTreeSet<Permission> {
    let policies = role["Policies"].as_array().expect("inline policies");
    let statements = policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let pairs = statements.flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        let resources: Vec<String> = list(&statement["Resource"]).into_iter().map(logical_id).collect();
        list(&statement["Action"]).into_iter().flat_map(move |action| {
            let action = action.as_str().expect("an action").to_owned();
            resources.clone().into_iter().map(move |resource| (action.clone(), resource))
        })
    });
    pairs.filter(|(action, _)| !action.starts_with("logs:")).collect()
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// The resource of `!Ref X` or `!GetAtt X.Arn`, by the template's default parameters. Anything else, a wildcard above all,
/// is not taken.
fn logical_id(resource: &Value) -> String {
    let resource = template::evaluate(resource, &[]);
    let text = resource["Ref"].as_str().or(resource["GetAtt"].as_str());
    let text = text.unwrap_or_else(|| panic!("neither Ref nor GetAtt: {resource}"));
    text.trim_end_matches(".Arn").to_owned()
}

impl State {
    /// Whether `function` may do this; what it may do is noted as used.
    pub(super) fn permit(&mut self, function: &str, service: super::Service, operation: &str, body: &[u8]) -> bool {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let needed: Vec<(String, &Value)> = match (service, operation) {
            (super::Service::SecretsManager | super::Service::WeChat, _) => {
                vec![(format!("secretsmanager:{operation}"), &request["SecretId"])]
            }
            // A transaction needs the permission of each of its actions.
            (super::Service::DynamoDb, "TransactWriteItems") => {
                let items = request["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object);
                items.flatten().map(|(kind, item)| (format!("dynamodb:{kind}Item"), &item["TableName"])).collect()
            }
            (super::Service::DynamoDb, _) => vec![(format!("dynamodb:{operation}"), &request["TableName"])],
        };
        needed.into_iter().all(|(action, physical)| {
            // What has no name here is a table or secret that a test took away: the service answers that itself.
            let Some(resource) = physical.as_str().and_then(|name| self.logical_ids.get(name)) else {
                return true;
            };
            let permission = (action, (*resource).to_owned());
            let allowed = allowed().get(function).is_some_and(|allowed| allowed.contains(&permission));
            if allowed {
                self.used.entry(function.to_owned()).or_default().insert(permission);
            }
            allowed
        })
    }
}
