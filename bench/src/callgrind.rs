//! Counts instructions with callgrind: they don't depend on what else the machine does.
//!
//! gungraun also counts instructions, but of a command that it starts and that runs to its end. Here, a process serves events
//! that are handed to it, and the stripped release binary is measured, so reading one line of the report is enough.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::life::Life;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// The number of invocations over which the warm figure is averaged.
const WARM: u64 = 10;

/// How many instructions a provider executes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Instructions {
    /// Until the first event is asked for.
    pub(crate) init: u64,
    /// The first invocation.
    pub(crate) first: u64,
    /// One that follows.
    pub(crate) warm: u64,
}

/// The program valgrind, from `VALGRIND` or else from `PATH`; `None` if it can't be run.
pub(crate) fn valgrind() -> Option<PathBuf> {
    let program = std::env::var_os("VALGRIND").filter(|path| !path.is_empty()).unwrap_or_else(|| "valgrind".into());
    let version = Command::new(&program).arg("--version").output().ok()?;
    version.status.success().then(|| program.into())
}

/// Counts the instructions of these kinds of request, each as the first of its process and after others of its kind.
///
/// callgrind counts the whole life of a process, so the figures are differences between processes with no invocation, with one
/// and with more. Each is the minimum of `times` runs: on a busy machine, a connection may be discarded as too old and opened
/// again.
pub(crate) async fn count(
    valgrind: &Path,
    provider: &Provider,
    scenarios: &[Scenario],
    times: usize,
) -> io::Result<BTreeMap<&'static str, Instructions>> {
    let least = async |scenarios: &[Scenario]| {
        let mut least = u64::MAX;
        for _ in 0..times {
            least = least.min(life(valgrind, provider, scenarios).await?);
        }
        io::Result::Ok(least)
    };
    let init = least(&[]).await?;
    let mut counted = BTreeMap::new();
    for scenario in scenarios {
        let with_first = least(&[*scenario]).await?;
        let with_warm = least(&[*scenario; 1 + WARM as usize]).await?;
        let first = with_first.saturating_sub(init);
        let warm = with_warm.saturating_sub(with_first) / WARM;
        counted.insert(scenario.name(), Instructions { init, first, warm });
    }
    Ok(counted)
}

async fn life(valgrind: &Path, provider: &Provider, scenarios: &[Scenario]) -> io::Result<u64> {
    let file = std::env::temp_dir().join(format!("bench-{}-callgrind.out", std::process::id()));
    let total = profile(valgrind, provider, scenarios, &file).await;
    std::fs::remove_file(&file).ok();
    total
}

/// Counts the whole life of a process, and leaves callgrind's report, for `callgrind_annotate`, in `file`.
pub(crate) async fn profile(
    valgrind: &Path,
    provider: &Provider,
    scenarios: &[Scenario],
    file: &Path,
) -> io::Result<u64> {
    let mut wrapper = Command::new(valgrind);
    wrapper.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", file.display()));
    let mut life = Life::begin(provider, Duration::ZERO, Some(wrapper)).await?;
    for scenario in scenarios {
        life.aws.ssm(|model| scenario.prepare(model));
        life.invoke(|url| scenario.event(url)).await?;
    }
    life.end()?;
    let report = std::fs::read_to_string(file)?;
    let totals = report.lines().find_map(|line| line.strip_prefix("totals: "));
    totals.and_then(|text| text.trim().parse().ok()).ok_or_else(|| io::Error::other("callgrind gave no totals"))
}
