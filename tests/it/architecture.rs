//! The invariants of ARCHITECTURE.md, each an absence.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources, without their tests.
pub fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
        (path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), code)
    };
    files.iter().map(read).collect()
}

/// Asserts that none of `words` stands in a source for which `applies`, comments aside.
#[track_caller]
fn absent(words: &[&str], applies: impl Fn(&str) -> bool) {
    let sources = sources();
    assert!(sources.iter().any(|(path, _)| applies(path)), "the rule is about something");
    for (path, code) in sources.iter().filter(|(path, _)| applies(path)) {
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in words {
                assert!(!line.contains(word), "src/{path} must not have `{word}`: {line}");
            }
        }
    }
}

#[test]
fn the_protocol_knows_neither_systems_manager_nor_the_resources() {
    absent(&["aws_sdk_ssm", "crate::ssm", "crate::resource", "aws_config"], |path| {
        path.starts_with("cfn/") || path.starts_with("invocation/")
    });
}

#[test]
fn an_invocation_knows_no_protocol() {
    absent(&["crate::cfn", "crate::http"], |path| path.starts_with("invocation/"));
}

#[test]
fn what_decides_names_no_aws_type_and_does_not_wait() {
    let folders = ["/plan/", "/desired/", "/content/"];
    let files = ["/plan.rs", "/desired.rs", "/intent.rs", "/observed.rs", "/ownership.rs", "/physical_id.rs"];
    absent(&["aws_", "async ", ".await", "crate::ssm"], |path| {
        path.starts_with("resource/")
            && (folders.iter().any(|folder| path.contains(folder)) || files.iter().any(|file| path.ends_with(file)))
    });
}

#[test]
fn only_one_file_a_resource_writes() {
    let writes = [
        ".create_document()",
        ".update_document()",
        ".update_document_default_version()",
        ".delete_document()",
        ".modify_document_permission()",
        ".add_tags_to_resource()",
        ".remove_tags_from_resource()",
        ".update_service_setting()",
        ".reset_service_setting()",
    ];
    absent(&writes, |path| !path.ends_with("document/aws/write.rs") && !path.ends_with("service_setting/aws.rs"));
}

#[test]
fn only_what_sends_names_reqwest() {
    absent(&["reqwest"], |path| !path.starts_with("http/") && !path.starts_with("cfn/"));
}

#[test]
fn only_main_reads_the_environment() {
    absent(&["env::var", "env::args", "option_env!"], |path| path != "main.rs");
}

#[test]
fn nothing_is_remembered_from_one_invocation_to_the_next() {
    absent(&["thread_local!", "OnceLock", "OnceCell", "LazyLock"], |_| true);
    for (path, code) in sources() {
        let item = |line: &&str| line.trim_start().trim_start_matches("pub ").starts_with("static ");
        assert_eq!(code.lines().find(item), None, "src/{path}");
    }
}
