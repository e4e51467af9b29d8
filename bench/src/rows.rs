//! The figures of both providers side by side, in reading order, for the table and the chart.

use crate::callgrind::Instructions;
use crate::figure::Figure;
use crate::results::{Measured, Results};
use crate::sample::Condition::{SmallCpu, WholeCpu};

/// One figure of both providers.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) function: Figure,
    pub(crate) baseline: Figure,
}

impl Row {
    /// The baseline's figure as a multiple of the function's.
    pub(crate) fn ratio(&self) -> f64 {
        self.baseline.median / self.function.median
    }
}

const TIMED: [(&str, crate::sample::Condition, &str); 9] = [
    ("init, CPU ms", WholeCpu, "init_cpu_ms"),
    ("first invocation, CPU ms", WholeCpu, "first_cpu_ms"),
    ("first invocation, ms", WholeCpu, "first_ms"),
    ("warm invocation, CPU ms", WholeCpu, "warm_cpu_ms"),
    ("warm invocation, ms", WholeCpu, "warm_ms"),
    ("CPU of 128 MB, SSM in 30 ms: first, ms", SmallCpu, "first_ms"),
    ("… of which beyond SSM's delays, ms", SmallCpu, "first_beyond_ssm_ms"),
    ("… warm, beyond SSM's delays, ms", SmallCpu, "warm_beyond_ssm_ms"),
    ("peak memory, MiB", WholeCpu, "peak_mib"),
];

type Of<T> = fn(&T) -> f64;

const COMPUTED: [(&str, Of<Instructions>); 3] = [
    ("init, M instructions", |counted| counted.init as f64 / 1e6),
    ("first invocation, M instructions", |counted| counted.first as f64 / 1e6),
    ("warm invocation, M instructions", |counted| counted.warm as f64 / 1e6),
];

/// The rows of one kind of request; what was not measured is left out.
pub(crate) fn rows(results: &Results, scenario: &str) -> Vec<Row> {
    let both = |label, of: &dyn Fn(&Measured) -> Option<Figure>| {
        Some(Row { label, function: of(&results.function)?, baseline: of(&results.baseline)? })
    };
    let exact = |value: f64| Figure { median: value, min: value, max: value };
    let timed = TIMED
        .map(|(label, condition, name)| both(label, &|provider: &Measured| provider.figure(condition, scenario, name)));
    let computed = COMPUTED.map(|(label, of)| {
        both(label, &|provider: &Measured| provider.instructions.get(scenario).map(|counted| exact(of(counted))))
    });
    let counted: [(&str, Of<Measured>); 2] = [
        ("code, MB", |provider| provider.size.unpacked as f64 / 1e6),
        ("code zipped, MB", |provider| provider.size.zip as f64 / 1e6),
    ];
    let sizes = counted.map(|(label, of)| both(label, &|provider: &Measured| Some(exact(of(provider)))));
    let counts: [(&str, Of<crate::counts::Counts>); 6] = [
        ("SSM calls", |counts| counts.calls.len() as f64),
        ("SSM round trips, one after another", |counts| counts.round_trips as f64),
        ("TLS handshakes of a process", |counts| counts.connections.handshakes as f64),
        ("connections to SSM", |counts| counts.connections.ssm as f64),
        ("connections to the response's bucket", |counts| counts.connections.sink as f64),
        ("connections to the Runtime API", |counts| counts.connections.runtime_api as f64),
    ];
    let counts = counts.map(|(label, of)| {
        both(label, &|provider: &Measured| provider.counts.get(scenario).map(|counts| exact(of(counts))))
    });
    timed.into_iter().chain(computed).chain(sizes).chain(counts).flatten().collect()
}
