//! Promotes a version, provided that no other version has been created or promoted since the document was observed.

use tokio::time::{Duration, Instant, timeout_at};

use super::context::Merge;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::read_lag::{self, ReadLag};
use crate::resource::document::apply::context::{Applied, NotApplied, newer};
use crate::resource::document::aws::write::NotWritten;
use crate::resource::document::content::{Content, redact};
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::plan::merge::default_version_tag::tag_of;
use crate::resource::document::plan::merge::lock::{LOCKED_FOR, PROMOTE_WITHIN};
use crate::resource::document::plan::merge::promotion::{AfterPromotion, BeforePromotion, Promotion};
use crate::resource::document::plan::merge::{KeyChange, lost_keys};

/// How long this request holds the lock on the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// No promotion starts after this time.
    start: Instant,
    /// A promotion that has started ends by this time.
    end: Instant,
}

/// The lock under which a version is promoted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lock {
    /// The version itself, which this request uploaded.
    Version(Limit),
    /// The tag that names the version. It is set before the promotion.
    Tag(Limit),
}

impl Lock {
    fn limit(self) -> Limit {
        match self {
            Self::Version(limit) | Self::Tag(limit) => limit,
        }
    }
}

impl Limit {
    /// For a version or a tag that is about to be written.
    pub(super) fn of_write() -> Self {
        Self::from_now(PROMOTE_WITHIN)
    }

    /// For a promotion that starts within `time`.
    pub(super) fn from_now(time: Duration) -> Self {
        let start = Instant::now() + time;
        Self { start, end: start + (LOCKED_FOR - PROMOTE_WITHIN) / 2 }
    }

    fn has_passed(self) -> bool {
        Instant::now() >= self.start
    }
}

impl Merge<'_> {
    /// Promotes a version, then checks that no other version was created or promoted in the meantime.
    ///
    /// # Errors
    /// Another resource took a key, a call failed, or the document has changed.
    pub(super) async fn promote(
        &self,
        promotion: &Promotion,
        lock: Lock,
        change: &KeyChange,
        content: &Content,
    ) -> Result<Applied, NotApplied> {
        let version = &promotion.version;
        self.undo_log.step(format!("promoting version {version}"));
        let limit = lock.limit();
        let is_promotable = match lock {
            Lock::Version(_) => {
                // `join!`, not `try_join!`: if one fails, the tag must not still be in flight while the request is undone.
                let (tagged, is_promotable) = tokio::join!(
                    self.tag_default_version(version, limit, change),
                    self.wait_until_promotable(promotion, lock, change, content)
                );
                tagged?;
                is_promotable?
            }
            Lock::Tag(_) => {
                self.tag_default_version(version, limit, change).await?;
                read_lag::until_over().await;
                self.wait_until_promotable(promotion, lock, change, content).await?
            }
        };
        if is_promotable {
            if limit.has_passed() {
                return Err(took_too_long(version));
            }
            self.amend(|undo| undo.promoted = Some(version.clone()));
            match timeout_at(limit.end, self.writer.promote(version)).await {
                Ok(Ok(_)) => {}
                Ok(Err(NotWritten::Refused(failure))) => {
                    self.amend(|undo| undo.promoted = None);
                    return Err(failure.into());
                }
                Ok(Err(NotWritten::Uncertain(failure))) => return Err(NotApplied::Outdated(failure)),
                Err(_) => return Err(took_too_long(version)),
            }
        }
        if matches!(lock, Lock::Tag(_)) {
            // A slow writer may have uploaded or promoted a version that it had planned before it could see the tag.
            read_lag::until_over().await;
        }
        let mut lag = ReadLag::begin();
        loop {
            let seen = self.reader.describe().await?;
            let next = seen.as_ref().map_or(AfterPromotion::LookAgain, |seen| {
                promotion.after(&seen.description, change.records_default_version)
            });
            match next {
                AfterPromotion::Valid => {
                    return Ok(Applied {
                        default_version: version.clone(),
                        latest_version: newer(version, &promotion.latest).to_owned(),
                        hash: seen.and_then(|seen| seen.description.hash),
                    });
                }
                AfterPromotion::LookAgain if lag.is_possible() => lag.pause().await,
                AfterPromotion::LookAgain | AfterPromotion::Outdated => return Err(outdated()),
            }
        }
    }

    /// Sets the tag that names the version, before the version is promoted.
    async fn tag_default_version(&self, version: &str, limit: Limit, change: &KeyChange) -> Result<(), NotApplied> {
        if !change.records_default_version {
            return Ok(());
        }
        self.amend(|undo| undo.records_default_version = true);
        let tagged = timeout_at(limit.end, self.writer.tag(&tag_of(version))).await;
        Ok(tagged.map_err(|_| took_too_long(version))??)
    }

    /// Waits until the version is Active. Returns whether it must still be promoted.
    async fn wait_until_promotable(
        &self,
        promotion: &Promotion,
        lock: Lock,
        change: &KeyChange,
        content: &Content,
    ) -> Result<bool, NotApplied> {
        let (version, mine, mut backoff) = (&promotion.version, KeyOwner::from(self.owner), Backoff::new());
        let limit = lock.limit();
        let needs_tag = matches!(lock, Lock::Tag(_)) && change.records_default_version;
        loop {
            let seen = self.reader.describe_version(version).await?;
            if let Some(failure) =
                seen.as_ref().and_then(|seen| lost_keys(&mine, &change.taken, &seen.description.tags))
            {
                return Err(NotApplied::Failed(failure));
            }
            let next = seen.map_or(BeforePromotion::LookAgain, |seen| {
                promotion.before(&seen.description, &seen.status(), needs_tag)
            });
            if limit.has_passed() {
                return Err(took_too_long(version));
            }
            match next {
                BeforePromotion::Promote => return Ok(true),
                BeforePromotion::Promoted => return Ok(false),
                BeforePromotion::Outdated => return Err(outdated()),
                BeforePromotion::Failed(why) => {
                    return Err(NotApplied::Failed(Failure::new(format!(
                        "AWS could not create version {version} of document {}, so it was not promoted: {}",
                        self.reader.name,
                        redact(&why, &content.text, content.node.as_ref())
                    ))));
                }
                BeforePromotion::LookAgain => backoff.pause().await,
            }
        }
    }
}

pub(super) fn outdated() -> NotApplied {
    NotApplied::Outdated(Failure::new("The versions of the document were changed in the meantime."))
}

fn took_too_long(version: &str) -> NotApplied {
    NotApplied::Outdated(Failure::new(format!("Promoting version {version} took too long to be safe.")))
}
