//! What the guard logs.

use std::io;
use std::sync::{Arc, Mutex};

use cfn_ssm_document::drift::Mode;
use loopback_aws::Fault;
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::{Guarded, TAG, daily, moved};
use crate::documents::NAME;
use crate::world::stack;

/// The log of the thread, as the function writes it, until it is dropped.
struct Log {
    lines: Lines,
    _subscriber: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn start() -> Self {
        let lines = Lines::default();
        let format = tracing_subscriber::fmt().json().flatten_event(true).with_ansi(false);
        let subscriber = format.with_target(false).with_writer(lines.clone()).finish();
        Self { lines, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines with this message, without their timestamps.
    fn with_message(&self, message: &str) -> Vec<Value> {
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("/sessions"), "a value of the content: {text}");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines: Vec<Value> = lines.filter(|line| line["message"] == message).collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("timestamp")));
        lines
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_names_the_document_both_versions_the_stack_who_and_when() {
    let (log, guarded) = (Log::start(), Guarded::new(Mode::Repair).await);
    guarded.moves_default(1);
    guarded.event(&moved()).await.unwrap();
    let drifted = json!({
        "level": "WARN", "message": "the document drifted", "document": NAME, "default_version": "1", "tagged": "2",
        "stack": stack("a"), "who": "arn:aws:iam::111122223333:user/alice", "when": "2026-11-21T19:41:10Z",
    });
    assert_eq!(log.with_message("the document drifted"), [drifted]);
    let repaired =
        json!({"level": "WARN", "message": "the default version was restored", "document": NAME, "version": "2"});
    assert_eq!(log.with_message("the default version was restored"), [repaired]);
}

#[tokio::test(start_paused = true)]
async fn a_repair_names_the_version_that_it_promoted_whatever_the_tag_says_afterwards() {
    let (log, guarded) = (Log::start(), Guarded::new(Mode::Repair).await);
    guarded.moves_default(1);
    guarded.world.aws.on("UpdateDocumentDefaultVersion").after(|model| {
        model.document_mut(NAME).unwrap().tags.insert(TAG.into(), "3".into());
    });
    guarded.world.aws.on("UpdateDocumentDefaultVersion").nth(2).fault(Fault::error(400, "InvalidDocumentVersion", ""));
    guarded.event(&moved()).await.unwrap();
    let [line] = &log.with_message("the default version was restored")[..] else { panic!("one line") };
    assert_eq!((&line["version"], guarded.default_version()), (&json!("2"), 2));
}

#[tokio::test(start_paused = true)]
async fn the_daily_check_names_neither_who_nor_when_and_ends_with_a_summary() {
    let (log, guarded) = (Log::start(), Guarded::new(Mode::Report).await);
    guarded.moves_default(1);
    guarded.event(&daily()).await.unwrap();
    let drifted = json!({
        "level": "WARN", "message": "the document drifted", "document": NAME, "default_version": "1", "tagged": "2",
        "stack": stack("a"),
    });
    assert_eq!(log.with_message("the document drifted"), [drifted]);
    let summary = json!({
        "level": "INFO", "message": "the daily drift check is done", "documents": 1, "guarded": 1, "drifted": 1,
        "repaired": 0, "failed": 0,
    });
    assert_eq!(log.with_message("the daily drift check is done"), [summary]);
}

#[tokio::test(start_paused = true)]
async fn a_line_says_why_drift_is_only_reported() {
    let (log, guarded) = (Log::start(), Guarded::new(Mode::Repair).await);
    guarded.moves_default(1);
    guarded.world.aws.on("DescribeStackResource").always().fault(Fault::error(403, "AccessDeniedException", "no"));
    guarded.event(&moved()).await.unwrap();
    let [line] = &log.with_message("the document drifted")[..] else { panic!("one line") };
    assert_eq!(line["only_reported"], "the guard can't ask CloudFormation: it refused the call with AccessDenied");
}
