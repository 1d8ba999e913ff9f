//! Name and avatar, which users hand in themselves: WeChat no longer gives them to a back end.

#[cfg(test)]
mod fuzz;

use lambda_http::http::Uri;

/// A name: 1 to 50 characters, without control characters, and without white space at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Accepts what can be a name, once white space at its ends is taken away.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let fits = (1..=50).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An avatar: an `https` URL of at most 200 characters, where the team's own upload put the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar(String);

impl Avatar {
    /// Accepts what can be an avatar. Characters beyond ASCII must be percent-encoded, as in any URL (RFC 3986).
    pub fn parse(text: &str) -> Option<Self> {
        // The parser looks neither at what follows a `#`, nor at every byte of a path.
        let is_of_a_url = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
        if text.len() > 200 || !text.bytes().all(is_of_a_url) {
            return None;
        }
        let url: Uri = text.parse().ok()?;
        let authority = url.authority()?;
        let with_port = authority.as_str().len() > authority.host().len();
        let plain = !authority.host().is_empty() && (!with_port || authority.port_u16().is_some());
        let without_user = !authority.as_str().contains('@');
        (url.scheme_str() == Some("https") && plain && without_user).then(|| Self(text.to_owned()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<String> {
        Name::parse(text).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn a_name_has_1_to_50_characters_of_any_script() {
        for text in ["a", "小明", "José 🐼", &"明".repeat(50)] {
            assert_eq!(name(text).as_deref(), Some(text));
        }
        for text in ["", &"明".repeat(51)] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn white_space_around_a_name_is_taken_away() {
        assert_eq!(name(" \u{3000}小明\t\n").as_deref(), Some("小明"));
        assert_eq!(name(&format!(" {} ", "a".repeat(50))).map(|name| name.len()), Some(50));
    }

    #[test]
    fn a_name_of_white_space_is_none() {
        assert_eq!(name(" \u{3000}\n"), None);
    }

    #[test]
    fn a_name_with_a_control_character_is_none() {
        for text in ["a\nb", "a\0b", "a\u{7f}b", "a\u{85}b"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_avatar_is_an_https_url_of_at_most_200_characters() {
        let longest = format!("https://a.example/{}", "a".repeat(182));
        for text in ["https://a.example", "https://a.example/1.png?x=%E5%B0%8F", "HTTPS://a.example/1.png", &longest] {
            assert!(Avatar::parse(text).is_some(), "{text}");
        }
        let longer = longest + "a";
        for text in ["", "https://", "https:///a", "http://a.example/1.png", "//a.example/1.png", "a.example", &longer]
        {
            assert!(Avatar::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_avatar_that_a_page_could_take_for_a_script_is_none() {
        for text in
            ["javascript:alert(1)", "data:text/html,x", "https://a.example/\"><script>", "https://a.example/a b"]
        {
            assert!(Avatar::parse(text).is_none(), "{text}");
        }
    }
}
