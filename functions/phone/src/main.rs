//! The Lambda function behind `POST /phone`.

use miniprogram::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("phone", Needs::WeChat, phone::handle).await
}
