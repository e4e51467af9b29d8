//! Faults on demand: which call of which operation fails, waits, or has somebody else act beside it.

use crate::late::TakesEffect;
use crate::ssm::{Model, ModelError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Refused with an error; nothing is changed.
    Error(ModelError),
    /// Changed, and still refused with an error.
    ErrorAfter(ModelError),
    /// Waits, then goes on. A caller that leaves meanwhile has changed nothing.
    Delay(Duration),
    /// Changed; the response waits.
    DelayAfter(Duration),
    /// No response ever; nothing is changed.
    Hang,
    /// Changed; no response ever.
    HangAfter,
    /// The connection is reset; nothing is changed.
    ResetBefore,
    /// Changed; then the connection is reset.
    ResetAfter,
    /// The caller gets no response, and the call takes effect later.
    Late(Loss, TakesEffect),
    /// A response with this status and text, which need not be JSON; nothing is changed.
    Raw(u16, String),
}

/// How a caller loses its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// No response ever.
    Hang,
    /// The connection is reset.
    Reset,
}

impl Fault {
    /// An error of this code, with its HTTP status and message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error(ModelError { status, ..ModelError::new(code, message) })
    }

    /// `ThrottlingException`, as SSM words it.
    pub fn throttling() -> Self {
        Self::error(400, "ThrottlingException", "Rate exceeded")
    }

    /// `AccessDeniedException` for this action on this resource, as IAM words it.
    pub fn access_denied(action: &str, resource: &str) -> Self {
        let text = format!(
            "User: arn:aws:sts::111122223333:assumed-role/cfn-ssm-document/cfn-ssm-document is not authorized to \
             perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
        );
        Self::error(400, "AccessDeniedException", &text)
    }

    /// `InternalServerError`, status 500.
    pub fn internal() -> Self {
        Self::error(500, "InternalServerError", "An error occurred on the server side.")
    }

    pub(crate) fn is_after(&self) -> bool {
        matches!(self, Self::ErrorAfter(_) | Self::DelayAfter(_) | Self::HangAfter | Self::ResetAfter)
    }
}

type Hook = Box<dyn FnMut(&mut Model) + Send>;

pub(crate) enum Action {
    Fault(Fault),
    Before(Hook),
    After(Hook),
    GateBefore(Post),
    GateAfter(Post),
}

impl Action {
    /// Whether it acts after the call's change.
    pub(crate) fn is_after(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.is_after(),
            Self::After(_) | Self::GateAfter(_) => true,
            Self::Before(_) | Self::GateBefore(_) => false,
        }
    }
}

struct Rule {
    operation: String,
    from: u64,
    to: u64,
    seen: u64,
    action: Arc<Mutex<Action>>,
}

/// The current rules, in the order they were made.
#[derive(Default)]
pub(crate) struct Rules(Mutex<Vec<Rule>>);

impl Rules {
    /// Counts a call of this operation, and returns what happens to it.
    pub(crate) fn meet(&self, operation: &str) -> Vec<Arc<Mutex<Action>>> {
        let mut rules = self.0.lock().unwrap();
        let mut met = Vec::new();
        for rule in rules.iter_mut().filter(|rule| rule.operation == operation || rule.operation == "*") {
            rule.seen += 1;
            if (rule.from..=rule.to).contains(&rule.seen) {
                met.push(Arc::clone(&rule.action));
            }
        }
        met
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// Which calls a rule applies to; by default, the next one. Counting begins when the rule is made.
pub struct On<'a> {
    rules: &'a Rules,
    operation: String,
    from: u64,
    to: u64,
}

impl<'a> On<'a> {
    pub(crate) fn new(rules: &'a Rules, operation: &str) -> Self {
        Self { rules, operation: operation.to_owned(), from: 1, to: 1 }
    }

    /// The n-th call from now, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        (self.from, self.to) = (n, n);
        self
    }

    /// This many calls, from the next one (or the n-th) on.
    #[must_use]
    pub fn times(mut self, k: u64) -> Self {
        self.to = self.from.saturating_add(k).saturating_sub(1);
        self
    }

    /// Every call, from the next one (or the n-th) on.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.to = u64::MAX;
        self
    }

    /// Applies this fault to those calls.
    pub fn fault(self, fault: Fault) {
        self.add(Action::Fault(fault));
    }

    /// Runs this on the model just before those calls are carried out.
    pub fn before(self, hook: impl FnMut(&mut Model) + Send + 'static) {
        self.add(Action::Before(Box::new(hook)));
    }

    /// Runs this on the model just after those calls are carried out, before their response.
    pub fn after(self, hook: impl FnMut(&mut Model) + Send + 'static) {
        self.add(Action::After(Box::new(hook)));
    }

    /// Holds those calls before they are carried out, until the gate is opened.
    pub fn hold_before(self) -> Gate {
        let (gate, post) = Gate::new();
        self.add(Action::GateBefore(post));
        gate
    }

    /// Carries out those calls, and then holds their response until the gate is opened.
    pub fn hold_after(self) -> Gate {
        let (gate, post) = Gate::new();
        self.add(Action::GateAfter(post));
        gate
    }

    fn add(self, action: Action) {
        let action = Arc::new(Mutex::new(action));
        let rule = Rule { operation: self.operation, from: self.from, to: self.to, seen: 0, action };
        self.rules.0.lock().unwrap().push(rule);
    }
}

/// Holds calls at a point until a test lets them go on. Dropping it opens it.
pub struct Gate {
    arrivals: watch::Receiver<u64>,
    open: watch::Sender<bool>,
}

/// The server's side of a gate.
#[derive(Clone)]
pub(crate) struct Post {
    arrivals: watch::Sender<u64>,
    open: watch::Receiver<bool>,
}

impl Gate {
    fn new() -> (Self, Post) {
        let (arrive, arrivals) = watch::channel(0);
        let (open, opened) = watch::channel(false);
        (Self { arrivals, open }, Post { arrivals: arrive, open: opened })
    }

    /// Waits until a call has reached the gate.
    pub async fn reached(&mut self) {
        self.arrivals.wait_for(|count| *count > 0).await.expect("the gate outlived the loopback AWS");
    }

    /// Lets all calls through, later ones included.
    pub fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open.send_replace(true);
    }
}

impl Post {
    pub(crate) async fn pass(mut self) {
        self.arrivals.send_modify(|count| *count += 1);
        // An error means that the gate is gone, and so open.
        self.open.wait_for(|open| *open).await.ok();
    }
}
