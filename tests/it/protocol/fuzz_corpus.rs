//! The inputs that fuzzing began with or found stay harmless, and so do random changes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::stages::TIMEOUT;

/// The limit for an input, which normally takes milliseconds. What takes longer grows without bound.
const ENOUGH: Duration = TIMEOUT.saturating_mul(2);

#[path = "../../../fuzz/exercise.rs"]
mod exercise;

/// The files, by name.
fn corpus(target: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn each(target: &str, exercise: fn(&[u8])) {
    let corpus = corpus(target);
    for (path, input) in &corpus {
        let started = Instant::now();
        exercise(input);
        assert!(started.elapsed() < ENOUGH, "{}: {:?}", path.display(), started.elapsed());
    }
    assert!(corpus.len() > 10, "the corpus of {target} is there");
}

#[test]
fn every_request_of_the_corpus_is_parsed_and_has_a_response() {
    each("request", exercise::request);
}

#[test]
fn all_content_of_the_corpus_is_parsed_and_the_same_as_itself() {
    each("content", exercise::content);
}

/// Changes inputs at random, without the compiler that fuzzing needs. `FUZZ_ROUNDS` sets the number of inputs.
fn mutated(target: &str, exercise: fn(&[u8])) {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2_000);
    let corpus: Vec<Vec<u8>> = corpus(target).into_values().collect();
    for seed in 0..rounds {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut input = corpus[chance.usize(..corpus.len())].clone();
        for _ in 0..chance.usize(1..8) {
            mutate(&mut input, &corpus, &mut chance);
        }
        let started = Instant::now();
        let caught = std::panic::catch_unwind(|| exercise(&input));
        let took = started.elapsed();
        assert!(caught.is_ok() && took < ENOUGH, "seed {seed} of {target}: {took:?}");
    }
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut fastrand::Rng) {
    let at = chance.usize(..=input.len());
    let end = (at + chance.usize(..40)).min(input.len());
    match chance.u8(..6) {
        0 => input.insert(at, b"{}[]\",:\\&*-#|>\n \t%!?0"[chance.usize(..21)]),
        1 => drop(input.drain(at..end)),
        2 => input.extend_from_within(at..end),
        3 if at < input.len() => input[at] = chance.u8(..),
        4 => {
            let piece = input[at..end].repeat(chance.usize(..200));
            input.splice(at..at, piece);
        }
        _ => {
            let other = &corpus[chance.usize(..corpus.len())];
            let from = chance.usize(..=other.len());
            let to = (from + chance.usize(..200)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

#[test]
fn randomly_changed_requests_are_parsed_and_have_a_response() {
    mutated("request", exercise::request);
}

#[test]
fn randomly_changed_contents_are_parsed_and_the_same_as_themselves() {
    mutated("content", exercise::content);
}
