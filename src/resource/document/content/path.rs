//! The path of a key in content.

use std::fmt;

use super::node::{Key, Node};

/// The names of nested mappings and of a key in the innermost one, such as `inputs.shellProfile.linux`. No name contains a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(String);

impl KeyPath {
    /// Parses a path in its printed form. Returns `None` if a name is empty.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        (!text.split('.').any(str::is_empty)).then(|| Self(text.to_owned()))
    }

    /// The path of `name` in the mapping at this path. Returns `None` if the name is empty or contains a dot.
    pub(crate) fn child(&self, name: &str) -> Option<Self> {
        (!name.is_empty() && !name.contains('.')).then(|| Self(format!("{}.{name}", self.0)))
    }

    /// The names, outermost first.
    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The path in its printed form.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two are equal, or one is inside the mapping at the other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.is_at_or_in(other) || other.is_at_or_in(self)
    }

    /// Whether this equals `other`, or is inside the mapping at `other`.
    pub(crate) fn is_at_or_in(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Node {
    /// The value that is reached by following `names` through nested mappings.
    pub(crate) fn at<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<&Node> {
        names.into_iter().try_fold(self, |node, name| match node {
            Self::Map(map) => map.get(&Key::from(name)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> KeyPath {
        KeyPath::parse(text).unwrap()
    }

    #[test]
    fn a_path_overlaps_with_itself_and_with_what_is_inside_it() {
        for (one, other, expected) in [
            ("inputs.a", "inputs.a", true),
            ("inputs.a", "inputs.a.b", true),
            ("inputs.a.b", "inputs.a", true),
            ("inputs.a", "inputs.ab", false),
            ("inputs.a.b", "inputs.a.c", false),
        ] {
            assert_eq!(path(one).overlaps(&path(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_name_is_not_empty_and_has_no_dot() {
        assert_eq!((KeyPath::parse(""), KeyPath::parse("inputs..a")), (None, None));
        assert_eq!((path("inputs").child("a.b"), path("inputs").child("")), (None, None));
        assert_eq!(path("inputs").child("a"), Some(path("inputs.a")));
    }
}
