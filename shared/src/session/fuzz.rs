//! Fuzzing of tokens.

use super::Token;
use mutations::fuzz;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

#[test]
fn a_token_is_32_lower_case_hex_digits_and_nothing_else() {
    fuzz("token", &[TOKEN.as_bytes()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let token = Token::parse(text);
        assert_eq!(token.is_some(), is_token(text));
        token.is_some_and(|token| token.expose() == text)
    });
}
