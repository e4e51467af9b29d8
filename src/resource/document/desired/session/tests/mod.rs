//! Every rule is tested with a JSON string, a YAML string and a mapping: what is refused (`!`), what gives a warning (`?`), and
//! what is left alone.

mod inputs;

use serde_json::{Value, json};

use super::*;
use crate::resource::document::content::Format;

fn standard() -> Value {
    json!({"schemaVersion": "1.0", "description": "x", "sessionType": "Standard_Stream",
           "inputs": {"idleSessionTimeout": "20"}})
}

fn port() -> Value {
    json!({"schemaVersion": "1.0", "sessionType": "Port", "properties": {"portNumber": "22"}})
}

fn interactive() -> Value {
    json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands",
           "properties": {"linux": {"commands": "top", "runAsElevated": true}}})
}

/// The document with `value` at `pointer`, or without the key there if `value` is `None`.
fn with(mut document: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(parent.insert(key.into(), value)),
        None => assert!(parent.remove(key).is_some(), "{pointer}"),
    }
    document
}

fn read(text: String, format: Format) -> Content {
    Content::read("DocumentContent", text, Some(format)).unwrap()
}

fn found(name: Option<&str>, content: &Content) -> Vec<String> {
    let Findings { problems, warnings } = check(name, content);
    let problems = problems.iter().map(|problem| format!("! {problem}"));
    let all = problems.chain(warnings.iter().map(|warning| format!("? {warning}")));
    all.map(|line| line.replace("DocumentContent.", "")).collect()
}

/// The mapping as CloudFormation sends it, with every scalar as a string.
fn as_sent(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), as_sent(value))).collect()),
        Value::Array(items) => items.iter().map(as_sent).collect(),
        other => scalar(other).map_or(Value::Null, Value::String),
    }
}

/// Checks the findings for a JSON string, a YAML string and a mapping.
#[track_caller]
fn finds(document: &Value, in_string: &[&str], in_mapping: &[&str]) {
    for format in [Format::Json, Format::Yaml] {
        assert_eq!(found(None, &read(document.to_string(), format)), in_string, "{format:?} {document}");
    }
    let sent = as_sent(document);
    let restored = from_mapping(sent.as_object().unwrap()).to_string();
    assert_eq!(found(None, &read(restored, Format::Json)), in_mapping, "mapping {document}");
}

#[test]
fn sound_documents_of_every_type_are_left_alone() {
    let full = json!({
        "schemaVersion": "1.0", "description": "x", "sessionType": "Standard_Stream",
        "parameters": {"linuxcmd": {"type": "String", "default": "bash", "description": "x", "allowedPattern": "^x$"}},
        "inputs": {
            "s3BucketName": "b", "s3KeyPrefix": "p", "s3EncryptionEnabled": true,
            "cloudWatchLogGroupName": "g", "cloudWatchEncryptionEnabled": false, "cloudWatchStreamingEnabled": true,
            "kmsKeyId": "", "runAsEnabled": true, "runAsDefaultUser": "ops", "idleSessionTimeout": "60",
            "maxSessionDuration": "1440", "shellProfile": {"linux": "{{ linuxcmd }}", "windows": ""}
        }
    });
    let commands = json!({"commands": "top", "runAsElevated": false});
    let non_interactive = with(interactive(), "/sessionType", Some(json!("NonInteractiveCommands")));
    let everywhere = json!({"linux": commands, "windows": commands, "macOS": commands});
    let forward = json!({"portNumber": "65535", "localPortNumber": "0", "type": "LocalPortForwarding", "host": "db"});
    for document in [
        standard(),
        full,
        port(),
        with(port(), "/properties", Some(forward)),
        interactive(),
        with(non_interactive, "/properties", Some(everywhere)),
    ] {
        finds(&document, &[], &[]);
    }
}

#[test]
fn references_are_accepted_wherever_a_value_is_checked() {
    for pointer in ["s3EncryptionEnabled", "cloudWatchStreamingEnabled", "runAsEnabled", "maxSessionDuration"] {
        for reference in ["{{ name }}", "{{ssm:name}}", " {{name}} "] {
            finds(&with(standard(), &format!("/inputs/{pointer}"), Some(json!(reference))), &[], &[]);
        }
    }
    for pointer in ["/properties/portNumber", "/properties/localPortNumber"] {
        finds(&with(port(), pointer, Some(json!("{{ port }}"))), &[], &[]);
    }
    // Not every brace is a reference.
    for value in ["{{}}", "{{ name", "name }}"] {
        let expected = ["! inputs.runAsEnabled: must be true or false, but is a string."];
        finds(&with(standard(), "/inputs/runAsEnabled", Some(json!(value))), &expected, &expected);
    }
}

#[test]
fn the_schema_version_is_the_string_1_0() {
    let with_version = |version| with(standard(), "/schemaVersion", version);
    let other = ["! schemaVersion: must be \"1.0\", the only schema version of Session documents, but is \"2.2\"."];
    finds(&with_version(Some(json!("2.2"))), &other, &other);
    finds(
        &with_version(Some(json!(1.0))),
        &["! schemaVersion: must be the string \"1.0\" in quotes, but is a number."],
        &[],
    );
    let missing = ["! schemaVersion: is missing. It must be \"1.0\"."];
    finds(&with_version(None), &missing, &missing);
}

#[test]
fn the_session_type_is_one_of_four_and_decides_what_else_is_needed() {
    let missing = "is missing. It is one of Standard_Stream, Port, InteractiveCommands, NonInteractiveCommands.";
    let near = "\"Standard_Strem\" is not one of Standard_Stream, Port, InteractiveCommands, NonInteractiveCommands. \
                Did you mean Standard_Stream?";
    let commands = "! properties: is missing. It holds the commands for each platform: linux, windows, macOS.";
    for (document, expected) in [
        (with(standard(), "/sessionType", None), format!("! sessionType: {missing}")),
        (with(standard(), "/sessionType", Some(json!("Standard_Strem"))), format!("! sessionType: {near}")),
        (
            with(standard(), "/inputs", None),
            "! inputs: is missing. Standard_Stream needs it, even if it is empty.".into(),
        ),
        (with(standard(), "/properties", Some(json!({}))), "? properties: is ignored by Standard_Stream.".into()),
        (with(port(), "/properties", None), "! properties: is missing. Port needs it, with a portNumber.".into()),
        (with(interactive(), "/properties", None), commands.into()),
        (
            with(with(interactive(), "/properties", None), "/sessionType", Some(json!("NonInteractiveCommands"))),
            commands.into(),
        ),
    ] {
        finds(&document, &[&expected], &[&expected]);
    }
    let wrong_kind = with(standard(), "/sessionType", Some(json!(["Port"])));
    finds(
        &wrong_kind,
        &["! sessionType: must be a string, but is a list."],
        &["! sessionType: must be a string, but is a list."],
    );
}

#[test]
fn the_preferences_of_session_manager_are_a_standard_stream() {
    let name = Some(PREFERENCES);
    let content = |document: Value| read(document.to_string(), Format::Json);
    assert_eq!(found(name, &content(standard())), [""; 0]);
    let expected = "! sessionType: must be Standard_Stream in SSM-SessionManagerRunShell: every session reads its preferences \
                    there.";
    assert_eq!(found(name, &content(port())), [expected]);
    assert_eq!(found(Some("Another"), &content(port())), [""; 0]);
}

#[test]
fn ports_commands_and_parameters_have_what_their_type_needs() {
    for (value, name, wrong) in [
        ("0", "portNumber", true),
        ("65536", "portNumber", true),
        ("ssh", "portNumber", true),
        ("0", "localPortNumber", false),
        ("", "localPortNumber", false),
        ("-1", "localPortNumber", true),
    ] {
        let document = with(port(), &format!("/properties/{name}"), Some(json!(value)));
        let lowest = if name == "portNumber" { 1 } else { 0 };
        let expected = format!(
            "! properties.{name}: must be a port from \"{lowest}\" to \"65535\", or a reference such as {{{{ port }}}}."
        );
        let expected = if wrong { vec![expected.as_str()] } else { vec![] };
        finds(&document, &expected, &expected);
    }
    finds(
        &with(port(), "/properties/portNumber", Some(json!(22))),
        &["! properties.portNumber: must be a string, but is a number. Put it in quotes."],
        &[],
    );
    for (document, expected) in [
        (with(port(), "/properties/portNumber", None), "! properties.portNumber: is missing. Port needs it."),
        (with(port(), "/properties", Some(json!("22"))), "! properties: must be a mapping, but is a string."),
        (
            with(interactive(), "/properties", Some(json!({}))),
            "! properties: names no platform. It needs one of linux, windows, macOS.",
        ),
        (with(interactive(), "/properties", Some(json!([]))), "! properties: must be a mapping, but is a list."),
        (
            with(interactive(), "/properties/windows", Some(json!("dir"))),
            "! properties.windows: must be a mapping, but is a string.",
        ),
        (
            with(interactive(), "/properties/linux/commands", None),
            "! properties.linux.commands: is missing. It is the command to run.",
        ),
        (
            with(interactive(), "/properties/linux/commands", Some(json!(["a"]))),
            "! properties.linux.commands: must be a string, but is a list.",
        ),
        (with(port(), "/parameters", Some(json!([]))), "! parameters: must be a mapping, but is a list."),
        (
            with(port(), "/parameters", Some(json!({"p": {"default": "1"}}))),
            "! parameters.p.type: is missing. It must be String.",
        ),
        (with(port(), "/parameters", Some(json!({"p": "x"}))), "! parameters.p: must be a mapping, but is a string."),
        (with(standard(), "/inputs", Some(json!([]))), "! inputs: must be a mapping, but is a list."),
    ] {
        finds(&document, &[expected], &[expected]);
    }
}

#[test]
fn an_unknown_key_gives_a_warning_that_names_the_nearest_known_one() {
    for (document, pointer, expected) in [
        (standard(), "/sessiontype", "? sessiontype: is not a known key of this schema. Did you mean sessionType?"),
        (standard(), "/inputs/runAsUser", "? inputs.runAsUser: is not a known key of this schema."),
        (
            standard(),
            "/inputs/idleSesionTimeout",
            "? inputs.idleSesionTimeout: is not a known key of this schema. Did you mean idleSessionTimeout?",
        ),
        (port(), "/properties/port", "? properties.port: is not a known key of this schema."),
        (
            interactive(),
            "/properties/linux/command",
            "? properties.linux.command: is not a known key of this schema. Did you mean commands?",
        ),
        (
            interactive(),
            "/properties/macos",
            "? properties.macos: is not a known key of this schema. Did you mean macOS?",
        ),
    ] {
        let document = with(document, pointer, Some(json!("x")));
        finds(&document, &[expected], &[expected]);
    }
}

#[test]
fn all_problems_are_found_at_once() {
    let document = json!({"schemaVersion": "2.2", "sessionType": "Shell",
                          "inputs": {"idleSessionTimeout": "61", "kmsKeyId": 1, "runAsEnabled": 1}});
    assert_eq!(check(None, &read(document.to_string(), Format::Json)).problems.len(), 5);
}

#[test]
fn scalars_that_yaml_parsers_read_differently_are_reported_as_such() {
    let text = "schemaVersion: '1.0'\nsessionType: Standard_Stream\ninputs:\n  idleSessionTimeout: '20'\n  runAsEnabled: yes\n";
    assert_eq!(
        found(None, &read(text.into(), Format::Yaml)),
        [
            "! inputs.runAsEnabled: must be true or false, but is a scalar that has a tag or that YAML parsers read differently."
        ]
    );
}

#[test]
fn text_content_is_refused_in_a_session_document() {
    let content = read("schemaVersion: '1.0'".into(), Format::Text);
    assert_eq!(found(None, &content), ["! DocumentContent: must be JSON or YAML in a Session document, but is TEXT."]);
}

#[test]
fn a_mapping_gets_back_only_the_booleans_that_are_known() {
    let sent = json!({
        "description": "true",
        "inputs": {"runAsEnabled": "true", "s3EncryptionEnabled": "false", "cloudWatchEncryptionEnabled": "True",
                   "kmsKeyId": "false", "idleSessionTimeout": 20},
        "properties": {"linux": {"runAsElevated": "true", "commands": "true"}},
        "list": ["true", {"runAsEnabled": "false"}], "nothing": null
    });
    let restored = json!({
        "description": "true",
        "inputs": {"runAsEnabled": true, "s3EncryptionEnabled": false, "cloudWatchEncryptionEnabled": "True",
                   "kmsKeyId": "false", "idleSessionTimeout": "20"},
        "properties": {"linux": {"runAsElevated": true, "commands": "true"}},
        "list": ["true", {"runAsEnabled": false}], "nothing": null
    });
    assert_eq!(from_mapping(sent.as_object().unwrap()), restored);
}
