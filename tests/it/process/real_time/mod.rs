//! What a process does when time runs out; `make check` leaves these tests out, `make test` runs them.

mod secrets;
mod unread_log;
