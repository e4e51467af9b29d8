//! Every request gets a response: the protocol under faults, hostile input and repetition.

mod at_least_once;
mod deadline;
mod fuzz_corpus;
mod hostile_payload;
mod old_requests;
mod put;
mod real_time;
mod reasons;
mod response_url;
mod retries;
mod size;
pub mod stages;
mod standing;
