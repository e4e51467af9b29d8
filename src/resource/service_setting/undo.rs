//! Undoes the Create of a setting, or an Update that moved to another setting.

use aws_sdk_ssm::Client;

use super::aws::Setting;
use super::physical_id::{PhysicalId, Previous};
use super::plan::Plan;
use crate::failure::Failure;

/// How to put a setting back.
#[derive(Debug, Clone)]
pub(crate) struct Undo {
    pub(super) id: PhysicalId,
    pub(super) function: String,
    /// The value that this request set.
    pub(super) value: String,
}

impl Undo {
    /// Restores the value before the request, unless the setting has changed since.
    ///
    /// # Errors
    /// A call failed, or the value before is unknown.
    pub(crate) async fn run(&self, client: &Client) -> Result<(), Failure> {
        let setting = Setting { client, id: &self.id.setting, function: &self.function };
        let observed = setting.observe().await?;
        if observed.value != self.value || observed.is_default {
            return Ok(());
        }
        let plan = match &self.id.previous {
            Previous::Default => Plan::Reset,
            Previous::Value(value) => Plan::Set(value.clone()),
            Previous::Unknown => return Err(Failure::new("An earlier delivery of this request changed it.")),
        };
        setting.apply(&plan).await.map(drop)
    }
}
