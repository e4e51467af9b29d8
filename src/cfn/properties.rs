//! Parses a resource's properties and collects all problems.
//!
//! CloudFormation sends every scalar as a string. Booleans and numbers are accepted too, since a manual test may send them.

use serde_json::{Map, Value};

use crate::failure::{Problem, did_you_mean, quoted};

/// The properties of every custom resource, which CloudFormation itself reads.
const READ_BY_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// The maximum number of unknown properties that a failure names: finding the nearest name takes time, and a response has no room
/// for more.
const MAX_UNKNOWN: usize = 20;

/// The longest list that is parsed, since each entry can have problems of its own. No property accepts more.
const MAX_ITEMS: usize = 2_000;

/// Parses one resource's properties.
#[derive(Debug)]
pub(crate) struct Properties<'a> {
    map: &'a Map<String, Value>,
    /// The problems found so far.
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Properties<'a> {
    /// Begins to parse `map`. Every name that is not in `known` is a problem.
    pub(crate) fn new(map: &'a Map<String, Value>, known: &[&str]) -> Self {
        let is_known = |name: &str| known.contains(&name) || READ_BY_CLOUDFORMATION.contains(&name);
        let unknown = map.keys().filter(|name| !is_known(name)).take(MAX_UNKNOWN);
        let problems = unknown.map(|name| {
            let nearest = did_you_mean(name, known.iter().copied());
            Problem::new(quoted(name), format!("is not a property of this resource.{nearest}"))
        });
        Self { map, problems: problems.collect() }
    }

    /// Adds a problem at `path`.
    pub(crate) fn problem(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem::new(path, text));
    }

    /// The property, unparsed. Null counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The name and value of a required property with an alternative name. Having both is a problem.
    pub(crate) fn either(&mut self, name: &'static str, older: &'static str) -> Option<(&'static str, &'a Value)> {
        match (self.value(name), self.value(older)) {
            (Some(_), Some(_)) => {
                self.problem(older, format!("is another name for {name}. Specify only one of them."));
                None
            }
            (Some(value), None) => Some((name, value)),
            (None, Some(value)) => Some((older, value)),
            (None, None) => {
                self.missing(name);
                None
            }
        }
    }

    /// A scalar that must be present, as text.
    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        if self.value(name).is_none() {
            self.missing(name);
        }
        self.text(name)
    }

    /// Adds the problem that a required property is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        self.problem(name, "is missing. It is required.");
    }

    /// A scalar as text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        let text = scalar(value);
        if text.is_none() {
            self.problem(name, format!("must be a string, but is {}.", kind(value)));
        }
        text
    }

    /// `true` or `false`. Anything else is a problem and returns the default.
    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                self.problem(name, format!("{} is neither true nor false.", quoted(other)));
                default
            }
        }
    }

    /// One of the choices. The first is the default.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let Some(declared) = self.text(name) else {
            return choices.first().map(|(_, choice)| *choice);
        };
        let found = choices.iter().find(|(text, _)| *text == declared);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(text, _)| *text).filter(|text| !text.is_empty()).collect();
            let nearest = did_you_mean(&declared, names.iter().copied());
            self.problem(name, format!("{} is not one of {}.{nearest}", quoted(&declared), names.join(", ")));
        }
        found.map(|(_, choice)| *choice)
    }

    /// A list of scalars as text. A single scalar is a list of one; an absent property is an empty list.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let items = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        if self.has_too_many(name, items) {
            return Vec::new();
        }
        let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
        if texts.is_none() {
            self.problem(name, "must be a list of strings.");
        }
        texts.unwrap_or_default()
    }

    /// A list of objects, each with its path. An absent property is an empty list.
    pub(crate) fn objects(&mut self, name: &str) -> Vec<(String, &'a Map<String, Value>)> {
        let Some(value) = self.value(name) else { return Vec::new() };
        if value.as_array().is_some_and(|items| self.has_too_many(name, items)) {
            return Vec::new();
        }
        let objects: Option<Vec<_>> = value.as_array().and_then(|items| {
            let at = |(index, item): (usize, &'a Value)| Some((format!("{name}[{index}]"), item.as_object()?));
            items.iter().enumerate().map(at).collect()
        });
        if objects.is_none() {
            self.problem(name, "must be a list of objects.");
        }
        objects.unwrap_or_default()
    }
}

impl Properties<'_> {
    fn has_too_many(&mut self, name: &str, items: &[Value]) -> bool {
        let too_many = items.len() > MAX_ITEMS;
        if too_many {
            self.problem(name, format!("has {} entries, but can have at most {MAX_ITEMS}.", items.len()));
        }
        too_many
    }
}

/// Parses one property that has choices, on its own, for a Delete. If it is invalid, returns `otherwise`.
pub(crate) fn choice_or<T: Copy>(
    name: &str,
    properties: &Map<String, Value>,
    choices: &[(&str, T)],
    otherwise: T,
) -> T {
    Properties::new(properties, &[name]).choice(name, choices).unwrap_or(otherwise)
}

/// A string, number or boolean as text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The kind of a value, for the text of a problem.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn problems(properties: &Properties<'_>) -> Vec<String> {
        properties.problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn an_unknown_property_is_refused_with_the_nearest_known_one() {
        let map = map(json!({"DocumentNmae": "x", "ServiceToken": "arn", "ServiceTimeout": "60", "Tags": []}));
        let properties = Properties::new(&map, &["DocumentName", "Tags"]);
        assert_eq!(
            problems(&properties),
            ["\"DocumentNmae\": is not a property of this resource. Did you mean DocumentName?"]
        );
    }

    #[test]
    fn scalars_are_read_from_strings_and_from_themselves() {
        let map = map(json!({"A": "true", "B": false, "C": 15, "D": null}));
        let mut properties = Properties::new(&map, &["A", "B", "C", "D"]);
        assert!(properties.boolean("A", false));
        assert!(!properties.boolean("B", true));
        assert_eq!(properties.text("C").as_deref(), Some("15"));
        assert!(properties.boolean("D", true));
        assert_eq!(problems(&properties), [""; 0]);
    }

    #[test]
    fn a_value_of_the_wrong_type_or_choice_is_named() {
        let map = map(json!({"A": "yes", "B": ["x"], "C": "adopt", "D": [["x"]], "E": ["x"], "F": "x"}));
        let mut properties = Properties::new(&map, &["A", "B", "C", "D", "E", "F"]);
        properties.boolean("A", true);
        properties.text("B");
        properties.choice("C", &[("Adopt", 1), ("Fail", 2)]);
        properties.texts("D");
        properties.objects("E");
        assert_eq!(properties.texts("F"), ["x"]);
        assert_eq!(
            problems(&properties),
            [
                "A: \"yes\" is neither true nor false.",
                "B: must be a string, but is a list.",
                "C: \"adopt\" is not one of Adopt, Fail. Did you mean Adopt?",
                "D: must be a list of strings.",
                "E: must be a list of objects.",
            ]
        );
    }

    #[test]
    fn a_list_longer_than_any_property_accepts_is_one_problem() {
        let map = map(json!({"A": vec![json!([]); 2_001], "B": vec![json!({}); 2_001], "C": vec![json!({}); 2_000]}));
        let mut properties = Properties::new(&map, &["A", "B", "C"]);
        assert_eq!((properties.texts("A").len(), properties.objects("B").len()), (0, 0));
        assert_eq!(properties.objects("C").len(), 2_000);
        assert_eq!(
            problems(&properties),
            ["A: has 2001 entries, but can have at most 2000.", "B: has 2001 entries, but can have at most 2000."]
        );
    }

    #[test]
    fn of_two_names_for_a_property_exactly_one_must_be_given() {
        for (given, expected) in [
            (json!({"DocumentName": "a"}), Some("DocumentName")),
            (json!({"Name": "a"}), Some("Name")),
            (json!({"DocumentName": "a", "Name": "a"}), None),
            (json!({}), None),
        ] {
            let map = map(given);
            let mut properties = Properties::new(&map, &["DocumentName", "Name"]);
            assert_eq!(properties.either("DocumentName", "Name").map(|(name, _)| name), expected);
            assert_eq!(properties.problems.is_empty(), expected.is_some());
        }
    }
}
