//! Reads and writes a setting.

use aws_sdk_ssm::Client;

use super::desired::{explain_id, explain_value};
use super::observed::Observed;
use super::plan::{Plan, shows};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::invocation::writes;
use crate::read_lag::{self, LONGEST_LAG, ReadLag};
use crate::ssm::{ErrorCode, SsmError};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a, U> {
    pub(crate) client: &'a Client,
    pub(crate) id: &'a str,
    /// The function's name. Lambda uses it as the role session name, which AWS reports as part of the user who last modified a
    /// setting.
    pub(crate) function: &'a str,
    /// Records what the request is waiting for.
    pub(crate) undo_log: &'a UndoLog<U>,
}

impl<U: Clone> Setting<'_, U> {
    /// [Reads](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetServiceSetting.html) the setting.
    ///
    /// Waits while a change is pending, until the caller's deadline. Returns `None` if AWS has no such setting.
    pub(crate) async fn find(&self) -> Result<Option<Observed>, Failure> {
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
                is_ours: user.contains(":assumed-role/") && user.rsplit('/').next() == Some(self.function),
                arn: setting.arn.unwrap_or_default(),
                status,
            }));
        }
    }

    /// Reads a setting that must exist. If it does not, the failure lists AWS's settings.
    pub(crate) async fn observe(&self) -> Result<Observed, Failure> {
        let unknown = || Failure::new(format!("SettingId: AWS has no setting {}. {}", self.id, explain_id(self.id)));
        self.find().await?.ok_or_else(unknown)
    }

    /// Applies a plan to the observed setting, and waits up to 5 s for reads to show it.
    ///
    /// # Errors
    /// AWS refused the change, or reads don't show it.
    pub(crate) async fn apply(&self, plan: &Plan, before: Observed) -> Result<Observed, Failure> {
        match plan {
            Plan::Leave => return Ok(before),
            Plan::Set(value) => {
                let result = self.client.update_service_setting().setting_id(self.id).setting_value(value).send().await;
                result.map_err(|error| self.failure(&SsmError::new("UpdateServiceSetting", &error)))?;
            }
            Plan::Reset => {
                let result = self.client.reset_service_setting().setting_id(self.id).send().await;
                result.map_err(|error| self.failure(&SsmError::new("ResetServiceSetting", &error)))?;
            }
        }
        let mut lag = ReadLag::begin();
        loop {
            let observed = self.observe().await?;
            if shows(plan, &before, &observed) {
                return Ok(observed);
            }
            if !lag.is_possible() {
                return Err(Failure::new(format!(
                    "The setting {} was changed, but reads still return another value after {} s. Something else may be \
                     changing it. Try again.",
                    self.id,
                    LONGEST_LAG.as_secs()
                )));
            }
            self.undo_log.seen("reads still return another value");
            lag.pause().await;
        }
    }

    /// If a call got no response, waits for 5 s: by then, it has taken effect or never will. Returns whether there was such a
    /// call.
    pub(crate) async fn wait_for_unreplied(&self) -> bool {
        let any = writes::any_unreplied();
        if any {
            self.undo_log.seen("a call got no response and may still take effect");
            read_lag::until_over().await;
        }
        any
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
