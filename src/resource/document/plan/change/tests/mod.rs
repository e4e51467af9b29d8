//! Tests the plan as a table: every combination of desired and observed state.

mod adoption;
mod properties;

use serde_json::{Value, json};

use super::super::adoption::{Adoption, adoption};
use super::super::tags::tags_of_new;
use super::super::{Plan, Planned};
use super::*;
use crate::resource::document::desired::{Declared, Requirement};
use crate::resource::document::intent::Operation;
use crate::resource::document::observed::{Description, Version};
use crate::resource::document::ownership::{Owner, PREVIOUS_DEFAULT_VERSION, SINCE};

const NEW: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"new\"}";
const OLD: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"old\"}";
const OTHER: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"other\"}";

fn owner() -> Owner {
    Owner { stack_id: "stack/a".into(), logical_id: "Document".into() }
}

/// The properties that declare [`NEW`], with these on top.
fn desired(more: Value) -> Desired {
    Desired::read(&properties(more)).unwrap()
}

fn previous(more: Value) -> Declared {
    Declared::read(&properties(more))
}

fn properties(more: Value) -> serde_json::Map<String, Value> {
    let mut all = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": NEW});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all.as_object().unwrap().clone()
}

/// A document without an owner, whose only version, number 3, has this content.
fn with(content: &str) -> Document {
    Document {
        description: Description {
            document_type: "Command".into(),
            account: Some("111122223333".into()),
            default_version: "3".into(),
            latest_version: "3".into(),
            ..Description::default()
        },
        default: version("3", Status::Active, content),
        latest: None,
        shared_with: BTreeSet::new(),
    }
}

fn version(number: &str, status: Status, content: &str) -> Version {
    Version { number: number.into(), version_name: None, status, content: content.into() }
}

impl Document {
    fn tagged(mut self, tags: impl IntoIterator<Item = (String, String)>) -> Self {
        self.description.tags.extend(tags);
        self
    }

    fn ours(self) -> Self {
        self.tagged(owner().tags_of_created())
    }

    fn described(mut self, change: impl FnOnce(&mut Description)) -> Self {
        change(&mut self.description);
        self
    }

    fn latest(mut self, version: Option<Version>) -> Self {
        self.description.latest_version = version.as_ref().unwrap_or(&self.default).number.clone();
        self.latest = version;
        self
    }
}

fn intent<'a>(desired: &'a Desired, previous: Option<&'a Declared>, owner: &'a Owner) -> Intent<'a> {
    let operation = previous.map_or(Operation::Create, Operation::Update);
    Intent { desired, operation, owner, signature: None, account: Some("111122223333") }
}

/// Both stages: the adoption, and the plan for the document after the adoption.
fn decided(desired: &Desired, previous: Option<&Declared>, document: &Document) -> Result<(Adoption, Planned), String> {
    let owner = owner();
    let intent = intent(desired, previous, &owner);
    let adoption = adoption(intent, &document.description).map_err(|failure| failure.to_string())?;
    let adopted = Adopted::by(&adoption, &document.description);
    let document = document.clone().tagged(adoption.tags().cloned().unwrap_or_default());
    let planned = plan(intent, &document, &adopted).map(Planned::change).map_err(|failure| failure.to_string())?;
    Ok((adoption, planned))
}

fn planned(desired: &Desired, previous: Option<&Declared>, document: &Document) -> Result<Planned, String> {
    decided(desired, previous, document).map(|(_, planned)| planned)
}

#[track_caller]
fn change(desired: &Desired, previous: Option<&Declared>, document: &Document) -> Change {
    match planned(desired, previous, document).unwrap().plan {
        Plan::Change(change) => change,
        Plan::Create => panic!("an existing document is not created"),
    }
}

fn upload(promote: bool, attributes: Option<Attributes>) -> VersionChange {
    VersionChange::Upload(Upload { on_top_of: "3".into(), promote, attributes })
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The tag that records this default version.
fn recorded(version: &str) -> Tags {
    tags(&[(DEFAULT_VERSION, version)])
}

#[test]
fn every_cell_of_owner_choice_and_versions_is_decided() {
    let other = |stack: &str, logical: &str| Owner { stack_id: stack.into(), logical_id: logical.into() };
    // The result under Adopt, TakeOver and Fail: whether the document is adopted, or why the request is refused.
    let fail = Err("already exists, and OnExisting is Fail");
    let foreign = Err("Delete that resource first or, if the stack no longer exists, set OnExisting: TakeOver");
    let owners = [
        (Tags::new(), [Ok(true), Ok(true), fail]),
        (tags(&[("aws:cloudformation:stack-id", "stack/a"), ("team", "blue")]), [Ok(true), Ok(true), fail]),
        (owner().tags_of_created(), [Ok(false), Ok(false), Ok(false)]),
        (owner().tags_of_adopted("1"), [Ok(false), Ok(false), Ok(false)]),
        (other("stack/b", "Document").tags_of_created(), [foreign, Ok(true), foreign]),
        (other("stack/a", "Second").tags_of_adopted("2"), [foreign, Ok(true), foreign]),
    ];
    let (active, failed) = (Status::Active, Status::Failed("why".into()));
    let latest = |status: &Status, content| Some(version("9", status.clone(), content));
    let (keep, promote) = (VersionChange::Keep, VersionChange::Promote("9".into()));
    let upload =
        |latest: &str, promote| VersionChange::Upload(Upload { on_top_of: latest.into(), promote, attributes: None });
    // The default version, the latest if it differs, and what happens with SetDefaultVersion true and false.
    let versions = [
        (version("3", active.clone(), NEW), None, [&keep, &keep]),
        (version("3", active.clone(), NEW), latest(&active, OTHER), [&keep, &keep]),
        (version("3", active.clone(), OLD), None, [&upload("3", true), &upload("3", false)]),
        (version("3", active.clone(), OLD), latest(&active, NEW), [&promote, &keep]),
        (version("3", active.clone(), OLD), latest(&active, OTHER), [&upload("9", true), &upload("9", false)]),
        (version("3", active, OLD), latest(&failed, NEW), [&upload("9", true), &upload("9", false)]),
        (version("3", failed.clone(), NEW), None, [&upload("3", true), &upload("3", false)]),
        (version("3", failed.clone(), NEW), latest(&failed, NEW), [&upload("9", true), &upload("9", false)]),
        (version("3", failed, NEW), latest(&Status::Active, NEW), [&promote, &keep]),
    ];
    for (tags, by_choice) in &owners {
        for (choice, owned) in ["Adopt", "TakeOver", "Fail"].into_iter().zip(by_choice) {
            for (default, latest, by_default) in &versions {
                for (set_default, expected) in ["true", "false"].into_iter().zip(by_default) {
                    let desired = desired(json!({"OnExisting": choice, "SetDefaultVersion": set_default}));
                    let mut document = with("").tagged(tags.clone());
                    document.default = default.clone();
                    let document = document.latest(latest.clone());
                    let cell = format!("{tags:?} {choice} {default:?} {latest:?} {set_default}");
                    match (decided(&desired, None, &document), owned) {
                        (Ok((adoption, Planned { plan: Plan::Change(change), .. })), Ok(adopts)) => {
                            assert_eq!(change.version, **expected, "{cell}");
                            let mut ours = owner().tags_of_adopted("3");
                            ours.retain(|key, value| tags.get(key) != Some(value));
                            let default = if set_default == "true" { recorded("3") } else { Tags::new() };
                            // An adoption records the default version with its own tags.
                            let expected = if *adopts {
                                ours.extend(default);
                                (Adoption::Adopt(ours), Tags::new())
                            } else {
                                (Adoption::AlreadyOurs, default)
                            };
                            assert_eq!((adoption, change.set_tags), expected, "{cell}");
                        }
                        (Err(why), Err(expected)) => assert!(why.contains(expected), "{cell}: {why}"),
                        (result, _) => panic!("{cell}: {result:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn an_absent_document_is_created_whatever_the_choice_but_only_with_valid_content() {
    for choice in ["Adopt", "TakeOver", "Fail"] {
        let mut desired = desired(json!({ "OnExisting": choice }));
        let owner = owner();
        let absent = |desired: &Desired| Planned::creation(intent(desired, None, &owner));
        let created = absent(&desired).unwrap();
        assert_eq!(created, Planned { plan: Plan::Create, warnings: vec![] });
        desired.findings.warnings = vec![Problem::new("DocumentContent.a", "is odd.")];
        assert_eq!(absent(&desired).unwrap().warnings, desired.findings.warnings);
        desired.findings.problems = vec![Problem::new("DocumentContent.b", "is wrong.")];
        let refused = absent(&desired).unwrap_err();
        assert_eq!(refused.to_string(), "DocumentContent.b: is wrong.");
    }
}

#[test]
fn findings_are_warnings_only_if_the_document_is_ours_and_its_default_version_has_the_content() {
    let mut desired = desired(json!({}));
    desired.findings.problems = vec![Problem::new("DocumentContent.a", "is wrong.")];
    desired.findings.warnings = vec![Problem::new("DocumentContent.b", "is odd.")];
    let mut failed = with(NEW).ours();
    failed.default.status = Status::Failed(String::new());
    for (document, passes) in [
        (with(NEW).ours(), true),
        (with(NEW).tagged(owner().tags_of_adopted("1")), true),
        (with(NEW), false),
        (with(OLD).ours(), false),
        (with(OLD).ours().latest(Some(version("4", Status::Active, NEW))), false),
        (failed, false),
    ] {
        match planned(&desired, None, &document) {
            Ok(planned) => {
                let both = [desired.findings.warnings.clone(), desired.findings.problems.clone()].concat();
                assert_eq!((passes, planned.warnings), (true, both), "{document:?}");
            }
            Err(why) => assert_eq!((passes, why.as_str()), (false, "DocumentContent.a: is wrong."), "{document:?}"),
        }
    }
}

#[test]
fn a_plan_names_each_of_its_steps() {
    let attributes = Some(Attributes { names: vec!["DisplayName", "TargetType"], refusable: true });
    let upload =
        |promote, attributes| Change { version: super::tests::upload(promote, attributes), ..Change::default() };
    let full = Change {
        set_tags: tags(&[("a", "secret"), ("b", "secret")]),
        remove_tags: BTreeSet::from(["c".to_owned()]),
        version: VersionChange::Promote("7".into()),
        tags_of_version: Tags::new(),
        records_default_version: true,
        share: vec!["111111111111".into()],
        unshare: vec!["222222222222".into()],
    };
    for (plan, expected) in [
        (Plan::Create, "create the document"),
        (Plan::Change(Change::default()), "nothing to do"),
        (
            Plan::Change(full),
            "set tags: 2, remove tags: 1, promote version 7, share with accounts: 1, stop sharing with accounts: 1",
        ),
        (Plan::Change(upload(true, None)), "upload a version and promote it"),
        (Plan::Change(upload(false, attributes)), "upload a version for DisplayName and TargetType"),
    ] {
        assert_eq!(plan.to_string(), expected);
    }
}

#[test]
fn a_request_that_writes_records_its_signature_and_one_that_does_not_write_sets_no_tag() {
    let (owner, previous) = (owner(), previous(json!({})));
    let wanted = desired(json!({}));
    let intent = Intent { signature: Some(100), ..intent(&wanted, Some(&previous), &owner) };
    let set = |document: Document| plan(intent, &document, &Adopted::No).unwrap().0.set_tags;
    let ours = |content| with(content).ours().tagged(recorded("3"));
    assert_eq!(set(ours(OLD)), tags(&[(SINCE, "100")]));
    assert_eq!(set(ours(NEW)), Tags::new());
    assert_eq!(set(ours(OLD).tagged(tags(&[(SINCE, "100")]))), Tags::new());
}

#[test]
fn a_delivery_that_writes_sets_the_tags_of_another_one_again() {
    let (owner, wanted) = (owner(), desired(json!({})));
    let intent = Intent { signature: Some(100), ..intent(&wanted, None, &owner) };
    let mut adopted = owner.tags_of_adopted("2");
    adopted.extend(tags(&[(SINCE, "100")]));
    let set = |content| {
        let document = with(content).tagged(adopted.clone()).tagged(recorded("3"));
        let outcome = Adopted::by(&adoption(intent, &document.description).unwrap(), &document.description);
        plan(intent, &document, &outcome).unwrap().0.set_tags
    };
    assert_eq!(set(NEW), Tags::new());
    assert_eq!(set(OLD), adopted);
}

#[test]
fn the_tag_of_the_default_version_is_set_before_a_promotion_only_if_there_is_none() {
    for (content, tag, set_default, first, last) in [
        (NEW, None, "true", recorded("3"), Tags::new()),
        (NEW, Some("3"), "true", Tags::new(), Tags::new()),
        (NEW, Some("2"), "true", recorded("3"), Tags::new()),
        (OLD, None, "true", recorded("3"), recorded("4")),
        (OLD, Some("3"), "true", Tags::new(), recorded("4")),
        (OLD, Some("2"), "true", Tags::new(), recorded("4")),
        (OLD, Some("4"), "true", Tags::new(), Tags::new()),
        (NEW, None, "false", Tags::new(), Tags::new()),
        (OLD, Some("3"), "false", Tags::new(), Tags::new()),
    ] {
        let document = with(content).ours().tagged(tag.map(recorded).unwrap_or_default());
        let wanted = desired(json!({ "SetDefaultVersion": set_default }));
        let change = change(&wanted, None, &document);
        let default = if content == OLD && set_default == "true" { "4" } else { "3" };
        let case = format!("{content} {tag:?} {set_default}");
        assert_eq!((change.set_tags.clone(), change.tag_of_default(&document, default)), (first, last), "{case}");
        let removes = tag.is_some() && set_default == "false";
        assert_eq!(change.remove_tags.contains(DEFAULT_VERSION), removes, "{case}");
    }
}

#[test]
fn a_new_document_has_the_optional_tags_that_fit() {
    let many = |count: usize| (0..count).map(|number| (format!("tag-{number}"), json!(""))).collect::<Value>();
    let owner = owner();
    for (count, has_since, has_default) in [(45, true, true), (46, true, false), (47, false, false)] {
        let wanted = desired(json!({ "Tags": many(count) }));
        let tags = tags_of_new(Intent { signature: Some(100), ..intent(&wanted, None, &owner) });
        assert_eq!((tags.contains_key(SINCE), tags.contains_key(DEFAULT_VERSION)), (has_since, has_default), "{count}");
    }
    let wanted = desired(json!({"SetDefaultVersion": "false"}));
    assert!(!tags_of_new(intent(&wanted, None, &owner)).contains_key(DEFAULT_VERSION));
}

#[test]
fn names_that_a_version_with_the_content_lacks_give_a_warning() {
    let wanted = desired(json!({"VersionName": "v2", "DisplayName": "Two"}));
    let warnings = planned(&wanted, None, &with(NEW).ours()).unwrap().warnings;
    let paths: Vec<&str> = warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["VersionName", "DisplayName"]);
    assert_eq!(planned(&desired(json!({})), None, &with(NEW).ours()).unwrap().warnings, []);
}
