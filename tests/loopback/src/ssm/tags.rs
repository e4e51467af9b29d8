//! Tags of documents.

use super::Model;
use super::describe;
use super::document::Document;
use super::error::ModelError;
use super::request::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Model {
    pub(super) fn add_tags_to_resource(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let limit = self.tag_limit;
        let document = self.own_tagged(request)?;
        let mut tags = document.tags.clone();
        tags.extend(read(request, usize::MAX)?);
        if tags.len() > limit {
            return Err(ModelError::bare("TooManyTagsError"));
        }
        document.tags = tags;
        Ok(json!({}))
    }

    pub(super) fn remove_tags_from_resource(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let keys = request.strings("TagKeys")?;
        let document = self.own_tagged(request)?;
        document.tags.retain(|key, _| !keys.contains(&key.as_str()));
        Ok(json!({}))
    }

    pub(super) fn list_tags_for_resource(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let name = tagged(request)?;
        let shown = self.seen_own(name).map_err(|_| ModelError::bare("InvalidResourceId"))?;
        Ok(json!({"TagList": describe::tags(shown.document(self, name))}))
    }

    fn own_tagged(&mut self, request: &Request<'_>) -> Result<&mut Document, ModelError> {
        self.own(tagged(request)?).map_err(|_| ModelError::bare("InvalidResourceId"))
    }
}

/// The name of the document that a call on tags means.
fn tagged<'a>(request: &Request<'a>) -> Result<&'a str, ModelError> {
    if request.required("ResourceType")? != "Document" {
        return Err(ModelError::bare("InvalidResourceType"));
    }
    request.required("ResourceId")
}

/// The `Tags` of a request.
pub(super) fn read(request: &Request<'_>, limit: usize) -> Result<BTreeMap<String, String>, ModelError> {
    let mut tags = BTreeMap::new();
    for tag in request.structures("Tags", 1000)? {
        let tag = Request(tag);
        let (key, value) = (tag.required("Key")?, tag.required("Value")?);
        if key.to_ascii_lowercase().starts_with("aws:") {
            let text = "aws: prefixed tag key names are not allowed for external use.";
            return Err(ModelError::new("ValidationException", text));
        }
        allowed(key, "Key", 1, 128)?;
        allowed(value, "Value", 0, 256)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > limit {
        return Err(ModelError::bare("TooManyTagsError"));
    }
    Ok(tags)
}

fn allowed(text: &str, member: &str, min: usize, max: usize) -> Result<(), ModelError> {
    let good = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if (min..=max).contains(&text.chars().count()) && text.chars().all(good) {
        return Ok(());
    }
    let shape = r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$";
    Err(ModelError::constraint(Some(text), member, shape))
}
