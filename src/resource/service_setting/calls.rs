//! The calls of one setting.

use std::time::Duration;

use aws_sdk_ssm::Client;
use tokio::time::Instant;

use super::plan::{Observed, Step, shows};
use super::properties::{explain_id, explain_value};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::resource::Undo;
use crate::ssm::{ErrorCode, SsmError};

/// How long a read may lag behind a write.
const LONGEST_LAG: Duration = Duration::from_secs(5);

/// Reads and writes the setting of one id.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Setting<'a> {
    pub client: &'a Client,
    pub id: &'a str,
    /// The function's name: the session name of its role, by which AWS tells who modified a setting.
    pub function: &'a str,
    /// What it waits for is recorded here.
    pub(crate) undo_log: &'a UndoLog<Undo>,
}

impl Setting<'_> {
    /// The setting, once no change of it is pending; `None` where AWS knows no such setting.
    ///
    /// # Errors
    /// [GetServiceSetting](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetServiceSetting.html) failed. It
    /// waits for ever while a change is pending: the caller's deadline ends it.
    pub async fn find(&self) -> Result<Option<Observed>, Failure> {
        let mut backoff = Backoff::new();
        loop {
            let output = self.client.get_service_setting().setting_id(self.id).send().await;
            let setting = match output.map_err(|error| SsmError::new("GetServiceSetting", &error)) {
                Ok(output) => output.service_setting,
                Err(error) if error.is(&ErrorCode::ServiceSettingNotFound) => return Ok(None),
                Err(error) => return Err(self.failure(&error)),
            };
            let Some(setting) = setting else { return Ok(None) };
            let status = setting.status.unwrap_or_default();
            if status == "PendingUpdate" {
                self.undo_log.seen(format!("its status is {status}"));
                backoff.pause().await;
                continue;
            }
            let user = setting.last_modified_user.unwrap_or_default();
            return Ok(Some(Observed {
                value: setting.setting_value.unwrap_or_default(),
                is_default: status == "Default",
                modified_at: setting.last_modified_date.map(|date| date.secs()),
                is_mine: user.contains(":assumed-role/") && user.rsplit('/').next() == Some(self.function),
                arn: setting.arn.unwrap_or_default(),
                status,
            }));
        }
    }

    /// The same, where the setting must be there.
    ///
    /// # Errors
    /// Also where AWS knows no such setting: then the error lists AWS's.
    pub async fn observe(&self) -> Result<Observed, Failure> {
        let unknown = || Failure::new(format!("SettingId: AWS knows no setting {}. {}", self.id, explain_id(self.id)));
        self.find().await?.ok_or_else(unknown)
    }

    /// Takes a step from what was observed before it, and waits until it shows: at most 5 s, for which a read may lag.
    ///
    /// # Errors
    /// AWS refused it, or it does not show.
    pub async fn take(&self, step: &Step, before: Observed) -> Result<Observed, Failure> {
        match step {
            Step::Leave => return Ok(before),
            Step::Set(value) => {
                let result = self.client.update_service_setting().setting_id(self.id).setting_value(value).send().await;
                result.map_err(|error| self.failure(&SsmError::new("UpdateServiceSetting", &error)))?;
            }
            Step::Reset => {
                let result = self.client.reset_service_setting().setting_id(self.id).send().await;
                result.map_err(|error| self.failure(&SsmError::new("ResetServiceSetting", &error)))?;
            }
        }
        let (mut backoff, written) = (Backoff::new(), Instant::now());
        loop {
            let observed = self.observe().await?;
            if shows(step, &before, &observed) {
                return Ok(observed);
            }
            if written.elapsed() >= LONGEST_LAG {
                return Err(Failure::new(format!(
                    "The setting {} was changed, but still has another value after {} s: somebody else is changing it. Try again.",
                    self.id,
                    LONGEST_LAG.as_secs()
                )));
            }
            self.undo_log.seen("another value still shows");
            backoff.pause().await;
        }
    }

    fn failure(&self, error: &SsmError) -> Failure {
        let failure = error.failure(&format!("service setting {}", self.id), str::to_owned);
        match explain_value(self.id) {
            Some(explanation) if error.is(&ErrorCode::Validation) => failure.and(explanation),
            _ if error.is(&ErrorCode::ServiceSettingNotFound) => failure.and(explain_id(self.id)),
            _ => failure,
        }
    }
}
