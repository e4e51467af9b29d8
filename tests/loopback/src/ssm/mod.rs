//! The model of SSM: documents, their shares and tags, and service settings, as a plain struct.
//!
//! [`Model::call`] takes an operation and its input as they are on the wire. It can be driven without any server.

mod content;
mod describe;
mod document;
mod error;
mod lag;
mod life;
mod members;
mod read;
mod request;
mod settings;
mod sharing;
mod tags;
pub(crate) mod wire;
mod write;

pub use content::{Duplicates, MAX_BYTES, Sameness};
pub use document::{Document, Format, Version};
pub use error::ModelError;
pub use lag::{Lag, Lags};
pub use life::{Activation, Status};
pub use request::DOCUMENT_TYPES;
pub use settings::{Setting, Settings};

use crate::clock::Clock;
use lag::{Past, Shown};
use request::Request;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// One account's SSM in one Region.
#[derive(Clone, Debug)]
pub struct Model {
    /// The account; documents belong to it unless they say otherwise.
    pub account: String,
    /// The Region, for ARNs.
    pub region: String,
    /// The ARN that changes of service settings are recorded under, as of the function's assumed role.
    pub caller: String,
    /// What SSM is assumed to treat as a duplicate.
    pub duplicates: Duplicates,
    /// How contents are compared for that.
    pub sameness: Sameness,
    /// When versions that are created from now on become Active.
    pub activation: Activation,
    /// Whether a document of which a version is Creating or Updating refuses every other update, promotion and
    /// deletion. Otherwise, it refuses only updates while its latest version is, and the promotion of that version.
    pub busy_refuses: bool,
    /// How far reads lag behind writes.
    pub lags: Lags,
    /// How many reads still see a document after DeleteDocument, as Deleting.
    pub deletion_reads: u32,
    /// Versions a document can have.
    pub version_limit: usize,
    /// Documents the account can own.
    pub document_limit: usize,
    /// Accounts a document can be shared with.
    pub share_limit: usize,
    /// Tags a document can have.
    pub tag_limit: usize,
    /// Whether ListDocumentVersions lists the newest version first; AWS does not say.
    pub newest_first: bool,
    /// The service settings.
    pub settings: Settings,
    documents: BTreeMap<String, Document>,
    past_documents: Past<Document>,
    past_settings: Past<Setting>,
    clock: Clock,
    /// While a late call is carried out, when it took effect.
    moment: Option<SystemTime>,
}

impl Default for Model {
    fn default() -> Self {
        Self::new("111122223333", "eu-central-1")
    }
}

impl Model {
    /// An account without documents, at AWS's limits.
    pub fn new(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            caller: format!("arn:aws:sts::{account}:assumed-role/cfn-ssm-document/cfn-ssm-document"),
            duplicates: Duplicates::LatestVersion,
            sameness: Sameness::Bytes,
            activation: Activation::AtOnce,
            busy_refuses: false,
            lags: Lags::default(),
            deletion_reads: 0,
            version_limit: 1000,
            document_limit: 500,
            share_limit: 1000,
            tag_limit: 50,
            newest_first: true,
            settings: Settings::default(),
            documents: BTreeMap::new(),
            past_documents: Past::default(),
            past_settings: Past::default(),
            clock: Clock::default(),
            moment: None,
        }
    }

    /// Takes the time from this clock from now on.
    pub fn set_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
        self.settings.clock = clock.clone();
        for document in self.documents.values_mut() {
            document.set_clock(clock);
        }
    }

    fn now(&self) -> SystemTime {
        self.moment.unwrap_or_else(|| self.clock.now_system())
    }

    /// A call that takes effect at this time, which may be in the past.
    pub(crate) fn call_at(&mut self, time: SystemTime, operation: &str, input: &Value) -> Result<Value, ModelError> {
        self.moment = Some(time);
        let result = self.call(operation, input);
        self.moment = None;
        result
    }

    /// One call, as on the wire: the operation's name and its input.
    pub fn call(&mut self, operation: &str, input: &Value) -> Result<Value, ModelError> {
        members::check(operation, input)?;
        let request = &Request(input);
        match operation {
            "CreateDocument" => self.create_document(request),
            "UpdateDocument" => self.update_document(request),
            "UpdateDocumentDefaultVersion" => self.update_document_default_version(request),
            "DeleteDocument" => self.delete_document(request),
            "DescribeDocument" => self.describe_document(request),
            "GetDocument" => self.get_document(request),
            "ListDocumentVersions" => self.list_document_versions(request),
            "ListDocuments" => self.list_documents(request),
            "DescribeDocumentPermission" => self.describe_document_permission(request),
            "ModifyDocumentPermission" => self.modify_document_permission(request),
            "AddTagsToResource" => self.add_tags_to_resource(request),
            "RemoveTagsFromResource" => self.remove_tags_from_resource(request),
            "ListTagsForResource" => self.list_tags_for_resource(request),
            "GetServiceSetting" => self.get_service_setting(request),
            "UpdateServiceSetting" => self.update_service_setting(request),
            "ResetServiceSetting" => self.reset_service_setting(request),
            _ => Err(ModelError { status: 400, code: "UnknownOperationException".to_owned(), message: None }),
        }
    }

    /// Adds a document, as if somebody else had created it. It must have its default version; nothing else is checked.
    pub fn put_document(&mut self, mut document: Document) {
        assert!(document.get(document.default_version).is_some(), "a document needs its default version");
        document.set_clock(&self.clock);
        self.keep_document(&document.name);
        self.documents.insert(document.name.clone(), document);
    }

    /// The document of this name. Looking here does not count as a read.
    pub fn document(&self, name: &str) -> Option<&Document> {
        self.documents.get(name)
    }

    /// The document of this name, to be changed by hand.
    pub fn document_mut(&mut self, name: &str) -> Option<&mut Document> {
        self.keep_document(name);
        self.documents.get_mut(name)
    }

    /// All documents, by name.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.values()
    }

    /// Removes a document, as if somebody else had deleted it.
    pub fn remove_document(&mut self, name: &str) -> Option<Document> {
        self.keep_document(name);
        self.documents.remove(name)
    }

    /// Moves a document's default version by hand.
    pub fn set_default(&mut self, name: &str, version: u64) {
        let document = self.document_mut(name).expect("set_default: no such document");
        assert!(document.get(version).is_some(), "set_default: no such version");
        document.default_version = version;
    }

    /// A document of this account, for a call that changes it.
    fn own(&mut self, name: &str) -> Result<&mut Document, ModelError> {
        let found = self.document_mut(name).filter(|document| document.owner.is_none());
        found.filter(|document| document.deleting.is_none()).ok_or_else(|| ModelError::no_document(name))
    }

    /// A document for a call that reads; one that is being deleted is seen for its last reads only.
    fn seen(&mut self, name: &str) -> Result<Shown, ModelError> {
        match self.documents.get_mut(name).and_then(|document| document.deleting.as_mut()) {
            Some(0) => drop(self.remove_document(name)),
            Some(reads) => *reads -= 1,
            None => {}
        }
        self.shown(name).ok_or_else(|| ModelError::no_document(name))
    }

    /// A document of this account that is not being deleted, for a call that reads.
    fn seen_own(&mut self, name: &str) -> Result<Shown, ModelError> {
        let found = self.shown(name).filter(|shown| {
            let document = shown.document(self, name);
            document.owner.is_none() && document.deleting.is_none()
        });
        found.ok_or_else(|| ModelError::no_document(name))
    }

    fn partition(&self) -> &'static str {
        match &self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

#[cfg(test)]
mod tests;
