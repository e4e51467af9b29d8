//! How fast the function has to be: each bar with the measured figure.

use crate::results::{Measured, Results};
use crate::sample::Condition::{SmallCpu, WholeCpu};

/// SSM round trips, one after another, that each kind of request may take. A promotion takes one for the tag by which the drift
/// guard knows the default version.
pub(crate) const ROUND_TRIPS: [(&str, usize); 4] = [("no-op", 1), ("create", 2), ("update", 4), ("adopt", 5)];
/// TLS handshakes of one process: SSM's and the response's.
pub(crate) const HANDSHAKES: u64 = 2;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) is: f64,
    pub(crate) at_most: f64,
}

impl Bar {
    /// Whether it is met.
    pub(crate) fn is_met(&self) -> bool {
        self.is <= self.at_most
    }
}

/// All bars whose figures were measured.
pub(crate) fn bars(results: &Results) -> Vec<Bar> {
    let Results { function, baseline, .. } = results;
    let create =
        |provider: &Measured, condition, name| provider.figure(condition, "create", name).map(|figure| figure.median);
    let part = |condition, name| Some(create(function, condition, name)? / create(baseline, condition, name)? * 100.0);
    let instructions = |scenario| function.instructions.get(scenario);
    let beyond = "CPU of 128 MB: first create beyond SSM's delays";
    let mut bars = vec![
        ("init CPU, % of the baseline's".to_owned(), part(WholeCpu, "init_cpu_ms"), 1.0),
        ("CPU of the first create, % of the baseline's".into(), part(WholeCpu, "first_cpu_ms"), 5.0),
        (format!("{beyond}, ms"), create(function, SmallCpu, "first_beyond_ssm_ms"), 6.0),
        (format!("{beyond}, % of the baseline's"), part(SmallCpu, "first_beyond_ssm_ms"), 100.0 / 80.0),
        ("peak memory, MiB".into(), create(function, WholeCpu, "peak_mib"), 7.0),
        ("zip, MB".into(), Some(function.size.zip as f64 / 1e6), 3.0),
        (
            "init and first create, M instructions".into(),
            instructions("create").map(|counted| (counted.init + counted.first) as f64 / 1e6),
            7.0,
        ),
        ("warm no-op, M instructions".into(), instructions("no-op").map(|counted| counted.warm as f64 / 1e6), 1.2),
    ];
    for (scenario, counts) in &function.counts {
        let connections = counts.connections;
        bars.push((format!("{scenario}: TLS handshakes"), Some(connections.handshakes as f64), HANDSHAKES as f64));
        bars.push((format!("{scenario}: Runtime API connections"), Some(connections.runtime_api as f64), 1.0));
    }
    for (scenario, at_most) in ROUND_TRIPS {
        let is = function.counts.get(scenario).map(|counts| counts.round_trips as f64);
        bars.push((format!("{scenario}: SSM round trips"), is, at_most as f64));
    }
    bars.into_iter().filter_map(|(what, is, at_most)| Some(Bar { what, is: is?, at_most })).collect()
}
