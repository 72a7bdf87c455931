//! What could stand at the cursor.

use std::ops::Range;

use super::{
    KeySpec, Values,
    token::{self, quote_value},
};
use crate::model::text::fold;

/// One thing that could be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the span.
    pub text: String,
    /// What it means; empty for names.
    pub help: &'static str,
}

/// What could stand at the cursor, and what it would replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// The bytes of the line that are replaced.
    pub span: Range<usize>,
    /// Best first, never empty.
    pub items: Vec<Completion>,
}

pub(super) fn complete(
    keys: &'static [KeySpec],
    line: &str,
    cursor: usize,
    names: &dyn Fn(&str) -> Vec<String>,
) -> Option<Completions> {
    let cursor = (0..=cursor.min(line.len())).rev().find(|&i| line.is_char_boundary(i))?;
    let term = token::terms(&line[..cursor]).pop().filter(|t| t.span.end == cursor);
    let Some(term) = term else {
        return with(cursor..cursor, all_keys(keys, ""));
    };
    let value = term.values.last()?;
    let Some(key) = &term.key else {
        let start = term.span.start + usize::from(term.negated);
        return if value.quoted { None } else { with(start..cursor, all_keys(keys, &value.text)) };
    };
    let spec = keys.iter().find(|k| k.name.eq_ignore_ascii_case(key))?;
    let typed = fold(&value.text);
    let (minus, typed) = match typed.strip_prefix('-').filter(|_| spec.name == "sort") {
        Some(rest) => ("-", rest.to_owned()),
        None => ("", typed),
    };
    let mut found: Vec<(bool, Completion)> = match spec.values {
        Values::Words(words) => words().into_iter().map(|w| (fold(w), format!("{minus}{w}"))).collect(),
        _ => names(spec.name).into_iter().map(|n| (fold(&n), quote_value(&n, value.quoted))).collect::<Vec<_>>(),
    }
    .into_iter()
    .filter(|(folded, _)| folded.contains(&typed))
    .map(|(folded, text)| (!folded.starts_with(&typed), Completion { text, help: "" }))
    .collect();
    found.sort_by_key(|(inside, _)| *inside);
    with(value.span.start..cursor, found.into_iter().map(|(_, item)| item).collect())
}

fn all_keys(keys: &[KeySpec], typed: &str) -> Vec<Completion> {
    let typed = typed.to_ascii_lowercase();
    keys.iter()
        .filter(|k| k.name.starts_with(&typed))
        .map(|k| {
            let op = match k.values {
                Values::Span | Values::Date | Values::Count => "",
                _ => ":",
            };
            Completion { text: format!("{}{op}", k.name), help: k.help }
        })
        .collect()
}

fn with(span: Range<usize>, items: Vec<Completion>) -> Option<Completions> {
    (!items.is_empty()).then_some(Completions { span, items })
}
