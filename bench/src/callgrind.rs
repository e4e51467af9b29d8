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

/// The instructions of these kinds of request, each as the first of its process and after others of its kind.
///
/// callgrind counts the whole life of a process, so the figures are differences between processes with no invocation, with one
/// and with more. The total of each such process is the least of all times that it was counted: on a busy machine, a connection
/// may be discarded as too old and opened again.
pub(crate) struct Counter<'a> {
    valgrind: &'a Path,
    provider: &'a Provider,
    scenarios: &'a [Scenario],
    init: u64,
    /// For each scenario, the totals with one invocation and with `WARM` more.
    totals: Vec<[u64; 2]>,
}

impl<'a> Counter<'a> {
    /// Prepares to count. There are no figures before the first [`count`](Self::count).
    pub(crate) fn new(valgrind: &'a Path, provider: &'a Provider, scenarios: &'a [Scenario]) -> Self {
        Self { valgrind, provider, scenarios, init: u64::MAX, totals: vec![[u64::MAX; 2]; scenarios.len()] }
    }

    /// Counts every process once, and returns the figures of all counts so far.
    pub(crate) async fn count(&mut self) -> io::Result<BTreeMap<&'static str, Instructions>> {
        self.init = self.init.min(life(self.valgrind, self.provider, &[]).await?);
        for (scenario, totals) in self.scenarios.iter().zip(&mut self.totals) {
            for (total, invocations) in totals.iter_mut().zip([1, 1 + WARM as usize]) {
                *total = (*total).min(life(self.valgrind, self.provider, &vec![*scenario; invocations]).await?);
            }
        }
        let init = self.init;
        let figures = self.scenarios.iter().zip(&self.totals).map(|(scenario, [with_first, with_warm])| {
            let (first, warm) = (with_first.saturating_sub(init), with_warm.saturating_sub(*with_first) / WARM);
            (scenario.name(), Instructions { init, first, warm })
        });
        Ok(figures.collect())
    }

    /// Counts every process this many times, at least once, and returns the figures.
    pub(crate) async fn count_times(mut self, times: usize) -> io::Result<BTreeMap<&'static str, Instructions>> {
        for _ in 1..times {
            self.count().await?;
        }
        self.count().await
    }
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
