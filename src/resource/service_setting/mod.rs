//! `Custom::SsmServiceSetting`: *the setting has the desired value, and no change of it is pending.*

pub(crate) mod aws;
pub mod desired;
pub(crate) mod observed;
pub mod physical_id;
pub(crate) mod plan;
pub(crate) mod undo;

use aws_sdk_ssm::Client;
use serde_json::{Map, Value, json};

use self::aws::Setting;
use self::desired::{Desired, OnDelete};
use self::observed::Observed;
use self::physical_id::{PhysicalId, Previous};
use self::plan::Plan;
use self::undo::Undo;
use super::location::Location;
use super::reconciled::Reconciled;
use super::undo::Undo as AnyUndo;
use crate::cfn::request::Request;
use crate::failure::Failure;
use crate::invocation::undo_log::{UndoEntry, UndoLog};

/// Carries out a Create or an Update.
///
/// # Errors
/// The request was refused, or a call failed. `undo_log` then holds what must be undone.
pub(crate) async fn reconcile(
    client: &Client,
    location: Option<&Location>,
    function: &str,
    request: &Request,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties, location)?;
    let setting = Setting { client, id: &desired.id, function };
    undo_log.step("reading the setting");
    let observed = setting.observe().await?;
    let own_id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let own_id = own_id.filter(|id| id.setting == desired.id);
    let plan = plan::change(&desired, &observed);
    tracing::info!(setting = desired.id, ?plan, "planned");
    let id = match own_id {
        // The resource's own setting is not undone, since CloudFormation's rollback is an Update back to the old value.
        Some(id) => id,
        None => {
            let id = plan::adoption(&desired, &observed, request.requested_at)?;
            if plan != Plan::Leave {
                let undo = Undo { id: id.clone(), function: function.to_owned(), value: desired.value.clone() };
                undo_log.note(UndoEntry { physical_id: id.to_string(), undo: AnyUndo::ServiceSetting(undo) });
            }
            id
        }
    };
    let observed = if plan == Plan::Leave {
        observed
    } else {
        undo_log.step("changing the setting");
        setting.apply(&plan).await?
    };
    Ok(Reconciled { physical_id: id.to_string(), data: data(&id, observed) })
}

/// Carries out a Delete.
///
/// # Errors
/// A call failed.
pub(crate) async fn release(
    client: &Client,
    function: &str,
    request: &Request,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<(), Failure> {
    let choice = OnDelete::read(&request.properties);
    let id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let Some(id) = id.filter(|_| choice != OnDelete::Retain) else { return Ok(()) };
    undo_log.step("releasing the setting");
    let setting = Setting { client, id: &id.setting, function };
    let Some(observed) = setting.find().await? else { return Ok(()) };
    let (plan, warning) = plan::release(choice, &id.previous, &observed);
    if let Some(warning) = warning {
        tracing::warn!(setting = id.setting, "{warning}");
    }
    if plan != Plan::Leave {
        setting.apply(&plan).await?;
    }
    Ok(())
}

/// The values of `Fn::GetAtt`.
fn data(id: &PhysicalId, observed: Observed) -> Map<String, Value> {
    let previous = match &id.previous {
        Previous::Value(value) => value.clone(),
        Previous::Default | Previous::Unknown => String::new(),
    };
    [("Arn", observed.arn), ("SettingValue", observed.value), ("Status", observed.status), ("PreviousValue", previous)]
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .into_iter()
        .collect()
}
