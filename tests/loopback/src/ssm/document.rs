//! A document and its versions, as the model stores them and as a test sets them up.

use super::error::ModelError;
use super::life::{Life, Status};
use crate::clock::{self, Clock};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The age of a document that a test sets up.
const A_MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The format of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The API's default.
    Json,
    /// Stored as it was sent; read as JSON it is converted.
    Yaml,
    /// Not parsed.
    Text,
}

impl Format {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Text => "TEXT",
        }
    }
}

/// One version of a document.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number; numbers of deleted versions are not used again.
    pub number: u64,
    /// What was uploaded.
    pub content: String,
    /// What it is written in.
    pub format: Format,
    /// Its `VersionName`.
    pub name: Option<String>,
    /// Its `DisplayName`.
    pub display_name: Option<String>,
    /// Its `TargetType`.
    pub target_type: Option<String>,
    /// The names of its attachments.
    pub attachments: Vec<String>,
    pub(crate) life: Life,
    /// `None` until it is in a model, whose clock gives the date: now, or a month ago for what a test sets up with its document.
    pub(crate) created: Option<f64>,
}

impl Version {
    /// An Active version in this format. Its number is given when it is put into a document.
    pub fn new(format: Format, content: impl Into<String>) -> Self {
        Self {
            number: 0,
            content: content.into(),
            format,
            name: None,
            display_name: None,
            target_type: None,
            attachments: Vec::new(),
            life: Life::settled(Status::Active, None),
            created: None,
        }
    }

    /// An Active JSON version.
    pub fn json(content: impl Into<String>) -> Self {
        Self::new(Format::Json, content)
    }

    /// An Active YAML version.
    pub fn yaml(content: impl Into<String>) -> Self {
        Self::new(Format::Yaml, content)
    }

    /// An Active TEXT version.
    pub fn text(content: impl Into<String>) -> Self {
        Self::new(Format::Text, content)
    }

    /// With this `VersionName`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Made at this time.
    #[must_use]
    pub fn created_at(mut self, time: SystemTime) -> Self {
        self.created = Some(clock::seconds(time));
        self
    }

    /// With this status, for good.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.life = Life::settled(status, None);
        self
    }

    /// Failed, with this `StatusInformation`.
    #[must_use]
    pub fn failed(mut self, information: &str) -> Self {
        self.life = Life::settled(Status::Failed, Some(information.to_owned()));
        self
    }

    /// The status that the next read would see; asking does not count as a read.
    pub fn status(&self) -> Status {
        self.life.status()
    }
}

/// A document with its versions, tags and shares.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Its `DocumentType`.
    pub kind: String,
    /// The account that owns it; `None` is the model's own.
    pub owner: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The accounts it is shared with, in the order they were added.
    pub shares: Vec<String>,
    /// Its `Requires`, as sent; null if there are none.
    pub requires: Value,
    /// The number of the default version.
    pub default_version: u64,
    /// Whether managed nodes are associated with it, so that it can't be deleted.
    pub associated: bool,
    pub(crate) versions: Vec<Version>,
    pub(crate) next_number: u64,
    /// While `Some`, it is being deleted and this many reads still see it.
    pub(crate) deleting: Option<u32>,
    /// The clock of the model that it is in.
    pub(crate) clock: Option<Clock>,
}

impl Document {
    /// A document of this name and type, without versions yet.
    pub fn new(name: &str, kind: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            owner: None,
            tags: BTreeMap::new(),
            shares: Vec::new(),
            requires: Value::Null,
            default_version: 1,
            associated: false,
            versions: Vec::new(),
            next_number: 1,
            deleting: None,
            clock: None,
        }
    }

    /// A Session document with one JSON version.
    pub fn session(name: &str, content: impl Into<String>) -> Self {
        Self::new(name, "Session").version(Version::json(content))
    }

    /// With one more version, numbered next.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.push(version);
        self
    }

    /// With this version as the default version. Otherwise, it is the first one.
    #[must_use]
    pub fn default_version(mut self, number: u64) -> Self {
        self.default_version = number;
        self
    }

    /// Owned by another account.
    #[must_use]
    pub fn owner(mut self, account: &str) -> Self {
        self.owner = Some(account.to_owned());
        self
    }

    /// With this tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Shared with this account.
    #[must_use]
    pub fn share(mut self, account: &str) -> Self {
        self.shares.push(account.to_owned());
        self
    }

    /// Being deleted: this many reads still see it, then it is gone.
    #[must_use]
    pub fn deleting(mut self, reads: u32) -> Self {
        self.deleting = Some(reads);
        self
    }

    /// Adds a version as the latest one, and returns its number.
    pub fn push(&mut self, mut version: Version) -> u64 {
        version.number = self.next_number;
        if let Some(clock) = &self.clock {
            version.created.get_or_insert_with(|| clock::seconds(clock.now_system()));
        }
        self.next_number += 1;
        self.versions.push(version);
        self.next_number - 1
    }

    /// The versions, oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version of this number.
    pub fn get(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The default version.
    pub fn default(&self) -> &Version {
        self.get(self.default_version).expect("the default version cannot be deleted")
    }

    /// The latest version.
    pub fn latest(&self) -> &Version {
        self.versions.last().expect("a document has a version")
    }

    /// The version that a request's `DocumentVersion` and `VersionName` mean.
    pub(crate) fn select(&self, version: Option<&str>, name: Option<&str>) -> Result<&Version, ModelError> {
        let by_number = match version {
            None if name.is_some() => None,
            None | Some("$DEFAULT") => Some(self.default()),
            Some("$LATEST") => Some(self.latest()),
            Some(digits) => {
                let number = digits.parse().ok().and_then(|number| self.get(number));
                Some(number.ok_or_else(|| ModelError::no_version(&self.name, digits))?)
            }
        };
        let Some(name) = name else {
            return by_number.ok_or_else(|| ModelError::no_version(&self.name, "(none)"));
        };
        let named = self.versions.iter().find(|version| version.name.as_deref() == Some(name));
        match (named, by_number) {
            (Some(named), None) => Ok(named),
            (Some(named), Some(numbered)) if named.number == numbered.number => Ok(named),
            _ => Err(ModelError::no_version(&self.name, name)),
        }
    }

    pub(crate) fn version_mut(&mut self, number: u64) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.number == number)
    }

    /// Takes the time from this clock from now on. Versions without a date get the current one.
    pub(crate) fn set_clock(&mut self, clock: &Clock) {
        let a_month_ago = clock::seconds(clock.now_system() - A_MONTH);
        self.clock = Some(clock.clone());
        for version in &mut self.versions {
            version.created.get_or_insert(a_month_ago);
        }
    }
}
