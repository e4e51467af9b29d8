//! Content as a tree of values, independent of its format.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{self, Serializer};
use serde::{Deserialize, Serialize};

/// A value in content.
#[derive(Clone, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// A YAML scalar that parsers read differently, as spelled and with its tag: `yes`, `010`, `12:30`, `!custom x`.
    Ambiguous(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping.
    Map(BTreeMap<Key, Node>),
}

/// A key of a mapping.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The key as text.
    pub text: String,
    /// Whether it is a plain scalar that some parsers do not read as this text.
    pub ambiguous: bool,
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ambiguous: false }
    }
}

impl fmt::Debug for Node {
    /// Shows the kind only: values are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Node {
    /// The value at `name`, if this is a mapping that has the key.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Self::Map(map) => map.get(&Key::from(name)),
            _ => None,
        }
    }

    /// The kind of value, for the text of a problem.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Ambiguous(_) => "a scalar that has a tag or that YAML parsers read differently",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses JSON. Whole numbers that fit into 64 bits are compared exactly, all others as 64-bit floats. `1` and `1.0` differ.
///
/// # Errors
/// The text is not JSON, has the same key twice in one mapping, or is nested deeper than 127 levels. The error says where,
/// without quoting the text.
pub(super) fn from_json(text: &str) -> Result<Node, String> {
    serde_json::from_str(text).map_err(|error| format!("is not valid JSON: {error}."))
}

/// Collects the paths at which the two differ.
pub(super) fn changed_paths(paths: &mut BTreeSet<String>, path: String, one: Option<&Node>, other: Option<&Node>) {
    match (one, other) {
        (one, other) if one == other => {}
        (Some(Node::Map(one)), Some(Node::Map(other))) => {
            for key in one.keys().chain(other.keys()) {
                let dot = if path.is_empty() { "" } else { "." };
                changed_paths(paths, format!("{path}{dot}{}", key.text), one.get(key), other.get(key));
            }
        }
        (Some(Node::List(one)), Some(Node::List(other))) => {
            for index in 0..one.len().max(other.len()) {
                changed_paths(paths, format!("{path}[{index}]"), one.get(index), other.get(index));
            }
        }
        _ => {
            paths.insert(path);
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((text, value)) = access.next_entry::<String, Node>()? {
            if map.insert(Key { text, ambiguous: false }, value).is_some() {
                return Err(de::Error::custom("the same key occurs twice in one mapping"));
            }
        }
        Ok(Node::Map(map))
    }
}

/// Serializes the value as JSON. A scalar that YAML parsers read differently is an error.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ambiguous = || ser::Error::custom("parsers read it differently");
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i128(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Ambiguous(_) => Err(ambiguous()),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(map) if map.keys().any(|key| key.ambiguous) => Err(ambiguous()),
            Self::Map(map) => serializer.collect_map(map.iter().map(|(key, value)| (&key.text, value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_a_duplicate_key_is_refused_with_its_location() {
        let why = from_json("{\"a\": 1,\n \"secret\": 1, \"secret\": 2}").unwrap_err();
        assert!(why.contains("twice") && why.contains("line 2") && !why.contains("secret"), "{why}");
    }

    #[test]
    fn a_printed_value_shows_only_its_kind() {
        let node = from_json("{\"a\": \"secret\"}").unwrap();
        assert_eq!(
            (format!("{node:?}"), format!("{:?}", node.get("a"))),
            ("a mapping".into(), "Some(a string)".into())
        );
    }

    #[test]
    fn json_nested_too_deep_is_refused() {
        let deep = |levels: usize| format!("{{\"a\": {}1{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(from_json(&deep(100)).is_ok());
        assert!(from_json(&deep(30_000)).is_err());
    }

    #[test]
    fn a_value_is_written_as_the_json_that_it_was_read_from() {
        let text = "{\"a\":[null,true,1,-1.5,\"é\"],\"b\":{}}";
        assert_eq!(serde_json::to_string(&from_json(text).unwrap()).unwrap(), text);
        for ambiguous in [
            Node::List(vec![Node::Ambiguous("yes".into())]),
            Node::Map([(Key { text: "on".into(), ambiguous: true }, Node::Null)].into()),
        ] {
            assert!(serde_json::to_string(&ambiguous).is_err());
        }
    }
}
