//! `Custom::SsmDocument`: *the desired content is the document's default version, and that version is Active.*
//!
//! In reading order: [`properties`] and [`content`] say what is desired, [`observed`] and [`observe`] what is there, [`claim`]
//! and [`plan`] decide, [`apply`] and [`upload`] do it; [`undo`] takes back what a failed request did; [`release`] is the Delete.
//! [`read`] and [`write`] are the calls.

pub mod apply;
pub mod claim;
pub mod content;
pub mod observe;
pub mod observed;
pub mod owner;
pub mod plan;
pub mod properties;
pub mod read;
pub mod release;
pub mod requires;
pub mod session;
pub mod undo;
pub mod upload;
pub mod versions;
pub mod write;

use serde_json::{Map, Value, json};

use self::apply::{Applied, Apply, NotApplied};
use self::observe::observe;
use self::observed::{Description, Document, Observed};
use self::owner::{Origin, Owner, origin};
use self::plan::{Asked, Change, Plan, Planned, plan};
use self::properties::{Desired, OnDelete, Previous, is_document_name};
use self::read::Reader;
use self::undo::Undo;
use self::write::Writer;
use crate::backoff::Backoff;
use crate::cfn::request::{Request, RequestType};
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::resource::location::Location;
use crate::resource::{Reconciled, Undo as AnyUndo};

/// How often a document that changes under our hands is looked at again.
const MAX_ROUNDS: usize = 4;
const MAX_LOGGED_PATHS: usize = 50;

/// Brings the document to what a Create or an Update asks for.
///
/// # Errors
/// What was refused or failed; `undo_log` then has what a failure must undo.
pub async fn reconcile(
    client: &aws_sdk_ssm::Client,
    location: Option<&Location>,
    request: &Request,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties)?;
    let me = owner(request);
    let keeps_name = request.physical_resource_id.as_ref() == Some(&desired.name);
    let previous =
        (request.request_type == RequestType::Update && keeps_name).then(|| Previous::read(&request.old_properties));
    let account = location.map(|location| location.account.as_str());
    let asked = Asked { desired: &desired, previous: previous.as_ref(), me: &me, account };
    let name = desired.name.as_str();
    let apply = Apply { reader: Reader { client, name }, writer: Writer { client, name }, asked, undo_log };
    let applied = converge(apply, request, keeps_name).await?;
    let arn = location.map(|location| location.arn(&format!("document/{name}"))).unwrap_or_default();
    Ok(Reconciled { physical_id: desired.name.clone(), data: data(&desired, applied, arn) })
}

/// Lets the document go that a Delete names.
///
/// # Errors
/// A call failed.
pub async fn release(
    client: &aws_sdk_ssm::Client,
    request: &Request,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<(), Failure> {
    undo_log.step("letting the document go");
    let name = request.physical_resource_id.as_deref().unwrap_or_default();
    if !is_document_name(name) {
        // The marker of a Create that left nothing behind, or an id that CloudFormation made up.
        return Ok(());
    }
    let on_delete = OnDelete::read(&request.properties);
    release::release(Reader { client, name }, Writer { client, name }, &owner(request), on_delete).await
}

/// Observes, plans and applies, again where the document changed in between.
async fn converge(apply: Apply<'_>, request: &Request, keeps_name: bool) -> Result<Applied, Failure> {
    let Apply { reader, writer, asked, undo_log } = apply;
    let desired = asked.desired;
    let old_accounts = asked.previous.is_some_and(|previous| !previous.account_ids.is_empty());
    let sharing = old_accounts || !desired.account_ids.is_empty();
    let (mut tried_to_create, mut noted_undo, mut claimed) = (false, false, false);
    let mut backoff = Backoff::new();
    let (mut outdated, mut rounds) = (None, 0);
    while rounds < MAX_ROUNDS {
        undo_log.step("reading the document");
        let (observed, claims) = match keeps_name {
            true => (observe(reader, &desired.content, sharing).await?, false),
            false => apply.meet(sharing).await?,
        };
        if claims {
            (claimed, noted_undo) = (true, false);
        }
        let Some(observed) = observed else {
            backoff.pause().await;
            continue;
        };
        let planned = plan(asked, &observed)?;
        log(asked, &observed, &planned);
        // What an Update does to its own document is not undone: the stack's rollback is an Update, too.
        if !keeps_name {
            match (&planned.plan, &observed) {
                (Plan::Change(change), _) if *change == Change::default() => {}
                (Plan::Change(change), Observed::Present(document))
                    if !is_of_this_request(asked.me, request, document, tried_to_create) =>
                {
                    // In a second round the document bears what the first has changed.
                    if !noted_undo {
                        let is_first = claimed || request.request_type == RequestType::Create;
                        let undo = Undo::of_changed(asked, document, change, is_first);
                        undo_log.note(undo.map(AnyUndo::Document));
                        noted_undo = true;
                    }
                }
                _ => {
                    undo_log.note(Undo::of_created(asked.me, &desired.name).map(AnyUndo::Document));
                    noted_undo = false;
                }
            }
        }
        let result = match (&planned.plan, &observed) {
            (Plan::Change(change), Observed::Present(document)) => {
                if !claimed && !change.claim.is_empty() {
                    writer.tag(&change.claim).await?;
                    claimed = true;
                }
                apply.change(document, change, claimed).await
            }
            _ => {
                tried_to_create = true;
                apply.create().await
            }
        };
        match result {
            Ok(applied) => return Ok(applied),
            Err(NotApplied::Failed(failure)) => return Err(failure),
            Err(NotApplied::Outdated(failure)) => outdated = Some(failure),
        }
        rounds += 1;
        backoff.pause().await;
    }
    let failure = outdated.unwrap_or_else(|| Failure::new("The document changed in the meantime."));
    Err(failure.and("That was so several times in a row: someone else is changing the document. Try again."))
}

/// Whether a document that bears our tags was made by this very request: by a call of this invocation whose answer got lost,
/// or by an earlier delivery of the request, which the times tell. Any other was there before, and is never deleted.
fn is_of_this_request(me: &Owner, request: &Request, document: &Document, tried_to_create: bool) -> bool {
    let Description { created_at, tags, .. } = &document.description;
    let made_since = request.requested_at.zip(*created_at).is_some_and(|(requested, created)| created >= requested);
    Owner::of(tags).as_ref() == Some(me)
        && origin(tags) == Origin::Created
        && (tried_to_create || made_since && document.default.number == "1")
}

/// One line with the plan and the paths that change, never their values.
fn log(asked: Asked<'_>, observed: &Observed, planned: &Planned) {
    let changed = match observed {
        Observed::Present(document) => {
            asked.desired.content.changed_paths(&document.default.content).unwrap_or_default()
        }
        Observed::Absent => Default::default(),
    };
    let changed: Vec<String> = changed.into_iter().take(MAX_LOGGED_PATHS).collect();
    tracing::info!(document = asked.desired.name, plan = %planned.plan, ?changed, "planned");
    for warning in &planned.warnings {
        tracing::warn!(document = asked.desired.name, %warning, "look at this");
    }
}

fn owner(request: &Request) -> Owner {
    Owner { stack_id: request.stack_id.clone(), logical_id: request.logical_resource_id.clone() }
}

/// What `Fn::GetAtt` gives.
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
