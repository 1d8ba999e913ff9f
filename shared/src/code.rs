//! The code that a page gets from WeChat and hands to us.

#[cfg(test)]
mod fuzz;

use secrecy::{ExposeSecret, SecretString};

/// A code of `wx.login` or of the phone button: 1 to 512 printable ASCII characters.
#[derive(Clone, Debug)]
pub struct Code(SecretString);

impl Code {
    /// Accepts what can be a code. `None` if it is too long, empty, or not printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        ((1..=512).contains(&text.len()) && printable).then(|| Self(text.to_owned().into()))
    }

    /// The code itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_1_to_512_printable_ascii_characters() {
        assert!(Code::parse("a").is_some());
        assert!(Code::parse(&"~".repeat(512)).is_some());
        for text in ["", "a\n", "é", "a\u{7f}", "\0"] {
            assert!(Code::parse(text).is_none(), "{text:?}");
        }
        assert!(Code::parse(&"a".repeat(513)).is_none());
    }

    #[test]
    fn the_debug_form_shows_no_code() {
        let code = Code::parse("canary").unwrap();
        assert!(!format!("{code:?}").contains("canary"));
    }
}
