//! Pure rules that decide whether a request still stands, that is, whether CloudFormation is still waiting for its response.
//!
//! Every `Duration` that names a moment is the time since 1970. See
//! [DescribeStackResource](https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResource.html).

use std::time::Duration;

use crate::cfn::request::RequestType;
use crate::cfn::response_url::Signature;

/// For this long after the signature, an attempt to write may start without asking CloudFormation.
const LEASE: Duration = Duration::from_secs(5);

/// An attempt that started within the lease is cut off this long after the signature.
const LEASE_ENDS: Duration = Duration::from_secs(7);

/// An attempt that relies on CloudFormation's reply ends at most this long after the question was sent.
const REPLY_LASTS: Duration = Duration::from_secs(2);

/// An attempt starts only if it has at least this long left: an attempt that is cut off may still take effect.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// The status change that a request causes may be dated up to this long after the request's signature.
const TOLERANCE: Duration = Duration::from_secs(2);

/// This long after the signature, every lease of an earlier request has ended and its writes are visible.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An invocation that began within this time of the signature continues if the function can't ask CloudFormation.
const PROMPT: Duration = Duration::from_secs(60);

/// What CloudFormation reports about a resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StackResource {
    /// The stack or the resource does not exist.
    Missing,
    /// It exists.
    Found {
        /// The resource's status, such as `CREATE_IN_PROGRESS`.
        status: String,
        /// When its status last changed, as the time since 1970.
        updated_at: Duration,
        /// Its physical id, once it has one.
        physical_id: Option<String>,
    },
}

/// Whether an attempt to write may start, and how long it may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may start, and has no time limit.
    Free,
    /// It may start, and must end by this moment.
    Until(Duration),
    /// CloudFormation must be asked first.
    Ask,
}

/// What CloudFormation's report means for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stands.
    Stands,
    /// CloudFormation has given up on it, for this reason.
    Overtaken(String),
}

/// Decides whether an attempt to write may start at `now`. `asked` is when the function asked the last
/// question whose reply was that the request stands. A Delete never asks.
pub(crate) fn admission(
    request_type: Option<RequestType>,
    signature: Signature,
    now: Duration,
    asked: Option<Duration>,
) -> Admission {
    if request_type == Some(RequestType::Delete) {
        return Admission::Free;
    }
    if has_lease(signature, now) {
        return Admission::Until(signature.at() + LEASE_ENDS);
    }
    match asked.map(|asked| asked + REPLY_LASTS) {
        Some(end) if now + SHORTEST_ATTEMPT <= end => Admission::Until(end),
        _ => Admission::Ask,
    }
}

/// Whether an attempt to write may start at `now` without asking CloudFormation. A URL that is signed with Signature Version 2
/// gives no lease.
pub(crate) fn has_lease(signature: Signature, now: Duration) -> bool {
    matches!(signature, Signature::Dated(at) if now <= at + LEASE)
}

/// Decides whether the request stands: the resource must have the in-progress status of this type of request, and its status
/// must not have changed since the signature.
///
/// A resource that is rolled back to its old properties is shown as `UPDATE_IN_PROGRESS` while its *stack* is in
/// `UPDATE_ROLLBACK_IN_PROGRESS` ([Monitor a stack
/// update](https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-monitor-stack.html)). The
/// API's list of resource statuses also has `UPDATE_ROLLBACK_IN_PROGRESS`, so an Update accepts this status, too.
pub(crate) fn verdict(request_type: Option<RequestType>, signature: Signature, resource: &StackResource) -> Verdict {
    let in_progress: &[&str] = match request_type {
        Some(RequestType::Create) => &["CREATE_IN_PROGRESS"],
        Some(RequestType::Update) => &["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"],
        Some(RequestType::Delete) => return Verdict::Stands,
        None => &[],
    };
    let StackResource::Found { status, updated_at, .. } = resource else {
        return Verdict::Overtaken("the stack no longer has the resource".to_owned());
    };
    if !in_progress.contains(&status.as_str()) {
        return Verdict::Overtaken(format!("the resource's status is {status}"));
    }
    if *updated_at > signature.at() + TOLERANCE {
        return Verdict::Overtaken(format!("a later request changed the resource's status to {status}"));
    }
    Verdict::Stands
}

/// Whether another delivery of the request has succeeded. A Create has succeeded if the resource is complete, or was updated
/// since. A replacement has succeeded if the resource no longer has the request's physical id, `old_id`.
pub(crate) fn another_delivery_succeeded(
    request_type: Option<RequestType>,
    old_id: Option<&str>,
    resource: &StackResource,
) -> bool {
    let StackResource::Found { status, physical_id, .. } = resource else { return false };
    match request_type {
        Some(RequestType::Update) => physical_id.as_deref().is_some_and(|id| Some(id) != old_id),
        _ => status == "CREATE_COMPLETE" || status.starts_with("UPDATE_"),
    }
}

/// When the wait for earlier requests ends. A URL that is signed with Signature Version 2 does not reliably date the signature,
/// so the wait runs from `began`.
pub(crate) fn patience_ends(signature: Signature, began: Duration) -> Duration {
    match signature {
        Signature::Dated(at) => at + PATIENCE,
        Signature::Derived(_) => began + PATIENCE,
    }
}

/// Whether a request whose invocation began at `began` may continue if the function can't ask CloudFormation.
pub(crate) fn continues_unasked(signature: Signature, began: Duration) -> bool {
    began <= signature.at() + PROMPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use RequestType::{Create, Delete, Update};

    const SIGNED: u64 = 1_000_000;

    fn at(millis: u64) -> Duration {
        Duration::from_secs(SIGNED) + Duration::from_millis(millis)
    }

    fn dated() -> Signature {
        Signature::Dated(at(0))
    }

    fn derived() -> Signature {
        Signature::Derived(at(0))
    }

    fn found(status: &str, millis: u64) -> StackResource {
        StackResource::Found { status: status.into(), updated_at: at(millis), physical_id: None }
    }

    #[test]
    fn an_attempt_starts_within_the_lease_or_on_a_recent_reply_and_has_an_end() {
        use Admission::{Ask, Free, Until};
        for (request_type, signature, now, asked, expected) in [
            (Create, dated(), 0, None, Until(at(7_000))),
            (Create, dated(), 5_000, None, Until(at(7_000))),
            (Create, dated(), 5_001, None, Ask),
            (Update, dated(), 5_001, None, Ask),
            (Update, dated(), 4_000, Some(3_900), Until(at(7_000))),
            (Update, dated(), 9_000, Some(9_000), Until(at(11_000))),
            (Update, dated(), 10_000, Some(9_000), Until(at(11_000))),
            (Update, dated(), 10_001, Some(9_000), Ask),
            (Update, dated(), 90_000, Some(9_000), Ask),
            (Create, derived(), 0, None, Ask),
            (Create, derived(), 500, Some(100), Until(at(2_100))),
            (Delete, dated(), 90_000, None, Free),
            (Delete, derived(), 0, None, Free),
        ] {
            let admission = admission(Some(request_type), signature, at(now), asked.map(at));
            assert_eq!(admission, expected, "{request_type} {signature:?} at {now}, asked at {asked:?}");
        }
    }

    #[test]
    fn a_request_stands_while_its_resource_is_in_progress_and_unchanged_since_the_signature() {
        for (request_type, resource, stands) in [
            (Create, found("CREATE_IN_PROGRESS", 0), true),
            (Create, found("CREATE_IN_PROGRESS", 2_000), true),
            (Create, found("CREATE_IN_PROGRESS", 2_001), false),
            (Create, found("CREATE_FAILED", 0), false),
            (Create, found("CREATE_COMPLETE", 0), false),
            (Create, found("DELETE_IN_PROGRESS", 0), false),
            (Create, found("DELETE_COMPLETE", 0), false),
            (Create, found("UPDATE_IN_PROGRESS", 0), false),
            (Create, StackResource::Missing, false),
            (Update, found("UPDATE_IN_PROGRESS", 2_000), true),
            (Update, found("UPDATE_ROLLBACK_IN_PROGRESS", 2_000), true),
            (Update, found("UPDATE_IN_PROGRESS", 2_001), false),
            (Update, found("UPDATE_FAILED", 0), false),
            (Update, found("UPDATE_COMPLETE", 0), false),
            (Update, found("CREATE_IN_PROGRESS", 0), false),
            (Update, StackResource::Missing, false),
            (Delete, StackResource::Missing, true),
        ] {
            let verdict = verdict(Some(request_type), dated(), &resource);
            assert_eq!(verdict == Verdict::Stands, stands, "{request_type}: {resource:?}: {verdict:?}");
        }
    }

    #[test]
    fn a_create_that_was_followed_by_an_update_has_succeeded() {
        for (status, expected) in [
            ("CREATE_COMPLETE", true),
            ("UPDATE_IN_PROGRESS", true),
            ("UPDATE_COMPLETE", true),
            ("CREATE_FAILED", false),
            ("DELETE_IN_PROGRESS", false),
        ] {
            assert_eq!(another_delivery_succeeded(Some(Create), None, &found(status, 0)), expected, "{status}");
        }
        assert!(!another_delivery_succeeded(Some(Create), None, &StackResource::Missing));
    }

    #[test]
    fn a_replacement_that_changed_the_physical_id_has_succeeded() {
        for (physical_id, expected) in [(Some("old"), false), (Some("new"), true), (None, false)] {
            let physical_id = physical_id.map(str::to_owned);
            let resource = StackResource::Found { status: "UPDATE_COMPLETE".into(), updated_at: at(0), physical_id };
            assert_eq!(another_delivery_succeeded(Some(Update), Some("old"), &resource), expected, "{resource:?}");
        }
    }

    #[test]
    fn patience_runs_from_the_signature_or_from_the_start_of_the_invocation() {
        assert_eq!(patience_ends(dated(), at(3_000)), at(10_000));
        assert_eq!(patience_ends(derived(), at(3_000)), at(13_000));
    }

    #[test]
    fn a_request_that_cannot_be_asked_about_continues_only_if_it_arrived_promptly() {
        assert!(continues_unasked(dated(), at(60_000)) && !continues_unasked(dated(), at(60_001)));
        assert!(!continues_unasked(derived(), at(90_000)));
    }
}
