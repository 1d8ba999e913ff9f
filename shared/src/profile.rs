//! Name and avatar, which users hand in themselves: WeChat no longer gives them to a back end.

#[cfg(test)]
mod fuzz;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};
use url::{Host, Url};

/// A name: 1 to 50 characters in Unicode's form NFC that can be seen, without white space at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Accepts what can be a name, once white space at its ends is taken away and the rest is in NFC.
    pub fn parse(text: &str) -> Option<Self> {
        // NFC does not shorten a text much: what is far too long is not worth the work.
        let text = text.trim();
        if text.len() > 4 * 50 * 4 {
            return None;
        }
        let name = ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
        let fits = (1..=50).contains(&name.chars().count()) && is_visible(&name);
        fits.then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether every character of `name` shows, or shapes one that does: a name must not look like another, turn the text
/// around it, or look like nothing.
fn is_visible(name: &str) -> bool {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let white_space = CodePointSetData::new::<WhiteSpace>();
    let categories = CodePointMapData::<GeneralCategory>::new();
    // Marks, joiners and variation selectors need a character to join to.
    let mut has_base = false;
    let mut is_joined = false;
    for character in name.chars() {
        let category = categories.get(character);
        match character {
            // Emoji and several scripts are written with these. A joiner joins two characters.
            '\u{fe0e}' | '\u{fe0f}' if has_base => {}
            '\u{200c}' | '\u{200d}' if has_base && !is_joined => is_joined = true,
            _ if GeneralCategoryGroup::Mark.contains(category) && has_base && !ignorable.contains(character) => {}
            // The empty cell of Braille is a symbol, and a space is none that ends or begins a name.
            '\u{2800}' => return false,
            _ if GeneralCategoryGroup::Mark.contains(category) || ignorable.contains(character) => return false,
            _ if GeneralCategoryGroup::Other.contains(category) => return false,
            _ if matches!(category, GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator) => {
                return false;
            }
            _ => {
                has_base = !white_space.contains(character);
                is_joined = false;
            }
        }
    }
    !is_joined
}

/// The longest URL of an avatar, in bytes.
const LONGEST_AVATAR: usize = 200;

/// Last labels of names that lead nowhere on the public Internet (RFC 6761, RFC 8375, and what networks use inside).
const NOT_PUBLIC: [&str; 11] =
    ["localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "arpa", "test", "invalid"];

/// An avatar: an `https` URL on a public host, of at most 200 characters, where the team's own upload put the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar(String);

impl Avatar {
    /// Accepts what can be an avatar. Characters beyond ASCII must be percent-encoded, as in any URL (RFC 3986). What is
    /// kept is the parser's own form, so that nobody can read it in two ways.
    pub fn parse(text: &str) -> Option<Self> {
        // No quotes, no fragment, no brackets, no user: neither in the text nor after the parser.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?!$&()*+,;=%".contains(&byte);
        if text.len() > LONGEST_AVATAR || !text.bytes().all(is_allowed) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let Some(Host::Domain(host)) = url.host() else {
            return None;
        };
        let (_, last_label) = host.rsplit_once('.')?;
        let is_public = !host.split('.').any(str::is_empty) && !NOT_PUBLIC.contains(&last_label);
        // A port that is the scheme's own disappears in the parser: look at the text.
        let authority = text.split('/').nth(2).unwrap_or_default();
        let is_plain = url.scheme() == "https" && !authority.contains(':') && url.as_str().len() <= LONGEST_AVATAR;
        (is_public && is_plain && url.as_str().bytes().all(is_allowed)).then(|| Self(url.into()))
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
        for text in ["a", "小明", "José 🐼", "أحمد", "नमस्ते", "ณัฐ", "👩‍👩‍👧", "❤️", "می‌خواهم", &"明".repeat(50)]
        {
            assert_eq!(name(text).as_deref(), Some(text));
        }
        for text in ["", &"明".repeat(51), &"明".repeat(5000)] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn white_space_around_a_name_is_taken_away() {
        assert_eq!(name(" \u{3000}小明\t\n").as_deref(), Some("小明"));
        assert_eq!(name(&format!(" {} ", "a".repeat(50))).map(|name| name.len()), Some(50));
    }

    #[test]
    fn a_name_is_kept_in_nfc() {
        assert_eq!(name("Jose\u{301}").as_deref(), Some("José"));
    }

    #[test]
    fn a_name_of_white_space_is_invalid() {
        assert_eq!(name(" \u{3000}\n"), None);
    }

    #[test]
    fn a_name_with_a_control_character_is_invalid() {
        for text in ["a\nb", "a\0b", "a\u{7f}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_with_an_invisible_character_is_invalid() {
        for hidden in [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{2060}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            for text in [hidden.to_string(), format!("a{hidden}b"), format!("小{hidden}"), format!("{hidden}a")] {
                assert_eq!(name(&text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn a_name_that_changes_the_direction_of_text_is_invalid() {
        for control in ['\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(name(&format!("a{control}b")), None, "{control:?}");
        }
    }

    #[test]
    fn a_name_with_an_unassigned_or_private_character_is_invalid() {
        for text in ["\u{378}", "a\u{ffff}", "\u{e000}", "\u{10ffff}"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_mark_or_joiner_with_nothing_to_join_to_is_invalid() {
        for text in ["\u{301}", "a \u{301}", "\u{200d}", "a\u{200d}", "a\u{200d}\u{200d}b", "\u{fe0f}", "a\u{200d} b "]
        {
            let joined_to_a_space = text == "a\u{200d} b ";
            assert_eq!(name(text).is_none(), !joined_to_a_space, "{text:?}");
        }
    }

    fn avatar(text: &str) -> Option<String> {
        Avatar::parse(text).map(|avatar| avatar.as_str().to_owned())
    }

    #[test]
    fn an_avatar_is_an_https_url_of_at_most_200_characters() {
        let longest = format!("https://a.example/{}", "a".repeat(182));
        for text in ["https://a.example/", "https://a.example/1.png?x=%E5%B0%8F", "https://a.b.example/(1)", &longest] {
            assert_eq!(avatar(text).as_deref(), Some(text));
        }
        let longer = longest + "a";
        for text in ["", "https://", "https:///a", "http://a.example/1.png", "//a.example/1.png", "a.example", &longer]
        {
            assert_eq!(avatar(text), None, "{text}");
        }
    }

    #[test]
    fn an_avatar_is_kept_as_the_parser_reads_it() {
        assert_eq!(avatar("HTTPS://A.example/x/../1.png").as_deref(), Some("https://a.example/1.png"));
        assert_eq!(avatar("https://a.example").as_deref(), Some("https://a.example/"));
    }

    #[test]
    fn an_avatar_that_a_page_could_take_for_a_script_is_invalid() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "https://a.example/\"><script>",
            "https://a.example/'x",
            "https://a.example/a b",
            "https://a.example/#x",
            "https:a.example/1.png\\",
        ] {
            assert_eq!(avatar(text), None, "{text}");
        }
    }

    #[test]
    fn an_avatar_that_is_not_on_a_public_host_is_invalid() {
        for host in [
            "127.0.0.1",
            "0x7f000001",
            "2130706433",
            "[::1]",
            "169.254.169.254",
            "localhost",
            "a.localhost",
            "printer",
            "nas.local",
            "db.internal",
            "a.example.",
            ".example",
            "a..example",
            "user@a.example",
            "user:password@a.example",
            "a.example:443",
            "a.example:8443",
            "a.example:",
        ] {
            assert_eq!(avatar(&format!("https://{host}/1.png")), None, "{host}");
        }
    }
}
