//! The Lambda function that API Gateway asks before the routes of a team's own API.

use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    miniprogram::log::keep_panics_short();
    let authorizer = authorizer::Authorizer::load().await;
    lambda_runtime::run(service_fn(|event| authorizer::handle(&authorizer, event))).await
}
