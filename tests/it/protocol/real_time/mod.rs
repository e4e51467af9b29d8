//! What happens when time runs out. These tests wait for real time to pass, so `make check` leaves out every module of this
//! name; `make test` runs all.
//!
//! [`TIMEOUT`](super::stages::TIMEOUT) is the one length of time: every wait and every bound here is a share of it.

mod deadline;
mod delivery;
mod retries;
mod stall;
