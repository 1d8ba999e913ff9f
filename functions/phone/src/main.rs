//! The Lambda function behind `POST /phone`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("phone", phone::handle).await
}
