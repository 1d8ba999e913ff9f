//! How a service behaves from now on: names for the rules that tests need most.

use super::{Call, Fault, Point, Service};
use serde_json::json;

/// The behaviour of one AWS service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// Answers every call with an internal error.
    Failing,
    /// Takes every call and never answers.
    Silent,
    /// Carries out every call, and loses the answer to every write.
    LosingWrites,
    /// Takes every write and never answers; reads are well.
    StallingWrites,
    /// Carries out every call, and never answers a write.
    SwallowingWrites,
    /// Loses the answer to one write, and is well again.
    LosingOneWrite,
    /// Refuses one write because a transaction has hold of the same item, and is well again.
    ConflictingOnce,
    /// Answers every call with `AccessDeniedException`.
    Denying,
}

impl Mood {
    /// The fault of a call to the service, and the mood after it.
    pub fn fault(self, call: &Call) -> (Option<Fault>, Self) {
        let error = |name: &str| json!({"__type": name, "message": "injected"}).to_string();
        let is_write = match call.service {
            Service::DynamoDb => call.writes(),
            Service::WeChat | Service::SecretsManager => false,
        };
        match self {
            Self::Failing => (Some(Fault::status(500, error("InternalServerError"))), self),
            Self::Denying => (Some(Fault::status(400, error("AccessDeniedException"))), self),
            Self::Silent => (Some(Fault::Stall(Point::Request)), self),
            Self::LosingWrites if is_write => (Some(Fault::carried_out(500, error("InternalServerError"))), self),
            Self::StallingWrites if is_write => (Some(Fault::Stall(Point::Request)), self),
            Self::SwallowingWrites if is_write => (Some(Fault::Stall(Point::Answer)), self),
            Self::LosingOneWrite if is_write => {
                (Some(Fault::carried_out(500, error("InternalServerError"))), Self::Well)
            }
            Self::ConflictingOnce if is_write => (Some(Fault::conflict(call)), Self::Well),
            _ => (None, self),
        }
    }
}
