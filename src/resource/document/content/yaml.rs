//! Parses YAML, and keeps the spelling of scalars that parsers read differently.
//!
//! AWS doesn't document which version of YAML it reads. A plain scalar becomes a value if YAML 1.1 and YAML 1.2 read it alike
//! and, for a number, if JSON would spell it the same way. Every other plain scalar keeps its spelling ([`Node::Ambiguous`]).

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::node::{Key, Node};

const MAX_DEPTH: usize = 100;
/// The approximate memory that a value takes besides its text, in bytes.
const VALUE_BYTES: usize = 40;
/// The most memory that parsed content may take, in bytes. Aliases can make content larger than its text; no document of 64 KB
/// needs this much.
const MAX_MEMORY: usize = 4_000_000;

/// Parses one YAML document.
///
/// # Errors
/// The syntax is invalid, a key occurs twice or is not a scalar, an alias has no anchor, there is more than one document, or the
/// content is nested deeper than 100 levels or larger than 4 MB once its aliases are expanded. The error says where, without
/// quoting the text.
pub(super) fn read(text: &str) -> Result<Node, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), memory: 0, line: 1 };
    let mut document = None;
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => return Ok(document.unwrap_or(Node::Null)),
            event if document.is_none() => document = Some(reader.node(event, 0)?),
            _ => return Err(reader.refuse("has more than one document")),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// The anchored values, each with the memory that it takes.
    anchors: HashMap<usize, (Node, usize)>,
    memory: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            // The parser's own message can quote the text.
            Some(Err(error)) => Err(not_yaml(&error)),
            None => Ok(Event::StreamEnd),
        }
    }

    fn refuse(&self, why: &str) -> String {
        format!("can't be used as YAML: the content {why} (line {}).", self.line)
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, String> {
        let before = self.memory;
        self.count(VALUE_BYTES)?;
        if depth > MAX_DEPTH {
            return Err(self.refuse("is nested deeper than 100 levels"));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned();
                let (node, memory) = found.ok_or_else(|| self.refuse("has an alias inside its own anchor"))?;
                self.count(memory)?;
                (0, node)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(text.len())?;
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                (anchor, tagged(Node::List(items), tag.as_deref()))
            }
            Event::MappingStart(anchor, tag) => {
                let mut map = BTreeMap::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        event => self.node(event, depth + 1)?,
                    };
                    let key = self.key(key)?;
                    let event = self.next()?;
                    let value = self.node(event, depth + 1)?;
                    if map.insert(key, value).is_some() {
                        return Err(self.refuse("has the same key twice in one mapping"));
                    }
                }
                (anchor, tagged(Node::Map(map), tag.as_deref()))
            }
            _ => return Err(self.refuse("ends too early")),
        };
        if anchor != 0 {
            let memory = self.memory - before;
            self.count(memory)?;
            self.anchors.insert(anchor, (node.clone(), memory));
        }
        Ok(node)
    }

    fn key(&self, node: Node) -> Result<Key, String> {
        match node {
            Node::Text(text) => Ok(Key { text, ambiguous: false }),
            Node::Ambiguous(text) => Ok(Key { text, ambiguous: true }),
            Node::Integer(number) => Ok(Key { text: number.to_string(), ambiguous: true }),
            Node::Float(number) => Ok(Key { text: number.to_string(), ambiguous: true }),
            Node::Bool(boolean) => Ok(Key { text: boolean.to_string(), ambiguous: true }),
            Node::Null => Ok(Key { text: "null".into(), ambiguous: true }),
            Node::List(_) | Node::Map(_) => Err(self.refuse("has a key that is not a scalar")),
        }
    }

    fn count(&mut self, memory: usize) -> Result<(), String> {
        self.memory += memory;
        if self.memory > MAX_MEMORY {
            Err(self.refuse("is larger than 4 MB once its aliases are expanded"))
        } else {
            Ok(())
        }
    }
}

fn not_yaml(error: &ScanError) -> String {
    let place = error.marker();
    format!("is not valid YAML: see line {}, column {}.", place.line(), place.col() + 1)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Node::Text(text.to_owned()),
        Some(tag) => Node::Ambiguous(format!("{tag} {text}")),
        None if style == ScalarStyle::Plain => plain(text),
        None => Node::Text(text.to_owned()),
    }
}

/// A collection with a tag differs from the same collection without it.
fn tagged(node: Node, tag: Option<&Tag>) -> Node {
    match tag {
        Some(tag) => Node::List(vec![Node::Ambiguous(tag.to_string()), node]),
        None => node,
    }
}

fn plain(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Bool(true),
        "false" | "False" | "FALSE" => return Node::Bool(false),
        _ => {}
    }
    if let Some(number) = number(text) {
        return number;
    }
    let looks_like_a_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    let word = text.to_ascii_lowercase();
    let is_an_old_boolean = matches!(word.as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    if looks_like_a_number || is_an_old_boolean || matches!(text, "<<" | "=") {
        Node::Ambiguous(text.to_owned())
    } else {
        Node::Text(text.to_owned())
    }
}

/// Parses a number that is spelled as in JSON, without an exponent.
fn number(text: &str) -> Option<Node> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = |part: &str| all_digits(part) && (part == "0" || !part.starts_with('0'));
    match digits.split_once('.') {
        // The limits are those of serde_json, so that JSON parsed as YAML gives the same value.
        None if whole(digits) => match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(number), _) => Some(Node::Integer(number.into())),
            (_, Ok(number)) => Some(Node::Integer(number.into())),
            _ => text.parse().ok().map(Node::Float),
        },
        Some((integer, fraction)) if whole(integer) && all_digits(fraction) => text.parse().ok().map(Node::Float),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_a_second_document_and_keys_that_are_not_scalars_are_refused() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3", "same key twice"),
            ("a: 1\n---\nb: 2", "more than one document"),
            ("[a]: 1", "not a scalar"),
            ("a: *b", "is not valid YAML"),
            ("a: &a [*a]", "inside its own anchor"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let flow = |levels: usize| format!("a: {}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&flow(99)).is_ok());
        assert!(read(&flow(100)).unwrap_err().contains("nested deeper than 100 levels"));
        assert!(read(&flow(30_000)).is_err());
        let keys = format!("{}a{}", "{? ".repeat(101), "}".repeat(101));
        assert!(read(&keys).unwrap_err().contains("nested deeper than 100 levels"));
        let block: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(read(&block).is_err());
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..30 {
            let alias = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", alias.trim_end_matches(',')));
        }
        assert!(read(&bomb).unwrap_err().contains("larger than 4 MB"));
    }

    #[test]
    fn a_number_that_is_not_spelled_as_in_json_keeps_its_spelling() {
        for text in ["01", "010", "01.5", "1.", ".5", "+1", "1e3", "0x1F", "12:30", "1_000", "-.5"] {
            let node = read(&format!("a: {text}")).unwrap();
            assert!(node.get("a") == Some(&Node::Ambiguous(text.into())), "{text}");
        }
        for (text, expected) in [
            ("-1.5", Node::Float(-1.5)),
            ("0", Node::Integer(0)),
            ("-7", Node::Integer(-7)),
            ("18446744073709551615", Node::Integer(u64::MAX.into())),
            ("18446744073709551616", Node::Float(18_446_744_073_709_551_616.0)),
        ] {
            assert!(read(&format!("a: {text}")).unwrap().get("a") == Some(&expected), "{text}");
        }
    }

    #[test]
    fn only_the_tag_for_strings_makes_a_scalar_a_string() {
        let value = |text: &str| read(&format!("a: {text}")).unwrap().get("a").cloned().unwrap();
        assert!(value("!!str 010") == Node::Text("010".into()));
        for text in ["!!int 1", "!!bool true", "!str x", "!other \"x\""] {
            assert!(matches!(value(text), Node::Ambiguous(_)), "{text}");
        }
    }

    #[test]
    fn what_precedes_an_anchor_is_not_counted_with_it() {
        let text = "x".repeat(60_000);
        assert!(read(&format!("a: {text}\nb: &b 1\nc: [{}]", "*b,".repeat(100))).is_ok());
    }

    #[test]
    fn aliases_and_anchors_of_long_texts_are_bounded() {
        let text = "x".repeat(30_000);
        let aliases = format!("a: &a {text}\nb: [{}]", "*a,".repeat(10_000));
        assert!(read(&aliases).unwrap_err().contains("larger than 4 MB"));
        let anchors = (0..90).map(|level| format!("&l{level} [")).collect::<String>();
        let nested = format!("a: &a {text}\nb: {anchors}[{}]{}", "*a,".repeat(30), "]".repeat(90));
        assert!(read(&nested).unwrap_err().contains("larger than 4 MB"));
        assert!(read(&format!("a: &a {text}\nb: [{}]", "*a,".repeat(100))).is_ok());
    }
}
