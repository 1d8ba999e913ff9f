//! A whole login, printed as it happens, and lines to paste.

use crate::app::SAMPLE_TOKEN;
use crate::fakes::wechat::{SAMPLE_LOGIN_CODE, SAMPLE_OPENID, SAMPLE_PHONE_CODE};
use crate::http_client;
use serde_json::{Value, json};

/// A whole login, and what the session is good for, as it happens.
pub(super) async fn exchange(functions: &str, wechat: &str) -> Result<(), String> {
    let nothing = Value::Null;
    let at = |path: &str| format!("{functions}{path}");
    println!("1. The page calls wx.login and gets a code:");
    let code = ask("POST", &format!("{wechat}/_control/login-codes"), None, &json!({"openid": "oAlice"})).await?;
    println!("2. It sends the code to the back end, which exchanges it at WeChat and opens a session:");
    let first = ask("POST", &at("/login"), None, &json!({"code": code["code"]})).await?;
    println!("3. Was the reply lost on the way? The same code gives the same token for two minutes:");
    let again = ask("POST", &at("/login"), None, &json!({"code": code["code"]})).await?;
    println!("4. The user taps the phone button, and the page gets another code:");
    let phone = json!({"openid": "oAlice", "phone": "13900000000"});
    let phone_code = ask("POST", &format!("{wechat}/_control/phone-codes"), None, &phone).await?;
    println!("5. It sends that code with the token; the back end fetches the number with its own access token:");
    let token = first["data"]["token"].as_str();
    let number = ask("POST", &at("/phone"), token, &json!({"code": phone_code["code"]})).await?;
    println!("6. The user says what they are called:");
    let named = ask("PUT", &at("/user"), token, &json!({"name": "小明"})).await?;
    println!("7. The page reads what is stored of the user:");
    let user = ask("GET", &at("/user"), token, &nothing).await?;
    println!("8. A route of your own is told by the authorizer who calls:");
    let example = ask("GET", &at("/example"), token, &nothing).await?;
    println!("9. The user logs out:");
    let out = ask("POST", &at("/logout"), token, &nothing).await?;
    println!("10. The token is worth nothing from here on:");
    let refused = ask("GET", &at("/user"), token, &nothing).await?;
    if first["code"] != 200
        || first["data"]["openid"] != "oAlice"
        || first != again
        || number["data"]["phone"] != "13900000000"
        || (&user["data"]["name"], &user["data"]["phone"]) != (&json!("小明"), &json!("13900000000"))
        || user != named
        || example["data"]["openid"] != "oAlice"
        || out["code"] != 200
        || refused["error"] != "unauthorized"
    {
        return Err("the exchange did not go as it should".into());
    }
    println!("Done.");
    Ok(())
}

/// A request with this JSON as body; none if it is null.
async fn ask(method: &str, url: &str, token: Option<&str>, body: &Value) -> Result<Value, String> {
    let shown = if body.is_null() { String::new() } else { format!(" {body}") };
    println!("   {method} {url}{shown}");
    let method = method.parse().map_err(|_| "no method".to_owned())?;
    let mut request = http_client().request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    if let Some(token) = token {
        println!("   Authorization: Bearer {token}");
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    println!("   {status} {body}\n");
    Ok(body)
}

/// Prints lines to paste.
pub(super) fn advertise(functions: &str, wechat: &str) {
    let bearer = format!("-H 'Authorization: Bearer {SAMPLE_TOKEN}'");
    let json = "-H 'Content-Type: application/json'";
    println!("\nTry it. This code works every time:");
    println!("  curl -d '{{\"code\":\"{SAMPLE_LOGIN_CODE}\"}}' {json} {functions}/login");
    println!("A code that works once, like one of wx.login:");
    println!("  curl -X POST {wechat}/_control/login-codes");
    println!("A session and a code of the phone button that work every time:");
    println!("  curl -d code={SAMPLE_PHONE_CODE} {bearer} {functions}/phone");
    println!("A login as a form, which is what curl sends if not told otherwise:");
    println!("  curl -d code={SAMPLE_LOGIN_CODE} {functions}/login");
    println!("What is stored of that user, read and changed:");
    println!("  curl {bearer} {functions}/user");
    println!("  curl -X PUT -d '{{\"name\":\"小明\"}}' {json} {bearer} {functions}/user");
    println!("A route of your own, behind the authorizer:");
    println!("  curl {bearer} {functions}/example");
    println!("What WeChat's client encrypts and signs, and the back end opens:");
    let data = json!({"openid": SAMPLE_OPENID, "data": {"stepInfoList": [{"timestamp": 1_795_420_800, "step": 100}]}});
    println!("  curl -s -d '{data}' {wechat}/_control/client-data | curl -d @- {json} {bearer} {functions}/decrypt");
    println!("The end of that session, until this is started again:");
    println!("  curl -X POST {bearer} {functions}/logout");
}
