//! The Lambda function behind `POST /login`.

use miniprogram::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("login", Needs::WeChat, login::handle).await
}
