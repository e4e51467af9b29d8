//! The plan as a table: every cell of desired and observed.

mod properties;

use serde_json::{Value, json};

use super::super::observed::Version;
use super::super::super::desired::Requirement;
use super::*;

const NEW: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"new\"}";
const OLD: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"old\"}";
const OTHER: &str = "{\"schemaVersion\": \"2.2\", \"v\": \"other\"}";

fn me() -> Owner {
    Owner { stack_id: "stack/a".into(), logical_id: "Document".into() }
}

/// What wants [`NEW`] in force, with these properties on top.
fn desired(more: Value) -> Desired {
    Desired::read(&properties(more)).unwrap()
}

fn previous(more: Value) -> Previous {
    Previous::read(&properties(more))
}

fn properties(more: Value) -> serde_json::Map<String, Value> {
    let mut all = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": NEW});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all.as_object().unwrap().clone()
}

/// A document of nobody's, whose only version, number 3, has this content.
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
        self.tagged(me().tags_of_created())
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

fn planned(desired: &Desired, previous: Option<&Previous>, document: &Document) -> Result<Planned, String> {
    let asked = Asked { desired, previous, me: &me(), account: Some("111122223333") };
    plan(asked, &Observed::Present(document.clone())).map_err(|failure| failure.to_string())
}

#[track_caller]
fn change(desired: &Desired, previous: Option<&Previous>, document: &Document) -> Change {
    match planned(desired, previous, document).unwrap().plan {
        Plan::Change(change) => change,
        Plan::Create => panic!("a document that is there is not created"),
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_cell_of_owner_choice_and_versions_is_decided() {
    let other = |stack: &str, logical: &str| Owner { stack_id: stack.into(), logical_id: logical.into() };
    // Whether it is adopted, or what the refusal says; under Adopt, TakeOver and Fail.
    let fail = Err("Fail refuses it");
    let foreign = Err("Let that stack go of it first, or, where that stack is gone, set OnExisting: TakeOver");
    let owners = [
        (Tags::new(), [Ok(true), Ok(true), fail]),
        (tags(&[("aws:cloudformation:stack-id", "stack/a"), ("team", "blue")]), [Ok(true), Ok(true), fail]),
        (me().tags_of_created(), [Ok(false), Ok(false), Ok(false)]),
        (me().tags_of_adopted("1"), [Ok(false), Ok(false), Ok(false)]),
        (other("stack/b", "Document").tags_of_created(), [foreign, Ok(true), foreign]),
        (other("stack/a", "Second").tags_of_adopted("2"), [foreign, Ok(true), foreign]),
    ];
    let (active, failed) = (Status::Active, Status::Failed("why".into()));
    let latest = |status: &Status, content| Some(version("9", status.clone(), content));
    let (keep, promote) = (VersionChange::Keep, VersionChange::Promote("9".into()));
    let upload = |promote| VersionChange::Upload { promote, attributes: None };
    // The default version, the latest where it is another, and what happens with SetDefaultVersion true and false.
    let versions = [
        (version("3", active.clone(), NEW), None, [&keep, &keep]),
        (version("3", active.clone(), NEW), latest(&active, OTHER), [&keep, &keep]),
        (version("3", active.clone(), OLD), None, [&upload(true), &upload(false)]),
        (version("3", active.clone(), OLD), latest(&active, NEW), [&promote, &keep]),
        (version("3", active.clone(), OLD), latest(&active, OTHER), [&upload(true), &upload(false)]),
        (version("3", active, OLD), latest(&failed, NEW), [&upload(true), &upload(false)]),
        (version("3", failed.clone(), NEW), None, [&upload(true), &upload(false)]),
        (version("3", failed.clone(), NEW), latest(&failed, NEW), [&upload(true), &upload(false)]),
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
                    match (planned(&desired, None, &document), owned) {
                        (Ok(Planned { plan: Plan::Change(change), .. }), Ok(adopts)) => {
                            assert_eq!((&change.version, !change.claim.is_empty()), (*expected, *adopts), "{cell}");
                            let mut ours = if *adopts { me().tags_of_adopted("3") } else { Tags::new() };
                            ours.retain(|key, value| tags.get(key) != Some(value));
                            assert_eq!((change.claim, change.set_tags), (ours, Tags::new()), "{cell}");
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
fn an_absent_document_is_created_whatever_the_choice_and_only_with_a_sound_content() {
    for choice in ["Adopt", "TakeOver", "Fail"] {
        let mut desired = desired(json!({ "OnExisting": choice }));
        let absent =
            |desired: &Desired| plan(Asked { desired, previous: None, me: &me(), account: None }, &Observed::Absent);
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
fn a_refusal_names_the_owner_and_its_stack() {
    let owner = Owner { stack_id: "arn:the-other-stack".into(), logical_id: "Theirs".into() };
    let why = planned(&desired(json!({})), None, &with(OLD).tagged(owner.tags_of_created())).unwrap_err();
    assert!(why.contains("the resource Theirs of the stack arn:the-other-stack"), "{why}");
}

#[test]
fn findings_are_warnings_only_where_the_document_is_ours_and_has_the_content_in_force() {
    let mut desired = desired(json!({}));
    desired.findings.problems = vec![Problem::new("DocumentContent.a", "is wrong.")];
    desired.findings.warnings = vec![Problem::new("DocumentContent.b", "is odd.")];
    let mut failed = with(NEW).ours();
    failed.default.status = Status::Failed(String::new());
    for (document, passes) in [
        (with(NEW).ours(), true),
        (with(NEW).tagged(me().tags_of_adopted("1")), true),
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
fn another_type_or_account_is_refused_with_another_name_as_the_way_out() {
    let desired = desired(json!({}));
    let other_type = with(NEW).ours().described(|document| document.document_type = "Automation".into());
    let why = planned(&desired, None, &other_type).unwrap_err();
    assert!(why.contains("is of type Automation"), "{why}");
    assert!(why.contains("can't be changed to Command") && why.contains("another DocumentName"), "{why}");
    let other_account = with(NEW).ours().described(|document| document.account = Some("444455556666".into()));
    let why = planned(&desired, None, &other_account).unwrap_err();
    assert!(why.contains("444455556666") && why.contains("111122223333"), "{why}");
    // Where one of the two is not known, nothing can be held against it.
    let unknown = with(NEW).ours().described(|document| document.account = None);
    assert!(planned(&desired, None, &unknown).is_ok());
    let asked = Asked { desired: &desired, previous: None, me: &me(), account: None };
    assert!(plan(asked, &Observed::Present(other_account)).is_ok());
}

#[test]
fn a_plan_tells_every_step_it_has() {
    let attributes = Some(Attributes { names: vec!["DisplayName", "TargetType"], refusable: true });
    let upload =
        |promote, attributes| Change { version: VersionChange::Upload { promote, attributes }, ..Change::default() };
    let full = Change {
        claim: me().tags_of_adopted("1"),
        set_tags: tags(&[("a", "secret"), ("b", "secret")]),
        remove_tags: BTreeSet::from(["c".to_owned()]),
        version: VersionChange::Promote("7".into()),
        share: vec!["111111111111".into()],
        unshare: vec!["222222222222".into()],
    };
    for (plan, expected) in [
        (Plan::Create, "create the document"),
        (Plan::Change(Change::default()), "nothing to do"),
        (
            Plan::Change(full),
            "adopt the document, set 2 tags, remove 1 tags, promote version 7, share with 1 accounts, unshare from 1 accounts",
        ),
        (Plan::Change(upload(true, None)), "upload a version and promote it"),
        (Plan::Change(upload(false, attributes)), "upload a version for DisplayName and TargetType"),
    ] {
        assert_eq!(plan.to_string(), expected);
    }
}
