//! Metrics in the [embedded metric
//! format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
//! log lines from which CloudWatch extracts metrics.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::json;

/// The namespace of the metrics.
pub const NAMESPACE: &str = "cfn-ssm-document";

/// A metric. Its name in CloudWatch is that of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    DriftedDocuments,
    RepairedDocuments,
}

/// Where the lines are written. It is injected, so that tests can read them.
#[derive(Clone)]
pub struct Metrics(Arc<dyn Fn(&str) + Send + Sync>);

impl Metrics {
    /// The function's log.
    pub fn stdout() -> Self {
        // A log that can't be written must not keep a document from being repaired.
        Self::new(|line| drop(writeln!(std::io::stdout().lock(), "{line}")))
    }

    /// Passes each line to `write`, without a line ending.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(super) fn count(&self, metric: Metric, function: &str, now: Duration) {
        (self.0)(&line(metric, function, now));
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// Formats a line that counts one document at `now`.
fn line(metric: Metric, function: &str, now: Duration) -> String {
    let name = format!("{metric:?}");
    let metrics = json!([{"Name": name, "Unit": "Count"}]);
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics});
    let timestamp = i64::try_from(now.as_millis()).unwrap_or_default();
    let mut line = json!({
        "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]},
        "FunctionName": function,
        // Lambda drops lines below the function's log level, and a line without a valid timestamp counts as INFO:
        // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
        "level": "WARN",
        "timestamp": DateTime::from_millis(timestamp).fmt(Format::DateTime).unwrap_or_default(),
    });
    line[name] = json!(1);
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification: every dimension and every metric of a directive is a member of the root.
    #[test]
    fn a_line_is_a_metric_in_the_embedded_format() {
        for metric in [Metric::DriftedDocuments, Metric::RepairedDocuments] {
            let line = line(metric, "provider", Duration::from_millis(1_795_290_070_250));
            assert!(!line.contains('\n'), "{line}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let (name, metadata) = (format!("{metric:?}"), &value["_aws"]);
            assert_eq!(metadata["Timestamp"], 1_795_290_070_250_u64);
            let directive = json!({
                // The alarm in the template reads the metric by these names.
                "Namespace": "cfn-ssm-document",
                "Dimensions": [["FunctionName"]],
                "Metrics": [{"Name": name, "Unit": "Count"}],
            });
            assert_eq!(metadata["CloudWatchMetrics"], json!([directive]));
            assert_eq!((&value["FunctionName"], &value[&name]), (&json!("provider"), &json!(1)));
        }
    }

    /// Lambda filters application logs by the level of a line, if the line has a timestamp in the format of RFC 3339.
    #[test]
    fn a_line_passes_lambdas_filter_for_the_level_warn() {
        let line = line(Metric::DriftedDocuments, "provider", Duration::from_millis(1_795_290_070_250));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["level"], &value["timestamp"]), (&json!("WARN"), &json!("2026-11-21T19:41:10.25Z")));
    }
}
