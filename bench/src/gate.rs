//! The gate: what noise doesn't touch must not grow unnoticed. A change that costs more on purpose raises a limit here.

use std::io;
use std::path::Path;

use crate::bars::{Bar, HANDSHAKES, ROUND_TRIPS};
use crate::callgrind;
use crate::counts;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Instructions in millions: what was measured, and a tenth more for other processors and versions of callgrind.
const INIT: f64 = 3.0;
const FIRST: [(Scenario, f64); 5] = [
    (Scenario::Create, 6.0),
    (Scenario::Adopt, 6.0),
    (Scenario::Update, 6.0),
    (Scenario::NoOp, 6.0),
    (Scenario::Delete, 6.0),
];
const WARM_NO_OP: f64 = 1.2;
/// In bytes, for x86_64 and arm64.
const BINARY: f64 = 7.0e6;
const ZIP: f64 = 3.0e6;
/// SSM calls of each kind of request.
const CALLS: [(&str, usize); 5] = [("create", 3), ("adopt", 6), ("update", 4), ("no-op", 2), ("delete", 2)];
/// SSM's connections where calls are sent side by side.
const SSM_CONNECTIONS: u64 = 2;

/// Counts everything and says what is over its limit; whether all is below.
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
        let calls = counted.calls.join(", ");
        check(format!("{name}: SSM calls ({calls})"), counted.calls.len() as f64, limit(&CALLS).unwrap_or_default());
        if let Some(limit) = limit(&ROUND_TRIPS) {
            check(format!("{name}: SSM round trips"), counted.round_trips as f64, limit);
        }
        let connections = counted.connections;
        check(format!("{name}: TLS handshakes of a process"), connections.handshakes as f64, HANDSHAKES as f64);
        check(format!("{name}: connections to SSM"), connections.ssm as f64, SSM_CONNECTIONS as f64);
        check(format!("{name}: connections to the answer's bucket"), connections.sink as f64, 1.0);
        check(format!("{name}: connections to the Runtime API"), connections.runtime_api as f64, 1.0);
    }
    if let Some(valgrind) = callgrind::valgrind() {
        for (scenario, limit) in FIRST {
            let name = scenario.name();
            let counted = callgrind::count(&valgrind, function, scenario, Scenario::NoOp).await?;
            check(format!("{name}: M instructions of init"), counted.init as f64 / 1e6, INIT);
            check(format!("{name}: M instructions of the first invocation"), counted.first as f64 / 1e6, limit);
            check(format!("{name}: M instructions of a no-op that follows"), counted.warm as f64 / 1e6, WARM_NO_OP);
        }
    } else {
        say("=".repeat(100));
        say("INSTRUCTIONS WERE NOT COUNTED: valgrind is not here. Install it (apt-get install valgrind), or set VALGRIND.".into());
        say("=".repeat(100));
    }
    for Bar { what, is, at_most } in &checks {
        let verdict = if is <= at_most { "ok  " } else { "OVER" };
        say(format!("{verdict} {what}: {} of at most {}", crate::table::number(*is), crate::table::number(*at_most)));
    }
    Ok(checks.iter().all(Bar::is_met))
}
