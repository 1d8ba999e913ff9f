//! The Lambda function behind `POST /decrypt`.

use miniprogram::Needs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("decrypt", Needs::Keyring, decrypt::handle).await
}
