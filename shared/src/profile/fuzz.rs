//! Fuzzing of names and avatars: what is accepted is within its bounds.

use super::{Avatar, Name};
use mutations::fuzz;

#[test]
fn a_name_has_1_to_50_characters_and_none_that_controls() {
    fuzz("name", &["小明".as_bytes(), " José 🐼 ".as_bytes(), &[b'a'; 50]], |bytes| {
        let Some(name) = std::str::from_utf8(bytes).ok().and_then(Name::parse) else { return false };
        let name = name.as_str();
        assert!((1..=50).contains(&name.chars().count()) && !name.contains(char::is_control) && name == name.trim());
        true
    });
}

#[test]
fn an_avatar_is_an_https_url_of_200_plain_characters() {
    fuzz("avatar", &[b"https://a.example/1.png?x=%E5%B0%8F", b"https://a.example:8443/b/2.png#x"], |bytes| {
        let Some(avatar) = std::str::from_utf8(bytes).ok().and_then(Avatar::parse) else { return false };
        let text = avatar.as_str();
        assert!(
            text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        );
        let (scheme, rest) = text.split_once("://").unwrap();
        let host = rest.split(['/', '?', '#']).next().unwrap();
        assert!(
            scheme.eq_ignore_ascii_case("https") && !host.is_empty() && !host.starts_with(':') && !host.contains('@')
        );
        true
    });
}
