//! What the log says about a panic.

use std::process::Command;

use cfn_ssm_document::logging;

const SECRET: &str = "SENTINEL of a panic";

#[test]
#[ignore = "the test below runs it in a process of its own: it panics, and takes the process's log"]
fn panicking_after_the_log_was_started() {
    logging::start(Some("TRACE"));
    assert!(std::panic::catch_unwind(|| panic!("{SECRET}")).is_err());
}

#[test]
fn a_panic_is_logged_with_its_location_and_without_its_payload() {
    let name = "process::panic_message::panicking_after_the_log_was_started";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("\"message\":\"panicked\"") && printed.contains("panic_message.rs:"), "{printed}");
    assert!(!printed.contains(SECRET), "{printed}");
}
