//! Random histories for a given time: `make soak MINUTES=60`.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::Counts;

/// Histories of one kind of resource.
pub struct Kind<T> {
    pub what: &'static str,
    pub histories: fn() -> BoxedStrategy<T>,
    /// Runs a history. Panics if a check fails.
    pub run: fn(&T) -> Counts,
}

impl<T: Debug> Kind<T> {
    fn tree(&self, seed: u64) -> Box<dyn ValueTree<Value = T>> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        (self.histories)().new_tree(&mut TestRunner::new_with_rng(Config::default(), rng)).unwrap()
    }

    /// Runs the histories of the first seeds.
    pub fn first(&self, seeds: u64) {
        for seed in 0..seeds {
            let history = self.tree(seed).current();
            eprintln!("seed {seed}: {history:?}");
            (self.run)(&history);
        }
    }

    fn fails(&self, history: &T) -> Option<String> {
        let result = catch_unwind(AssertUnwindSafe(|| (self.run)(history)));
        result.err().map(|panic| match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => other.downcast::<&str>().map_or_else(|_| "a panic".to_owned(), |text| (*text).to_owned()),
        })
    }

    /// The shortest failing history that a few hundred runs find.
    fn shrink(&self, mut tree: Box<dyn ValueTree<Value = T>>, whole: String) -> (T, String) {
        let mut least = (tree.current(), whole);
        let mut simpler = true;
        for _ in 0..number("SOAK_SHRINKS").unwrap_or(600) {
            if !(if simpler { tree.simplify() } else { tree.complicate() }) {
                break;
            }
            let history = tree.current();
            let failure = self.fails(&history);
            simpler = failure.is_some();
            if let Some(failure) = failure {
                least = (history, failure);
            }
        }
        least
    }

    /// `SOAK_SEED` replays one history; `SOAK_FIRST` begins at another seed; `SOAK_FAILURES` is how many end the soak; a failing
    /// history is run `SOAK_SHRINKS` times to shorten it; `SOAK_HISTORIES` ends the soak before its time.
    pub fn soak(&self) {
        if let Some(seed) = number("SOAK_SEED") {
            let history = self.tree(seed).current();
            eprintln!("{}, seed {seed}: {history:#?}", self.what);
            eprintln!("{:?}", (self.run)(&history));
            return;
        }
        let minutes = number("MINUTES").unwrap_or(1);
        let enough = number("SOAK_FAILURES").unwrap_or(5);
        let (began, mut seed) = (Instant::now(), number("SOAK_FIRST").unwrap_or(0));
        let (mut counts, mut histories, mut failures) = (Counts::new(), 0_u64, 0);
        // A failing history is printed once, with what it shrinks to.
        if number("SOAK_LOUD").is_none() {
            std::panic::set_hook(Box::new(|_| {}));
        }
        let most = number("SOAK_HISTORIES").unwrap_or(u64::MAX);
        while began.elapsed() < Duration::from_secs(minutes * 60) && failures < enough && histories < most {
            let tree = self.tree(seed);
            let history = tree.current();
            match catch_unwind(AssertUnwindSafe(|| (self.run)(&history))) {
                Ok(counted) => {
                    for (what, times) in counted {
                        *counts.entry(what).or_default() += times;
                    }
                }
                Err(_) => {
                    failures += 1;
                    let whole = self.fails(&history).unwrap_or_else(|| "it holds the second time".to_owned());
                    let (least, failure) = self.shrink(tree, whole);
                    eprintln!(
                        "FAILED: {}, seed {seed} (replay with SOAK_SEED={seed}), history {}\n{failure}\nshrunk to {least:#?}\n",
                        self.what,
                        histories + 1
                    );
                }
            }
            (seed, histories) = (seed + 1, histories + 1);
        }
        drop(std::panic::take_hook());
        let seconds = began.elapsed().as_secs_f64();
        eprintln!(
            "{histories} histories of {} in {seconds:.0} s: {:.1} a second; {failures} failed",
            self.what,
            histories as f64 / seconds
        );
        for (what, times) in &counts {
            eprintln!("  {times:>8} {what}");
        }
        assert_eq!(failures, 0, "histories that failed");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text} is not a number")))
}
