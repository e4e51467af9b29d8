//! The log: JSON lines, in which dependencies are capped at WARN.

use std::panic;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs this crate at `level` and its dependencies at most at WARN, as JSON lines on standard output. Without a level, or with
/// one that can't be parsed, this crate logs at INFO. Also sets a panic hook, which logs a panic's location, not its message.
///
/// Dependencies are capped because, at TRACE, lambda_runtime logs whole events, and with them response URLs and document content.
///
/// # Panics
/// The process has a global subscriber already.
pub fn start(level: Option<&str>) {
    let own = level.and_then(own_level).unwrap_or(LevelFilter::INFO);
    let targets =
        Targets::new().with_default(own.min(LevelFilter::from(Level::WARN))).with_target("cfn_ssm_document", own);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_ansi(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    // The payload of a panic may quote a property. The location is enough to find the bug.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Parses a level in Lambda's spelling, which includes `FATAL`, or in that of `RUST_LOG`.
fn own_level(text: &str) -> Option<LevelFilter> {
    match text.to_ascii_uppercase().as_str() {
        "FATAL" => Some(LevelFilter::ERROR),
        level => level.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_lambda_and_rust_write_them() {
        for (text, expected) in [
            ("FATAL", Some(LevelFilter::ERROR)),
            ("WARN", Some(LevelFilter::WARN)),
            ("trace", Some(LevelFilter::TRACE)),
            ("off", Some(LevelFilter::OFF)),
            ("loud", None),
        ] {
            assert_eq!(own_level(text), expected, "{text}");
        }
    }
}
