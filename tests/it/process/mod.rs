//! The real binary, started as Lambda starts it: killed, measured, and all of its output read.

mod bootstrap;
mod kill;
mod panic_message;
mod real_time;
mod steady;
