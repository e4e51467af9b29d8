//! `Custom::SsmDocument`: *the desired content is the document's default version, and that version is Active.*
//!
//! In reading order: [`desired`] and [`content`] read what a request declares, and [`intent`] adds which resource declares it;
//! [`aws`] observes and writes, and [`observed`], [`ownership`] and [`key_ownership`] describe what it finds; [`plan`] decides;
//! [`apply`] carries out the decision.
//!
//! [`plan::change`] decides whether a version is promoted. Under `ContentMode: Merge`, [`plan::merge`] decides on the content,
//! [`plan::merge::lock`] whether a version is uploaded or promoted, and [`plan::merge::promotion`] whether it may still be
//! promoted once it is Active. [`plan::release`] decides what a Delete does, and [`plan::undo`] (for keys, [`plan::merge`]) how
//! a failed request is undone, including its adoption. The drift guard decides for itself ([`drift`](crate::drift)).

pub(crate) mod apply;
pub(crate) mod aws;
pub mod content;
pub mod desired;
pub(crate) mod intent;
pub(crate) mod key_ownership;
pub(crate) mod observed;
pub(crate) mod ownership;
pub(crate) mod plan;

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::apply::context::{Applied, Apply, NotApplied, Observation};
use self::apply::merge::announcement::Announcement;
use self::apply::merge::context::Merge;
use self::apply::release::Releasing;
use self::aws::read::Reader;
use self::aws::write::Writer;
use self::desired::{ContentMode, Declared, Desired, NamedKeys};
use self::intent::{Intent, Operation};
use self::key_ownership::last_since;
use self::observed::Observed;
use self::ownership::{Owner, since};
use self::plan::merge::{DesiredKeys, KeyRequest, Releasing as ReleasingKeys, UndoneCreate};
use self::plan::patience::shows_old_properties;
use self::plan::release::{Target, abandoned_name, target};
use self::plan::{Planned, change};
use super::location::Location;
use super::reconciled::Reconciled;
use super::undo::Undo;
use crate::backoff::Backoff;
use crate::cfn::request::{Request, RequestType};
use crate::cfn::standing::Standing;
use crate::failure::Failure;
use crate::invocation::clock::Clock;
use crate::invocation::undo_log::UndoLog;

/// After this many outdated plans, a request fails.
const MAX_OUTDATED: usize = 4;
const MAX_LOGGED_PATHS: usize = 50;

/// Brings the document to the state that a Create or an Update declares. Waits for AWS to finish creating or changing the
/// document, until the caller's deadline.
///
/// # Errors
/// The request is refused, a call failed, or others kept changing the document. `undo_log` then holds what must be undone.
pub(crate) async fn reconcile(
    client: &aws_sdk_ssm::Client,
    location: Option<&Location>,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<Undo>,
) -> Result<Reconciled, Failure> {
    let desired = Desired::read(&request.properties)?;
    let (owner, old) = (owner(request), Declared::read(&request.old_properties));
    let name = desired.name.as_str();
    let abandoned = abandoned_name(request, &old);
    let of_another_document = Declared::default();
    let previous = if abandoned.is_some() { &of_another_document } else { &old };
    let operation = match request.request_type {
        RequestType::Update if request.physical_resource_id.as_deref() == Some(name) => Operation::Update(previous),
        RequestType::Update => Operation::Rename,
        RequestType::Create | RequestType::Delete => Operation::Create,
    };
    let account = location.map(|location| location.account.as_str());
    let signature = Some(standing.signature());
    let intent = Intent { desired: &desired, operation, owner: &owner, signature, account };
    let (reader, writer, clock) = (Reader { client, name }, Writer { client, name }, &clock(standing));
    let apply = Apply { reader, writer, intent, clock, undo_log };
    let applied = match abandoned {
        None => converge(apply, standing).await?,
        Some(abandoned) => {
            undo_log.step("waiting for an earlier Update to end");
            standing.wait_for_patience().await;
            let kept = apply.reader.describe().await?.map(|kept| kept.description.tags).unwrap_or_default();
            let kept_since = since(&kept).max(last_since(&kept, &owner));
            let applied = converge(apply, standing).await;
            let (reader, writer) = (Reader { client, name: abandoned }, Writer { client, name: abandoned });
            let releasing = Releasing { reader, writer, owner: &owner, declared: &old, signature, undo_log };
            let signed = kept_since.map_or(0, |kept_since| kept_since + 1)..=i64::MAX;
            // Attempted even if the rollback itself is refused: no Delete will follow for the document that the rename began to
            // manage.
            let undone = undo_create(releasing, signed, standing).await;
            match (applied, undone) {
                (Ok(applied), Ok(())) => applied,
                (Ok(_), Err(failure)) | (Err(failure), Ok(())) => return Err(failure),
                (Err(failure), Err(why)) => return Err(failure.and(why)),
            }
        }
    };
    let arn = location.map(|location| location.arn(&format!("document/{name}"))).unwrap_or_default();
    Ok(Reconciled { physical_id: name.to_owned(), data: data(&desired, applied, arn) })
}

async fn converge(apply: Apply<'_>, standing: &Standing) -> Result<Applied, Failure> {
    match &apply.intent.desired.mode {
        ContentMode::Replace => converge_document(apply, standing).await,
        ContentMode::Merge(named) => converge_keys(apply, named, standing).await,
    }
}

/// Observes, plans and applies. Starts again if the document changes before the plan is carried out.
async fn converge_document(apply: Apply<'_>, standing: &Standing) -> Result<Applied, Failure> {
    let (mut backoff, mut outdated) = (Backoff::new(), None);
    let Observation { mut observed, mut adopted } = apply.observe().await?;
    if !shows_old_properties(apply.intent, &observed) {
        apply.undo_log.step("waiting for an earlier Update to end");
        standing.wait_for_patience().await;
        (observed, adopted) = apply.observe().await?.after(adopted);
    }
    for _ in 0..MAX_OUTDATED {
        let planned = match &observed {
            Observed::Present(document) => Planned::change(change::plan(apply.intent, document, &adopted)?),
            Observed::Absent => Planned::creation(apply.intent)?,
        };
        log(apply.intent, &observed, &planned);
        match apply.carry_out(&planned.plan, &observed, &adopted).await {
            Ok(applied) => return Ok(applied),
            Err(NotApplied::Failed(failure)) => return Err(failure),
            Err(NotApplied::Outdated(failure)) => outdated = Some(failure),
        }
        backoff.pause().await;
        (observed, adopted) = apply.observe().await?.after(adopted);
    }
    let failure = outdated.unwrap_or_else(|| Failure::new("The document was changed in the meantime."));
    Err(failure.and("This happened repeatedly: someone else is changing the document. Try again."))
}

/// Observes, plans and applies the keys that the resource names.
/// [`plan::merge::lock`] decides whether a version is uploaded or promoted.
async fn converge_keys(apply: Apply<'_>, named: &NamedKeys, standing: &Standing) -> Result<Applied, Failure> {
    let Apply { reader, writer, intent, clock, undo_log } = apply;
    let request = KeyRequest::Merge(DesiredKeys { intent, named });
    let with_shares = intent.manages_sharing();
    let merge = Merge { reader, writer, owner: intent.owner, request: &request, clock, undo_log, with_shares };
    let mut observed = merge.observe().await?;
    let announcement = Announcement::first(&observed);
    if !shows_old_properties(intent, &observed) {
        undo_log.step("waiting for an earlier Update to end");
        standing.wait_for_patience().await;
        observed = merge.observe().await?;
    }
    let applied = merge.run(observed, announcement).await?;
    applied.ok_or_else(|| Failure::new(format!("The document {} was deleted in the meantime.", intent.desired.name)))
}

/// Carries out a Delete: releases the document, or undoes a failed Create. Until the caller's deadline, waits for AWS to
/// finish creating or changing the document. Also waits a few seconds for a write to become visible.
///
/// # Errors
/// A call failed, or what a failed Create wrote is not visible yet. Under `ContentMode: Merge`, it is also an error if the
/// content can't be edited or others kept changing the document.
pub(crate) async fn release(
    client: &aws_sdk_ssm::Client,
    request: &Request,
    standing: &Standing,
    undo_log: &UndoLog<Undo>,
) -> Result<(), Failure> {
    let (owner, declared, signature) = (owner(request), Declared::read(&request.properties), standing.signature());
    let releasing = |name| Releasing {
        reader: Reader { client, name },
        writer: Writer { client, name },
        owner: &owner,
        declared: &declared,
        signature: Some(signature),
        undo_log,
    };
    match target(request, &declared, signature) {
        Target::Nothing => Ok(()),
        Target::Document(name) => match &declared.mode {
            ContentMode::Replace => releasing(&name).release().await,
            ContentMode::Merge(named) => {
                let (owner, on_delete, signature) = (&owner, declared.on_delete, Some(signature));
                let keys = ReleasingKeys { owner, named, on_delete, signature };
                apply_key_request(releasing(&name), &KeyRequest::Release(keys), standing).await?;
                // After a failed change from Replace to Merge, this resource may still own the whole document.
                releasing(&name).release().await
            }
        },
        Target::Create { name, signed } => {
            undo_log.step("waiting for the failed Create to end");
            standing.wait_for_patience().await;
            undo_create(releasing(&name), signed, standing).await
        }
        Target::NotCreated { name, signature } => {
            if !releasing(&name).shows_request(signature).await {
                return Ok(());
            }
            undo_log.step("waiting for another delivery of the Create to end");
            standing.wait_for_patience().await;
            undo_create(releasing(&name), signature..=signature, standing).await
        }
    }
}

/// Undoes a failed Create or rename, using the tags that it set.
async fn undo_create(
    releasing: Releasing<'_>,
    signed: RangeInclusive<i64>,
    standing: &Standing,
) -> Result<(), Failure> {
    let Releasing { reader, owner, declared, .. } = releasing;
    match &declared.mode {
        ContentMode::Replace => releasing.undo_create(&signed).await,
        ContentMode::Merge(named) => {
            let undone = UndoneCreate { name: reader.name, owner, named, signed, clock: &clock(standing) };
            apply_key_request(releasing, &KeyRequest::UndoCreate(undone), standing).await
        }
    }
}

async fn apply_key_request(
    releasing: Releasing<'_>,
    request: &KeyRequest<'_>,
    standing: &Standing,
) -> Result<(), Failure> {
    let Releasing { reader, writer, owner, undo_log, .. } = releasing;
    let merge = Merge { reader, writer, owner, request, clock: &clock(standing), undo_log, with_shares: false };
    let observed = merge.observe().await?;
    merge.run(observed, Announcement::default()).await.map(drop)
}

/// Creates the clock against which the age of a version is measured.
fn clock(standing: &Standing) -> Clock {
    let (began, started) = (standing.now(), Instant::now());
    Clock::new(move || began + started.elapsed())
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
    let managed_keys = match &desired.mode {
        ContentMode::Replace => None,
        ContentMode::Merge(named) => Some(("ManagedKeys", named.names().join(","))),
    };
    [
        ("Arn", arn),
        ("DocumentName", desired.name.clone()),
        ("DocumentType", desired.document_type.clone()),
        ("DefaultVersion", default_version),
        ("LatestVersion", latest_version),
        ("Hash", hash.unwrap_or_default()),
    ]
    .into_iter()
    .chain(managed_keys)
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect()
}
