//! The Lambda function behind `/user` and `/logout`.

use miniprogram::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("user", Needs::Keyring, user::handle).await
}
