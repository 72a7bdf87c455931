//! One field of a form.

use crossterm::event::{KeyCode, KeyModifiers};

use super::{
    Cx,
    line_edit::{Edit, LineEdit},
    picker::{Item, Picked, Picker},
    text_area::TextArea,
};
use crate::{
    model::{Day, PartialDate},
    session::event::Input,
};

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// The number of what was chosen, if anything was.
    Id(Option<u32>),
    /// The numbers of what was chosen, in the order in which it was.
    Ids(Vec<u32>),
    /// Yes or no.
    Flag(bool),
}

/// Where a picker's items come from.
pub enum Source {
    /// They are all known; the picker narrows them.
    All(Vec<Item>),
    /// They are looked up for what is typed.
    Search(fn(&str, &mut Cx) -> Vec<Item>),
}

/// How a field is filled.
pub(super) enum Control {
    Line(LineEdit),
    Area(TextArea),
    Date(LineEdit),
    Choice { options: Vec<(u32, String)>, at: usize },
    Toggle(bool),
    Pick { chosen: Option<Item>, source: Source, open: Option<Box<Picker>>, optional: bool },
    PickMany { chosen: Vec<Item>, items: Vec<Item>, open: Option<Box<Picker>> },
}

/// Looks at a value while it is typed: a hint to show beside it, or what is wrong with it.
pub type Check = Box<dyn Fn(&Value, Day) -> Result<String, String>>;

/// One field: a label, a way to fill it, and what is to be said of its value.
pub struct Field {
    /// The name of the field, as records and errors have it.
    pub key: &'static str,
    pub(super) label: String,
    pub(super) section: Option<String>,
    pub(super) control: Control,
    pub(super) initial: Value,
    pub(super) check: Option<Check>,
    pub(super) hint: String,
    pub(super) live: String,
    pub(super) error: Option<String>,
}

/// What an input did to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    Nothing,
    Used,
    Changed,
}

impl Field {
    fn new(key: &'static str, label: impl Into<String>, control: Control) -> Self {
        let mut field = Self {
            key,
            label: label.into(),
            section: None,
            control,
            initial: Value::Flag(false),
            check: None,
            hint: String::new(),
            live: String::new(),
            error: None,
        };
        field.initial = field.value();
        field
    }

    /// A line of text of at most `limit` bytes.
    pub fn line(key: &'static str, label: impl Into<String>, value: &str, limit: usize) -> Self {
        Self::new(key, label, Control::Line(LineEdit::new(value, limit)))
    }

    /// Several lines of text of at most `limit` bytes.
    pub fn area(key: &'static str, label: impl Into<String>, value: &str, limit: usize) -> Self {
        Self::new(key, label, Control::Area(TextArea::new(value, limit)))
    }

    /// A password: never shown.
    pub fn password(key: &'static str, label: impl Into<String>) -> Self {
        Self::new(key, label, Control::Line(LineEdit::hidden(crate::model::limits::PASSWORD_MAX)))
    }

    /// A birth date of any precision, or an age; says what it takes it for.
    pub fn born(key: &'static str, label: impl Into<String>, value: Option<PartialDate>) -> Self {
        let text = value.map(|d| d.to_string()).unwrap_or_default();
        Self::new(key, label, Control::Date(LineEdit::new(&text, 20)))
            .hint("2024-05-12, 2024-05, 2024, or an age: 3y, 8m")
            .check(|value, today| match value {
                Value::Text(text) if !text.trim().is_empty() => {
                    let date = PartialDate::parse(text, today)?;
                    if date.earliest() > today {
                        return Err(format!("{date} is still to come"));
                    }
                    Ok(format!("{date} (about {})", date.age(today).trim_start_matches('~')))
                }
                _ => Ok("unknown".to_owned()),
            })
    }

    /// A day; says which one it is.
    pub fn day(key: &'static str, label: impl Into<String>, value: Option<Day>) -> Self {
        let text = value.map(|d| d.to_string()).unwrap_or_default();
        Self::new(key, label, Control::Date(LineEdit::new(&text, 20))).hint("2024-05-12, today, -3d, +1w").check(
            |value, today| match value {
                Value::Text(text) if !text.trim().is_empty() => {
                    let day = Day::parse(text, today)?;
                    let away = day.0 - today.0;
                    let (n, when) = (away.abs(), if away < 0 { "ago" } else { "from now" });
                    Ok(match n {
                        0 => format!("{day} (today)"),
                        1 => format!("{day} (1 day {when})"),
                        _ => format!("{day} ({n} days {when})"),
                    })
                }
                _ => Ok(String::new()),
            },
        )
    }

    /// One of a few options; `value` is the number of the one that is set.
    pub fn choice(
        key: &'static str,
        label: impl Into<String>,
        options: impl IntoIterator<Item = (u32, String)>,
        value: u32,
    ) -> Self {
        let options: Vec<_> = options.into_iter().collect();
        let at = options.iter().position(|(id, _)| *id == value).unwrap_or(0);
        Self::new(key, label, Control::Choice { options, at })
    }

    /// Yes or no.
    pub fn toggle(key: &'static str, label: impl Into<String>, value: bool) -> Self {
        Self::new(key, label, Control::Toggle(value))
    }

    /// One of many, found by a few letters.
    pub fn pick(key: &'static str, label: impl Into<String>, source: Source, chosen: Option<Item>) -> Self {
        Self::new(key, label, Control::Pick { chosen, source, open: None, optional: true })
    }

    /// Several of many, each found by a few letters; `chosen` are the numbers of those that are set.
    pub fn pick_many(
        key: &'static str,
        label: impl Into<String>,
        items: Vec<Item>,
        chosen: impl IntoIterator<Item = u32>,
    ) -> Self {
        let chosen = chosen.into_iter().filter_map(|id| items.iter().find(|item| item.id == id).cloned()).collect();
        Self::new(key, label, Control::PickMany { chosen, items, open: None })
    }

    /// Something must be picked; by default nothing may be.
    pub fn required(mut self) -> Self {
        match &mut self.control {
            Control::Pick { optional, .. } => {
                *optional = false;
                self
            }
            _ => self.check(|value, _| match value {
                Value::Text(text) if text.trim().is_empty() => Err("is needed".to_owned()),
                _ => Ok(String::new()),
            }),
        }
    }

    /// Looks at the value while it is typed. Several checks run in the order they were given.
    pub fn check(mut self, check: impl Fn(&Value, Day) -> Result<String, String> + 'static) -> Self {
        self.check = Some(match self.check.take() {
            None => Box::new(check),
            Some(first) => Box::new(move |value, today| {
                let one = first(value, today)?;
                let two = check(value, today)?;
                Ok(if two.is_empty() { one } else { two })
            }),
        });
        self
    }

    /// Looks at the text while it is typed.
    pub fn check_text(self, check: impl Fn(&str, Day) -> Result<(), String> + 'static) -> Self {
        self.check(move |value, today| match value {
            Value::Text(text) => check(text, today).map(|()| String::new()),
            _ => Ok(String::new()),
        })
    }

    /// What to say of the field while it has the focus and nothing is wrong.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A heading above the field.
    pub fn section(mut self, heading: impl Into<String>) -> Self {
        self.section = Some(heading.into());
        self
    }

    /// What it holds now.
    pub fn value(&self) -> Value {
        match &self.control {
            Control::Line(edit) | Control::Date(edit) => Value::Text(edit.text().to_owned()),
            Control::Area(area) => Value::Text(area.text().to_owned()),
            Control::Choice { options, at } => Value::Id(options.get(*at).map(|(id, _)| *id)),
            Control::Toggle(on) => Value::Flag(*on),
            Control::Pick { chosen, .. } => Value::Id(chosen.as_ref().map(|item| item.id)),
            Control::PickMany { chosen, .. } => Value::Ids(chosen.iter().map(|item| item.id).collect()),
        }
    }

    /// What it holds, as a person reads it.
    pub(super) fn words(&self) -> String {
        match &self.control {
            Control::Line(edit) | Control::Date(edit) => edit.text().to_owned(),
            Control::Area(area) => area.text().to_owned(),
            Control::Choice { options, at } => options.get(*at).map(|(_, name)| name.clone()).unwrap_or_default(),
            Control::Toggle(on) => if *on { "yes" } else { "no" }.to_owned(),
            Control::Pick { chosen, .. } => chosen.as_ref().map(|item| item.label.clone()).unwrap_or_default(),
            Control::PickMany { chosen, .. } => chosen.iter().map(|item| &*item.label).collect::<Vec<_>>().join(", "),
        }
    }

    /// Whether it holds something else than at the beginning.
    pub fn is_changed(&self) -> bool {
        self.value() != self.initial
    }

    /// Looks at the value; sets the hint or the error. A field that must be filled is not reproached while
    /// it is untouched, unless `strict`.
    pub(super) fn validate(&mut self, today: Day, strict: bool) {
        self.error = None;
        self.live.clear();
        let value = self.value();
        let untouched = !strict && !self.is_changed();
        if let Some(check) = &self.check {
            match check(&value, today) {
                Ok(live) => self.live = live,
                Err(message) if !untouched => self.error = Some(message),
                Err(_) => {}
            }
        }
        if strict && matches!(&self.control, Control::Pick { chosen: None, optional: false, .. }) {
            self.error = Some("is needed".to_owned());
        }
    }

    /// Takes a key or paste.
    pub(super) fn input(&mut self, input: &Input, cx: &mut Cx) -> Did {
        let of = |edit| match edit {
            Edit::Ignored => Did::Nothing,
            Edit::Same => Did::Used,
            Edit::Changed => Did::Changed,
        };
        let key = match input {
            Input::Key(event) => Some((event.code, event.modifiers - KeyModifiers::SHIFT)),
            Input::Paste(_) => None,
        };
        let plain = key.filter(|(_, modifiers)| modifiers.is_empty()).map(|(code, _)| code);
        match &mut self.control {
            Control::Line(edit) | Control::Date(edit) => of(edit.input(input)),
            Control::Area(area) => of(area.input(input)),
            Control::Toggle(on) => {
                *on = match plain {
                    Some(KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right) => !*on,
                    Some(KeyCode::Char('y' | 'Y')) => true,
                    Some(KeyCode::Char('n' | 'N')) => false,
                    _ => return Did::Nothing,
                };
                Did::Changed
            }
            Control::Choice { options, at } => {
                let count = options.len().max(1);
                *at = match plain {
                    Some(KeyCode::Left) => (*at + count - 1) % count,
                    Some(KeyCode::Right | KeyCode::Char(' ')) => (*at + 1) % count,
                    Some(KeyCode::Char(c)) => {
                        let starts = |i: &usize| {
                            let first = options[*i].1.chars().next();
                            first.is_some_and(|f| f.to_lowercase().eq(c.to_lowercase()))
                        };
                        // The next one that begins with the letter, going round.
                        match (1..=count).map(|n| (*at + n) % count).find(starts) {
                            Some(i) => i,
                            None => return Did::Used,
                        }
                    }
                    _ => return Did::Nothing,
                };
                Did::Changed
            }
            Control::PickMany { chosen, items, open } => pick_many(input, plain, chosen, items, open),
            Control::Pick { chosen, source, open, optional } => {
                let Some(picker) = open else {
                    match (plain, input) {
                        (Some(KeyCode::Backspace | KeyCode::Delete), _) if *optional && chosen.is_some() => {
                            *chosen = None;
                            return Did::Changed;
                        }
                        (Some(KeyCode::Enter | KeyCode::Char(_)), _) | (_, Input::Paste(_)) => {}
                        _ => return Did::Nothing,
                    }
                    let mut picker = match source {
                        Source::All(items) => Picker::new(items.clone()),
                        Source::Search(search) => Picker::searched(search("", cx)),
                    };
                    if let Some(item) = chosen {
                        picker.select(item.id);
                    }
                    let space = plain == Some(KeyCode::Char(' '));
                    if plain != Some(KeyCode::Enter) && !space && picker.input(input) == Picked::Typed {
                        search_again(source, &mut picker, cx);
                    }
                    *open = Some(Box::new(picker));
                    return Did::Used;
                };
                match picker.input(input) {
                    Picked::Not => Did::Used,
                    Picked::Typed => {
                        search_again(source, picker, cx);
                        Did::Used
                    }
                    Picked::Closed => {
                        *open = None;
                        Did::Used
                    }
                    Picked::This(item) => {
                        *chosen = Some(item);
                        *open = None;
                        Did::Changed
                    }
                }
            }
        }
    }

    /// Whether a window of the field is open, which then takes every key.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.control, Control::Pick { open: Some(_), .. } | Control::PickMany { open: Some(_), .. })
    }
}

/// A key for a field that takes several: letters find one to add, Backspace takes the last one away.
fn pick_many(
    input: &Input,
    plain: Option<KeyCode>,
    chosen: &mut Vec<Item>,
    items: &[Item],
    open: &mut Option<Box<Picker>>,
) -> Did {
    let Some(picker) = open else {
        match (plain, input) {
            (Some(KeyCode::Backspace), _) => {
                return if chosen.pop().is_some() { Did::Changed } else { Did::Used };
            }
            (Some(KeyCode::Delete), _) => {
                let any = !chosen.is_empty();
                chosen.clear();
                return if any { Did::Changed } else { Did::Used };
            }
            (Some(KeyCode::Enter | KeyCode::Char(_)), _) | (_, Input::Paste(_)) => {}
            _ => return Did::Nothing,
        }
        let left = items.iter().filter(|item| chosen.iter().all(|c| c.id != item.id)).cloned().collect();
        let mut picker = Picker::new(left);
        if !matches!(plain, Some(KeyCode::Enter | KeyCode::Char(' '))) {
            picker.input(input);
        }
        *open = Some(Box::new(picker));
        return Did::Used;
    };
    match picker.input(input) {
        Picked::Not | Picked::Typed => Did::Used,
        Picked::Closed => {
            *open = None;
            Did::Used
        }
        Picked::This(item) => {
            chosen.push(item);
            *open = None;
            Did::Changed
        }
    }
}

fn search_again(source: &Source, picker: &mut Picker, cx: &mut Cx) {
    if let Source::Search(search) = source {
        let items = search(picker.text(), cx);
        picker.set_items(items);
    }
}
