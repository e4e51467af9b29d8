//! Instructions by callgrind: they don't depend on what else the machine does.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::life::Life;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Invocations of which the warm one is the mean.
const WARM: u64 = 10;

/// What a provider computes, in instructions.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Instructions {
    /// Until the first event is asked for.
    pub(crate) init: u64,
    /// The first invocation.
    pub(crate) first: u64,
    /// One that follows.
    pub(crate) warm: u64,
}

/// Where callgrind is: `VALGRIND` says, or else the path.
pub(crate) fn valgrind() -> Option<PathBuf> {
    let program = std::env::var_os("VALGRIND").filter(|path| !path.is_empty()).unwrap_or_else(|| "valgrind".into());
    let version = Command::new(&program).arg("--version").output().ok()?;
    version.status.success().then(|| program.into())
}

/// Counts. Three processes, since what is counted is the whole life of one: with no invocation, with one, with some more.
pub(crate) async fn count(
    valgrind: &Path,
    provider: &Provider,
    first: Scenario,
    then: Scenario,
) -> io::Result<Instructions> {
    let init = life(valgrind, provider, &[]).await?;
    let with_first = life(valgrind, provider, &[first]).await?;
    let with_warm = [vec![first], vec![then; WARM as usize]].concat();
    let with_warm = life(valgrind, provider, &with_warm).await?;
    Ok(Instructions { init, first: with_first.saturating_sub(init), warm: with_warm.saturating_sub(with_first) / WARM })
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
