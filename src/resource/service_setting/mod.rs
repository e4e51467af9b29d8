//! `Custom::SsmServiceSetting`: *the setting has the desired value, and no change of it is pending.*

pub mod calls;
pub mod physical_id;
pub mod plan;
pub mod properties;

use aws_sdk_ssm::Client;
use serde_json::{Map, Value, json};

use self::calls::Setting;
use self::physical_id::{PhysicalId, Previous};
use self::plan::{Observed, Step, first_id, on_delete, step};
use self::properties::{Desired, OnDelete};
use crate::cfn::request::Request;
use crate::failure::Failure;
use crate::invocation::undo_log::{UndoEntry, UndoLog};
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
    undo_log: &UndoLog<AnyUndo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties, location)?;
    let setting = Setting { client, id: &desired.id, function };
    undo_log.step("reading the setting");
    let observed = setting.observe().await?;
    let own_id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let own_id = own_id.filter(|id| id.setting == desired.id);
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
    let observed = if step == Step::Leave {
        observed
    } else {
        undo_log.step("changing the setting");
        setting.take(&step).await?
    };
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
    undo_log: &UndoLog<AnyUndo>,
) -> Result<(), Failure> {
    let choice = OnDelete::read(&request.properties);
    let id = request.physical_resource_id.as_deref().and_then(PhysicalId::parse);
    let Some(id) = id.filter(|_| choice != OnDelete::Retain) else { return Ok(()) };
    undo_log.step("letting the setting go");
    let setting = Setting { client, id: &id.setting, function };
    let Some(observed) = setting.find().await? else { return Ok(()) };
    let (step, warning) = on_delete(choice, &id.previous, &observed);
    if let Some(warning) = warning {
        tracing::warn!(setting = id.setting, warning, "look at this");
    }
    if step != Step::Leave {
        setting.take(&step).await?;
    }
    Ok(())
}

impl Undo {
    /// Puts the setting back as it was before the request, unless somebody else has changed it since.
    ///
    /// # Errors
    /// A call failed, or what was there before is not known.
    pub async fn run(&self, client: &Client) -> Result<(), Failure> {
        let setting = Setting { client, id: &self.id.setting, function: &self.function };
        let observed = setting.observe().await?;
        if observed.value != self.value || observed.is_default {
            return Ok(());
        }
        let step = match &self.id.previous {
            Previous::Default => Step::Reset,
            Previous::Value(value) => Step::Set(value.clone()),
            Previous::Unknown => return Err(Failure::new("An earlier delivery of this request changed it.")),
        };
        setting.take(&step).await.map(drop)
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
