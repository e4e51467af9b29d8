//! The gate: what does not depend on noise must not grow unnoticed. A change that costs more on purpose raises a limit here.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::bars::{Bar, ROUND_TRIPS};
use crate::callgrind::{self, Instructions};
use crate::counts;
use crate::growth;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Instructions of init, the first invocation and a later one, in millions: the measured figure, and a tenth more for other
/// processors and versions of callgrind.
const INSTRUCTIONS: [(&str, [f64; 3]); 5] = [
    ("create", [3.7, 3.5, 2.0]),
    ("adopt", [3.7, 8.3, 5.5]),
    ("update", [3.7, 7.6, 4.9]),
    ("no-op", [3.7, 4.8, 2.1]),
    ("delete", [3.7, 5.8, 3.1]),
];
/// How often instructions are counted before a figure that is over its limit is believed.
const COUNTS: usize = 10;
/// In bytes.
const BINARY: f64 = 7.0e6;
const ZIP: f64 = 3.0e6;
/// SSM calls of each kind of request. Two calls of an update write tags: the signature, concurrently with the upload, and the
/// default version, after the promotion. An adoption also writes its own tags, such as the default version that it found.
const CALLS: [(&str, usize); 5] = [("create", 2), ("adopt", 7), ("update", 6), ("no-op", 2), ("delete", 4)];
/// Connections to SSM. Concurrent calls need one each over HTTP/1.1.
const CONNECTIONS: [(&str, usize); 5] = [("create", 1), ("adopt", 2), ("update", 2), ("no-op", 2), ("delete", 2)];
/// SSM calls of the large requests, which the benchmark also times.
const LARGE: [(&str, usize); 11] = [
    ("create, small document", 2),
    ("create, 64 KB of JSON", 2),
    ("create, 64 KB of YAML", 2),
    ("no-op, small document", 2),
    ("no-op, 64 KB of JSON", 2),
    ("no-op, 64 KB of YAML", 2),
    ("create, 45 tags", 2),
    ("no-op, 45 tags", 2),
    ("create, 1,000 accounts", 52),
    ("no-op, 1,000 accounts", 7),
    ("content is the oldest of 1,000 versions", 1027),
];

/// Counts everything, says what is over its limit, and returns whether everything is within its limits.
pub(crate) async fn pass(function: &Provider, python: &Path, mut say: impl FnMut(String)) -> io::Result<bool> {
    let size = counts::size(function, python)?;
    let mut checks = vec![
        Bar { what: "binary, bytes".into(), is: size.unpacked as f64, at_most: BINARY },
        Bar { what: "zip, bytes".into(), is: size.zip as f64, at_most: ZIP },
    ];
    for scenario in Scenario::ALL {
        checks.extend(calls_and_connections(function, scenario).await?);
    }
    checks.extend(calls_of_large_requests(function).await?);
    if let Some(valgrind) = callgrind::valgrind() {
        checks.extend(instructions(&valgrind, function).await?);
    } else {
        say("=".repeat(100));
        say("INSTRUCTIONS WERE NOT COUNTED: valgrind was not found. Install it (apt-get install valgrind), or set VALGRIND.".into());
        say("=".repeat(100));
    }
    for Bar { what, is, at_most } in &checks {
        let verdict = if is <= at_most { "ok  " } else { "OVER" };
        say(format!("{verdict} {what}: {} of at most {}", crate::table::number(*is), crate::table::number(*at_most)));
    }
    Ok(checks.iter().all(Bar::is_met))
}

async fn calls_and_connections(function: &Provider, scenario: Scenario) -> io::Result<Vec<Bar>> {
    let counted = counts::count(function, scenario).await?;
    let (calls, connections) = (counted.calls.join(", "), counted.connections);
    let [most_calls, ssm] = [&CALLS, &CONNECTIONS].map(|table| limit(table, scenario.name()).unwrap_or_default());
    let mut checks = vec![
        (format!("SSM calls ({calls})"), counted.calls.len() as f64, most_calls),
        ("TLS handshakes of a process".into(), connections.handshakes as f64, ssm + 1.0),
        ("connections to SSM".into(), connections.ssm as f64, ssm),
        ("connections to the response's bucket".into(), connections.sink as f64, 1.0),
        ("connections to the Runtime API".into(), connections.runtime_api as f64, 1.0),
    ];
    if let Some(limit) = limit(&ROUND_TRIPS, scenario.name()) {
        checks.push(("SSM round trips".into(), counted.round_trips as f64, limit));
    }
    let bar = |(what, is, at_most)| Bar { what: format!("{}: {what}", scenario.name()), is, at_most };
    Ok(checks.into_iter().map(bar).collect())
}

async fn calls_of_large_requests(function: &Provider) -> io::Result<Vec<Bar>> {
    let bar = |(name, calls): (&str, usize)| {
        let at_most = limit(&LARGE, name).unwrap_or_default();
        Bar { what: format!("{name}: SSM calls"), is: calls as f64, at_most }
    };
    Ok(growth::calls(function).await?.into_iter().map(bar).collect())
}

/// Counts again while a figure is over its limit: on a busy machine, a process under valgrind is so slow that a connection may be
/// discarded as too old and opened again.
async fn instructions(valgrind: &Path, function: &Provider) -> io::Result<Vec<Bar>> {
    let mut counter = callgrind::Counter::new(valgrind, function, &Scenario::ALL);
    let mut checks = compare(&counter.count().await?);
    for _ in 1..COUNTS {
        if checks.iter().all(Bar::is_met) {
            break;
        }
        checks = compare(&counter.count().await?);
    }
    Ok(checks)
}

fn compare(counted: &BTreeMap<&str, Instructions>) -> Vec<Bar> {
    let mut checks = Vec::new();
    for (name, limits) in INSTRUCTIONS {
        let Some(counted) = counted.get(name) else { continue };
        let millions = [counted.init, counted.first, counted.warm].map(|count| count as f64 / 1e6);
        for ((of, at_most), is) in ["init", "the first", "a later one"].into_iter().zip(limits).zip(millions) {
            checks.push(Bar { what: format!("{name}: M instructions of {of}"), is, at_most });
        }
    }
    checks
}

fn limit(table: &[(&str, usize)], name: &str) -> Option<f64> {
    table.iter().find(|(of, _)| *of == name).map(|(_, limit)| *limit as f64)
}
