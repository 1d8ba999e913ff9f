//! Servers that stand in for WeChat, AWS and API Gateway. The product's own clients speak to them over the wire.
//!
//! - [`wechat`]: `api.weixin.qq.com`, with WeChat's own rules.
//! - [`aws`]: DynamoDB (a real engine, embedded or named by `TEST_DYNAMODB_ENDPOINT`) and Secrets Manager.
//! - [`gateway`]: API Gateway: an HTTP request becomes an event, goes through a function, and comes back.
//! - [`runtime_api`]: the Lambda Runtime API, for built binaries.
//! - [`clock`]: the time, which tests move.

pub mod aws;
pub mod clock;
pub mod gateway;
pub mod runtime_api;
pub mod wechat;
