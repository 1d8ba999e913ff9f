//! The HTTP contract, written down a second time, apart from the product: the one table that every test judges by.

/// HTTP status, `code`, `error` and `msg` of every failure.
pub const ERRORS: [(u16, u16, &str, &str); 15] = [
    (400, 404, "missing_parameter", "缺少参数"),
    (400, 404, "invalid_code", "无效的code"),
    (400, 400, "malformed_request", "请求格式错误"),
    (400, 400, "invalid_field", "字段不合法"),
    (401, 401, "unauthorized", "未登录或登录已过期"),
    (403, 403, "user_blocked", "该用户被限制登录"),
    (403, 403, "code_mismatch", "手机号凭证与登录用户不符"),
    (405, 405, "method_not_allowed", "请求方法不支持"),
    (409, 409, "session_key_stale", "登录态已过期，请重新登录"),
    (413, 413, "body_too_large", "请求体过大"),
    (415, 415, "unsupported_media_type", "不支持的媒体类型"),
    (429, 429, "rate_limited", "请求过于频繁，请稍后再试"),
    (500, 500, "misconfigured", "服务配置错误"),
    (502, 502, "wechat_unavailable", "微信服务暂不可用"),
    (503, 503, "unavailable", "服务暂不可用，请稍后再试"),
];

/// Returns whether a response with this status and body has the form of a failure of the contract.
pub fn is_failure(status: u64, body: &serde_json::Value) -> bool {
    let names: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let row = ERRORS.iter().find(|row| body["error"] == row.2);
    row.is_some_and(|row| status == u64::from(row.0) && body["code"] == row.1 && body["msg"] == row.3)
        && names == ["code", "data", "error", "msg", "request_id"]
        && body["data"].is_null()
        && body["request_id"].as_str().is_some_and(|id| !id.is_empty())
}
