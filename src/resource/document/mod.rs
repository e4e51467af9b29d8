//! `Custom::SsmDocument`: *the desired content is the document's default version, and that version is Active.*
//!
//! In reading order: [`desired`] and [`content`] read what a request wants, [`intent`] says on whose behalf; [`aws`] observes and
//! writes, [`observed`] and [`ownership`] are what it finds; [`plan`] decides; [`apply`] carries out what was decided.

pub(crate) mod apply;
pub(crate) mod aws;
pub mod content;
pub mod desired;
pub(crate) mod intent;
pub(crate) mod observed;
pub(crate) mod ownership;
pub(crate) mod plan;

use serde_json::{Map, Value, json};

use self::apply::release::Releasing;
use self::apply::{Adopted, Applied, Apply, NotApplied};
use self::aws::read::Reader;
use self::aws::write::Writer;
use self::desired::{Declared, Desired, is_document_name};
use self::intent::{Encounter, Intent};
use self::observed::Observed;
use self::ownership::Owner;
use self::plan::{Planned, plan};
use super::location::Location;
use super::reconciled::Reconciled;
use super::undo::Undo;
use crate::backoff::Backoff;
use crate::cfn::request::{Request, RequestType};
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;

/// How many plans for one request may turn out to be outdated.
const MAX_ROUNDS: usize = 4;
const MAX_LOGGED_PATHS: usize = 50;

/// Brings the document to the state that a Create or an Update declares.
///
/// # Errors
/// The request is refused, or a call failed. `undo_log` then holds what must be undone.
pub(crate) async fn reconcile(
    client: &aws_sdk_ssm::Client,
    location: Option<&Location>,
    request: &Request,
    undo_log: &UndoLog<Undo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties)?;
    let (owner, previous) = (owner(request), Declared::read(&request.old_properties));
    let is_own = request.physical_resource_id.as_ref() == Some(&desired.name);
    let encounter = match request.request_type {
        RequestType::Update if is_own => Encounter::Update(&previous),
        RequestType::Update => Encounter::Rename,
        RequestType::Create | RequestType::Delete => Encounter::Create,
    };
    let account = location.map(|location| location.account.as_str());
    let intent = Intent { desired: &desired, encounter, owner: &owner, signature: request.requested_at, account };
    let name = desired.name.as_str();
    let applied =
        converge(Apply { reader: Reader { client, name }, writer: Writer { client, name }, intent, undo_log }).await?;
    let arn = location.map(|location| location.arn(&format!("document/{name}"))).unwrap_or_default();
    Ok(Reconciled { physical_id: desired.name.clone(), data: data(&desired, applied, arn) })
}

/// Observes, plans and applies, until a plan is carried out on the document that it was made for.
async fn converge(apply: Apply<'_>) -> Result<Applied, Failure> {
    let mut backoff = Backoff::new();
    let (mut outdated, mut adopted) = (None, Adopted::No);
    for _ in 0..MAX_ROUNDS {
        let met = apply.observe().await?;
        adopted = adopted.or(met.adopted);
        let planned = plan(apply.intent, &met.observed)?;
        log(apply.intent, &met.observed, &planned);
        match apply.carry_out(&planned.plan, &met.observed, &adopted).await {
            Ok(applied) => return Ok(applied),
            Err(NotApplied::Failed(failure)) => return Err(failure),
            Err(NotApplied::Outdated(failure)) => outdated = Some(failure),
        }
        backoff.pause().await;
    }
    let failure = outdated.unwrap_or_else(|| Failure::new("The document changed in the meantime."));
    Err(failure.and("This happened several times in a row: someone else is changing the document. Try again."))
}

/// Releases the document that a Delete names.
///
/// # Errors
/// A call failed.
pub(crate) async fn release(
    client: &aws_sdk_ssm::Client,
    request: &Request,
    undo_log: &UndoLog<Undo>,
) -> Result<(), Failure> {
    let name = request.physical_resource_id.as_deref().unwrap_or_default();
    if !is_document_name(name) {
        // The marker of a Create that left nothing, or an id of another provider.
        return Ok(());
    }
    let (owner, declared) = (owner(request), Declared::read(&request.properties));
    let (reader, writer) = (Reader { client, name }, Writer { client, name });
    let signature = request.requested_at;
    Releasing { reader, writer, owner: &owner, declared: &declared, signature, undo_log }.release().await
}

/// Logs the plan and the paths that change, never their values.
fn log(intent: Intent<'_>, observed: &Observed, planned: &Planned) {
    let content = &intent.desired.content;
    let changed = match observed {
        Observed::Present(document) => content.changed_paths(&document.default.content).unwrap_or_default(),
        Observed::Absent => Default::default(),
    };
    let changed: Vec<String> = changed.into_iter().take(MAX_LOGGED_PATHS).collect();
    let document = &intent.desired.name;
    tracing::info!(document, plan = %planned.plan, ?changed, "planned");
    for warning in &planned.warnings {
        tracing::warn!(document, "{warning}");
    }
}

fn owner(request: &Request) -> Owner {
    Owner { stack_id: request.stack_id.clone(), logical_id: request.logical_resource_id.clone() }
}

/// The values of `Fn::GetAtt`.
fn data(desired: &Desired, applied: Applied, arn: String) -> Map<String, Value> {
    let Applied { default_version, latest_version, hash } = applied;
    [
        ("Arn", arn),
        ("DocumentName", desired.name.clone()),
        ("DocumentType", desired.document_type.clone()),
        ("DefaultVersion", default_version),
        ("LatestVersion", latest_version),
        ("Hash", hash.unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .into_iter()
    .collect()
}
