//! What fuzzing has found, and what it began with, stays harmless.

use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../../fuzz/exercise.rs"]
mod exercise;

fn each(target: &str, exercise: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let started = Instant::now();
        exercise(&std::fs::read(&path).unwrap());
        assert!(started.elapsed() < Duration::from_secs(2), "{}: {:?}", path.display(), started.elapsed());
        count += 1;
    }
    assert!(count > 10, "the corpus of {target} is there");
}

#[test]
fn every_request_of_the_corpus_is_read_and_answerable() {
    each("request", exercise::request);
}

#[test]
fn every_content_of_the_corpus_is_read_and_the_same_as_itself() {
    each("content", exercise::content);
}
