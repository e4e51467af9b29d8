//! Removes quotations of a document's content from AWS's messages.

use std::collections::HashSet;

use super::node::Node;

/// The shortest token that is redacted outside quotes. Shorter ones are common words, and the message must stay readable.
const SHORTEST_TOKEN: usize = 8;

const QUOTES: [char; 3] = ['\'', '"', '`'];

/// Returns `message` with each quotation from `content` replaced by `…`. Quoted text is replaced if it occurs in a value.
/// Outside quotes, a token is replaced if it occurs in a value and has at least eight characters. The content's keys stay.
/// Without `node`, all of `content` counts as a value.
///
/// When AWS refuses content, its message may quote the content, and a value may be secret.
pub fn redact(message: &str, content: &str, node: Option<&Node>) -> String {
    let (mut keys, mut values) = (HashSet::new(), String::new());
    match node {
        Some(node) => collect(&mut keys, &mut values, node),
        None => values.push_str(content),
    }
    let is_key = |text: &str| text.split('.').all(|part| keys.contains(part));
    let is_secret = |text: &str| !text.trim().is_empty() && !is_key(text) && values.contains(text);
    let mut result = String::new();
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let after_quote = &rest[first.len_utf8()..];
        if QUOTES.contains(&first) {
            result.push(first);
            let quoted = after_quote.split(first).next().unwrap_or_default();
            // A quotation that AWS cut short has no closing quote.
            let is_redacted = is_secret(quoted) || is_secret(quoted.trim_end_matches(['.', '…', ' ']));
            result.push_str(if is_redacted { "…" } else { "" });
            rest = if is_redacted { &after_quote[quoted.len()..] } else { after_quote };
            continue;
        }
        let ends = |next: char| next.is_whitespace() != first.is_whitespace() || QUOTES.contains(&next);
        let end = rest.find(ends).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        result.push_str(&redact_token(token, &is_secret));
        rest = after;
    }
    result
}

/// Redacts the whole token if it occurs in a value. Otherwise, redacts each of its words that occurs in a value.
fn redact_token(token: &str, is_secret: &impl Fn(&str) -> bool) -> String {
    let is_long_secret = |text: &str| text.chars().count() >= SHORTEST_TOKEN && is_secret(text);
    let bare = token.trim_matches(|next: char| !next.is_alphanumeric());
    if is_long_secret(bare) {
        return token.replace(bare, "…");
    }
    let words = token.split_inclusive(|next: char| !next.is_alphanumeric());
    let redacted = words.map(|piece| {
        let word = piece.trim_end_matches(|next: char| !next.is_alphanumeric());
        if is_long_secret(word) { piece.replacen(word, "…", 1) } else { piece.to_owned() }
    });
    redacted.collect()
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
        Node::Text(text) | Node::Ambiguous(text) => add(values, text),
        Node::Integer(number) => add(values, &number.to_string()),
        Node::Float(number) => add(values, &number.to_string()),
        Node::Null | Node::Bool(_) => {}
    }
}

fn add(values: &mut String, value: &str) {
    values.push('\n');
    values.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Format};
    use super::*;

    #[test]
    fn quoted_values_and_long_tokens_of_values_are_redacted_and_the_message_stays_readable() {
        let text =
            "{\"inputs\": {\"token\": \"hunter2-Zwölf\", \"note\": \"for the team\", \"key\": \"alias/production\"}}";
        let content = Content::read("Content", text.into(), None).unwrap();
        let redact = |message: &str| redact(message, &content.text, content.node.as_ref());
        for (message, expected) in [
            ("Value 'hunter2-Zwölf' at 'inputs.token' is bad", "Value '…' at 'inputs.token' is bad"),
            ("Value 'hunter2' at 'inputs.token' is bad", "Value '…' at 'inputs.token' is bad"),
            ("Cut short: 'hunter2-Zw...", "Cut short: '…"),
            ("Not valid: hunter2-Zwölf.", "Not valid: …."),
            ("Not valid: key=alias/production", "Not valid: key=alias/…"),
            // Common words stay, although they occur in a value.
            ("No access for the team of 'note'", "No access for the team of 'note'"),
            ("Value 'for the team' is bad", "Value '…' is bad"),
            ("Unknown field at line 3", "Unknown field at line 3"),
            ("It's not 'valid'", "It's not 'valid'"),
            ("", ""),
        ] {
            assert_eq!(redact(message), expected, "{message}");
        }
    }

    #[test]
    fn a_value_that_is_written_with_escapes_is_redacted_as_it_is_read() {
        let text = "{\"inputs\": [{\"token\": \"Zw\\u00f6lfmal\"}]}";
        let content = Content::read("Content", text.into(), None).unwrap();
        assert_eq!(redact("bad Zwölfmal in token", &content.text, content.node.as_ref()), "bad … in token");
    }

    #[test]
    fn a_value_that_is_a_number_or_an_ambiguous_scalar_is_redacted() {
        let text = "inputs:\n  token: 1a2b3c4d5e6f7g8h\n  other: 12345678901234\n  last: 12:30:45\n  on: true\n";
        let content = Content::read("Content", text.into(), Some(Format::Yaml)).unwrap();
        let redact = |message: &str| redact(message, &content.text, content.node.as_ref());
        assert_eq!(redact("bad 1a2b3c4d5e6f7g8h, 12345678901234 or 12:30:45"), "bad …, … or …");
        assert_eq!(redact("'12345678901234' is not 'true'"), "'…' is not 'true'");
    }

    #[test]
    fn without_keys_all_of_the_content_is_a_value() {
        assert_eq!(redact("bad SUMMARY:Night", "SUMMARY:Night", None), "bad …");
    }
}
