//! Undoes a Create, or an Update that changed which setting the resource manages.

use aws_sdk_ssm::Client;

use super::aws::Setting;
use super::physical_id::PhysicalId;
use super::plan;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::invocation::writes;

/// How to restore a setting.
#[derive(Debug, Clone)]
pub(crate) struct SettingUndo {
    pub(super) id: PhysicalId,
    pub(super) function: String,
    /// The value that this request set.
    pub(super) value: String,
}

impl SettingUndo {
    /// Restores the value from before the request, unless the setting has been changed since or the request wrote nothing. If a
    /// call got no response, does so again after 5 s: no later request undoes what a cancelled Create, or a cancelled Update
    /// that changes `SettingId`, leaves behind.
    ///
    /// # Errors
    /// A call failed, or the value from before the request is unknown.
    pub(crate) async fn run<U: Clone>(&self, client: &Client, undo_log: &UndoLog<U>) -> Result<(), Failure> {
        if !writes::any() {
            return Ok(());
        }
        let setting = Setting { client, id: &self.id.setting, function: &self.function, undo_log };
        let restored = self.restore(&setting).await;
        if setting.wait_for_unreplied().await { self.restore(&setting).await } else { restored }
    }

    async fn restore<U: Clone>(&self, setting: &Setting<'_, U>) -> Result<(), Failure> {
        let observed = setting.observe().await?;
        let plan = plan::undo(&self.id.previous, &self.value, true, &observed);
        let unknown = "The setting's earlier value is unknown: an earlier delivery of this request changed it, or the value was \
                       too long to record.";
        let plan = plan.ok_or_else(|| Failure::new(unknown))?;
        setting.apply(&plan, observed).await.map(drop)
    }
}
