//! The report in the terminal.

use crate::bars::Bar;
use crate::figure::Figure;
use crate::results::Results;
use crate::rows::rows;
use crate::scenario::Scenario;

/// Everything, as lines.
pub(crate) fn table(results: &Results, bars: &[Bar]) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(words.trim_end());
        text.push('\n');
    };
    for scenario in Scenario::ALL {
        line(format!(
            "\n{:<42}{:>26}{:>28}{:>10}",
            scenario.name().to_uppercase(),
            "function",
            "Python baseline",
            "ratio"
        ));
        for row in rows(results, scenario.name()) {
            let ratio = if row.function.median == 0.0 { "-".into() } else { format!("{:.1}x", row.ratio()) };
            line(format!("{:<42}{:>26}{:>28}{:>10}", row.label, figure(row.function), figure(row.baseline), ratio));
        }
    }
    line(format!(
        "\n{:<42}{:>8}{:>8}{:>10}{:>12}{:>14}{:>10}",
        "GROWTH (function, first invocation)", "calls", "rounds", "CPU ms", "ms", "128 MB, ms", "peak MiB"
    ));
    for grown in &results.growth {
        let small = grown.small_cpu_ms.map_or("-".into(), |figure| format!("{:.1}", figure.median));
        line(format!(
            "{:<42}{:>8}{:>8}{:>10.1}{:>12.1}{:>14}{:>10.1}",
            grown.name,
            grown.calls,
            grown.round_trips,
            grown.cpu_ms.median,
            grown.ms.median,
            small,
            grown.peak_mib.median
        ));
    }
    line(format!("\n{:<66}{:>12}{:>12}", "BARS", "is", "at most"));
    for bar in bars {
        let verdict = if bar.is_met() { "" } else { "  MISSED" };
        line(format!("{:<66}{:>12}{:>12}{verdict}", bar.what, number(bar.is), number(bar.at_most)));
    }
    line(String::new());
    for skipped in &results.skipped {
        line(format!("NOT MEASURED: {skipped}"));
    }
    let machine = &results.machine;
    line(format!(
        "{} runs per row, median (minimum to maximum), on {} cores of {}, Linux {}, load {:.1} before and {:.1} after. Instructions, \
         sizes and counts are exact; times depend on what else the machine does.",
        results.runs, machine.cores, machine.processor, machine.kernel, machine.load[0], machine.load[1]
    ));
    text
}

fn figure(figure: Figure) -> String {
    if figure.min == figure.max {
        return number(figure.median);
    }
    format!("{} ({} to {})", number(figure.median), number(figure.min), number(figure.max))
}

/// Formats a number with about three significant digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        1.0..10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
