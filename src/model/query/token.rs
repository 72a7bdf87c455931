//! The one tokenizer of the query line.

use std::ops::Range;

/// What stands between a key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Has,
    Is,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// One value of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Without its quotes.
    pub text: String,
    /// Whether any of it was quoted: then it is a name, never a word such as `none`.
    pub quoted: bool,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
}

/// One term of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub span: Range<usize>,
    pub negated: bool,
    /// `None` for a word of text.
    pub key: Option<String>,
    pub op: Op,
    /// At least one; the text of the first may be empty.
    pub values: Vec<Value>,
}

/// The terms of a line, in order.
pub(super) fn terms(line: &str) -> Vec<Term> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        let Some(c) = rest.chars().next() else { break };
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let term = term(line, at);
        at = term.span.end;
        out.push(term);
    }
    out
}

/// The key and operator at the start of a text, and how many bytes they take.
fn key(s: &str) -> Option<(&str, Op, usize)> {
    let end = s.find(|c: char| !c.is_ascii_alphabetic()).filter(|&end| end > 0)?;
    let (op, len) = match &s.as_bytes()[end..] {
        [b'<', b'=', ..] => (Op::LessOrEqual, 2),
        [b'>', b'=', ..] => (Op::MoreOrEqual, 2),
        [b'<', ..] => (Op::Less, 1),
        [b'>', ..] => (Op::More, 1),
        [b':', ..] => (Op::Has, 1),
        [b'=', ..] => (Op::Is, 1),
        _ => return None,
    };
    Some((&s[..end], op, end + len))
}

fn term(line: &str, start: usize) -> Term {
    let mut at = start;
    let after_minus = line[at..].strip_prefix('-').and_then(|rest| rest.chars().next());
    let negated = after_minus.is_some_and(|c| !c.is_whitespace());
    if negated {
        at += 1;
    }
    let found = key(&line[at..]);
    let (key, op) = match found {
        Some((key, op, len)) => {
            at += len;
            (Some(key.to_owned()), op)
        }
        None => (None, Op::Has),
    };
    let (values, end) = values(line, at, key.is_some());
    Term { span: start..end, negated, key, op, values }
}

/// The values from a place on: up to the next blank outside quotes, parted by commas if `several`.
/// A quote that is never closed ends with the line.
fn values(line: &str, start: usize, several: bool) -> (Vec<Value>, usize) {
    let mut out = Vec::new();
    let mut value = Value { text: String::new(), quoted: false, span: start..start };
    let mut in_quotes = false;
    let mut end = line.len();
    let mut chars = line[start..].char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => {
                in_quotes = !in_quotes;
                value.quoted = true;
            }
            '\\' if in_quotes => value.text.extend(chars.next().map(|(_, c)| c)),
            c if in_quotes => value.text.push(c),
            c if c.is_whitespace() => {
                end = start + i;
                break;
            }
            ',' if several => {
                value.span.end = start + i;
                let next = Value { text: String::new(), quoted: false, span: start + i + 1..start + i + 1 };
                out.push(std::mem::replace(&mut value, next));
            }
            c => value.text.push(c),
        }
    }
    value.span.end = end;
    out.push(value);
    (out, end)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as it is written after a key; `force` for one that reads as something else without quotes.
pub(super) fn quote_value(text: &str, force: bool) -> String {
    if force || text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '\\')) {
        quoted(text)
    } else {
        text.to_owned()
    }
}

/// A word of text as it is written by itself.
pub(super) fn quote_word(text: &str) -> String {
    if text.starts_with('-') || key(text).is_some() { quoted(text) } else { quote_value(text, false) }
}
