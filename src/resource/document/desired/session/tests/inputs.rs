//! The rules of `inputs`.

use serde_json::{Value, json};

use super::*;

#[test]
fn strings_must_be_strings_and_the_remedy_fits_the_given_value() {
    let quote = |path: &str, kind: &str| format!("! {path}: must be a string, but is {kind}. Put it in quotes.");
    for name in ["s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId", "runAsDefaultUser"] {
        let path = format!("inputs.{name}");
        let document = with(standard(), &format!("/inputs/{name}"), Some(json!(17)));
        assert_eq!(found(None, &read(document.to_string(), Format::Json))[0], quote(&path, "a number"));
    }
    let empty = ["! inputs.kmsKeyId: must be a string, but is null. Write \"\", or leave it out."];
    finds(&with(standard(), "/inputs/kmsKeyId", Some(Value::Null)), &empty, &empty);
    let list = ["! description: must be a string, but is a list."];
    finds(&with(standard(), "/description", Some(json!(["a"]))), &list, &list);
    finds(&with(standard(), "/description", Some(json!(true))), &[&quote("description", "a boolean")], &[]);
    let profile = |profile| with(standard(), "/inputs/shellProfile", Some(profile));
    finds(&profile(json!({"linux": true})), &[&quote("inputs.shellProfile.linux", "a boolean")], &[]);
    finds(&profile(json!({"windows": 1})), &[&quote("inputs.shellProfile.windows", "a number")], &[]);
    let mac = ["? inputs.shellProfile.macOS: is not a known key of this schema."];
    finds(&profile(json!({"macOS": "x"})), &mac, &mac);
    let mapping = ["! inputs.shellProfile: must be a mapping, but is a string."];
    finds(&profile(json!("bash")), &mapping, &mapping);
}

#[test]
fn booleans_in_quotes_give_a_warning_or_are_refused_if_the_agent_cannot_read_them() {
    for (name, extra) in [
        ("s3EncryptionEnabled", Some("? inputs.s3EncryptionEnabled: is true, but no s3BucketName is given.")),
        (
            "cloudWatchEncryptionEnabled",
            Some("? inputs.cloudWatchEncryptionEnabled: is true, but no cloudWatchLogGroupName is given."),
        ),
        (
            "runAsEnabled",
            Some(
                "? inputs.runAsDefaultUser: is missing while runAsEnabled is true: sessions are refused for every caller without \
                 the tag SSMSessionRunAs.",
            ),
        ),
        ("cloudWatchStreamingEnabled", None),
    ] {
        let with_value = |value: Value| with(standard(), &format!("/inputs/{name}"), Some(value));
        let quoted = match name {
            "cloudWatchStreamingEnabled" => format!(
                "! inputs.{name}: must be a boolean without quotes: the agent can't read it otherwise, and sessions fail."
            ),
            _ => format!(
                "? inputs.{name}: is in quotes. Remove them: in {PREFERENCES}, they leave the console's preferences page blank."
            ),
        };
        let both: Vec<&str> = [quoted.as_str()].into_iter().chain(extra).collect();
        finds(&with_value(json!("true")), &both, extra.as_slice());
        finds(&with_value(json!("false")), &[&quoted], &[]);
        finds(&with_value(json!(true)), extra.as_slice(), extra.as_slice());
        finds(&with_value(json!(false)), &[], &[]);
        for (value, kind) in [(json!(1), "a number"), (Value::Null, "null"), (json!("True"), "a string")] {
            let wrong = |kind| format!("! inputs.{name}: must be true or false, but is {kind}.");
            let in_mapping = if value.is_null() { "null" } else { "a string" };
            finds(&with_value(value), &[&wrong(kind)], &[&wrong(in_mapping)]);
        }
    }
    let elevated = with(interactive(), "/properties/linux/runAsElevated", Some(json!("true")));
    let problem = "! properties.linux.runAsElevated: must be a boolean without quotes: the agent can't read it otherwise, and \
        sessions fail.";
    finds(&elevated, &[problem], &[]);
}

#[test]
fn timeouts_are_strings_of_minutes_in_their_range() {
    for (name, longest) in [("idleSessionTimeout", 60), ("maxSessionDuration", 1440)] {
        let range = format!("a string with a number of minutes from \"1\" to \"{longest}\", or \"\"");
        let with_value = |value: Value| with(standard(), &format!("/inputs/{name}"), Some(value));
        for value in ["", "1", &longest.to_string(), "{{ minutes }}"] {
            finds(&with_value(json!(value)), &[], &[]);
        }
        for (value, given) in [
            ("0", ", but is \"0\""),
            (&*(longest + 1).to_string(), &*format!(", but is \"{}\"", longest + 1)),
            ("-5", ", but is \"-5\""),
            ("99999999999", ", but is \"99999999999\""),
            ("+5", ", but is \"+5\""),
            // Not quoted: it may be a secret in the wrong place.
            ("20 minutes", ""),
        ] {
            let expected = format!("! inputs.{name}: must be {range}{given}.");
            finds(&with_value(json!(value)), &[&expected], &[&expected]);
        }
        let number = format!("! inputs.{name}: must be {range}, but is the number 15. Put it in quotes.");
        finds(&with_value(json!(15)), &[&number], &[]);
        let list = format!("! inputs.{name}: must be {range}, but is a list.");
        finds(&with_value(json!(["15"])), &[&list], &[&list]);
    }
}

#[test]
fn combinations_that_lock_users_out_lose_logs_or_blank_the_console_give_a_warning() {
    let idle = "? inputs.idleSessionTimeout: is missing. AWS's default is \"20\". Without it in SSM-SessionManagerRunShell, the \
        console's preferences page is blank.";
    let run_as = "? inputs.runAsDefaultUser: is missing while runAsEnabled is true: sessions are refused for every caller \
                  without the tag SSMSessionRunAs.";
    let streaming = "? inputs.cloudWatchStreamingEnabled: is not true: the log is uploaded when the session ends, and is lost \
        if the instance stops before that.";
    let bucket = "? inputs.s3EncryptionEnabled: is true, but no s3BucketName is given.";
    let group = "? inputs.cloudWatchEncryptionEnabled: is true, but no cloudWatchLogGroupName is given.";
    let prefix = "? inputs.s3KeyPrefix: is given, but s3BucketName is not.";
    for (inputs, expected) in [
        (json!({}), vec![idle]),
        (json!({"idleSessionTimeout": ""}), vec![]),
        (json!({"idleSessionTimeout": "1", "runAsEnabled": true}), vec![run_as]),
        (json!({"idleSessionTimeout": "1", "runAsEnabled": true, "runAsDefaultUser": ""}), vec![run_as]),
        (json!({"idleSessionTimeout": "1", "runAsEnabled": true, "runAsDefaultUser": "ops"}), vec![]),
        (json!({"idleSessionTimeout": "1", "runAsEnabled": false}), vec![]),
        (json!({"idleSessionTimeout": "1", "cloudWatchLogGroupName": "g"}), vec![streaming]),
        (json!({"idleSessionTimeout": "1", "cloudWatchLogGroupName": ""}), vec![]),
        (
            json!({"idleSessionTimeout": "1", "cloudWatchLogGroupName": "g", "cloudWatchStreamingEnabled": false}),
            vec![streaming],
        ),
        (json!({"idleSessionTimeout": "1", "cloudWatchEncryptionEnabled": true}), vec![group]),
        (json!({"idleSessionTimeout": "1", "s3EncryptionEnabled": true}), vec![bucket]),
        (json!({"idleSessionTimeout": "1", "s3EncryptionEnabled": true, "s3BucketName": "b"}), vec![]),
        (json!({"idleSessionTimeout": "1", "s3KeyPrefix": "p"}), vec![prefix]),
        (json!({"idleSessionTimeout": "1", "s3KeyPrefix": "p", "s3BucketName": "b"}), vec![]),
    ] {
        finds(&with(standard(), "/inputs", Some(inputs)), &expected, &expected);
    }
}
