//! Metrics in the [embedded metric
//! format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
//! log lines from which CloudWatch extracts metrics.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

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

    /// Writes lines with `write`.
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
    let timestamp = u64::try_from(now.as_millis()).unwrap_or_default();
    let mut line = json!({
        "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]},
        "FunctionName": function,
        // Lambda drops lines below the function's log level.
        "level": "WARN",
    });
    line[name] = json!(1);
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_metric_in_the_embedded_format() {
        let line = line(Metric::DriftedDocuments, "provider", Duration::from_millis(1_234));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let directive = &value["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((value["_aws"]["Timestamp"].as_u64(), value["DriftedDocuments"].as_u64()), (Some(1_234), Some(1)));
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!(NAMESPACE), &json!([["FunctionName"]]))
        );
        assert_eq!(directive["Metrics"], json!([{"Name": "DriftedDocuments", "Unit": "Count"}]));
        assert_eq!(value["FunctionName"], "provider");
    }
}
