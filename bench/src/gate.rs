//! The gate: what does not depend on noise must not grow unnoticed. A change that costs more on purpose raises a limit here.

use std::io;
use std::path::Path;

use crate::bars::{Bar, ROUND_TRIPS};
use crate::callgrind;
use crate::counts;
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
/// In bytes.
const BINARY: f64 = 7.0e6;
const ZIP: f64 = 3.0e6;
/// SSM calls of each kind of request. Two calls of an update write tags: the signature, concurrently with the upload, and the
/// default version, after the promotion. An adoption also writes its own tags, such as the default version that it found.
const CALLS: [(&str, usize); 5] = [("create", 2), ("adopt", 7), ("update", 6), ("no-op", 2), ("delete", 4)];
/// Connections to SSM. Concurrent calls need one each over HTTP/1.1.
const CONNECTIONS: [(&str, usize); 5] = [("create", 1), ("adopt", 3), ("update", 2), ("no-op", 2), ("delete", 2)];

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
    if let Some(valgrind) = callgrind::valgrind() {
        let counted = callgrind::count(&valgrind, function, &Scenario::ALL, 3).await?;
        for (name, limits) in INSTRUCTIONS {
            let Some(counted) = counted.get(name) else { continue };
            let millions = [counted.init, counted.first, counted.warm].map(|count| count as f64 / 1e6);
            for ((of, limit), millions) in ["init", "the first", "a later one"].into_iter().zip(limits).zip(millions) {
                check(format!("{name}: M instructions of {of}"), millions, limit);
            }
        }
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
