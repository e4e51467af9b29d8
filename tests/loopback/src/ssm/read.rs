//! The calls that describe, get and list documents. Each read of a version counts towards its becoming Active.

use super::Model;
use super::content;
use super::describe::{description, identity, tags};
use super::document::Document;
use super::error::ModelError;
use super::lag::Shown;
use super::life::Status;
use super::request::{Request, page};
use serde_json::{Value, json};

impl Model {
    pub(super) fn describe_document(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let seen = self.see(request)?;
        let document = seen.shown.document(self, seen.name);
        let version = document.get(seen.number).expect("the version that was selected");
        Ok(json!({"Document": description(document, version, seen.status, &self.account)}))
    }

    pub(super) fn get_document(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let asked = request.format()?;
        let seen = self.see(request)?;
        let document = seen.shown.document(self, seen.name);
        let version = document.get(seen.number).expect("the version that was selected");
        let mut members = identity(document, version, seen.status);
        let (format, text) = content::convert(version, asked);
        members.insert("Content".to_owned(), json!(text));
        members.insert("DocumentFormat".to_owned(), json!(format.as_str()));
        Ok(Value::Object(members))
    }

    pub(super) fn list_document_versions(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (name, at) = (request.name_or_arn()?, request.page(50, 50)?);
        let shown = self.seen(name)?;
        let versions = shown.document(self, name).versions.iter();
        let mut numbers: Vec<u64> = versions.map(|version| version.number).collect();
        if self.newest_first {
            numbers.reverse();
        }
        let (numbers, next) = page(&numbers, at);
        let statuses: Vec<Status> = numbers.iter().map(|number| self.observe(name, *number, &shown)).collect();
        let document = shown.document(self, name);
        let listed = numbers.into_iter().zip(statuses);
        let listed: Vec<Value> = listed.map(|(number, status)| version_info(document, number, status)).collect();
        Ok(with_token(json!({"DocumentVersions": listed}), next))
    }

    pub(super) fn list_documents(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let at = request.page(50, 50)?;
        let mut listed = Vec::new();
        for name in self.shown_names() {
            let Some(shown) = self.shown(&name) else { continue };
            let document = shown.document(self, &name);
            let version = document.default();
            let mut members = identity(document, version, version.status());
            members.remove("Status");
            members.remove("StatusInformation");
            members.insert("Owner".to_owned(), json!(document.owner.as_deref().unwrap_or(&self.account)));
            members.insert("PlatformTypes".to_owned(), json!(["Windows", "Linux", "MacOS"]));
            members.insert("Tags".to_owned(), tags(document));
            let described = content::described(version).into_iter();
            members.extend(described.filter(|(name, _)| *name == "SchemaVersion").map(|(n, v)| (n.to_owned(), v)));
            if let Some(target) = &version.target_type {
                members.insert("TargetType".to_owned(), json!(target));
            }
            if matches(request, document, &self.account)? {
                listed.push(Value::Object(members));
            }
        }
        let (listed, next) = page(&listed, at);
        Ok(with_token(json!({"DocumentIdentifiers": listed}), next))
    }

    /// The document and the version that a read asks for, and the status that it sees.
    fn see<'a>(&mut self, request: &Request<'a>) -> Result<Seen<'a>, ModelError> {
        let (name, version, version_name) = (request.name_or_arn()?, request.version()?, request.version_name()?);
        let shown = self.seen(name)?;
        let number = shown.document(self, name).select(version, version_name)?.number;
        let status = self.observe(name, number, &shown);
        Ok(Seen { name, shown, number, status })
    }
}

/// One version of a document, as a read sees it.
struct Seen<'a> {
    name: &'a str,
    shown: Shown,
    number: u64,
    status: Status,
}

fn version_info(document: &Document, number: u64, status: Status) -> Value {
    let is_default = document.default_version == number;
    let version = document.get(number).expect("a number of this document");
    let mut members = identity(document, version, status);
    members.remove("DocumentType");
    members.remove("Requires");
    members.insert("IsDefaultVersion".to_owned(), json!(is_default));
    Value::Object(members)
}

/// Whether a document passes the filters: by name prefix, owner and type. Every document passes the other keys.
fn matches(request: &Request<'_>, document: &Document, account: &str) -> Result<bool, ModelError> {
    for filter in request.structures("Filters", 6)? {
        let filter = Request(filter);
        let values = filter.strings("Values")?;
        let owner = document.owner.as_deref().unwrap_or(account);
        let passes = match filter.required("Key")? {
            "Name" => values.iter().any(|value| document.name.starts_with(value)),
            "DocumentType" => values.contains(&document.kind.as_str()),
            "Owner" => values.iter().any(|value| match *value {
                "Self" | "Private" => owner == account,
                "ThirdParty" => owner != account,
                value => value == owner || value == "All",
            }),
            _ => true,
        };
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn with_token(mut response: Value, next: Option<String>) -> Value {
    if let Some(token) = next {
        response["NextToken"] = json!(token);
    }
    response
}
