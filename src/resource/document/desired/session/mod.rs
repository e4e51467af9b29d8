//! Checks Session documents ([schema
//! 1.0](https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html)) before AWS receives them:
//! they must have what the agent and the console need.

mod values;

use serde_json::{Map, Value};

use self::values::{Check, is_reference};
use crate::cfn::properties::scalar;
use crate::failure::{did_you_mean, quoted};
use crate::resource::document::content::{Content, Key, Node};

pub use self::values::{Findings, PREFERENCES};

const STRINGS: [&str; 5] = ["s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId", "runAsDefaultUser"];
const BOOLEANS: [&str; 4] =
    ["s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled", "runAsEnabled"];
/// Keys whose values are minutes, with the maximum.
const TIMEOUTS: [(&str, u32); 2] = [("idleSessionTimeout", 60), ("maxSessionDuration", 1440)];
const SESSION_TYPES: [&str; 4] = ["Standard_Stream", "Port", "InteractiveCommands", "NonInteractiveCommands"];
const PLATFORMS: [&str; 3] = ["linux", "windows", "macOS"];
const PORT_PROPERTIES: [&str; 4] = ["portNumber", "localPortNumber", "type", "host"];

/// Restores the schema's booleans in a mapping, since CloudFormation sends every scalar in it as a string. Every other scalar
/// becomes a string; null stays.
pub fn from_mapping(mapping: &Map<String, Value>) -> Value {
    fn restore(key: &str, value: &Value) -> Value {
        let is_boolean = BOOLEANS.contains(&key) || key == "runAsElevated";
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, value)| (key.clone(), restore(key, value))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| restore("", item)).collect()),
            Value::Null => Value::Null,
            other => match scalar(other).as_deref() {
                Some("true") if is_boolean => Value::Bool(true),
                Some("false") if is_boolean => Value::Bool(false),
                text => Value::from(text),
            },
        }
    }
    restore("", &Value::Object(mapping.clone()))
}

/// Checks the content of a Session document with this name. A boolean, a timeout or a port that is a
/// reference (`{{ … }}`) is not checked.
pub fn check(name: Option<&str>, content: &Content) -> Findings {
    let mut check = Check::default();
    match &content.node {
        Some(node) => check.document(name, node),
        None => check.problem("", "must be JSON or YAML in a Session document, but is TEXT."),
    }
    check.findings
}

impl Check {
    fn document(&mut self, name: Option<&str>, node: &Node) {
        self.only_known(
            "",
            node,
            &["schemaVersion", "description", "sessionType", "inputs", "parameters", "properties"],
        );
        match node.get("schemaVersion") {
            Some(Node::Text(version)) if version == "1.0" => {}
            Some(Node::Text(version)) => {
                self.problem(
                    "schemaVersion",
                    format!(
                        "must be \"1.0\", the only schema version of Session documents, but is {}.",
                        quoted(version)
                    ),
                );
            }
            Some(other) => {
                self.problem("schemaVersion", format!("must be the string \"1.0\" in quotes, but is {}.", other.kind()))
            }
            None => self.problem("schemaVersion", "is missing. It must be \"1.0\"."),
        }
        self.text("description", node.get("description"));
        let session_type = self.session_type(node);
        if name == Some(PREFERENCES) && session_type.is_some_and(|given| given != "Standard_Stream") {
            self.problem(
                "sessionType",
                format!("must be Standard_Stream in {PREFERENCES}: every session reads its preferences there."),
            );
        }
        match (node.get("inputs"), session_type) {
            (Some(inputs), _) => self.inputs(inputs),
            (None, Some("Standard_Stream")) => {
                self.problem("inputs", "is missing. Standard_Stream needs it, even if it is empty.")
            }
            (None, _) => {}
        }
        match (node.get("properties"), session_type) {
            (Some(properties), Some("Port")) => self.port(properties),
            (Some(properties), Some("InteractiveCommands" | "NonInteractiveCommands")) => self.commands(properties),
            (Some(_), Some("Standard_Stream")) => self.warning("properties", "is ignored by Standard_Stream."),
            (None, Some("InteractiveCommands" | "NonInteractiveCommands")) => {
                self.problem(
                    "properties",
                    "is missing. It holds the commands for each platform: linux, windows, macOS.",
                );
            }
            (None, Some("Port")) => self.problem("properties", "is missing. Port needs it, with a portNumber."),
            _ => {}
        }
        if let Some(parameters) = node.get("parameters") {
            self.parameters(parameters);
        }
    }

    fn session_type<'a>(&mut self, node: &'a Node) -> Option<&'a str> {
        match node.get("sessionType") {
            Some(Node::Text(given)) if SESSION_TYPES.contains(&given.as_str()) => return Some(given),
            Some(Node::Text(given)) => {
                let nearest = did_you_mean(given, SESSION_TYPES);
                self.problem(
                    "sessionType",
                    format!("{} is not one of {}.{nearest}", quoted(given), SESSION_TYPES.join(", ")),
                );
            }
            Some(other) => self.problem("sessionType", format!("must be a string, but is {}.", other.kind())),
            None => self.problem("sessionType", format!("is missing. It is one of {}.", SESSION_TYPES.join(", "))),
        }
        None
    }

    fn inputs(&mut self, inputs: &Node) {
        if !self.is_mapping("inputs", inputs) {
            return;
        }
        let known: Vec<&str> =
            STRINGS.into_iter().chain(BOOLEANS).chain(TIMEOUTS.map(|(name, _)| name)).chain(["shellProfile"]).collect();
        self.only_known("inputs.", inputs, &known);
        for name in STRINGS {
            self.text(&format!("inputs.{name}"), inputs.get(name));
        }
        for name in BOOLEANS {
            self.boolean(&format!("inputs.{name}"), inputs.get(name), name == "cloudWatchStreamingEnabled");
        }
        for (name, longest) in TIMEOUTS {
            self.minutes(&format!("inputs.{name}"), inputs.get(name), longest);
        }
        if let Some(profile) = inputs.get("shellProfile")
            && self.is_mapping("inputs.shellProfile", profile)
        {
            self.only_known("inputs.shellProfile.", profile, &["linux", "windows"]);
            for platform in ["linux", "windows"] {
                self.text(&format!("inputs.shellProfile.{platform}"), profile.get(platform));
            }
        }
        self.combinations(inputs);
    }

    /// Checks for combinations that lock users out, lose logs or leave the console's page blank.
    fn combinations(&mut self, inputs: &Node) {
        let on = |name: &str| match inputs.get(name) {
            Some(Node::Bool(on)) => *on,
            Some(Node::Text(text)) => text == "true",
            _ => false,
        };
        let given = |name: &str| {
            inputs.get(name).is_some_and(|node| !matches!(node, Node::Null) && *node != Node::Text(String::new()))
        };
        if inputs.get("idleSessionTimeout").is_none() {
            self.warning(
                "inputs.idleSessionTimeout",
                format!("is missing. AWS's default is \"20\". Without it in {PREFERENCES}, the console's preferences page is blank."),
            );
        }
        if on("runAsEnabled") && !given("runAsDefaultUser") {
            self.warning("inputs.runAsDefaultUser", "is missing while runAsEnabled is true: sessions are refused for every caller without the tag SSMSessionRunAs.");
        }
        if given("cloudWatchLogGroupName") && !on("cloudWatchStreamingEnabled") {
            self.warning(
                "inputs.cloudWatchStreamingEnabled",
                "is not true: the log is uploaded when the session ends, and is lost if the instance stops before that.",
            );
        }
        if on("cloudWatchEncryptionEnabled") && !given("cloudWatchLogGroupName") {
            self.warning("inputs.cloudWatchEncryptionEnabled", "is true, but no cloudWatchLogGroupName is given.");
        }
        if on("s3EncryptionEnabled") && !given("s3BucketName") {
            self.warning("inputs.s3EncryptionEnabled", "is true, but no s3BucketName is given.");
        }
        if given("s3KeyPrefix") && !given("s3BucketName") {
            self.warning("inputs.s3KeyPrefix", "is given, but s3BucketName is not.");
        }
    }

    fn port(&mut self, properties: &Node) {
        if !self.is_mapping("properties", properties) {
            return;
        }
        self.only_known("properties.", properties, &PORT_PROPERTIES);
        for name in PORT_PROPERTIES {
            self.text(&format!("properties.{name}"), properties.get(name));
        }
        // The Session Manager plugin picks a free port if the local one is "0".
        for (name, lowest) in [("portNumber", 1), ("localPortNumber", 0)] {
            if let Some(Node::Text(text)) = properties.get(name)
                && !text.is_empty()
                && !is_reference(text)
                && !text.parse::<u16>().is_ok_and(|port| port >= lowest)
            {
                let range =
                    format!("must be a port from \"{lowest}\" to \"65535\", or a reference such as {{{{ port }}}}.");
                self.problem(&format!("properties.{name}"), range);
            }
        }
        if properties.get("portNumber").is_none() {
            self.problem("properties.portNumber", "is missing. Port needs it.");
        }
    }

    fn commands(&mut self, properties: &Node) {
        if !self.is_mapping("properties", properties) {
            return;
        }
        self.only_known("properties.", properties, &PLATFORMS);
        if PLATFORMS.iter().all(|platform| properties.get(platform).is_none()) {
            self.problem("properties", format!("names no platform. It needs one of {}.", PLATFORMS.join(", ")));
        }
        for platform in PLATFORMS {
            let path = format!("properties.{platform}");
            let Some(node) = properties.get(platform) else { continue };
            if !self.is_mapping(&path, node) {
                continue;
            }
            self.only_known(&format!("{path}."), node, &["commands", "runAsElevated"]);
            self.boolean(&format!("{path}.runAsElevated"), node.get("runAsElevated"), true);
            self.text(&format!("{path}.commands"), node.get("commands"));
            if node.get("commands").is_none() {
                self.problem(&format!("{path}.commands"), "is missing. It is the command to run.");
            }
        }
    }

    fn parameters(&mut self, parameters: &Node) {
        if !self.is_mapping("parameters", parameters) {
            return;
        }
        if let Node::Map(map) = parameters {
            for (Key { text, .. }, parameter) in map {
                let path = format!("parameters.{text}");
                if self.is_mapping(&path, parameter) && parameter.get("type").is_none() {
                    self.problem(&format!("{path}.type"), "is missing. It must be String.");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
