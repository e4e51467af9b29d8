//! The keys that content names under `ContentMode: Merge`.

use std::collections::BTreeMap;

use crate::failure::{Problem, quoted};
use crate::resource::document::content::{Content, KeyPath, Node};
use crate::resource::document::key_ownership::is_taggable;

/// What the content may contain besides keys. These values must equal the document's.
pub(crate) const FIXED: [&str; 2] = ["schemaVersion", "sessionType"];

const INPUTS: &str = "inputs";

/// The keys that content names, with their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct NamedKeys {
    /// Leaves below `inputs`.
    pub(crate) keys: BTreeMap<KeyPath, Node>,
    /// The content's values for [`FIXED`].
    pub(crate) fixed: BTreeMap<&'static str, Node>,
}

impl NamedKeys {
    /// Reads the keys of `content`, and collects its problems. An empty mapping names nothing.
    pub(super) fn read(property: &str, content: &Content) -> (Self, Vec<Problem>) {
        let (mut named, mut problems) = (Self::default(), Vec::new());
        let Some(Node::Map(map)) = &content.node else {
            let why = "is TEXT, but ContentMode: Merge merges JSON or YAML. Leave DocumentFormat out.";
            return (named, vec![Problem::new(property, why)]);
        };
        for (key, node) in map {
            match FIXED.into_iter().find(|fixed| *fixed == key.text) {
                Some(fixed) => drop(named.fixed.insert(fixed, node.clone())),
                None if key.text == INPUTS => named.add(KeyPath::parse(INPUTS), node, property, &mut problems),
                None => problems.push(Problem::new(
                    format!("{property}.{}", key.text),
                    "can't be managed by ContentMode: Merge, which manages keys below inputs. Leave it out.",
                )),
            }
        }
        if problems.is_empty() && named.keys.is_empty() {
            problems.push(Problem::new(property, "names no key below inputs. ContentMode: Merge needs at least one."));
        }
        (named, problems)
    }

    fn add(&mut self, path: Option<KeyPath>, node: &Node, property: &str, problems: &mut Vec<Problem>) {
        let Some(path) = path else { return };
        let at = format!("{property}.{path}");
        match node {
            Node::Map(map) => {
                for (key, node) in map {
                    match path.child(&key.text).filter(is_taggable) {
                        _ if key.ambiguous => problems.push(Problem::new(
                            &at,
                            format!(
                                "has the key {}, which YAML parsers read differently. Put it in quotes.",
                                quoted(&key.text)
                            ),
                        )),
                        Some(path) => self.add(Some(path), node, property, problems),
                        None => problems.push(Problem::new(
                            &at,
                            format!(
                                "has the key {}, which can't be managed by ContentMode: Merge. The path of a key can have at \
                                 most 107 characters: letters, digits and _ : / = + - @, with dots only between the names of \
                                 nested keys.",
                                quoted(&key.text)
                            ),
                        )),
                    }
                }
            }
            _ if path.as_str() == INPUTS => {
                problems.push(Problem::new(at, format!("must be a mapping, but is {}.", node.kind())));
            }
            leaf if serde_json::to_string(leaf).is_err() => {
                problems.push(Problem::new(
                    at,
                    "is or contains a value that YAML parsers read differently. Put scalars in quotes, and leave out \
                     tags.",
                ));
            }
            leaf => drop(self.keys.insert(path, leaf.clone())),
        }
    }

    /// The paths, for messages and the log.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.keys.keys().map(KeyPath::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let content = Content::read("DocumentContent", text.into(), None).unwrap();
        let (named, problems) = NamedKeys::read("DocumentContent", &content);
        let names = named.names().into_iter().map(str::to_owned).collect();
        (names, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn leaves_below_inputs_are_the_keys() {
        let text = "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs:\n  kmsKeyId: a\n  shellProfile: {linux: '', windows: ''}\n  list: [1]\n  empty: {}";
        let expected = ["inputs.kmsKeyId", "inputs.list", "inputs.shellProfile.linux", "inputs.shellProfile.windows"];
        assert_eq!(read(text), (expected.map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn what_cannot_be_merged_is_refused_by_its_path_and_never_quoted() {
        for (text, at, expected) in [
            ("description: secret\ninputs: {a: 1}", "DocumentContent.description", "Leave it out"),
            ("inputs: secret", "DocumentContent.inputs", "must be a mapping"),
            ("inputs: {}", "DocumentContent", "names no key"),
            ("schemaVersion: '1.0'", "DocumentContent", "names no key"),
            ("inputs: {a.b: secret}", "DocumentContent.inputs", "\"a.b\""),
            ("inputs: {'a,b': secret}", "DocumentContent.inputs", "\"a,b\""),
            (
                "inputs: {on: secret}",
                "DocumentContent.inputs",
                "\"on\", which YAML parsers read differently. Put it in quotes.",
            ),
            ("inputs: {a: yes}", "DocumentContent.inputs.a", "Put scalars in quotes"),
        ] {
            let (_, problems) = read(text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            let problem = &problems[0];
            assert!(problem.starts_with(&format!("{at}: ")) && problem.contains(expected), "{text}: {problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
        let text = Content::read("DocumentContent", "x".into(), Some(crate::resource::document::content::Format::Text));
        assert_eq!(NamedKeys::read("DocumentContent", &text.unwrap()).1.len(), 1);
    }
}
