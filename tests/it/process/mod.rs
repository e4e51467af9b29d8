//! The real binary, as Lambda starts it: killed, watched, and its every word read.

mod bootstrap;
mod kill;
mod panic_message;
mod real_time;
mod steady;
