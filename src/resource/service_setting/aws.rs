//! Reads and writes a setting.

use aws_sdk_ssm::Client;

use super::desired::{explain_id, explain_value};
use super::observed::Observed;
use super::plan::Plan;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::ssm::{ErrorCode, SsmError};

/// The setting with one id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) client: &'a Client,
    pub(crate) id: &'a str,
    /// The function's name. It is also the session name of its role, by which AWS tells who modified a setting.
    pub(crate) function: &'a str,
}

impl Setting<'_> {
    /// [Reads](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetServiceSetting.html) the setting.
    ///
    /// Waits while a change is pending; only the caller's deadline ends that. Returns `None` if AWS has no such setting.
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

    /// Applies a plan and waits until it has taken effect.
    ///
    /// # Errors
    /// AWS refused the change, or the setting has another value afterwards.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<Observed, Failure> {
        match plan {
            Plan::Leave => return self.observe().await,
            Plan::Set(value) => {
                let result = self.client.update_service_setting().setting_id(self.id).setting_value(value).send().await;
                result.map_err(|error| self.failure(&SsmError::new("UpdateServiceSetting", &error)))?;
            }
            Plan::Reset => {
                let result = self.client.reset_service_setting().setting_id(self.id).send().await;
                result.map_err(|error| self.failure(&SsmError::new("ResetServiceSetting", &error)))?;
            }
        }
        let observed = self.observe().await?;
        match plan {
            Plan::Set(value) if observed.value != *value => Err(Failure::new(format!(
                "The setting {} was set, but now it has another value, so it is being changed elsewhere too. Try again.",
                self.id
            ))),
            _ => Ok(observed),
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
