//! Each document says the same in both languages, as far as that can be counted.

use super::{documents, headings, read};

/// A document and its translation.
fn pairs() -> Vec<(String, String)> {
    let translation = |path: &String| match path.as_str() {
        "README.md" | "client/README.md" => Some(path.replace(".md", ".zh-CN.md")),
        // The Chinese page sums the figures up: the commands that measure write the English one.
        "docs/results.md" => None,
        path if path.starts_with("docs/zh-CN/") => None,
        path => Some(path.strip_prefix("docs/").map(|name| format!("docs/zh-CN/{name}"))?),
    };
    documents().into_iter().filter_map(|path| translation(&path).map(|other| (path, other))).collect()
}

/// The levels of the headings, in order.
fn outline(text: &str) -> Vec<usize> {
    headings(text).map(|heading| heading.chars().take_while(|c| *c == '#').count()).collect()
}

/// The languages of the blocks of code, in order.
fn blocks(text: &str) -> Vec<&str> {
    let fences = text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
    fences.step_by(2).collect()
}

#[test]
fn both_languages_have_the_same_outline() {
    for (english, chinese) in pairs() {
        assert_eq!(outline(&read(&english)), outline(&read(&chinese)), "{english}, {chinese}");
    }
}

#[test]
fn both_languages_have_the_same_blocks_of_code() {
    for (english, chinese) in pairs() {
        assert_eq!(blocks(&read(&english)), blocks(&read(&chinese)), "{english}, {chinese}");
    }
}

#[test]
fn both_languages_have_tables_of_the_same_length() {
    let rows = |text: &str| text.lines().filter(|line| line.starts_with('|')).count();
    for (english, chinese) in pairs() {
        assert_eq!(rows(&read(&english)), rows(&read(&chinese)), "{english}, {chinese}");
    }
}
