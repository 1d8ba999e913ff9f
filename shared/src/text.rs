//! Checks of text that comes from outside.

/// Returns whether `text` is a word of 1 to `max` bytes: printable ASCII without blanks, as ids, keys and tokens are. Bounds keep
/// an odd value from filling the tables.
pub fn is_word(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Strips the byte order mark that editors and some of WeChat's endpoints put before a text.
pub fn strip_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_bounded_printable_ascii_without_blanks() {
        assert!(is_word("a", 1) && is_word("~!", 2));
        for text in ["", "abc", "a b", "é", "\n"] {
            assert!(!is_word(text, 2), "{text:?}");
        }
    }

    #[test]
    fn one_byte_order_mark_is_stripped() {
        assert_eq!(strip_bom("\u{feff}{}"), "{}");
        assert_eq!(strip_bom("{}"), "{}");
    }
}
