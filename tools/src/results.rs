//! `docs/results.md`: figures, each section written by the command that measured it.

use std::fs;
use std::io;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/results.md");

/// Puts `section`, which begins with its heading, in the place of the one with the same heading, or at the end.
///
/// # Errors
/// If the file cannot be read or written.
pub fn keep(section: &str) -> io::Result<()> {
    let text = fs::read_to_string(FILE)?;
    fs::write(FILE, replaced(&text, section))
}

/// A section ends with the next heading of the first or second level.
fn replaced(text: &str, section: &str) -> String {
    let section = section.trim_end();
    let heading = section.lines().next().unwrap_or_default();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let (mut found, mut within) = (false, false);
    for line in text.lines() {
        if line == heading {
            (found, within) = (true, true);
        } else if line.starts_with("# ") || line.starts_with("## ") {
            within = false;
        }
        match (within, found) {
            (true, _) => {}
            (false, true) => after.push(line),
            (false, false) => before.push(line),
        }
    }
    let parts = [before.join("\n"), section.to_owned(), after.join("\n")];
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_with_its_heading() {
        let text = "# A\n\na\n\n## B\n\n| old |\n### C\n\n## D\nd\n";
        assert_eq!(replaced(text, "## B\n\nnew\n"), "# A\n\na\n\n## B\n\nnew\n\n## D\nd\n");
    }

    #[test]
    fn a_section_that_is_new_comes_last() {
        assert_eq!(replaced("# A\n\na\n", "## B\nb"), "# A\n\na\n\n## B\nb\n");
    }

    #[test]
    fn the_first_section_can_be_replaced_too() {
        assert_eq!(replaced("# A\nold\n## B\nb\n", "# A\nnew"), "# A\nnew\n\n## B\nb\n");
    }
}
