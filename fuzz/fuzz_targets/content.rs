//! Contents of documents, in every format, through everything that reads them.
#![no_main]

#[path = "../exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::content(bytes));
