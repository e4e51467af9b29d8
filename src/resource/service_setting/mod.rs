//! `Custom::SsmServiceSetting`: *the setting has the desired value, and no change of it is pending.*

pub mod calls;
pub mod physical_id;
pub mod plan;
pub mod properties;

use aws_sdk_ssm::Client;
use serde_json::{Map, Value, json};

use self::calls::Setting;
use self::physical_id::{PhysicalId, Previous};
use self::plan::{Observed, Step, first_id, on_delete, same_value, step, undo, undo_unfinished};
use self::properties::{Desired, OnDelete, declared_value};
use crate::cfn::physical_id::{FailedCreate, is_made_up};
use crate::cfn::request::{Request, RequestType};
use crate::cfn::standing::Standing;
use crate::failure::Failure;
use crate::invocation::undo_log::{UndoEntry, UndoLog};
use crate::invocation::writes;
use crate::resource::location::Location;
use crate::resource::reconciled::Reconciled;
use crate::resource::undo::Undo as AnyUndo;

/// How to put a setting back.
#[derive(Debug, Clone)]
pub struct Undo {
    id: PhysicalId,
    function: String,
    /// What this request set.
    value: String,
}

/// Brings the setting to what a Create or an Update asks for.
///
/// # Errors
/// What was refused or failed; `undo_log` then has what a failure must undo.
pub(crate) async fn reconcile(
    client: &Client,
    location: Option<&Location>,
    function: &str,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties, location)?;
    let setting = Setting { client, id: &desired.id, function, undo_log };
    undo_log.step("reading the setting");
    let mut observed = setting.observe().await?;
    let own_id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let own_id = own_id.filter(|id| id.setting == desired.id);
    let declared_before = declared_value(&request.old_properties, &desired.id);
    if own_id.is_some() && !declared_before.is_some_and(|value| same_value(&value, &observed.value)) {
        // An Update before this one may have been cancelled while it wrote.
        undo_log.step("waiting for an earlier Update to end");
        standing.wait_for_patience().await;
        observed = setting.observe().await?;
    }
    let step = step(&desired, &observed);
    tracing::info!(setting = desired.id, sets = step != Step::Leave, "planned");
    let id = match own_id {
        // Its own setting: the stack's rollback is an Update, too, and sets it back.
        Some(id) => id,
        None => {
            let id = first_id(&desired, &observed, request.requested_at)?;
            if step != Step::Leave {
                let undo = Undo { id: id.clone(), function: function.to_owned(), value: desired.value.clone() };
                undo_log.note(UndoEntry { physical_id: id.to_string(), undo: AnyUndo::ServiceSetting(undo) });
            }
            id
        }
    };
    if step != Step::Leave {
        undo_log.step("changing the setting");
        observed = setting.take(&step, observed).await?;
        if request.request_type == RequestType::Create {
            // A setting bears no ownership: the Delete of a cancelled Create can't tell what that Create set.
            undo_log.step("asking CloudFormation whether this request still stands");
            standing.confirm().await?;
        }
    }
    Ok(Reconciled { physical_id: id.to_string(), data: data(&id, observed) })
}

/// Lets the setting go that a Delete names.
///
/// # Errors
/// A call failed.
pub(crate) async fn release(
    client: &Client,
    function: &str,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<(), Failure> {
    let choice = OnDelete::read(&request.properties);
    let given = request.physical_resource_id.as_deref().unwrap_or_default();
    let (given, unfinished) = match FailedCreate::parse(given) {
        Some(FailedCreate::NotCreated) => return Ok(()),
        Some(FailedCreate::Unfinished { signature, id }) => (id, Some(signature)),
        None => (given.to_owned(), None),
    };
    let Some(id) = PhysicalId::parse(&given) else {
        if is_made_up(&given, &request.stack_id, &request.logical_resource_id) {
            let warning =
                "CloudFormation cancelled the Create of this resource: check that the setting is as it was before";
            tracing::warn!(resource = request.logical_resource_id, warning, "look at this");
        }
        return Ok(());
    };
    if unfinished.is_none() && choice == OnDelete::Retain {
        return Ok(());
    }
    if unfinished.is_some() {
        undo_log.step("waiting for the Create that failed to end");
        standing.wait_for_patience().await;
    }
    undo_log.step("letting the setting go");
    let setting = Setting { client, id: &id.setting, function, undo_log };
    let Some(observed) = setting.find().await? else { return Ok(()) };
    let declared = declared_value(&request.properties, &id.setting);
    let (step, warning) = match unfinished {
        Some(signature) => undo_unfinished(&id.previous, declared.as_deref(), signature, &observed),
        None => on_delete(choice, &id.previous, declared.as_deref(), &observed),
    };
    if let Some(warning) = warning {
        tracing::warn!(setting = id.setting, warning, "look at this");
    }
    setting.take(&step, observed).await.map(drop)
}

impl Undo {
    /// Puts the setting back as it was before the request, unless somebody else has changed it since.
    ///
    /// # Errors
    /// A call failed, or what was there before is not known.
    pub(crate) async fn run(&self, client: &Client, undo_log: &UndoLog<AnyUndo>) -> Result<(), Failure> {
        let setting = Setting { client, id: &self.id.setting, function: &self.function, undo_log };
        let observed = setting.observe().await?;
        let step = undo(&self.id.previous, &self.value, writes::any(), &observed);
        let step = step.ok_or_else(|| Failure::new("An earlier delivery of this request changed it."))?;
        setting.take(&step, observed).await.map(drop)
    }
}

/// What `Fn::GetAtt` gives.
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
