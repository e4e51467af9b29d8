//! A loopback AWS for the tests.
