//! Random histories of stacks that share a document, with hand edits of other keys, faults, deaths, duplicates and lag.
//!
//! What always holds: the document has the base content and every key that a resource names, and the tags name exactly the
//! resources' keys. When all are deleted under `Restore`, the base content is left, or nothing if there was no document.

mod history;

use loopback_aws::Loopback;
use loopback_aws::ssm::{Activation, Duplicates, Lags, Sameness};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use self::history::{A_WHILE, Delivery, History, Step, Wanted};
use super::*;

fn wanted(faulty: bool) -> impl Strategy<Value = Wanted> {
    let value = || prop_oneof![1 => Just(None), 3 => (1..5u8).prop_map(Some)];
    (value(), value(), 1..5u8, any::<bool>()).prop_map(move |(one, other, value, retain)| {
        let values = if one.is_none() && other.is_none() { [Some(value), None] } else { [one, other] };
        // A rollback can't tell what an Update that died had added, so under Retain it stays.
        Wanted { values, retain: retain && !faulty }
    })
}

fn delivery(faulty: bool) -> BoxedStrategy<Delivery> {
    if !faulty {
        return prop_oneof![3 => Just(Delivery::Quiet), 1 => Just(Delivery::Twice)].boxed();
    }
    prop_oneof![
        2 => Just(Delivery::Quiet),
        1 => Just(Delivery::Twice),
        3 => (1..12u64, 0..5u8).prop_map(|(at, kind)| Delivery::Fault(at, kind)),
        3 => (1..12u64, any::<bool>(), any::<bool>()).prop_map(|(at, after, again)| Delivery::Killed { at, after, again }),
    ]
    .boxed()
}

fn step(faulty: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3usize, wanted(faulty), delivery(faulty))
            .prop_map(|(stack, wanted, delivery)| Step::Deploy { stack, wanted, delivery }),
        2 => (0..3usize, delivery(faulty)).prop_map(|(stack, delivery)| Step::Remove { stack, delivery }),
        1 => any::<[[bool; 2]; 3]>()
            .prop_map(|values| Step::AtOnce { values: values.map(|values| values.map(|value| 5 + u8::from(value))) }),
        2 => (0..2usize, 1..5u8).prop_map(|(key, value)| Step::Hand { key, value }),
        1 => Just(Step::Wait),
    ]
}

async fn history(steps: &[Step], exists: bool, arrange: impl FnOnce(&mut loopback_aws::ssm::Model), latency: u64) {
    let world = World::on(Loopback::builder().latency(Duration::from_millis(latency)));
    if exists {
        world.aws.ssm(|model| model.put_document(Document::session(NAME, BASE)));
    }
    world.aws.ssm(arrange);
    let mut history =
        History { world, base: exists.then(base), created: false, resources: [None, None, None], is_moved: false };
    for step in steps {
        history.run(step).await;
    }
    for stack in 0..3 {
        sleep(A_WHILE).await;
        history.remove(stack, &Delivery::Quiet).await;
        history.holds();
    }
    if history.world.exists(NAME) {
        assert_eq!(history.world.tags(NAME), []);
    }
}

fn input(faulty: bool) -> impl Strategy<Value = Input> {
    let activations = [Activation::AtOnce, Activation::AfterReads(1), Activation::After(Duration::from_secs(2))];
    let duplicates = [
        (Duplicates::LatestVersion, Sameness::Bytes),
        (Duplicates::LatestVersion, Sameness::Parsed),
        (Duplicates::AnyVersion, Sameness::Bytes),
        (Duplicates::AnyVersion, Sameness::Parsed),
    ];
    let aws = (
        proptest::sample::select(activations.to_vec()),
        proptest::sample::select(duplicates.to_vec()),
        prop_oneof![Just(0), Just(800u64)],
        any::<u64>(),
    );
    (proptest::collection::vec(step(faulty), 1..12), any::<bool>(), aws, 0..200u64)
}

/// Steps, whether the document exists, what AWS does, and its latency in milliseconds.
type Input = (Vec<Step>, bool, (Activation, (Duplicates, Sameness), u64, u64), u64);

fn run((steps, exists, aws, latency): Input) {
    let (activation, (duplicates, sameness), lag, seed) = aws;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let arrange = |model: &mut loopback_aws::ssm::Model| {
        model.activation = activation;
        (model.duplicates, model.sameness) = (duplicates, sameness);
        model.lags = Lags::up_to(Duration::from_millis(lag), seed);
    };
    runtime.block_on(history(&steps, exists, arrange, latency));
}

#[track_caller]
fn histories(faulty: bool) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    // The same histories in each run: a test is never red by chance. New ones are the soak's.
    let result = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)).run(
        &input(faulty),
        |input| {
            run(input);
            Ok(())
        },
    );
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn every_history_leaves_the_base_content_and_all_named_keys() {
    histories(false);
}

#[test]
fn every_history_with_faults_and_deaths_leaves_the_base_content_and_all_named_keys() {
    histories(true);
}

/// Histories without end, with faults and without in turn. A failing one is printed as its seed's.
#[test]
#[ignore = "it runs for as long as MINUTES says"]
fn soak() {
    use proptest::strategy::ValueTree;
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (began, minutes) = (std::time::Instant::now(), number("MINUTES").unwrap_or(1));
    let mut seed = number("SOAK_SEED").or_else(|| number("SOAK_FIRST")).unwrap_or(0);
    let first = seed;
    while began.elapsed() < Duration::from_secs(minutes * 60) {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
        let drawn = input(seed % 2 == 0).new_tree(&mut runner).unwrap().current();
        let result = std::panic::catch_unwind(|| run(drawn.clone()));
        assert!(result.is_ok(), "a shared document, seed {seed} (replay with SOAK_SEED={seed}): {drawn:#?}");
        seed += 1;
        if number("SOAK_SEED").is_some() {
            break;
        }
    }
    eprintln!("{} histories of shared documents held", seed - first);
}
