//! The benchmark, `make bench`, and the gate on what noise doesn't touch, a step of `make test`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod bars;
mod callgrind;
mod chart;
mod counts;
mod figure;
mod gate;
mod growth;
mod life;
mod process;
mod provider;
mod quota;
mod results;
mod rows;
mod sample;
mod scenario;
mod table;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::provider::Provider;
use crate::quota::Quota;
use crate::results::{Machine, Measured, Results, load};
use crate::scenario::Scenario;

const USAGE: &str = "usage: bench run BOOTSTRAP PYTHON RUNS RESULTS.json CHART.svg
       bench gate BOOTSTRAP PYTHON
       bench compare RUNS BOOTSTRAP...
       bench profile BOOTSTRAP FILE [SCENARIO...]
BOOTSTRAP is the function's release binary, PYTHON the interpreter of an environment with requirements/bench.txt.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["run", bootstrap, python, runs, json, chart] => match runs.parse() {
            Ok(runs) if runs > 0 => run(bootstrap, python, runs, json, chart).await.map(|()| true),
            _ => Err(io::Error::other(format!("RUNS is a number from 1, not {runs}"))),
        },
        ["gate", bootstrap, python] => match paths(bootstrap, python) {
            Ok((function, python)) => {
                gate::pass(&Provider::Function(function), &python, |line| println!("{line}")).await
            }
            Err(error) => Err(error),
        },
        ["compare", runs, ref bootstraps @ ..] => match runs.parse() {
            Ok(runs) if runs > 0 => compare(runs, bootstraps).await.map(|()| true),
            _ => Err(io::Error::other(USAGE)),
        },
        ["profile", bootstrap, file, ref scenarios @ ..] => profile(bootstrap, file, scenarios).await.map(|()| true),
        _ => Err(io::Error::other(USAGE)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: the function costs more than its limits in bench/src/gate.rs");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the paths absolute, since the providers run in a folder of their own. Links to the interpreter are not followed,
/// because its location determines its packages. A bare name is looked up in `PATH`.
fn paths(bootstrap: &str, python: &str) -> io::Result<(PathBuf, PathBuf)> {
    let python = if python.contains('/') { std::path::absolute(python)? } else { python.into() };
    Ok((Path::new(bootstrap).canonicalize()?, python))
}

async fn run(bootstrap: &str, python: &str, runs: usize, json: &str, svg: &str) -> io::Result<()> {
    let say = |line: String| println!("{line}");
    let (bootstrap, python) = paths(bootstrap, python)?;
    let mut machine = Machine::here();
    let providers = [Provider::Function(bootstrap), Provider::Baseline(python.clone())];
    let mut skipped = Vec::new();
    let quota = Quota::is_possible()
        .inspect_err(|error| skipped.push(format!("what needs a CPU quota (cgroups, as root): {error}")))
        .is_ok();
    let valgrind = callgrind::valgrind();
    if valgrind.is_none() {
        skipped.push("instructions: valgrind was not found (apt-get install valgrind, or set VALGRIND)".into());
    }
    skipped.iter().for_each(|skipped| println!("NOT MEASURED: {skipped}"));

    println!("Counting calls and connections");
    let mut measured = Vec::new();
    for provider in &providers {
        let mut counts = BTreeMap::new();
        for scenario in Scenario::ALL {
            counts.insert(scenario.name(), counts::count(provider, scenario).await?);
        }
        let size = counts::size(provider, &python)?;
        let what = what(provider)?;
        measured.push(Measured { what, size, counts, timings: BTreeMap::new(), instructions: BTreeMap::new() });
    }
    println!("Timing {runs} runs of each kind of request, both providers in turn");
    let timings = sample::run(&providers, &Scenario::ALL, runs, quota, say).await?;
    for (measured, timings) in measured.iter_mut().zip(timings) {
        measured.timings = timings;
    }
    println!("Measuring large requests");
    let growth = growth::measure(&providers[0], quota, say).await?;
    if let Some(valgrind) = valgrind {
        // The baseline takes a minute per process.
        let how: [(&[Scenario], usize); 2] = [(&Scenario::ALL, 3), (&[Scenario::Create, Scenario::NoOp], 1)];
        for ((provider, measured), (scenarios, times)) in providers.iter().zip(&mut measured).zip(how) {
            println!("Counting instructions: {provider}");
            let counter = callgrind::Counter::new(&valgrind, provider, scenarios);
            measured.instructions = counter.count_times(times).await?;
        }
    }
    machine.load[1] = load();
    let [function, baseline] = <[Measured; 2]>::try_from(measured).map_err(|_| io::Error::other("two providers"))?;
    let results = Results { machine, runs, skipped, function, baseline, growth };
    std::fs::write(json, format!("{:#}\n", serde_json::to_value(&results)?))?;
    std::fs::write(svg, chart::chart(&results))?;
    println!("{}", table::table(&results, &bars::bars(&results)));
    println!("Written: {json} and {svg}");
    Ok(())
}

/// Leaves callgrind's report of one process that carries out these requests: where the instructions go, given a binary with
/// symbols (`CARGO_PROFILE_RELEASE_STRIP=none`).
async fn profile(bootstrap: &str, file: &str, scenarios: &[&str]) -> io::Result<()> {
    let function = Provider::Function(Path::new(bootstrap).canonicalize()?);
    let scenarios: Option<Vec<Scenario>> =
        scenarios.iter().map(|name| Scenario::ALL.into_iter().find(|scenario| scenario.name() == *name)).collect();
    let scenarios =
        scenarios.ok_or_else(|| io::Error::other("a scenario is create, adopt, update, no-op or delete"))?;
    let valgrind = callgrind::valgrind().ok_or_else(|| io::Error::other("valgrind was not found"))?;
    let total = callgrind::profile(&valgrind, &function, &scenarios, &std::path::absolute(file)?).await?;
    println!("{total} instructions; callgrind_annotate {file} shows where");
    Ok(())
}

/// Compares several builds, to show what each step of a change gained.
async fn compare(runs: usize, bootstraps: &[&str]) -> io::Result<()> {
    let paths: io::Result<Vec<PathBuf>> = bootstraps.iter().map(|path| Path::new(path).canonicalize()).collect();
    let builds: Vec<Provider> = paths?.into_iter().map(Provider::Function).collect();
    let quota =
        Quota::is_possible().inspect_err(|error| println!("NOT MEASURED: what needs a CPU quota: {error}")).is_ok();
    let scenarios = [Scenario::Create, Scenario::NoOp];
    let timings = sample::run(&builds, &scenarios, runs, quota, |_| {}).await?;
    for ((build, timings), path) in builds.iter().zip(timings).zip(bootstraps) {
        println!("\n{path}");
        for scenario in scenarios {
            let connections = counts::count(build, scenario).await?.connections;
            println!("  {}: {connections:?}", scenario.name());
            for (condition, by_scenario) in &timings {
                for (name, figure) in by_scenario.get(scenario.name()).into_iter().flatten() {
                    let [median, min, max] = [figure.median, figure.min, figure.max].map(table::number);
                    println!("    {condition:?} {name}: {median} ({min} to {max})");
                }
            }
        }
        if let Some(valgrind) = callgrind::valgrind() {
            for (name, counted) in callgrind::Counter::new(&valgrind, build, &scenarios).count_times(3).await? {
                println!("  {name}: {counted:?}");
            }
        }
    }
    Ok(())
}

/// What a provider is, with its versions.
fn what(provider: &Provider) -> io::Result<String> {
    match provider {
        Provider::Function(_) => Ok(format!("the function {}, release binary", env!("CARGO_PKG_VERSION"))),
        Provider::Baseline(python) => {
            const VERSIONS: &str = "import importlib.metadata as m, platform; print('Python', platform.python_version() + ',', \
                                    ', '.join(p + ' ' + m.version(p) for p in ('boto3', 'awslambdaric', 'urllib3')))";
            let output = Command::new(python).args(["-c", VERSIONS]).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
    }
}
