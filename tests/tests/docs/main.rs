//! The documents, held against the repository and the functions.

mod links;
mod openapi;
mod translations;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document, by its path in the repository.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/", "docs/zh-CN/", "client/"] {
        let files = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        let documents = names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"));
        found.extend(documents.map(|name| format!("{folder}{name}")));
    }
    found.sort();
    found
}

/// The lines of a document that are not in a block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The headings of a document, with their marks.
fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter(|line| line.trim_start_matches('#').starts_with(' ') && line.starts_with('#'))
}
