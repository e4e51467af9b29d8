//! A document's content: parsed, compared and edited. Its messages name paths and never quote values.

mod edit;
mod node;
mod path;
mod redact;
mod yaml;

use std::collections::BTreeSet;
use std::fmt;

pub(crate) use edit::{Edit, edit, value_at};
pub use node::{Key, Node};
pub(crate) use path::KeyPath;
pub use redact::redact;

use crate::failure::Problem;

/// The largest content that AWS accepts, in bytes of UTF-8: [64 KB](https://docs.aws.amazon.com/general/latest/gr/ssm.html).
pub const MAX_BYTES: usize = 64 * 1024;

/// The format of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// A YAML mapping.
    Yaml,
    /// Any text.
    Text,
}

impl Format {
    /// AWS's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Text => "TEXT",
        }
    }
}

/// Content that was parsed.
#[derive(Clone, PartialEq)]
pub struct Content {
    /// What is sent to AWS.
    pub text: String,
    /// Its format.
    pub format: Format,
    /// The parsed value; `None` for TEXT.
    pub node: Option<Node>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({}, {} bytes)", self.format.as_str(), self.text.len())
    }
}

impl Content {
    /// Parses `text` as `format` or, without a format, as JSON if it is JSON and otherwise as YAML.
    ///
    /// # Errors
    /// The content is empty or too long, can't be parsed, or is not a mapping. The problem's path is `path`. If parsing failed,
    /// the problem says where.
    pub fn read(path: &str, text: String, format: Option<Format>) -> Result<Self, Problem> {
        if text.len() > MAX_BYTES {
            let size = text.len();
            return Err(Problem::new(
                path,
                format!("has {size} bytes; Systems Manager accepts at most {MAX_BYTES} (64 KB)."),
            ));
        }
        if text.trim().is_empty() {
            return Err(Problem::new(path, "is empty."));
        }
        let (format, node) = match format {
            Some(Format::Text) => (Format::Text, None),
            Some(Format::Json) => (Format::Json, Some(node::from_json(&text).map_err(|why| Problem::new(path, why))?)),
            Some(Format::Yaml) => (Format::Yaml, Some(yaml::read(&text).map_err(|why| Problem::new(path, why))?)),
            None if text.trim_start().starts_with(['{', '[']) => match node::from_json(&text) {
                Ok(node) => (Format::Json, Some(node)),
                Err(why) => (Format::Yaml, Some(yaml::read(&text).map_err(|_| Problem::new(path, why))?)),
            },
            None => {
                let hint = "Content in another format needs DocumentFormat.";
                let node = yaml::read(&text).map_err(|why| Problem::new(path, format!("{why} {hint}")))?;
                (Format::Yaml, Some(node))
            }
        };
        if let Some(node) = &node
            && !matches!(node, Node::Map(_))
        {
            return Err(Problem::new(path, format!("must be a mapping, but is {}.", node.kind())));
        }
        Ok(Self { text, format, node })
    }

    /// Whether `other`, parsed in this content's format, is the same content. JSON can be parsed as YAML, too. If `other` is
    /// JSON or YAML of more than 256 KB, it is not parsed and counts as different.
    ///
    /// The order of keys and white space don't matter; the order of list items does. In TEXT, the kind of line endings and
    /// trailing newlines don't matter. A scalar that YAML parsers read differently is the same only if it is spelled the same:
    /// at worst this uploads a needless version, but it never promotes a wrong one.
    pub fn same_as(&self, other: &str) -> bool {
        match self.format {
            Format::Text => plain(&self.text) == plain(other),
            Format::Json | Format::Yaml => {
                self.text == other || self.node.is_some() && self.node == self.parse_alike(other)
            }
        }
    }

    /// The paths at which `other` differs; `None` if either can't be compared by path.
    pub fn changed_paths(&self, other: &str) -> Option<BTreeSet<String>> {
        let (mine, other) = (self.node.as_ref()?, self.parse_alike(other)?);
        let mut paths = BTreeSet::new();
        node::changed_paths(&mut paths, String::new(), Some(mine), Some(&other));
        Some(paths)
    }

    fn parse_alike(&self, other: &str) -> Option<Node> {
        if other.len() > 4 * MAX_BYTES {
            return None;
        }
        match self.format {
            Format::Json => node::from_json(other).ok(),
            Format::Yaml => yaml::read(other).ok(),
            Format::Text => None,
        }
    }
}

/// Converts line endings to `\n`, and removes those at the end.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_awss_name() {
        assert_eq!([Format::Json, Format::Yaml, Format::Text].map(Format::as_str), ["JSON", "YAML", "TEXT"]);
    }

    #[test]
    fn printed_content_shows_only_its_format_and_size() {
        let content = Content::read("DocumentContent", "{\"a\": \"secret\"}".into(), None).unwrap();
        assert_eq!(format!("{content:?}"), "Content(JSON, 15 bytes)");
    }

    #[test]
    fn content_from_aws_is_parsed_up_to_four_times_the_size_that_it_accepts() {
        let content = Content::read("DocumentContent", "{\"a\": 1}".into(), None).unwrap();
        let other = |bytes: usize| format!("{}{{\"a\":1}}", " ".repeat(bytes - 7));
        assert!(content.same_as(&other(4 * MAX_BYTES)));
        assert!(!content.same_as(&other(4 * MAX_BYTES + 1)));
    }

    fn read(text: &str, format: Option<Format>) -> Result<Content, String> {
        Content::read("Content", text.to_owned(), format).map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_format_is_recognized_from_the_content() {
        for (text, expected) in [
            ("{\"a\": 1}", Format::Json),
            (" \n{\"a\": 1}", Format::Json),
            ("a: 1", Format::Yaml),
            ("{a: 1}", Format::Yaml),
            ("---\n{\"a\": 1}", Format::Yaml),
        ] {
            assert_eq!(read(text, None).unwrap().format, expected, "{text}");
        }
    }

    #[test]
    fn invalid_content_is_refused_and_not_quoted() {
        for (text, format, expected) in [
            ("", None, "is empty."),
            (" \n", Some(Format::Text), "is empty."),
            ("{\"secret\": [}", None, "line 1 column 13"),
            ("{\"secret\": ", Some(Format::Json), "is not valid JSON"),
            ("secret: 1", Some(Format::Json), "is not valid JSON"),
            ("[\"secret\"]", None, "must be a mapping, but is a list"),
            ("secret", None, "must be a mapping, but is a string"),
            ("a: [secret", None, "is not valid YAML"),
            ("BEGIN:VCALENDAR\nX:\t%secret", None, "needs DocumentFormat"),
        ] {
            let why = read(text, format).unwrap_err();
            assert!(why.contains(expected) && !why.contains("secret"), "{text}: {why}");
        }
    }

    #[test]
    fn the_size_is_measured_in_bytes_and_refused_above_64_kib() {
        let text = |bytes: usize| format!("a: {}", "é".repeat((bytes - 3) / 2));
        assert!(read(&text(MAX_BYTES - 1), None).is_ok());
        assert!(read(&"x".repeat(MAX_BYTES), Some(Format::Text)).is_ok());
        assert!(read(&text(MAX_BYTES + 1), None).unwrap_err().contains("has 65537 bytes"));
    }

    #[test]
    fn same_content_is_equal_after_parsing() {
        let same = [
            (Format::Json, "{\"a\": 1, \"b\": [true, null]}", "{ \"b\":[true,null], \"a\":1 }"),
            (Format::Json, "{\"a\": \"\\u00e9\"}", "{\"a\": \"é\"}"),
            (Format::Yaml, "a: 1\nb: [true, ~]", "{\"b\": [true, null], \"a\": 1}"),
            (Format::Yaml, "a: x # why", "'a': \"x\""),
            (Format::Yaml, "a: |\n  one\n  two\n", "a: \"one\\ntwo\\n\""),
            (Format::Yaml, "a: &x [1]\nb: *x", "a: [1]\nb: [1]"),
            (Format::Yaml, "a: yes", "a:   yes"),
            (Format::Text, "a", "a"),
            (Format::Text, "a\nb", "a\r\nb\r\n\n"),
        ];
        for (format, one, other) in same {
            assert!(read(one, Some(format)).unwrap().same_as(other), "{one} / {other}");
        }
    }

    #[test]
    fn different_content_is_never_considered_the_same() {
        let different = [
            (Format::Json, "{\"a\": [1, 2]}", "{\"a\": [2, 1]}"),
            (Format::Json, "{\"a\": true}", "{\"a\": \"true\"}"),
            (Format::Json, "{\"a\": 1}", "{\"a\": \"1\"}"),
            (Format::Json, "{\"a\": null}", "{}"),
            (Format::Json, "{\"a\": 9007199254740993}", "{\"a\": 9007199254740992}"),
            (Format::Json, "{\"a\": 1}", "not JSON"),
            (Format::Yaml, "a: yes", "a: \"yes\""),
            (Format::Yaml, "a: on", "a: true"),
            (Format::Yaml, "on: 1", "\"on\": 1"),
            (Format::Yaml, "a: 010", "a: 8"),
            (Format::Yaml, "a: 0x10", "a: 16"),
            (Format::Yaml, "a: 1_000", "a: 1000"),
            (Format::Yaml, "a: 12:30:45", "a: \"12:30:45\""),
            (Format::Yaml, "a: 2026-11-21", "a: \"2026-11-21\""),
            (Format::Yaml, "a: !custom x", "a: x"),
            (Format::Yaml, "a: !custom [x]", "a: [x]"),
            (Format::Yaml, "a: \"1\"", "a: 1"),
            (Format::Text, "a", "a "),
            (Format::Text, "a\nb", "a\n\nb"),
        ];
        for (format, one, other) in different {
            assert!(!read(one, Some(format)).unwrap().same_as(other), "{one} / {other}");
        }
    }

    #[test]
    fn a_change_is_reported_by_path_and_never_by_value() {
        let old = "{\"inputs\": {\"a\": \"secret\", \"b\": 1, \"c\": [1, 2]}}";
        let new = read("{\"inputs\": {\"a\": \"other\", \"c\": [1, 3, 4], \"d\": 1}}", None).unwrap();
        let paths: Vec<String> = new.changed_paths(old).unwrap().into_iter().collect();
        assert_eq!(paths, ["inputs.a", "inputs.b", "inputs.c[1]", "inputs.c[2]", "inputs.d"]);
        assert_eq!(new.changed_paths("not JSON"), None);
    }
}
