//! The command line of `cargo local`.

use crate::fakes::gateway::{RouteKey, check_origin};
use crate::fakes::wechat::DEVTOOLS_OPENID;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const USAGE: &str = "\
cargo local [--once] [--stand-ins-only] [--host HOST] [--port-base PORT] [--data DIR]
            [--devtools[=OPENID]] [--route 'METHOD /path=URL']... [--cors ORIGIN]... [--chaos SEED]

  --once            run the walkthrough, and end with 0 or 1
  --stand-ins-only  only the fakes: leaves the first port to `cargo lambda watch`
  --host HOST       listen on this address (127.0.0.1); 0.0.0.0 serves a phone in the same network
  --port-base PORT  the functions' port (9000); WeChat's and AWS's are the next two
  --data DIR        keep tables, secrets and session keys (not WeChat's codes) in this folder
  --devtools        accept the codes that WeChat DevTools invents; with =OPENID as that user's
  --route ROUTE     a route of your own, behind the authorizer, and the invoke address of its function:
                    'GET /orders/{id}=http://127.0.0.1:3001/2015-03-31/functions/OrdersFunction/invocations'
  --cors ORIGIN     let pages of this origin call the functions, such as http://localhost:5173, or '*'
  --chaos SEED      a bad day: one call in six to WeChat or AWS goes wrong, as this number decides";

/// The options of `cargo local`.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// End after the walkthrough.
    pub once: bool,
    /// Leave the functions to somebody else.
    pub stand_ins_only: bool,
    /// The address to listen on.
    pub host: String,
    /// The first of three ports.
    pub port_base: u16,
    /// Where tables, secrets and session keys are kept.
    pub data: Option<PathBuf>,
    /// Whose the codes are that DevTools invents, if they are accepted.
    pub devtools: Option<String>,
    /// The team's own routes, and the invoke addresses of their functions.
    pub routes: Vec<(RouteKey, String)>,
    /// The origins whose pages may call the functions.
    pub cors: Vec<String>,
    /// The seed of a bad day.
    pub chaos: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            once: false,
            stand_ins_only: false,
            host: "127.0.0.1".into(),
            port_base: 9000,
            data: None,
            devtools: None,
            routes: Vec::new(),
            cors: Vec::new(),
            chaos: None,
        }
    }
}

impl Options {
    /// Reads a command line, whose first word is the program's name. `None` if it asks for help.
    ///
    /// # Errors
    /// If an option is unknown, lacks its value, cannot be understood, or makes no sense with another. The text names it.
    pub fn from_args(words: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, String> {
        use lexopt::prelude::*;
        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_iter(words);
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("once") => options.once = true,
                Long("stand-ins-only") => options.stand_ins_only = true,
                Long("host") => options.host = value(&mut parser, "--host", "an address")?,
                Long("port-base") => {
                    let text = value(&mut parser, "--port-base", "a port")?;
                    options.port_base = match text.parse() {
                        Ok(port @ 1..=65_533) => port,
                        _ => return Err(format!("--port-base must be a number from 1 to 65533, not {text:?}")),
                    };
                }
                Long("data") => options.data = Some(value(&mut parser, "--data", "a folder")?.into()),
                Long("devtools") => {
                    let openid = parser.optional_value().map(|value| value.to_string_lossy().into_owned());
                    let openid = openid.unwrap_or_else(|| DEVTOOLS_OPENID.to_owned());
                    if !is_openid(&openid) {
                        return Err(format!(
                            "--devtools={openid:?} is not an openid: letters, digits, - and _, at most 64"
                        ));
                    }
                    options.devtools = Some(openid);
                }
                Long("route") => {
                    let route = route(&value(&mut parser, "--route", "a route")?)?;
                    if options.routes.iter().any(|(key, _)| *key == route.0) {
                        return Err(format!("--route {} is there twice", route.0));
                    }
                    options.routes.push(route);
                }
                Long("cors") => {
                    let origin = value(&mut parser, "--cors", "an origin")?;
                    check_origin(&origin).map_err(|error| format!("--cors: {error}"))?;
                    options.cors.push(origin);
                }
                Long("chaos") => {
                    let text = value(&mut parser, "--chaos", "a number")?;
                    let seed = text.parse().map_err(|_| format!("--chaos needs a whole number, not {text:?}"))?;
                    options.chaos = Some(seed);
                }
                Long("help") | Short('h') => return Ok(None),
                other => return Err(format!("{}; --help lists the options", other.unexpected())),
            }
        }
        options.checked().map(Some)
    }

    fn checked(self) -> Result<Self, String> {
        if self.once && self.stand_ins_only {
            return Err("--once needs the functions, which --stand-ins-only leaves out".into());
        }
        if self.once && self.chaos.is_some() {
            return Err("--once shows that all is well, which --chaos makes doubtful".into());
        }
        for (name, given) in [("--route", !self.routes.is_empty()), ("--cors", !self.cors.is_empty())] {
            if given && self.stand_ins_only {
                return Err(format!("{name} is for the functions, which --stand-ins-only leaves out"));
            }
        }
        if self.cors.len() > 1 && self.cors.iter().any(|origin| origin == "*") {
            return Err("--cors '*' stands for every origin: leave the others out".into());
        }
        Ok(self)
    }

    /// Whether others than this machine can reach it.
    pub fn host_is_open(&self) -> bool {
        matches!(self.host.as_str(), "0.0.0.0" | "::")
    }
}

fn value(parser: &mut lexopt::Parser, name: &str, what: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{name} needs {what}"))?;
    let text = value.into_string().map_err(|value| format!("{name}: {value:?} is not UTF-8"))?;
    if text.is_empty() { Err(format!("{name} needs {what}")) } else { Ok(text) }
}

/// `GET /orders=http://…`.
fn route(text: &str) -> Result<(RouteKey, String), String> {
    const FORM: &str = "'METHOD /path=URL'";
    let Some((key, url)) = text.split_once('=') else {
        return Err(format!("--route is {FORM}, not {text:?}"));
    };
    let key = key.parse().map_err(|error| format!("--route: {error}"))?;
    match url.parse::<axum::http::Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()) => {
            Ok((key, url.to_owned()))
        }
        _ => Err(format!("--route {key}: {url:?} is not an http:// URL")),
    }
}

fn is_openid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
