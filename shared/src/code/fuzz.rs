//! Fuzzing of codes.

use super::Code;
use mutations::fuzz;

fn is_code(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.chars().all(|c| (' '..='~').contains(&c))
}

#[test]
fn a_code_is_1_to_512_printable_characters_and_nothing_else() {
    fuzz("code", &[b"0a1SampleLoginCode00000000000001", &[b'~'; 512]], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let code = Code::parse(text);
        assert_eq!(code.is_some(), is_code(text));
        code.is_some_and(|code| code.expose() == text)
    });
}
