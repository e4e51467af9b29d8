//! The timed runs: interleaved, so that what else the machine does affects both providers equally.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::figure::Figure;
use crate::life::{Cost, Life};
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Warm invocations of each process.
const WARM: usize = 3;
/// How long SSM takes per call while the quota is on.
pub(crate) const LATENCY: Duration = Duration::from_millis(30);

/// The CPU that the process may use, and how fast SSM replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// A whole CPU, SSM replying at once.
    WholeCpu,
    /// The CPU of 128 MB once init is done, SSM replying in 30 ms.
    SmallCpu,
}

/// Figures by name.
pub(crate) type Figures = BTreeMap<&'static str, Figure>;
/// Figures of each kind of request under each condition.
pub(crate) type Timings = BTreeMap<Condition, BTreeMap<&'static str, Figures>>;

struct Sample {
    init_cpu: Duration,
    first: Cost,
    warm: Vec<Cost>,
    peak_kib: u64,
}

/// Runs these kinds of request under every condition, `runs` times, all providers in turn.
pub(crate) async fn run(
    providers: &[Provider],
    scenarios: &[Scenario],
    runs: usize,
    quota: bool,
    mut progress: impl FnMut(String),
) -> io::Result<Vec<Timings>> {
    let mut timings: Vec<Timings> = vec![Timings::new(); providers.len()];
    let conditions = [Some(Condition::WholeCpu), quota.then_some(Condition::SmallCpu)];
    for condition in conditions.into_iter().flatten() {
        for scenario in scenarios {
            let mut samples: Vec<Vec<Sample>> = providers.iter().map(|_| Vec::new()).collect();
            // The first round is thrown away: it finds cold file caches.
            for round in 0..=runs {
                for (provider, samples) in providers.iter().zip(&mut samples) {
                    let sample = sample(provider, *scenario, condition == Condition::SmallCpu).await?;
                    if round > 0 {
                        samples.push(sample);
                    }
                }
            }
            let mut line = format!("{condition:?}, {}:", scenario.name());
            for ((provider, samples), timings) in providers.iter().zip(samples).zip(&mut timings) {
                let figures = figures(condition, &samples);
                let first = figures.get("first_ms").map(|figure| figure.median).unwrap_or_default();
                line.push_str(&format!(" {provider} {first:.1} ms"));
                timings.entry(condition).or_default().insert(scenario.name(), figures);
            }
            progress(line);
        }
    }
    Ok(timings)
}

async fn sample(provider: &Provider, scenario: Scenario, small: bool) -> io::Result<Sample> {
    let latency = if small { LATENCY } else { Duration::ZERO };
    let mut life = Life::begin(provider, latency, None).await?;
    if small {
        life.throttle()?;
    }
    let mut costs = Vec::new();
    for _ in 0..=WARM {
        life.aws.ssm(|model| scenario.prepare(model));
        costs.push(life.invoke(|url| scenario.event(url)).await?);
        if !life.aws.ssm(|model| scenario.is_done(model)) {
            return Err(io::Error::other(format!("{provider}: {} did not do its work", scenario.name())));
        }
    }
    let first = costs.remove(0);
    Ok(Sample { init_cpu: life.init_cpu, first, warm: costs, peak_kib: life.peak_kib()? })
}

fn figures(condition: Condition, samples: &[Sample]) -> Figures {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let beyond = |cost: &Cost| ms(cost.time.saturating_sub(cost.ssm));
    let small = condition == Condition::SmallCpu;
    let warm = || samples.iter().flat_map(|sample| &sample.warm);
    [
        ("init_cpu_ms", Figure::of(samples.iter().map(|sample| ms(sample.init_cpu)))),
        ("first_cpu_ms", Figure::of(samples.iter().map(|sample| ms(sample.first.cpu)))),
        ("first_ms", Figure::of(samples.iter().map(|sample| ms(sample.first.time)))),
        ("warm_cpu_ms", Figure::of(warm().map(|cost| ms(cost.cpu)))),
        ("warm_ms", Figure::of(warm().map(|cost| ms(cost.time)))),
        ("peak_mib", Figure::of(samples.iter().map(|sample| sample.peak_kib as f64 / 1024.0))),
        ("first_beyond_ssm_ms", Figure::of(samples.iter().filter(|_| small).map(|sample| beyond(&sample.first)))),
        ("warm_beyond_ssm_ms", Figure::of(warm().filter(|_| small).map(beyond))),
    ]
    .into_iter()
    .filter_map(|(name, figure)| Some((name, figure?)))
    .collect()
}
