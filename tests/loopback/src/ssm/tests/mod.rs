//! The model's semantics, one table or story each.

mod deletion;
mod lag;
mod settings;
mod shares_and_tags;
mod versions;
mod writing;

use super::{Document, Model};
use serde_json::{Value, json};

const A: &str = r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"a":1}}"#;
const B: &str = r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"b":1}}"#;
const C: &str = r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"c":1}}"#;

/// A model with the document `Doc` of one version, A.
fn with_doc() -> Model {
    let mut model = Model::default();
    model.put_document(Document::session("Doc", A));
    model
}

fn ok(model: &mut Model, operation: &str, input: Value) -> Value {
    model.call(operation, &input).unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

/// The code of the refusal. Panics if the call succeeds.
fn refused(model: &mut Model, operation: &str, input: Value) -> String {
    model.call(operation, &input).expect_err(&format!("{operation} {input}")).code
}

fn update(content: &str) -> Value {
    json!({"Name": "Doc", "Content": content, "DocumentVersion": "$LATEST"})
}

fn promote(version: &str) -> Value {
    json!({"Name": "Doc", "DocumentVersion": version})
}

/// `input` with one more member.
fn with(mut input: Value, member: &str, value: Value) -> Value {
    input[member] = value;
    input
}
