//! What one process keeps from one invocation to the next: nothing that grows.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use loopback_aws::{Age, InvocationError};

use super::bootstrap::Bootstrap;
use crate::documents::{NAME, desired};
use crate::world::{Request, World};

/// Threads and open files of a process.
#[cfg(target_os = "linux")]
fn held(process: &Bootstrap) -> (usize, usize) {
    let count = |folder: &str| std::fs::read_dir(format!("/proc/{}/{folder}", process.id())).unwrap().count();
    (count("task"), count("fd"))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_invocations_leave_no_thread_and_no_connection_behind() {
    let world = World::new().await;
    let runtime = world.aws.runtime_api().await;
    let process = Bootstrap::quiet(&world.aws, &runtime);
    let mut early = None;
    for number in 0..100 {
        let (old, new) = if number % 2 == 0 { ("10", "20") } else { ("20", "10") };
        let event = Request::update(NAME, desired(old), desired(new)).event(&world.aws.response_url(Age::Now));
        runtime.invoke(&event, Duration::from_secs(30)).await.unwrap();
        if number == 9 {
            early = Some(held(&process));
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (threads, files) = early.unwrap();
    let (threads_now, files_now) = held(&process);
    assert!(threads_now <= threads && files_now <= files + 1, "{threads}, {files} became {threads_now}, {files_now}");
    assert_eq!(world.aws.delivered().len(), 100);
}

/// The most memory that a process has had, in megabytes.
#[cfg(target_os = "linux")]
fn peak(process: &Bootstrap) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// One megabyte is what Lambda takes of CloudFormation, six what it takes of anybody.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_largest_events_take_memory_in_proportion() {
    for (megabytes, most) in [(1, 60), (6, 200)] {
        for unit in ["x", "[],", "{},", "1,", "\\u0001"] {
            let world = World::new().await;
            let runtime = world.aws.runtime_api().await;
            let process = Bootstrap::quiet(&world.aws, &runtime);
            let filling = unit.repeat(((megabytes << 20) - 4_096) / unit.len());
            let filling = if unit.ends_with(',') { format!("[{filling}1]") } else { format!("\"{filling}\"") };
            let event = Request::create(serde_json::json!({"Tags": "@"})).event(&world.aws.response_url(Age::Now));
            let event = event.to_string().replace("\"@\"", &filling);
            runtime.invoke_raw(event.into_bytes(), Duration::from_secs(60)).await.unwrap();
            assert_eq!(world.aws.delivered().len(), 1);
            let peak = peak(&process);
            assert!(peak < most, "{megabytes} MB of {unit} took {peak} MB");
        }
    }
}

#[tokio::test]
async fn a_log_that_nobody_takes_delays_no_answer() {
    let (_unread, mut log) = std::io::pipe().unwrap();
    // A pipe takes 64 KB: little is left.
    log.write_all(&[b'\n'; 60 * 1024]).unwrap();
    let world = World::new().await;
    let runtime = world.aws.runtime_api().await;
    let _process = Bootstrap::start(&world.aws, &runtime, "INFO", log.into(), Stdio::null());
    for number in 1..=40 {
        let event = Request::create(desired(&number.to_string())).event(&world.aws.response_url(Age::Now));
        let result = runtime.invoke(&event, Duration::from_secs(3)).await;
        assert_eq!(world.aws.delivered().len(), number, "each is answered: {result:?}");
        if result == Err(InvocationError::TimedOut) {
            return;
        }
    }
    panic!("the log never stopped the process: this test tests nothing");
}
