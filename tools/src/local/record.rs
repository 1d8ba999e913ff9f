//! What has happened lately, for the playground to show.

use crate::fakes::gateway::{Served, Watch, request_id};
use crate::faults::{Call, Exchange, Fault, Service};
use miniprogram::clock::{Timestamp, system_now};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many events are kept.
const KEPT: usize = 1000;
/// How much of a body is kept, in characters.
const MAX_BODY: usize = 2000;

/// The events, numbered from 1. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Events>>);

#[derive(Default)]
struct Events {
    last: u64,
    kept: VecDeque<Value>,
}

impl Record {
    /// Takes the requests of pages.
    pub fn requests(&self) -> Watch {
        let record = self.clone();
        Arc::new(move |served: Served| {
            let ms = served.took.as_secs_f64() * 1000.0;
            record.push(json!({
                "kind": "request",
                "id": served.id,
                "method": served.method,
                "target": served.target,
                "status": served.status,
                "ms": ms.round(),
                "request": excerpt(&served.request),
                "response": excerpt(&served.response),
                "fault": served.fault,
            }));
        })
    }

    /// Takes a function's log line.
    pub fn log(&self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        self.push(json!({"kind": "log", "id": request_id(), "line": line}));
    }

    /// Takes a call of a function to a service.
    pub fn call(&self, call: &Call, fault: Option<&Fault>) {
        let fault = fault.map(ToString::to_string);
        let service = match call.service {
            Service::WeChat => "WeChat",
            Service::DynamoDb => "DynamoDB",
            Service::SecretsManager => "Secrets Manager",
        };
        self.push(json!({"kind": "call", "service": service, "operation": call.operation, "fault": fault}));
    }

    /// Takes what WeChat was asked, and what it said.
    pub fn wechat(&self, exchange: &Exchange) {
        let [request, response] = [exchange.request, exchange.response].map(String::from_utf8_lossy);
        self.push(json!({
            "kind": "wechat",
            "target": exchange.target,
            "request": excerpt(&request),
            "response": excerpt(&response),
        }));
    }

    /// The number of the last event, and the events after this one.
    pub fn since(&self, after: u64) -> (u64, Vec<Value>) {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = events.kept.iter().filter(|event| event["n"].as_u64() > Some(after));
        (events.last, new.cloned().collect())
    }

    fn push(&self, mut event: Value) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.last += 1;
        event["n"] = events.last.into();
        event["at"] = Timestamp::from(system_now()).millis().into();
        events.kept.push_back(event);
        if events.kept.len() > KEPT {
            events.kept.pop_front();
        }
    }
}

fn excerpt(body: &str) -> String {
    body.chars().take(MAX_BODY).collect()
}
