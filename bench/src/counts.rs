//! What doesn't depend on the machine: calls, sequential round trips, handshakes, connections, sizes.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::life::{Connections, Life};
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Long enough that concurrent calls overlap.
const LATENCY: Duration = Duration::from_millis(30);

/// The calls of one kind of request, and the connections of a process that carries it out twice.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Counts {
    /// SSM's operations, in order.
    pub(crate) calls: Vec<String>,
    /// Sequential SSM round trips.
    pub(crate) round_trips: usize,
    /// The connections that the process opened.
    pub(crate) connections: Connections,
}

/// Counts the calls of the first request, and the connections of a process that carries out two.
pub(crate) async fn count(provider: &Provider, scenario: Scenario) -> io::Result<Counts> {
    let mut life = Life::begin(provider, LATENCY, None).await?;
    life.aws.ssm(|model| scenario.prepare(model));
    let round_trips = life.invoke(|url| scenario.event(url)).await?.round_trips;
    let calls = life.aws.calls();
    if !life.aws.ssm(|model| scenario.is_done(model)) {
        return Err(io::Error::other(format!("{provider}: {} did not do its work: {calls:?}", scenario.name())));
    }
    life.aws.ssm(|model| scenario.prepare(model));
    life.invoke(|url| scenario.event(url)).await?;
    Ok(Counts { calls, round_trips, connections: life.connections() })
}

/// How large a provider is, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) unpacked: u64,
    pub(crate) zip: u64,
}

/// Measures the binary and its zip, or the packages that the baseline imports and their zip.
pub(crate) fn size(provider: &Provider, python: &Path) -> io::Result<Size> {
    const FUNCTION: &str = "import sys; from function_zip import function_zip; \
                            print(len(function_zip(open(sys.argv[1], 'rb').read())))";
    const BASELINE: &str = "import io, pathlib, sys, zipfile\n\
        skip = ('pip', 'setuptools', '_distutils_hack', 'distutils-precedence', '__pycache__')\n\
        import boto3; root = pathlib.Path(boto3.__file__).parents[1]\n\
        files = [f for f in root.rglob('*') if f.is_file() and '__pycache__' not in f.parts\n\
                 and not f.relative_to(root).parts[0].startswith(skip)]\n\
        packed = io.BytesIO()\n\
        with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive:\n\
        \x20   for f in files: archive.write(f, f.relative_to(root))\n\
        print(sum(f.stat().st_size for f in files), len(packed.getvalue()))";
    let mut command = Command::new(python);
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../tools"));
    let numbers = match provider {
        Provider::Function(bootstrap) => {
            let zip = numbers(command.args(["-c", FUNCTION]).arg(bootstrap))?;
            vec![fs::metadata(bootstrap)?.len(), zip.first().copied().unwrap_or_default()]
        }
        Provider::Baseline(_) => numbers(command.args(["-c", BASELINE]))?,
    };
    match numbers[..] {
        [unpacked, zip] if zip > 0 => Ok(Size { unpacked, zip }),
        _ => Err(io::Error::other("the size can't be determined")),
    }
}

fn numbers(command: &mut Command) -> io::Result<Vec<u64>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(words.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}
