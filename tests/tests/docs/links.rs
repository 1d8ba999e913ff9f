//! Links between documents lead somewhere.

use super::{documents, headings, prose, read, root};
use std::path::Path;

/// The targets of the links and pictures in a document.
fn targets(text: &str) -> Vec<String> {
    let lines: Vec<&str> = prose(text).collect();
    let pieces = lines.join("\n");
    let targets = pieces.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What is wrong with the links of a document.
fn broken(document: &str) -> Vec<String> {
    let text = read(document);
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let is_broken = |target: &String| {
        // GitHub's own pages of this repository, such as the badge's, are outside of it.
        if target.contains("://") || target.starts_with("../../actions/") {
            return false;
        }
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        let file = if path.is_empty() { Path::new(document).to_owned() } else { folder.join(path) };
        if !root().join(&file).exists() {
            return true;
        }
        let is_there = || headings(&read(&file.to_string_lossy())).any(|heading| anchor(heading) == fragment);
        !fragment.is_empty() && !is_there()
    };
    targets(&text).into_iter().filter(is_broken).map(|target| format!("{document}: {target}")).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let broken: Vec<String> = documents().iter().flat_map(|document| broken(document)).collect();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_readme_links_to_every_guide() {
    let linked = targets(&read("README.md"));
    let guides = documents().into_iter().filter(|path| path.starts_with("docs/") && !path.contains("zh-CN"));
    let missing: Vec<String> = guides.filter(|guide| !linked.contains(guide)).collect();
    assert_eq!(missing, Vec::<String>::new());
}
