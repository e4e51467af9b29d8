//! Why a request fails, in words that its reader can act on.

use std::fmt;

/// The reason of a FAILED answer.
///
/// It names the property, the value and the remedy. It never holds a response URL, credentials or a document's
/// content: who builds one leaves them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The same failure with another sentence behind it.
    #[must_use]
    pub fn and(self, more: impl fmt::Display) -> Self {
        Self(format!("{} {more}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something wrong with a request or a document: where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The property's path, such as `DocumentContent.inputs.idleSessionTimeout`.
    pub path: String,
    /// What is wrong and the remedy.
    pub text: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// All problems of one request in one failure; none at all is not a failure.
pub fn fail_on(problems: &[Problem]) -> Result<(), Failure> {
    match problems {
        [] => Ok(()),
        problems => {
            let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            Err(Failure(lines.join(" | ")))
        }
    }
}

/// `text` in quotes for a reason, cut after 100 characters: names can be megabytes long.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// `" Did you mean X?"` for the known name nearest to `name`, or nothing where none is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // The distance takes time in proportion to both lengths, and no name that is known is longer than this.
    if name.len() > 100 {
        return String::new();
    }
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| format!(" Did you mean {candidate}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_stand_in_one_reason() {
        let problems = [Problem::new("A", "is missing."), Problem::new("B.c", "is not a number.")];
        assert_eq!(fail_on(&problems).unwrap_err().to_string(), "A: is missing. | B.c: is not a number.");
        assert_eq!(fail_on(&[]), Ok(()));
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest_known_one() {
        let known = ["DocumentName", "DocumentContent", "Tags"];
        assert_eq!(did_you_mean("DocumentNmae", known), " Did you mean DocumentName?");
        assert_eq!(did_you_mean("documentcontent", known), " Did you mean DocumentContent?");
        assert_eq!(did_you_mean("Colour", known), "");
        assert_eq!(did_you_mean(&"x".repeat(1_000_000), known), "");
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_in_a_reason() {
        assert_eq!(quoted("short"), "\"short\"");
        let long = quoted(&"é".repeat(1_000));
        assert!(long.ends_with("… (2000 bytes)") && long.len() < 300, "{long}");
    }
}
