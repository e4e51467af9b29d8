//! What may be printed: JSON lines, with the dependencies capped.

use std::panic;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Prints JSON lines of this crate at `level` (`INFO` where it can't be read) and of its dependencies at most at WARN.
///
/// lambda_runtime prints whole events at TRACE, and with them response URLs and document content.
pub fn start(level: Option<&str>) {
    let own = level.and_then(own_level).unwrap_or(LevelFilter::INFO);
    let targets =
        Targets::new().with_default(own.min(LevelFilter::from(Level::WARN))).with_target("cfn_ssm_document", own);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_ansi(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    // The payload of a panic may quote what was being worked on; the place is enough to find it.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Reads a level as Lambda writes it (`FATAL` too), or as `RUST_LOG` gives it for a whole program.
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
