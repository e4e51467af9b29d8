//! Tracks when a request first saw the tag of a version that is about to be promoted.

use tokio::time::Instant;

use crate::resource::document::observed::Observed;
use crate::resource::document::plan::merge::lock::{Announced, LOCKED_FOR, announced};

/// The version that the tag announced at the last observation, and when this request first saw it announced.
#[derive(Debug, Default)]
pub(crate) struct Announcement(Option<(String, Instant)>);

impl Announcement {
    /// Begins with the first observation of a request.
    pub(crate) fn first(observed: &Observed) -> Self {
        let mut announcement = Self::default();
        announcement.of(observed);
        announcement
    }

    /// The version that the observed document announces, unless this request has already waited for [`LOCKED_FOR`].
    pub(super) fn of(&mut self, observed: &Observed) -> Announced {
        let Observed::Present(document) = observed else { return Announced::Nothing };
        let Some((version, announced)) = announced(&document.description) else {
            self.0 = None;
            return Announced::Nothing;
        };
        match &self.0 {
            Some((seen, since)) if seen == version && since.elapsed() >= LOCKED_FOR => Announced::Nothing,
            Some((seen, _)) if seen == version => announced,
            Some(_) | None => {
                self.0 = Some((version.to_owned(), Instant::now()));
                announced
            }
        }
    }
}
