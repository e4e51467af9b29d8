//! How SSM reads content: whether it parses, its schema version, its description, and which content is the same.

use super::document::{Format, Version};
use super::error::ModelError;
use serde_json::{Value, json};

/// The API's limit on the size of content, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What SSM is assumed to treat as a duplicate. AWS documents neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Equal to the latest version.
    LatestVersion,
    /// Equal to any version.
    AnyVersion,
}

/// What counts as equal when duplicates are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// The same bytes.
    Bytes,
    /// Equal after parsing.
    Parsed,
}

/// The schema versions that SSM accepts, for the types whose documents must have one.
const SCHEMAS: [(&str, &[&str]); 4] =
    [("Command", &["1.2", "2.0", "2.2"]), ("Automation", &["0.3"]), ("Session", &["1.0"]), ("Package", &["2.0"])];

/// The parsed content; `None` for TEXT, which is not parsed.
pub(crate) fn parse(format: Format, content: &str) -> Result<Option<Value>, String> {
    match format {
        Format::Json => serde_json::from_str(content).map(Some).map_err(|error| error.to_string()),
        Format::Yaml => serde_saphyr::from_str(content).map(Some).map_err(|error| error.to_string()),
        Format::Text => Ok(None),
    }
}

/// Refuses what SSM refuses: too large, not parseable, an unknown schema version.
pub(crate) fn check(kind: &str, format: Format, content: &str) -> Result<(), ModelError> {
    if content.len() > MAX_BYTES {
        let text = format!("The size limit of a document is 64 KB, the content has {} bytes.", content.len());
        return Err(ModelError::new("MaxDocumentSizeExceeded", text));
    }
    let invalid = |why: &str| ModelError::new("InvalidDocumentContent", format!("The content is not valid: {why}"));
    let Some(value) = parse(format, content).map_err(|why| invalid(&why))? else { return Ok(()) };
    if !value.is_object() {
        return Err(invalid("it is not an object"));
    }
    let Some((_, known)) = SCHEMAS.iter().find(|(name, _)| *name == kind) else { return Ok(()) };
    match value.get("schemaVersion").map(scalar) {
        None => Err(invalid("schemaVersion is missing")),
        Some(version) if known.contains(&version.as_str()) => Ok(()),
        Some(version) => {
            let text = format!("The schema version {version} is not supported for type {kind}.");
            Err(ModelError::new("InvalidDocumentSchemaVersion", text))
        }
    }
}

/// YAML's `schemaVersion: 1.0` is a number, JSON's `"1.0"` a string; SSM accepts both.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| format!("{number:.1}")),
        other => other.to_string(),
    }
}

pub(crate) fn same(sameness: Sameness, stored: &Version, format: Format, content: &str) -> bool {
    match sameness {
        Sameness::Bytes => stored.content == content,
        Sameness::Parsed => match (parse(stored.format, &stored.content), parse(format, content)) {
            (Ok(Some(stored)), Ok(Some(new))) => stored == new,
            _ => stored.content == content,
        },
    }
}

/// The content in the format that a reader asked for: as uploaded if that is its format, and otherwise converted.
pub(crate) fn convert(version: &Version, asked: Format) -> (Format, String) {
    let stored = (version.format, version.content.clone());
    if version.format == asked || version.format == Format::Text || asked == Format::Text {
        return stored;
    }
    let Ok(Some(value)) = parse(version.format, &version.content) else { return stored };
    let converted = match asked {
        Format::Json => serde_json::to_string_pretty(&value).ok(),
        Format::Yaml => serde_saphyr::to_string(&value).ok(),
        Format::Text => None,
    };
    converted.map_or(stored, |text| (asked, text))
}

/// The members of a DocumentDescription that SSM takes from the content: SchemaVersion, Description, Parameters.
pub(crate) fn described(version: &Version) -> Vec<(&'static str, Value)> {
    let Ok(Some(value)) = parse(version.format, &version.content) else { return Vec::new() };
    let mut members = Vec::new();
    if let Some(schema) = value.get("schemaVersion") {
        members.push(("SchemaVersion", json!(scalar(schema))));
    }
    if let Some(Value::String(text)) = value.get("description") {
        members.push(("Description", json!(text)));
    }
    if let Some(Value::Object(parameters)) = value.get("parameters") {
        members.push(("Parameters", parameters.iter().map(|(name, of)| parameter(name, of)).collect()));
    }
    members
}

fn parameter(name: &str, of: &Value) -> Value {
    let mut described = json!({"Name": name, "Type": of.get("type").cloned().unwrap_or_else(|| json!("String"))});
    if let Some(text) = of.get("description") {
        described["Description"] = text.clone();
    }
    if let Some(default) = of.get("default") {
        described["DefaultValue"] = json!(default.as_str().map_or_else(|| default.to_string(), str::to_owned));
    }
    described
}
