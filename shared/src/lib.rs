//! The code that all functions of the back end share.
//!
//! A tour, in the order in which a request meets the parts:
//!
//! 1. [`http`]: the API Gateway event becomes a [`http::Call`]; a [`http::Reply`] or an [`Error`] becomes
//!    the answer; one [`log`] line is printed.
//! 2. [`App`]: what a function holds for its life, built once per cold start from [`Config`].
//! 3. [`secrets`]: AppId and AppSecret, and the [`keyring`] from which every key is derived.
//! 4. [`wechat`]: the client of `api.weixin.qq.com`.
//! 5. [`session`]: the token that a page holds; [`profile`]: what users say of themselves; [`store`]: users and sessions
//!    in DynamoDB.
//!
//! Data flows one way: event -> function main -> handle -> `http`, `app` -> `wechat` -> WeChat,
//! `app` -> `store` -> DynamoDB. `wechat`, `store`, `session` and `secrets` know nothing of API Gateway or
//! Lambda; functions never import each other.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

pub mod app;
pub mod aws;
pub mod clock;
pub mod code;
pub mod config;
pub mod deadline;
pub mod error;
mod event;
pub mod hex;
pub mod http;
mod http_client;
pub mod keyring;
pub mod log;
pub mod profile;
pub mod replay;
pub mod scope;
pub mod secrets;
pub mod service;
pub mod session;
pub mod store;
pub mod text;
pub mod wechat;

pub use app::{App, Needs};
pub use config::Config;
pub use error::Error;
pub use scope::Scope;
pub use service::{run, service};
