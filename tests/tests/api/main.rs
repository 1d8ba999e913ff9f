//! The HTTP contract and what stands behind it, tried through `lambda_http` against the fakes.

mod access_token;
mod authorizer;
mod decrypt;
mod events;
mod interleavings;
mod least_privilege;
mod login;
mod logout;
mod phone;
mod phone_replay;
mod races;
mod replay;
mod services;
mod session_key;
mod sessions;
mod stampede;
mod user;
