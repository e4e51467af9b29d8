//! Checks single values of a Session document and collects the findings.

use crate::failure::{Problem, did_you_mean};
use crate::resource::document::content::Node;

/// The document that holds the preferences of Session Manager.
pub const PREFERENCES: &str = "SSM-SessionManagerRunShell";

/// What the checks of a Session document found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// What AWS, the agent or the console could not handle.
    pub(crate) problems: Vec<Problem>,
    /// What is probably not intended.
    pub(crate) warnings: Vec<Problem>,
}

#[derive(Default)]
pub(super) struct Check {
    pub(super) findings: Findings,
}

impl Check {
    pub(super) fn text(&mut self, path: &str, node: Option<&Node>) {
        match node {
            None | Some(Node::Text(_)) => {}
            Some(other) => {
                let remedy = match other {
                    Node::Null => " Write \"\", or leave it out.",
                    Node::List(_) | Node::Map(_) => "",
                    Node::Ambiguous(_) => " Put it in quotes, without a tag.",
                    _ => " Put it in quotes.",
                };
                self.problem(path, format!("must be a string, but is {}.{remedy}", other.kind()));
            }
        }
    }

    pub(super) fn boolean(&mut self, path: &str, node: Option<&Node>, strict: bool) {
        match node {
            None | Some(Node::Bool(_)) => {}
            Some(Node::Text(text)) if is_reference(text) => {}
            Some(Node::Text(text)) if strict && matches!(text.as_str(), "true" | "false") => {
                self.problem(
                    path,
                    "must be a boolean without quotes: the agent can't read it otherwise, and sessions fail.",
                );
            }
            Some(Node::Text(text)) if matches!(text.as_str(), "true" | "false") => {
                self.warning(
                    path,
                    format!(
                        "is in quotes. Remove them: in {PREFERENCES}, they leave the console's preferences page blank."
                    ),
                );
            }
            Some(other) => self.problem(path, format!("must be true or false, but is {}.", other.kind())),
        }
    }

    pub(super) fn minutes(&mut self, path: &str, node: Option<&Node>, longest: u32) {
        let range = format!("a string with a number of minutes from \"1\" to \"{longest}\", or \"\"");
        match node {
            None => {}
            Some(Node::Text(text)) if text.is_empty() || is_reference(text) => {}
            Some(Node::Text(text)) => {
                let in_range = text.bytes().all(|byte| byte.is_ascii_digit())
                    && text.parse::<u32>().is_ok_and(|minutes| (1..=longest).contains(&minutes));
                if !in_range {
                    // Only a number is quoted, because any other value may be secret.
                    let given = text.parse::<i64>().map(|_| format!(", but is \"{text}\"")).unwrap_or_default();
                    self.problem(path, format!("must be {range}{given}."));
                }
            }
            Some(Node::Integer(number)) => {
                self.problem(path, format!("must be {range}, but is the number {number}. Put it in quotes."))
            }
            Some(other) => self.problem(path, format!("must be {range}, but is {}.", other.kind())),
        }
    }

    pub(super) fn is_mapping(&mut self, path: &str, node: &Node) -> bool {
        let is_mapping = matches!(node, Node::Map(_));
        if !is_mapping {
            self.problem(path, format!("must be a mapping, but is {}.", node.kind()));
        }
        is_mapping
    }

    pub(super) fn only_known(&mut self, prefix: &str, node: &Node, known: &[&str]) {
        let Node::Map(map) = node else { return };
        for key in map.keys().filter(|key| !known.contains(&key.text.as_str())) {
            let nearest = did_you_mean(&key.text, known.iter().copied());
            self.warning(&format!("{prefix}{}", key.text), format!("is not a known key of this schema.{nearest}"));
        }
    }

    pub(super) fn problem(&mut self, path: &str, text: impl Into<String>) {
        self.findings.problems.push(at(path, text));
    }

    pub(super) fn warning(&mut self, path: &str, text: impl Into<String>) {
        self.findings.warnings.push(at(path, text));
    }
}

fn at(path: &str, text: impl Into<String>) -> Problem {
    let dot = if path.is_empty() { "" } else { "." };
    Problem::new(format!("DocumentContent{dot}{path}"), text)
}

/// `{{ parameter }}` or `{{ssm:name}}`: its value is known only when a session starts.
pub(super) fn is_reference(text: &str) -> bool {
    let text = text.trim();
    text.len() > 4 && text.starts_with("{{") && text.ends_with("}}")
}
