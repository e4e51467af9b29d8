//! Uploads merged content or, if AWS refuses it as a duplicate, finds the version that has it.

use super::context::Merge;
use crate::resource::document::apply::context::NotApplied;
use crate::resource::document::apply::upload::WithContent;
use crate::resource::document::content::Content;
use crate::resource::document::desired::Desired;
use crate::resource::document::observed::Document;

impl Merge<'_> {
    /// Returns the version that has the content, and the latest version.
    pub(super) async fn upload(&self, document: &Document, content: &Content) -> Result<(String, String), NotApplied> {
        let latest = &document.description.latest_version;
        let desired = Desired::session(self.reader.name, content.clone());
        match self.apply_for(&desired).upload_or_find(document, latest, None).await? {
            WithContent::New(described) => {
                let number = described.version.number.unwrap_or_default();
                Ok((number.clone(), number))
            }
            WithContent::Existing { number, refused: _ } => Ok((number, latest.clone())),
        }
    }
}
