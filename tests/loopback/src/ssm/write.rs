//! The calls that make, change and delete documents.

use super::content::{self, Duplicates};
use super::describe::description;
use super::document::{Document, Version};
use super::error::ModelError;
use super::life::{Life, Status};
use super::request::{DOCUMENT_TYPES, Request};
use super::{Model, tags};
use crate::clock;
use serde_json::{Value, json};
use std::time::SystemTime;

const RESERVED: [&str; 3] = ["aws", "amazon", "amzn"];

impl Model {
    pub(super) fn create_document(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let name = request.name()?;
        if RESERVED.iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix)) {
            let text = format!("The document name {name} begins with a prefix that AWS reserves.");
            return Err(ModelError::new("ValidationException", text));
        }
        let kind = request.one_of("DocumentType", &DOCUMENT_TYPES)?.unwrap_or("Command");
        let version = self.new_version(request, kind, Status::Creating)?;
        let mut document = Document::new(name, kind);
        document.requires = request.0.get("Requires").cloned().unwrap_or(Value::Null);
        document.tags = tags::read(request, self.tag_limit)?;
        if self.documents.contains_key(name) {
            let text = format!("Document with name {name} already exists.");
            return Err(ModelError::new("DocumentAlreadyExists", text));
        }
        if self.documents.values().filter(|document| document.owner.is_none()).count() >= self.document_limit {
            let text = format!("You can have at most {} active SSM documents.", self.document_limit);
            return Err(ModelError::new("DocumentLimitExceeded", text));
        }
        let mut document = document.version(version);
        document.set_clock(&self.clock);
        let response = described(&document, &self.account);
        self.keep_document(name);
        self.documents.insert(name.to_owned(), document);
        Ok(response)
    }

    pub(super) fn update_document(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let name = request.name()?;
        let kind = self.own(name)?.kind.clone();
        let version = self.new_version(request, &kind, Status::Updating)?;
        let (duplicates, sameness, limit) = (self.duplicates, self.sameness, self.version_limit);
        let now = self.now();
        self.refuse_if_busy(name)?;
        let document = self.own(name)?;
        let latest = document.latest();
        match request.version()? {
            Some("$LATEST") => {}
            Some(digits) if digits == latest.number.to_string() => {}
            _ => {
                let text = format!(
                    "Version provided for document {name} is not latest. Please provide the latest version to update \
                     document {name}"
                );
                return Err(ModelError::new("InvalidDocumentVersion", text));
            }
        }
        if let Some(busy) = pending(latest, now) {
            return Err(busy_error(name, latest.number, busy));
        }
        if version.name.is_some() && document.versions.iter().any(|stored| stored.name == version.name) {
            let text = "The version name has already been used in this document.";
            return Err(ModelError::new("DuplicateDocumentVersionName", text));
        }
        let same = |stored: &Version| content::same(sameness, stored, version.format, &version.content);
        let duplicate = match duplicates {
            Duplicates::LatestVersion => same(latest),
            Duplicates::AnyVersion => document.versions.iter().any(same),
        };
        if duplicate {
            let text = "The content of the document matches another document. Change the content and try again.";
            return Err(ModelError::new("DuplicateDocumentContent", text));
        }
        if document.versions.len() >= limit {
            let text = format!("The document has {limit} versions. Delete one or more and try again.");
            return Err(ModelError::new("DocumentVersionLimitExceeded", text));
        }
        document.push(version);
        let document = &self.documents[name];
        Ok(described(document, &self.account))
    }

    pub(super) fn update_document_default_version(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (name, number) = (request.name()?, request.version_number()?);
        let now = self.now();
        self.refuse_if_busy(name)?;
        let document = self.own(name)?;
        let version = document.select(Some(number), None)?;
        let status = version.life.status_at(now);
        if status != Status::Active {
            let text = format!("Version {number} of document {name} is {}, not Active.", status.as_str());
            return Err(ModelError::new("InvalidDocumentVersion", text));
        }
        let (number, version_name) = (version.number, version.name.clone());
        document.default_version = number;
        let mut description = json!({"Name": name, "DefaultVersion": number.to_string()});
        if let Some(version_name) = version_name {
            description["DefaultVersionName"] = json!(version_name);
        }
        Ok(json!({"Description": description}))
    }

    pub(super) fn delete_document(&mut self, request: &Request<'_>) -> Result<Value, ModelError> {
        let (name, version, version_name) = (request.name()?, request.version()?, request.version_name()?);
        let refused = |text: &str| Err(ModelError::new("InvalidDocumentOperation", text));
        let reads = self.deletion_reads;
        self.refuse_if_busy(name)?;
        let document = self.own(name)?;
        if version.is_some() || version_name.is_some() {
            let number = document.select(version, version_name)?.number;
            if number == document.default_version {
                return refused("The default version of a document can't be deleted.");
            }
            document.versions.retain(|version| version.number != number);
            return Ok(json!({}));
        }
        if !document.shares.is_empty() {
            return refused("The document is still shared. Stop sharing it before you delete it.");
        }
        if document.kind == "ApplicationConfigurationSchema" && request.0["Force"] != json!(true) {
            return refused("A document of type ApplicationConfigurationSchema is deleted with Force only.");
        }
        if document.associated {
            return Err(ModelError::bare("AssociatedInstances"));
        }
        if reads == 0 {
            self.remove_document(name);
        } else {
            document.deleting = Some(reads);
        }
        Ok(json!({}))
    }

    /// Refuses while any version is Creating or Updating, if the model is configured to.
    fn refuse_if_busy(&mut self, name: &str) -> Result<(), ModelError> {
        let now = self.now();
        if !self.busy_refuses {
            return Ok(());
        }
        let versions = &self.own(name)?.versions;
        let busy = versions.iter().find_map(|version| Some((version.number, pending(version, now)?)));
        busy.map_or(Ok(()), |(number, status)| Err(busy_error(name, number, status)))
    }

    fn new_version(&self, request: &Request<'_>, kind: &str, pending: Status) -> Result<Version, ModelError> {
        let (format, content) = (request.format()?, request.content()?);
        let attachments = attachments(request)?;
        let version = Version {
            name: request.version_name()?.map(str::to_owned),
            display_name: request.display_name()?.map(str::to_owned),
            target_type: request.target_type()?.map(str::to_owned),
            attachments,
            life: Life::begin(&self.activation, pending, self.now(), &self.clock),
            created: Some(clock::seconds(self.now())),
            ..Version::new(format, content)
        };
        content::check(kind, format, content)?;
        Ok(version)
    }
}

/// The status of a version that is not usable yet.
fn pending(version: &Version, now: SystemTime) -> Option<Status> {
    let status = version.life.status_at(now);
    matches!(status, Status::Creating | Status::Updating).then_some(status)
}

fn busy_error(name: &str, number: u64, status: Status) -> ModelError {
    let text = format!("Version {number} of document {name} is {}. Try again later.", status.as_str());
    ModelError::new("InvalidDocumentOperation", text)
}

/// The response to a call that made the latest version, with the status that it begins with.
fn described(document: &Document, account: &str) -> Value {
    let latest = document.latest();
    json!({"DocumentDescription": description(document, latest, latest.life.at_birth(), account)})
}

fn attachments(request: &Request<'_>) -> Result<Vec<String>, ModelError> {
    let sources = request.structures("Attachments", 20)?;
    let mut names = Vec::new();
    for source in sources {
        let source = Request(source);
        source.one_of("Key", &["SourceUrl", "S3FileUrl", "AttachmentReference"])?;
        let values = source.strings("Values")?;
        let [value] = values[..] else {
            return Err(ModelError::constraint(Some("[...]"), "Values", "Member must have length equal to 1"));
        };
        let last = value.rsplit('/').next().unwrap_or(value);
        names.push(source.optional("Name")?.unwrap_or(last).to_owned());
    }
    Ok(names)
}
