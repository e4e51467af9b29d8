//! What one process keeps from one invocation to the next: nothing that grows.

use std::time::{Duration, Instant};

use loopback_aws::{Age, Loopback};

use super::bootstrap::Bootstrap;
use crate::documents::{NAME, desired};
use crate::world::{Request, World};

/// Enough time on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Threads and open files of a process.
#[cfg(target_os = "linux")]
fn held(process: &Bootstrap) -> (usize, usize) {
    let count = |folder: &str| std::fs::read_dir(format!("/proc/{}/{folder}", process.id())).unwrap().count();
    (count("task"), count("fd"))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_invocations_leave_no_thread_and_no_connection_behind() {
    let world = World::on_sockets(Loopback::builder()).await;
    let runtime = world.aws.runtime_api().await;
    let process = Bootstrap::quiet(&world.aws, &runtime);
    let mut early = None;
    for number in 0..100 {
        let (old, new) = if number % 2 == 0 { ("10", "20") } else { ("20", "10") };
        let event = Request::update(NAME, desired(old), desired(new)).event(&world.aws.response_url(Age::Now));
        runtime.invoke(&event, PATIENCE).await.unwrap();
        if number == 9 {
            early = Some(held(&process));
        }
    }
    let (threads, files) = early.unwrap();
    // Threads and connections may take a moment to end.
    let patience = Instant::now() + PATIENCE;
    loop {
        let (threads_now, files_now) = held(&process);
        if threads_now <= threads && files_now <= files + 1 {
            break;
        }
        assert!(Instant::now() < patience, "{threads}, {files} became {threads_now}, {files_now}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.aws.delivered().len(), 100);
}

/// The most memory that a process has had, in megabytes.
#[cfg(target_os = "linux")]
fn peak(process: &Bootstrap) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// One megabyte is the most that Lambda accepts from CloudFormation, which invokes it asynchronously; six, from anybody.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_largest_events_take_memory_in_proportion() {
    for (megabytes, most) in [(1, 60), (6, 200)] {
        for unit in ["x", "[],", "{},", "1,", "\\u0001"] {
            let world = World::on_sockets(Loopback::builder()).await;
            let runtime = world.aws.runtime_api().await;
            let process = Bootstrap::quiet(&world.aws, &runtime);
            let filling = unit.repeat(((megabytes << 20) - 4_096) / unit.len());
            let filling = if unit.ends_with(',') { format!("[{filling}1]") } else { format!("\"{filling}\"") };
            let event = Request::create(serde_json::json!({"Tags": "@"})).event(&world.aws.response_url(Age::Now));
            let event = event.to_string().replace("\"@\"", &filling);
            runtime.invoke_raw(event.into_bytes(), PATIENCE).await.unwrap();
            assert_eq!(world.aws.delivered().len(), 1);
            let peak = peak(&process);
            assert!(peak < most, "{megabytes} MB of {unit} took {peak} MB");
        }
    }
}
