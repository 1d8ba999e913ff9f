//! Route keys of an HTTP API: `GET /orders/{id}`, `ANY /files/{proxy+}`.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// A method, or any, and a path with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteKey {
    /// `None` for `ANY`.
    method: Option<Method>,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{id}`.
    Parameter(String),
    /// `{proxy+}`, which takes the rest of the path.
    Greedy(String),
}

impl RouteKey {
    /// The path parameters of a request that this route takes; `None` if it does not take it.
    pub fn parameters(&self, method: &Method, path: &str) -> Option<Map<String, Value>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let mut parameters = Map::new();
        let mut rest = path.strip_prefix('/')?;
        for (n, segment) in self.segments.iter().enumerate() {
            let (text, after) = match segment {
                Segment::Greedy(_) => (rest, None),
                _ => rest.split_once('/').map_or((rest, None), |(text, after)| (text, Some(after))),
            };
            match segment {
                Segment::Literal(literal) if literal == text => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) | Segment::Greedy(_) if text.is_empty() => return None,
                Segment::Parameter(name) | Segment::Greedy(name) => {
                    let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
                    parameters.insert(name.clone(), decoded.into());
                }
            }
            match after {
                None if n + 1 == self.segments.len() => return Some(parameters),
                None => return None,
                Some(after) => rest = after,
            }
        }
        None
    }

    /// Sorts the routes that take one request, the most specific first: a literal before a parameter before a greedy one, then
    /// a method before `ANY`.
    pub fn rank(&self) -> impl Ord + use<> {
        let segments: Vec<u8> = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Parameter(_) => 1,
                Segment::Greedy(_) => 2,
            })
            .collect();
        (segments, self.method.is_none())
    }

    /// Whether it names a method, and not `ANY`.
    pub fn names_a_method(&self) -> bool {
        self.method.is_some()
    }

    /// Whether it takes this path, whatever the method.
    pub fn takes_path(&self, path: &str) -> bool {
        Self { method: None, segments: self.segments.clone() }.parameters(&Method::GET, path).is_some()
    }
}

impl FromStr for RouteKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const METHODS: [&str; 8] = ["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        let wrong = |why: String| Err(format!("{text:?} is not a route such as \"GET /orders/{{id}}\": {why}"));
        let Some((method, path)) = text.split_once(' ') else {
            return wrong("method and path, with a space between them".into());
        };
        if !METHODS.contains(&method) {
            return wrong(format!("the method is one of {}", METHODS.join(", ")));
        }
        let Some(path) = path.strip_prefix('/') else {
            return wrong("the path begins with /".into());
        };
        let mut segments = Vec::new();
        for part in path.split('/') {
            if matches!(segments.last(), Some(Segment::Greedy(_))) {
                return wrong("nothing follows a greedy parameter".into());
            }
            let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                if part.contains(['{', '}', '?', '#', ' ', '%']) || part.is_empty() && path.contains('/') {
                    return wrong(format!("{part:?} cannot be part of the path"));
                }
                segments.push(Segment::Literal(part.to_owned()));
                continue;
            };
            let name = inner.strip_suffix('+').unwrap_or(inner);
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
                return wrong(format!("{part:?} is not a parameter"));
            }
            segments.push(match inner.ends_with('+') {
                true => Segment::Greedy(name.to_owned()),
                false => Segment::Parameter(name.to_owned()),
            });
        }
        Ok(Self { method: method.parse().ok().filter(|_| method != "ANY"), segments })
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.method.as_ref().map_or("ANY", Method::as_str))?;
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Parameter(name) => write!(f, "/{{{name}}}"),
            Segment::Greedy(name) => write!(f, "/{{{name}+}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(key: &str, request: &str) -> Option<Value> {
        let (method, path) = request.split_once(' ').unwrap();
        let key: RouteKey = key.parse().unwrap();
        key.parameters(&method.parse().unwrap(), path).map(Value::from)
    }

    #[test]
    fn a_route_takes_its_method_and_its_path_only() {
        assert_eq!(taken("GET /orders", "GET /orders"), Some(json!({})));
        for other in ["POST /orders", "GET /orders/", "GET /orders/1", "GET /", "GET /Orders", "GET /order"] {
            assert_eq!(taken("GET /orders", other), None, "{other}");
        }
        assert_eq!(taken("GET /", "GET /"), Some(json!({})));
    }

    #[test]
    fn any_takes_every_method() {
        assert_eq!(taken("ANY /orders", "DELETE /orders"), Some(json!({})));
    }

    #[test]
    fn a_parameter_is_one_decoded_segment() {
        assert_eq!(taken("GET /orders/{id}/lines", "GET /orders/a%20b/lines"), Some(json!({"id": "a b"})));
        assert_eq!(taken("GET /orders/{id}", "GET /orders/1/2"), None);
        assert_eq!(taken("GET /orders/{id}", "GET /orders/"), None);
    }

    #[test]
    fn a_greedy_parameter_is_the_rest_of_the_path() {
        assert_eq!(taken("ANY /files/{proxy+}", "PUT /files/a/b"), Some(json!({"proxy": "a/b"})));
        assert_eq!(taken("ANY /files/{proxy+}", "PUT /files"), None);
    }

    #[test]
    fn the_most_specific_route_comes_first() {
        let mut keys: Vec<RouteKey> =
            ["ANY /{proxy+}", "ANY /orders/{id}", "GET /orders/{id}", "GET /orders/{proxy+}", "ANY /orders/new"]
                .map(|key| key.parse().unwrap())
                .into();
        keys.sort_by_key(RouteKey::rank);
        let sorted: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let expected =
            ["ANY /orders/new", "GET /orders/{id}", "ANY /orders/{id}", "GET /orders/{proxy+}", "ANY /{proxy+}"];
        assert_eq!(sorted, expected);
    }

    #[test]
    fn what_is_no_route_key_is_refused() {
        for text in
            ["", "GET", "/orders", "get /orders", "FETCH /orders", "GET orders", "GET /a//b", "GET /{}", "GET /{a b}"]
        {
            assert!(text.parse::<RouteKey>().is_err(), "{text:?}");
        }
        for text in ["GET /{proxy+}/more", "GET /a b", "GET /a?b", "GET /{a", "GET /a/"] {
            assert!(text.parse::<RouteKey>().is_err(), "{text:?}");
        }
    }
}
