//! Reads that lag behind writes: the state before a write is kept, and a read can return it.

use super::Model;
use super::document::Document;
use super::life::Status;
use super::settings::Setting;
use crate::draws::Draws;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How far reads of one kind lag behind the writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lag {
    /// A read sees every write before it.
    #[default]
    None,
    /// A read sees the state of this long ago.
    Fixed(Duration),
    /// A read sees a state of up to this long ago. Each read draws its own lag, so a later read may see an older
    /// state, as reads that meet different replicas do.
    UpTo(Duration),
}

impl Lag {
    fn longest(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) | Self::UpTo(time) => time,
        }
    }
}

/// How far the reads lag, kind by kind. Writes always act on what is there.
///
/// States are kept for such reads only once a lag is set: what a test sets up before that is visible at once.
#[derive(Clone, Debug, Default)]
pub struct Lags {
    /// Whether a document exists: a new one is not yet found, a deleted one still is.
    pub documents: Lag,
    /// Versions, the default version, and statuses that depend on time.
    pub versions: Lag,
    /// Tags, in DescribeDocument, ListDocuments and ListTagsForResource. A new document may show without its tags.
    pub tags: Lag,
    /// The accounts a document is shared with.
    pub shares: Lag,
    /// Service settings.
    pub settings: Lag,
    draws: Draws,
}

impl Lags {
    /// No read lags. An `UpTo` that is set later draws from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self::all(Lag::None, seed)
    }

    /// Every kind of read lags by this time.
    pub fn fixed(time: Duration) -> Self {
        Self::all(Lag::Fixed(time), 0)
    }

    /// Every kind of read lags by up to this time, drawn from `seed`.
    pub fn up_to(time: Duration, seed: u64) -> Self {
        Self::all(Lag::UpTo(time), seed)
    }

    fn all(lag: Lag, seed: u64) -> Self {
        Self { documents: lag, versions: lag, tags: lag, shares: lag, settings: lag, draws: Draws::new(seed) }
    }

    fn longest(&self) -> Duration {
        let all = [self.documents, self.versions, self.tags, self.shares, self.settings];
        all.into_iter().map(Lag::longest).max().unwrap_or_default()
    }

    /// The lag of one read.
    fn draw(&mut self, lag: Lag) -> Duration {
        match lag {
            Lag::None => Duration::ZERO,
            Lag::Fixed(time) => time,
            Lag::UpTo(longest) => self.draws.up_to(longest),
        }
    }
}

/// The states of a name, each until the write that ended it, oldest first; `None` if it did not exist.
#[derive(Clone, Debug)]
pub(super) struct Past<T>(BTreeMap<String, Vec<(SystemTime, Option<T>)>>);

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Past<T> {
    fn keep(&mut self, name: &str, state: Option<T>, until: SystemTime, longest: Duration) {
        let states = self.0.entry(name.to_owned()).or_default();
        states.retain(|(ended, _)| *ended + longest >= until);
        states.push((until, state));
    }

    /// The state at `time`; `None` if it is the current one.
    fn at(&self, name: &str, time: SystemTime) -> Option<Option<&T>> {
        let states = self.0.get(name)?;
        states.iter().find(|(until, _)| *until > time).map(|(_, state)| state.as_ref())
    }
}

impl Model {
    /// Keeps the current state of a document for reads that lag. Called before every change of it.
    pub(super) fn keep_document(&mut self, name: &str) {
        let longest = self.lags.longest();
        if !longest.is_zero() {
            self.past_documents.keep(name, self.documents.get(name).cloned(), self.now(), longest);
        }
    }

    /// Keeps the current value of a setting for reads that lag.
    pub(super) fn keep_setting(&mut self, id: &str) {
        let longest = self.lags.longest();
        if !longest.is_zero() {
            self.past_settings.keep(id, self.settings.get(id).cloned(), self.now(), longest);
        }
    }

    /// The document that a read sees, current or earlier, and the time from which its versions are.
    pub(super) fn shown(&mut self, name: &str) -> Option<Shown> {
        let now = self.now();
        if self.lags.longest().is_zero() {
            return self.documents.contains_key(name).then_some(Shown { past: None, versions_at: now });
        }
        let lags = [self.lags.documents, self.lags.versions, self.lags.tags, self.lags.shares];
        let [documents_at, versions_at, tags_at, shares_at] = lags.map(|lag| now - self.lags.draw(lag));
        let at = |time| self.past_documents.at(name, time).unwrap_or_else(|| self.documents.get(name));
        let mut document = at(documents_at)?.clone();
        if let Some(then) = at(versions_at) {
            document.versions = then.versions.clone();
            document.default_version = then.default_version;
        }
        document.tags = at(tags_at).map(|then| then.tags.clone()).unwrap_or_default();
        document.shares = at(shares_at).map(|then| then.shares.clone()).unwrap_or_default();
        Some(Shown { past: Some(document), versions_at })
    }

    /// The names that a read may see.
    pub(super) fn shown_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.documents.keys().chain(self.past_documents.0.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// What was set under an id, as a read sees it.
    pub(super) fn shown_setting(&mut self, id: &str) -> Option<Setting> {
        let at = self.now() - self.lags.draw(self.lags.settings);
        self.past_settings.at(id, at).unwrap_or_else(|| self.settings.get(id)).cloned()
    }

    /// The status of a version as a read sees it. The read is counted.
    pub(super) fn observe(&mut self, name: &str, number: u64, shown: &Shown) -> Status {
        let there = self.documents.get_mut(name).and_then(|document| document.version_mut(number));
        let status = match (there, &shown.past) {
            (Some(version), _) => version.life.observe(shown.versions_at),
            (None, Some(past)) => past.get(number).expect("a version that is shown").life.status_at(shown.versions_at),
            (None, None) => unreachable!("a document that is shown as it is exists"),
        };
        let deleting = shown.document(self, name).deleting.is_some();
        if deleting { Status::Deleting } else { status }
    }
}

/// What a read sees of a document.
pub(super) struct Shown {
    past: Option<Document>,
    versions_at: SystemTime,
}

impl Shown {
    pub(super) fn document<'a>(&'a self, model: &'a Model, name: &str) -> &'a Document {
        self.past.as_ref().unwrap_or_else(|| &model.documents[name])
    }
}
