//! The gate: what does not depend on noise must not grow unnoticed. A change that costs more on purpose raises a limit here.

use std::io;
use std::path::Path;

use crate::bars::{Bar, ROUND_TRIPS};
use crate::callgrind;
use crate::counts;
use crate::growth;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Instructions of init, the first invocation and a later one, in millions: the measured figure, and a tenth more for other
/// processors and versions of callgrind.
const INSTRUCTIONS: [(&str, [f64; 3]); 5] = [
    ("create", [3.7, 3.5, 2.0]),
    ("adopt", [3.7, 10.2, 6.2]),
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
const CONNECTIONS: [(&str, usize); 5] = [("create", 1), ("adopt", 3), ("update", 2), ("no-op", 2), ("delete", 2)];
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
    let mut checks = Vec::new();
    let mut check = |what: String, is: f64, at_most: f64| checks.push(Bar { what, is, at_most });
    let size = counts::size(function, python)?;
    check("binary, bytes".into(), size.unpacked as f64, BINARY);
    check("zip, bytes".into(), size.zip as f64, ZIP);
    for scenario in Scenario::ALL {
        let name = scenario.name();
        let counted = counts::count(function, scenario).await?;
        let limit = |table: &[(&str, usize)]| table.iter().find(|(of, _)| *of == name).map(|(_, limit)| *limit as f64);
        let ssm = limit(&CONNECTIONS).unwrap_or_default();
        let calls = counted.calls.join(", ");
        check(format!("{name}: SSM calls ({calls})"), counted.calls.len() as f64, limit(&CALLS).unwrap_or_default());
        if let Some(limit) = limit(&ROUND_TRIPS) {
            check(format!("{name}: SSM round trips"), counted.round_trips as f64, limit);
        }
        let connections = counted.connections;
        check(format!("{name}: TLS handshakes of a process"), connections.handshakes as f64, ssm + 1.0);
        check(format!("{name}: connections to SSM"), connections.ssm as f64, ssm);
        check(format!("{name}: connections to the response's bucket"), connections.sink as f64, 1.0);
        check(format!("{name}: connections to the Runtime API"), connections.runtime_api as f64, 1.0);
    }
    for (name, calls) in growth::calls(function).await? {
        let limit = LARGE.iter().find(|(of, _)| *of == name).map_or(0, |(_, limit)| *limit);
        check(format!("{name}: SSM calls"), calls as f64, limit as f64);
    }
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

/// Counts again while a figure is over its limit, since a busy machine can only make it larger.
async fn instructions(valgrind: &Path, function: &Provider) -> io::Result<Vec<Bar>> {
    let mut counter = callgrind::Counter::new(valgrind, function, &Scenario::ALL);
    let mut checks = Vec::new();
    for _ in 0..COUNTS {
        let counted = counter.count().await?;
        checks.clear();
        for (name, limits) in INSTRUCTIONS {
            let Some(counted) = counted.get(name) else { continue };
            let millions = [counted.init, counted.first, counted.warm].map(|count| count as f64 / 1e6);
            for ((of, at_most), is) in ["init", "the first", "a later one"].into_iter().zip(limits).zip(millions) {
                checks.push(Bar { what: format!("{name}: M instructions of {of}"), is, at_most });
            }
        }
        if checks.iter().all(Bar::is_met) {
            break;
        }
    }
    Ok(checks)
}
