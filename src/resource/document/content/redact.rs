//! Removes quoted content from AWS's messages.

use std::collections::HashSet;

use super::node::Node;

/// Returns `message` with every word that occurs in `content` replaced, unless the word is a key or has at most two bytes.
///
/// When AWS refuses content, its message may quote all or part of it, and that may be secret.
pub fn redact(message: &str, content: &str, node: Option<&Node>) -> String {
    // The content may have a value with escapes that the message quotes without them.
    let (mut keys, mut text) = (HashSet::new(), content.to_owned());
    if let Some(node) = node {
        collect(&mut keys, &mut text, node);
    }
    let is_secret = |word: &str| word.len() > 2 && !keys.contains(word) && text.contains(word);
    let mut result = String::new();
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let end = rest.find(|next: char| next.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        result.push_str(if is_word && is_secret(part) { "…" } else { part });
        rest = after;
    }
    result
}

fn collect<'a>(keys: &mut HashSet<&'a str>, values: &mut String, node: &'a Node) {
    match node {
        Node::Map(map) => {
            for (key, value) in map {
                keys.insert(&key.text);
                collect(keys, values, value);
            }
        }
        Node::List(items) => items.iter().for_each(|item| collect(keys, values, item)),
        Node::Text(text) => {
            values.push('\n');
            values.push_str(text);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::Content;
    use super::*;

    #[test]
    fn what_a_message_quotes_of_the_content_is_taken_out_and_keys_stay() {
        let content = Content::read("Content", "{\"inputs\": {\"token\": \"hunter2-Zwölf\"}}".into(), None).unwrap();
        let redact = |message: &str| redact(message, &content.text, content.node.as_ref());
        assert_eq!(redact("Value 'hunter2-Zwölf' at 'inputs.token' is bad"), "Value '…-…' at 'inputs.token' is bad");
        assert_eq!(redact("Cut short: hunter"), "Cut short: …");
        assert_eq!(redact("Unknown field at line 3"), "Unknown field at line 3");
        assert_eq!(redact(""), "");
    }

    #[test]
    fn a_value_that_is_written_with_escapes_is_taken_out_as_it_is_read() {
        let text = "{\"inputs\": [{\"token\": \"Zw\\u00f6lf\"}]}";
        let content = Content::read("Content", text.into(), None).unwrap();
        assert_eq!(redact("bad Zwölf in token", &content.text, content.node.as_ref()), "bad … in token");
    }

    #[test]
    fn without_keys_every_word_of_the_content_is_taken_out() {
        assert_eq!(redact("bad SUMMARY:Night", "SUMMARY:Night", None), "bad …:…");
    }
}
