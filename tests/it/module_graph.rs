//! The modules depend on each other without cycles, file by file.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::sources;

/// A folder whose files are not yet held to this.
const EXEMPT: Option<&str> = None;

/// A module's path, such as `["resource", "document"]`.
type Module = Vec<String>;

#[test]
fn no_module_depends_on_itself_through_others() {
    let sources: Vec<(String, String)> = sources().into_iter().filter(|(path, _)| path != "main.rs").collect();
    let modules: BTreeSet<Module> = sources.iter().map(|(path, _)| module_of(path)).collect();
    let graph: BTreeMap<Module, BTreeSet<Module>> = sources
        .iter()
        .filter(|(path, _)| !EXEMPT.is_some_and(|exempt| path.starts_with(exempt)))
        .map(|(path, code)| {
            let module = module_of(path);
            let targets = paths(code).iter().filter_map(|path| resolve(&module, path, &modules)).collect();
            (module, targets)
        })
        .collect();
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 50, "the uses are found: {graph:?}");
    let mut done = BTreeSet::new();
    for module in graph.keys() {
        if let Some(cycle) = cycle(module, &graph, &mut Vec::new(), &mut done) {
            panic!("a cycle: {}", cycle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> "));
        }
    }
}

#[test]
fn uses_are_found_and_resolved_in_every_form() {
    let modules: BTreeSet<Module> =
        [&[][..], &["a"], &["a", "b"], &["a", "b", "c"], &["d"]].iter().map(|path| owned(path)).collect();
    let code = "use super::{Item, b::{self, c::Deep}};\npub(crate) use crate::d::*;\n// use crate::d::Not;\nfn f() { c::g(); self::h(); \
                std::mem::drop(Vec::<u8>::new()) }";
    let found: BTreeSet<Module> =
        paths(code).iter().filter_map(|path| resolve(&owned(&["a", "b"]), path, &modules)).collect();
    assert_eq!(found, [&["a"][..], &["a", "b", "c"], &["d"]].iter().map(|path| owned(path)).collect());
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = BTreeMap::<Module, BTreeSet<Module>>::new();
        for (from, to) in edges {
            graph.entry(owned(&[from])).or_default().insert(owned(&[to]));
        }
        graph
    };
    let from_a = |edges: &[(&str, &str)]| cycle(&owned(&["a"]), &graph(edges), &mut Vec::new(), &mut BTreeSet::new());
    assert_eq!(from_a(&[("a", "b"), ("a", "c"), ("b", "c")]), None);
    assert_eq!(from_a(&[("a", "b"), ("b", "c"), ("c", "b")]).unwrap().len(), 3);
}

fn owned(path: &[&str]) -> Module {
    path.iter().map(|&segment| segment.to_owned()).collect()
}

/// The module that a file below `src/` defines.
fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// Every path of two segments or more in `code`, comments aside. Trees of `use` are expanded.
fn paths(code: &str) -> Vec<Module> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let (mut found, mut rest, mut before) = (Vec::new(), code.as_str(), ' ');
    while let Some(first) = rest.chars().next() {
        let length = ident(rest).len();
        if length > 0 && before != ':' {
            rest = path(rest, &mut Vec::new(), &mut found);
            before = ' ';
        } else {
            let step = length.max(first.len_utf8());
            (before, rest) = (first, &rest[step..]);
        }
    }
    found.retain(|path| path.len() > 1);
    found
}

/// Reads the path, or the tree of paths, that `text` begins with. Returns what follows.
fn path<'a>(text: &'a str, prefix: &mut Module, found: &mut Vec<Module>) -> &'a str {
    let name = if text.starts_with('*') { "*" } else { ident(text) };
    let mut rest = &text[name.len()..];
    prefix.push(name.to_owned());
    match rest.strip_prefix("::") {
        Some(more) if !ident(more).is_empty() => rest = path(more, prefix, found),
        Some(more) if more.starts_with('{') => {
            rest = more[1..].trim_start();
            while !rest.starts_with('}') {
                rest = path(rest, prefix, found).trim_start();
                let alias = rest.strip_prefix("as ").map(|rest| rest.trim_start());
                rest = alias.map_or(rest, |alias| alias[ident(alias).len()..].trim_start());
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest = &rest[1..];
        }
        _ => found.push(prefix.clone()),
    }
    prefix.pop();
    rest
}

fn ident(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The module that a path in `from` leads to, unless that is `from` itself or of another crate.
fn resolve(from: &Module, path: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let mut target = match path[0].as_str() {
        "crate" => Vec::new(),
        "self" | "super" => from.clone(),
        child => from.iter().cloned().chain([child.to_owned()]).collect(),
    };
    if !modules.contains(&target) {
        return None;
    }
    for (index, segment) in path.iter().enumerate() {
        match segment.as_str() {
            "crate" | "self" => {}
            "super" => drop(target.pop()),
            _ if index == 0 => {}
            _ => {
                target.push(segment.clone());
                if !modules.contains(&target) {
                    target.pop();
                    break;
                }
            }
        }
    }
    (target != *from).then_some(target)
}

fn cycle(
    module: &Module,
    graph: &BTreeMap<Module, BTreeSet<Module>>,
    trail: &mut Vec<Module>,
    done: &mut BTreeSet<Module>,
) -> Option<Vec<Module>> {
    if let Some(start) = trail.iter().position(|earlier| earlier == module) {
        return Some(trail[start..].iter().chain([module]).cloned().collect());
    }
    if done.contains(module) {
        return None;
    }
    trail.push(module.clone());
    let found = graph.get(module).into_iter().flatten().find_map(|next| cycle(next, graph, trail, done));
    trail.pop();
    done.insert(module.clone());
    found
}
