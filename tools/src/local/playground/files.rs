//! The files of the playground and of the sample project.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Each file's path in requests and its text.
macro_rules! files {
    ($($path:literal => $file:literal),* $(,)?) => {
        const FILES: &[(&str, &str)] = &[
            $(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $file)))),*
        ];
    };
}

files! {
    "index.html" => "tools/playground/index.html",
    "phone.html" => "tools/playground/phone.html",
    "style.css" => "tools/playground/style.css",
    "phone.css" => "tools/playground/phone.css",
    "panel.js" => "tools/playground/panel.js",
    "explain.js" => "tools/playground/explain.js",
    "texts.js" => "tools/playground/texts.js",
    "phone.js" => "tools/playground/phone.js",
    "wxml.js" => "tools/playground/wxml.js",
    "wx.js" => "tools/playground/wx.js",
    "sample/app.json" => "client/sample/app.json",
    "sample/app.wxss" => "client/sample/app.wxss",
    "sample/api.js" => "client/sample/api.js",
    "sample/client.js" => "client/sample/client.js",
    "sample/run.js" => "client/sample/run.js",
    "sample/texts.js" => "client/sample/texts.js",
    "sample/pages/index/index.js" => "client/sample/pages/index/index.js",
    "sample/pages/index/index.wxml" => "client/sample/pages/index/index.wxml",
    "sample/pages/profile/profile.js" => "client/sample/pages/profile/profile.js",
    "sample/pages/profile/profile.wxml" => "client/sample/pages/profile/profile.wxml",
}

/// Nothing comes from elsewhere. The expressions of the sample's WXML are evaluated, hence `unsafe-eval`.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' blob: data:; frame-ancestors 'self'";

/// The file at this path. Mini-programs import modules without `.js`.
pub(super) fn response(path: &str) -> Response {
    let found = FILES.iter().find(|(name, _)| *name == path || name.strip_suffix(".js") == Some(path));
    let Some((name, text)) = found else {
        return (StatusCode::NOT_FOUND, "There is no such file in the playground.\n").into_response();
    };
    let media_type = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css" | "wxss") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, *text).into_response()
}
