//! What happens when time runs out. These tests wait for real time to pass, so `make check` leaves out every module of this
//! name; `make test` runs all.
//!
//! [`TIMEOUT`](super::stages::TIMEOUT) is the only duration: every wait and every limit here is a fraction of it.

mod deadline;
mod delivery;
mod retries;
mod stall;
