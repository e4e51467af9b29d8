//! Everything that one run of the benchmark found; written as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::callgrind::Instructions;
use crate::counts::{Counts, Size};
use crate::figure::Figure;
use crate::growth::Grown;
use crate::sample::{Condition, Timings};

/// The whole run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// Timed runs of each kind of request.
    pub(crate) runs: usize,
    /// What could not be measured here, and why.
    pub(crate) skipped: Vec<String>,
    pub(crate) function: Measured,
    pub(crate) baseline: Measured,
    pub(crate) growth: Vec<Grown>,
}

/// Where it ran.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The load of the last minute, before and after the run, which shows what else was running.
    pub(crate) load: [f64; 2],
}

/// What one provider took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) what: String,
    pub(crate) size: Size,
    pub(crate) counts: BTreeMap<&'static str, Counts>,
    pub(crate) timings: Timings,
    /// `None` without callgrind.
    pub(crate) instructions: BTreeMap<&'static str, Instructions>,
}

impl Measured {
    /// A timed figure.
    pub(crate) fn figure(&self, condition: Condition, scenario: &str, name: &str) -> Option<Figure> {
        self.timings.get(&condition)?.get(scenario)?.get(name).copied()
    }
}

impl Machine {
    /// This machine, with the load before the run.
    pub(crate) fn here() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo");
        let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: [load(), 0.0],
        }
    }
}

/// The load of the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}
