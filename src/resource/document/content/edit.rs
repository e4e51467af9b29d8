//! Edits JSON content by path. Everything that is not edited keeps its order and its spelling, unknown keys included.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::path::KeyPath;

/// A change to one key.
#[derive(Clone)]
pub(crate) struct Edit {
    /// The key.
    pub(crate) path: KeyPath,
    /// Its value as JSON; `None` removes the key.
    pub(crate) value: Option<Box<RawValue>>,
    /// How many of the mappings around a removed key stay even if they become empty, counted from the outermost.
    pub(crate) kept_levels: usize,
}

impl fmt::Debug for Edit {
    /// Shows the key only: values are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.value.is_some() { "set" } else { "remove" }, self.path)
    }
}

/// Returns the mapping in `text` after all edits.
///
/// # Errors
/// The text, or a value that encloses an edited key, is not a mapping.
pub(crate) fn edit<'a>(text: &str, edits: impl IntoIterator<Item = &'a Edit>) -> Result<String, NotAMapping> {
    let mut members = Members::parse(text)?;
    for Edit { path, value, kept_levels } in edits {
        let names: Vec<&str> = path.names().collect();
        members.edit(&names, value.as_deref(), *kept_levels)?;
    }
    serde_json::to_string(&members).map_err(|_| NotAMapping)
}

/// Content has another kind of value where a mapping is needed. The parser's error is left out, because it would quote the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAMapping;

/// The value at `path`, as spelled in `text`.
pub(crate) fn value_at(text: &str, path: &KeyPath) -> Option<Box<RawValue>> {
    path.names().try_fold(serde_json::from_str(text).ok()?, |value: Box<RawValue>, name| {
        let Members(members) = serde_json::from_str(value.get()).ok()?;
        members.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    })
}

/// The members of a JSON object in their order, each value as spelled.
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    fn parse(text: &str) -> Result<Self, NotAMapping> {
        serde_json::from_str(text).map_err(|_| NotAMapping)
    }

    fn edit(&mut self, names: &[&str], value: Option<&RawValue>, kept_levels: usize) -> Result<(), NotAMapping> {
        let [name, inner @ ..] = names else { return Ok(()) };
        let position = self.0.iter().position(|(known, _)| known == name);
        let new = match (inner, position, value) {
            ([], _, value) => value.map(RawValue::to_owned),
            (_, None, None) => None,
            (inner, position, value) => {
                let mut members = match position {
                    Some(position) => Self::parse(self.0[position].1.get())?,
                    None => Self(Vec::new()),
                };
                members.edit(inner, value, kept_levels.saturating_sub(1))?;
                let goes = value.is_none() && members.0.is_empty() && kept_levels == 0;
                (!goes).then(|| serde_json::value::to_raw_value(&members)).transpose().map_err(|_| NotAMapping)?
            }
        };
        match (position, new) {
            (Some(position), Some(value)) => self.0[position].1 = value,
            (Some(position), None) => drop(self.0.remove(position)),
            (None, Some(value)) => self.0.push(((*name).to_owned(), value)),
            (None, None) => {}
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, value: Option<&str>, kept_levels: usize) -> Edit {
        let value = value.map(|value| RawValue::from_string(value.to_owned()).unwrap());
        Edit { path: KeyPath::parse(path).unwrap(), value, kept_levels }
    }

    #[test]
    fn what_is_not_edited_keeps_its_order_and_spelling() {
        let text = r#"{"z": 1.50, "inputs": {"b": "\u00e9", "x": {"deep" : [1, 2]}, "a": 1}, "big": 123456789012345678901234567890}"#;
        let edited =
            edit(text, &[change("inputs.b", Some("true"), 0), change("inputs.c", Some("\"new\""), 0)]).unwrap();
        assert_eq!(
            edited,
            r#"{"z":1.50,"inputs":{"b":true,"x":{"deep" : [1, 2]},"a":1,"c":"new"},"big":123456789012345678901234567890}"#
        );
        assert_eq!(value_at(text, &KeyPath::parse("inputs.b").unwrap()).unwrap().get(), r#""\u00e9""#);
    }

    #[test]
    fn setting_a_key_creates_the_mappings_around_it_and_removing_it_removes_those_that_become_empty() {
        let made = edit("{}", &[change("inputs.shellProfile.linux", Some("\"\""), 0)]).unwrap();
        assert_eq!(made, r#"{"inputs":{"shellProfile":{"linux":""}}}"#);
        for (kept_levels, expected) in [(0, "{}"), (1, r#"{"inputs":{}}"#), (2, r#"{"inputs":{"shellProfile":{}}}"#)] {
            let removed = edit(&made, &[change("inputs.shellProfile.linux", None, kept_levels)]).unwrap();
            assert_eq!(removed, expected, "{kept_levels}");
        }
        assert_eq!(edit("{}", &[change("inputs.a", None, 0)]).unwrap(), "{}");
    }

    #[test]
    fn a_path_through_a_value_that_is_not_a_mapping_is_refused_and_nothing_is_quoted() {
        for text in ["[]", r#"{"inputs": "secret"}"#] {
            assert_eq!(edit(text, &[change("inputs.a", Some("1"), 0)]), Err(NotAMapping), "{text}");
        }
        assert_eq!(format!("{:?}", change("inputs.a", Some("\"secret\""), 0)), "set inputs.a");
    }
}
