//! The reason for a failure, and the problems it may consist of.

use std::fmt;

/// The reason in a FAILED response.
///
/// It names the property, the value and the remedy. It must not contain a response URL, credentials or a document's content.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// Creates a failure with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The failure for properties that can't be parsed although no problem was found, which would be a bug.
    pub(crate) fn unreadable_properties() -> Self {
        Self::new("The properties can't be read.")
    }

    /// Appends a sentence.
    #[must_use]
    pub(crate) fn and(self, more: impl fmt::Display) -> Self {
        Self(format!("{} {more}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The same as `Display`, since the Lambda runtime logs a handler's error with `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

/// What is wrong with one property, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The property's path, such as `DocumentContent.inputs.idleSessionTimeout`.
    pub path: String,
    /// What is wrong and the remedy.
    pub text: String,
}

impl Problem {
    /// Creates a problem at `path`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Returns all problems as one failure, if there are any.
pub(crate) fn fail_on(problems: &[Problem]) -> Result<(), Failure> {
    match problems {
        [] => Ok(()),
        problems => {
            let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
            Err(Failure(lines.join(" | ")))
        }
    }
}

/// Quotes `text` for use in a failure's reason, cut to 100 characters, since a name can be megabytes long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// Returns `" Did you mean X?"` for the known name nearest to `name`, or an empty string if none is near.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // The time grows with the product of both lengths, and no known name is longer than this.
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
    fn one_reason_lists_all_problems() {
        let problems = [Problem::new("A", "is missing."), Problem::new("B.c", "is not a number.")];
        assert_eq!(fail_on(&problems).unwrap_err().to_string(), "A: is missing. | B.c: is not a number.");
        assert_eq!(fail_on(&[]), Ok(()));
    }

    #[test]
    fn a_misspelled_name_gets_the_nearest_known_one_as_a_suggestion() {
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
