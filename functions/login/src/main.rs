//! The Lambda function behind `POST /login`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    miniprogram::run("login", login::handle).await
}
