//! `Custom::SsmServiceSetting`: *the setting has the desired value, and no change to it is pending.*

pub(crate) mod aws;
pub mod desired;
pub(crate) mod observed;
pub mod physical_id;
pub(crate) mod plan;
pub(crate) mod undo;

use aws_sdk_ssm::Client;
use serde_json::{Map, Value, json};

use self::aws::Setting;
use self::desired::{Desired, OnDelete, declared_value};
use self::observed::Observed;
use self::physical_id::{PhysicalId, Previous};
use self::plan::Plan;
use self::undo::SettingUndo;
use crate::cfn::physical_id::{FailedCreate, is_generated};
use crate::cfn::request::Request;
use crate::cfn::standing::Standing;
use crate::failure::Failure;
use crate::invocation::undo_log::{UndoEntry, UndoLog};
use crate::resource::location::Location;
use crate::resource::reconciled::Reconciled;
use crate::resource::undo::Undo;

/// Carries out a Create or an Update.
///
/// # Errors
/// The request was refused, or a call failed. `undo_log` then holds what must be undone.
pub(crate) async fn reconcile(
    client: &Client,
    location: Option<&Location>,
    function: &str,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<Undo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties, location)?;
    let setting = Setting { client, id: &desired.id, function, undo_log };
    undo_log.step("reading the setting");
    let mut observed = setting.observe().await?;
    let own_id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let own_id = own_id.filter(|id| id.setting == desired.id);
    let declared_before = declared_value(&request.old_properties, &desired.id);
    if own_id.is_some() && !plan::shows_old_value(declared_before.as_deref(), &observed) {
        // An Update before this one may have been cancelled while it wrote.
        undo_log.step("waiting for an earlier Update to end");
        standing.wait_for_patience().await;
        observed = setting.observe().await?;
    }
    let plan = plan::change(&desired, &observed, request.requested_at);
    tracing::info!(setting = desired.id, sets = plan != Plan::Leave, "planned");
    let adopts = own_id.is_none();
    let id = match own_id {
        // A change to the resource's own setting is not undone: CloudFormation's rollback is an Update back to the old value.
        Some(id) => id,
        None => {
            let id = plan::adoption(&desired, &observed, request.requested_at)?;
            if plan != Plan::Leave {
                let undo = SettingUndo { id: id.clone(), function: function.to_owned(), value: desired.value.clone() };
                undo_log.note(UndoEntry { physical_id: id.to_string(), undo: Undo::ServiceSetting(undo) });
            }
            id
        }
    };
    if plan != Plan::Leave {
        undo_log.step("changing the setting");
        let applied = setting.apply(&plan, observed).await;
        if applied.is_err() && !adopts {
            // A call without a reply may still take effect. Wait for it, so that the next Update sees the effect.
            setting.wait_for_unreplied().await;
        }
        observed = applied?;
        if adopts {
            // A setting has no ownership tags, so the Delete after a cancelled Create, and the rollback of a cancelled Update
            // that changes `SettingId`, can't find out what was set.
            undo_log.step("asking CloudFormation whether it is still waiting for a response to this request");
            standing.confirm().await?;
        }
    }
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
    standing: &Standing,
    undo_log: &UndoLog<Undo>,
) -> Result<(), Failure> {
    let choice = OnDelete::read(&request.properties);
    let physical_id = request.physical_resource_id.as_deref().unwrap_or_default();
    let (physical_id, unfinished) = match FailedCreate::parse(physical_id) {
        Some(FailedCreate::NotCreated { .. }) => return Ok(()),
        Some(FailedCreate::Unfinished { signature, id }) => (id, Some(signature)),
        None => (physical_id.to_owned(), None),
    };
    let Some(id) = PhysicalId::parse(&physical_id) else {
        if is_generated(&physical_id, &request.stack_id, &request.logical_resource_id) {
            tracing::warn!(
                resource = request.logical_resource_id,
                "CloudFormation cancelled the Create of this resource; check that the setting has its earlier value"
            );
        }
        return Ok(());
    };
    if unfinished.is_none() && choice == OnDelete::Retain {
        return Ok(());
    }
    if unfinished.is_some() {
        undo_log.step("waiting for the failed Create to end");
        standing.wait_for_patience().await;
    }
    undo_log.step("releasing the setting");
    let setting = Setting { client, id: &id.setting, function, undo_log };
    let Some(observed) = setting.find().await? else { return Ok(()) };
    if plan::is_overtaken(request.requested_at, unfinished.is_some(), &observed) {
        tracing::warn!(
            setting = id.setting,
            "the setting was changed after this Delete was signed, so it is left as it is"
        );
        return Ok(());
    }
    let declared = declared_value(&request.properties, &id.setting);
    let (plan, warning) = match unfinished {
        Some(signature) => plan::undo_unfinished(&id.previous, declared.as_deref(), signature, &observed),
        None => plan::release(choice, &id.previous, declared.as_deref(), &observed),
    };
    if let Some(warning) = warning {
        tracing::warn!(setting = id.setting, "{warning}");
    }
    setting.apply(&plan, observed).await.map(drop)
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
