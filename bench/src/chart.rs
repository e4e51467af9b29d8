//! The chart of docs/performance.md: an SVG with both providers on a logarithmic scale, readable on a light and on a dark page.

use std::fmt::Write;

use crate::results::Results;
use crate::rows::{Row, rows};
use crate::table::number;

const SHOWN: [(&str, &str); 7] = [
    ("CPU of 128 MB, SSM in 30 ms: first, ms", "Create on the CPU of 128 MB, cold, until the response (ms)"),
    ("… of which beyond SSM's delays, ms", "… of which beyond Systems Manager's own time (ms)"),
    ("init, CPU ms", "CPU time of init (ms)"),
    ("first invocation, CPU ms", "CPU time of the first invocation (ms)"),
    ("warm invocation, CPU ms", "CPU time of a warm invocation (ms)"),
    ("peak memory, MiB", "Peak memory (MiB)"),
    ("code zipped, MB", "Code, zipped (MB)"),
];
const WIDTH: f64 = 860.0;
const LEFT: f64 = 380.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 64.0;
const STEP: f64 = 46.0;
const BAR: f64 = 15.0;
const SMALLEST: f64 = 0.1;
const FUNCTION: &str = "#0f7b6c";
const BASELINE: &str = "#b8860b";

/// The SVG.
pub(crate) fn chart(results: &Results) -> String {
    let all = rows(results, "create");
    let shown: Vec<(&str, &Row)> =
        SHOWN.iter().filter_map(|(label, title)| Some((*title, all.iter().find(|row| row.label == *label)?))).collect();
    let largest = shown.iter().map(|(_, row)| row.baseline.median.max(row.function.median)).fold(1.0, f64::max);
    let decades = (largest / SMALLEST).log10().ceil();
    let x = |value: f64| LEFT + (value.max(SMALLEST) / SMALLEST).log10() / decades * (RIGHT - LEFT);
    let height = TOP + STEP * shown.len() as f64 + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"13\" role=\"img\" aria-label=\"The function beside a Python provider\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"16\" font-weight=\"600\" fill=\"#1c1c1c\">Making a document: this function beside a Python provider</text>\n\
         <rect x=\"20\" y=\"40\" width=\"12\" height=\"12\" fill=\"{FUNCTION}\"/><text x=\"38\" y=\"51\" fill=\"#1c1c1c\">this function</text>\n\
         <rect x=\"140\" y=\"40\" width=\"12\" height=\"12\" fill=\"{BASELINE}\"/><text x=\"158\" y=\"51\" fill=\"#1c1c1c\">boto3 on Lambda's Python runtime client</text>\n"
    );
    for decade in 0..=decades as i32 {
        let value = SMALLEST * 10f64.powi(decade);
        let at = x(value);
        let bottom = height - 28.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666666\">{}</text>",
            bottom + 16.0,
            number(value)
        );
    }
    for (index, (title, row)) in shown.iter().enumerate() {
        let y = TOP + 6.0 + STEP * index as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#1c1c1c\">{title}</text>",
            LEFT - 10.0,
            y + BAR + 5.0
        );
        for (line, value, colour) in [(0.0, row.function.median, FUNCTION), (1.0, row.baseline.median, BASELINE)] {
            let top = y + line * (BAR + 2.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#1c1c1c\">{}</text>",
                x(value) - LEFT,
                x(value) + 5.0,
                top + BAR - 3.0,
                number(value)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
