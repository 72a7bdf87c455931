//! Forms: fields one under the other, checked while they are filled.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::{
    Frame,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Cx, Theme,
    field::{Control, Did, Field, Value},
    layout::{self, put, row},
};
use crate::{
    model::{Day, Error, FieldError, PartialDate},
    session::event::Input,
};

/// What came of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormDid {
    /// It was not for the form.
    Ignored,
    /// It was.
    Used,
    /// The person wants to save, and every field can be taken as far as the form can tell.
    Save,
}

/// The rows of a text area.
const AREA_ROWS: u16 = 5;
/// The widest value.
const VALUE_WIDTH: u16 = 44;

/// A form.
pub struct Form {
    fields: Vec<Field>,
    focus: usize,
    top: u16,
}

impl Form {
    /// A form with the focus on its first field.
    pub fn new(fields: Vec<Field>, today: Day) -> Self {
        let mut form = Self { fields, focus: 0, top: 0 };
        for field in &mut form.fields {
            field.validate(today, false);
        }
        form
    }

    /// The field of that name.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.key == key)
    }

    /// The text of a field, trimmed; empty when there is no such field.
    pub fn text(&self, key: &str) -> String {
        match self.field(key).map(Field::value) {
            Some(Value::Text(text)) => text.trim().to_owned(),
            _ => String::new(),
        }
    }

    /// The text of a field as it is, for passwords.
    pub fn exact(&self, key: &str) -> String {
        match self.field(key).map(Field::value) {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    /// The number of what is chosen in a field.
    pub fn id(&self, key: &str) -> Option<u32> {
        match self.field(key).map(Field::value) {
            Some(Value::Id(id)) => id,
            _ => None,
        }
    }

    /// The numbers of what is chosen in a field that takes several.
    pub fn ids(&self, key: &str) -> Vec<u32> {
        match self.field(key).map(Field::value) {
            Some(Value::Ids(ids)) => ids,
            _ => Vec::new(),
        }
    }

    /// Whether a field says yes.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.field(key).map(Field::value), Some(Value::Flag(true)))
    }

    /// The birth date in a field; `None` when it is empty or no date.
    pub fn born(&self, key: &str, today: Day) -> Option<PartialDate> {
        PartialDate::parse(&self.text(key), today).ok()
    }

    /// The day in a field; `None` when it is empty or no day.
    pub fn day(&self, key: &str, today: Day) -> Option<Day> {
        Day::parse(&self.text(key), today).ok()
    }

    /// Whether a field holds something else than at the beginning.
    pub fn is_changed(&self, key: &str) -> bool {
        self.field(key).is_some_and(Field::is_changed)
    }

    /// Whether any field does.
    pub fn is_dirty(&self) -> bool {
        self.fields.iter().any(Field::is_changed)
    }

    /// The name of the field that has the focus.
    pub fn focused(&self) -> &'static str {
        self.fields.get(self.focus).map_or("", |f| f.key)
    }

    /// Gives the focus to a field.
    pub fn set_focus(&mut self, key: &str) {
        self.focus = self.fields.iter().position(|f| f.key == key).unwrap_or(self.focus);
    }

    /// Puts fields in the place of those from the one named `after` on; the focus stays where it was.
    pub fn replace_after(&mut self, after: &str, fields: Vec<Field>) {
        let at = self.fields.iter().position(|f| f.key == after).map_or(self.fields.len(), |i| i + 1);
        self.fields.truncate(at);
        self.fields.extend(fields);
        self.focus = self.focus.min(self.fields.len().saturating_sub(1));
    }

    /// Checks every field; on errors the first wrong one gets the focus. Answers whether all can be taken.
    pub fn check(&mut self, today: Day) -> bool {
        for field in &mut self.fields {
            field.validate(today, true);
        }
        match self.fields.iter().position(|f| f.error.is_some()) {
            Some(wrong) => {
                self.focus = wrong;
                false
            }
            None => true,
        }
    }

    /// Shows what the desk said at the fields it named. Answers what is left to be said elsewhere.
    pub fn show_error(&mut self, error: &Error) -> Option<Error> {
        let Error::Invalid(errors) = error else { return Some(error.clone()) };
        let mut rest: Vec<FieldError> = Vec::new();
        let mut first = None;
        for e in errors {
            match self.fields.iter().position(|f| f.key == e.field) {
                Some(i) => {
                    self.fields[i].error = Some(e.message.clone());
                    first = first.or(Some(i));
                }
                None => rest.push(e.clone()),
            }
        }
        self.focus = first.unwrap_or(self.focus);
        if rest.is_empty() { None } else { Some(Error::Invalid(rest)) }
    }

    /// Says what the desk said: at the fields it named, the rest below.
    pub fn tell(&mut self, error: &Error, cx: &mut Cx) {
        if let Some(rest) = self.show_error(error) {
            cx.fail(&rest);
        }
    }

    /// What is wrong with a field, as far as it is shown.
    pub fn error(&self, key: &str) -> Option<&str> {
        self.field(key).and_then(|f| f.error.as_deref())
    }

    /// Shows at a field what the form itself cannot know; until the field is changed again.
    pub fn set_error(&mut self, key: &str, message: &str) {
        if let Some(field) = self.fields.iter_mut().find(|f| f.key == key) {
            field.error = Some(message.to_owned());
        }
    }

    /// Takes in what somebody else saved meanwhile, as the fields of a new form: a field that was not touched
    /// gets the other's value; one that was keeps what was typed, and says what the other put there.
    pub fn take_in(&mut self, fresh: Vec<Field>, today: Day) {
        for new in fresh {
            let Some(field) = self.fields.iter_mut().find(|f| f.key == new.key) else { continue };
            if !field.is_changed() {
                *field = new;
                field.validate(today, false);
            } else if field.initial != new.initial {
                let theirs = new.words();
                field.hint = match theirs.is_empty() {
                    true => "somebody made this empty meanwhile; yours takes its place".to_owned(),
                    false => format!("somebody wrote \"{theirs}\" meanwhile; yours takes its place"),
                };
                field.initial = new.initial;
            }
        }
    }

    /// Takes a key or paste.
    pub fn input(&mut self, input: &Input, cx: &mut Cx) -> FormDid {
        let today = cx.today;
        let Some(field) = self.fields.get_mut(self.focus) else { return FormDid::Ignored };
        if let Input::Key(event) = input {
            let control = event.modifiers.contains(KeyModifiers::CONTROL);
            if event.code == KeyCode::Char('s') && control && !field.is_open() {
                return if self.check(today) { FormDid::Save } else { FormDid::Used };
            }
        }
        match field.input(input, cx) {
            Did::Changed => {
                field.validate(today, false);
                return FormDid::Used;
            }
            Did::Used => return FormDid::Used,
            Did::Nothing => {}
        }
        let Input::Key(event) = input else { return FormDid::Used };
        let last = self.fields.len() - 1;
        match event.code {
            KeyCode::Tab | KeyCode::Down => self.focus = if self.focus == last { 0 } else { self.focus + 1 },
            KeyCode::BackTab | KeyCode::Up => self.focus = if self.focus == 0 { last } else { self.focus - 1 },
            KeyCode::Enter if self.focus < last => self.focus += 1,
            KeyCode::Enter => return if self.check(today) { FormDid::Save } else { FormDid::Used },
            KeyCode::PageUp => self.focus = 0,
            KeyCode::PageDown => self.focus = last,
            // What is typed belongs to the form even where it means nothing, so that no letter turns into
            // a command of the screen.
            KeyCode::Char(_) if (event.modifiers - KeyModifiers::SHIFT).is_empty() => {}
            _ => return FormDid::Ignored,
        }
        FormDid::Used
    }

    fn height_of(field: &Field) -> u16 {
        u16::from(field.section.is_some()) * 2 + if matches!(field.control, Control::Area(_)) { AREA_ROWS } else { 1 }
    }

    /// Draws the form, scrolled so that the focused field is in sight. The last row says what there is to
    /// say of that field.
    pub fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        if area.is_empty() {
            return;
        }
        let body = if area.height > 2 { Rect { height: area.height - 2, ..area } } else { area };
        let starts: Vec<u16> = self
            .fields
            .iter()
            .scan(0, |y, field| {
                let start = *y;
                *y += Self::height_of(field);
                Some(start)
            })
            .collect();
        let Some(field) = self.fields.get(self.focus) else { return };
        let (start, end) = (starts[self.focus], starts[self.focus] + Self::height_of(field));
        self.top = self.top.clamp(end.saturating_sub(body.height).min(start), start);
        // Where the room has grown, nothing stays scrolled away that fits.
        let all = starts.last().copied().unwrap_or(0) + self.fields.last().map_or(0, Self::height_of);
        self.top = self.top.min(all.saturating_sub(body.height));
        let label = self.fields.iter().map(|f| f.label.width()).max().unwrap_or(0).min(20) as u16;
        let mut cursor = None;
        for (i, field) in self.fields.iter_mut().enumerate() {
            let focused = i == self.focus;
            let mut y = starts[i];
            if field.section.is_some() {
                if y > self.top
                    && let Some(heading) = &field.section
                    && y + 1 - self.top < body.height
                {
                    put(frame.buffer_mut(), row(body, y + 1 - self.top), heading, theme.heading());
                } else if y == 0
                    && self.top == 0
                    && let Some(heading) = &field.section
                {
                    put(frame.buffer_mut(), row(body, 1), heading, theme.heading());
                }
                y += 2;
            }
            if y < self.top || y - self.top >= body.height {
                continue;
            }
            let at = draw_field(frame, layout::below(body, y - self.top), label, field, focused, theme);
            cursor = if focused { at } else { cursor };
        }
        if let Some(field) = self.fields.get(self.focus)
            && area.height > 2
        {
            let (text, style) = match &field.error {
                Some(error) => (format!("{} {error}", field.label), theme.error()),
                None if !field.hint.is_empty() => (field.hint.clone(), theme.muted()),
                None => (String::new(), theme.muted()),
            };
            // What is wrong is told whole: the empty row above the last one is there for it.
            let lines = layout::wrap(&text, area.width.into());
            let lines = &lines[..lines.len().min(2)];
            let says = layout::below(area, area.height - lines.len().max(1) as u16);
            for (y, line) in lines.iter().enumerate() {
                put(frame.buffer_mut(), row(says, y as u16), line, style);
            }
        }
        if let Some(field) = self.fields.get_mut(self.focus)
            && let Control::Pick { open: Some(picker), .. } | Control::PickMany { open: Some(picker), .. } =
                &mut field.control
        {
            let inside = layout::popup(frame.buffer_mut(), area, (50, picker.height()), &field.label, theme);
            cursor = picker.draw(frame.buffer_mut(), inside, theme);
        }
        if let Some(at) = cursor {
            frame.set_cursor_position(at);
        }
    }
}

fn draw_field(
    frame: &mut Frame<'_>,
    area: Rect,
    label_width: u16,
    field: &mut Field,
    focused: bool,
    theme: Theme,
) -> Option<Position> {
    let buffer = frame.buffer_mut();
    let line = row(area, 0);
    let mark = if field.error.is_some() {
        ("! ", theme.error())
    } else if focused {
        ("► ", theme.marker())
    } else {
        ("  ", theme.muted())
    };
    put(buffer, line, mark.0, mark.1);
    let column = |x: u16, width: u16| Rect {
        x: line.x + x.min(line.width),
        width: width.min(line.width.saturating_sub(x)),
        ..line
    };
    put(buffer, column(2, label_width), &field.label, if focused { theme.selected() } else { theme.muted() });
    let start = label_width + 4;
    let wide = line.width.saturating_sub(start);
    let width = if wide > VALUE_WIDTH + 12 { VALUE_WIDTH } else { wide };
    let value = column(start, width);
    let text = if field.is_changed() { theme.selected() } else { theme.text() };
    let used;
    let cursor = match &mut field.control {
        Control::Line(edit) | Control::Date(edit) => {
            if focused || !edit.text().is_empty() {
                used = (edit.text().width() as u16 + 1).min(width);
                edit.draw(buffer, value, text, &[])
            } else {
                used = put(buffer, value, "·", theme.muted());
                None
            }
        }
        Control::Area(edit) => {
            let height = AREA_ROWS.min(area.height);
            let whole = Rect { x: value.x, y: value.y, width: wide, height };
            let room = Rect { width: wide.saturating_sub(2), x: value.x + 2.min(wide), ..whole };
            for y in whole.y..whole.bottom() {
                let edge = Rect { y, height: 1, ..whole };
                put(buffer, edge, "│", if focused { theme.accent() } else { theme.muted() });
            }
            used = wide;
            edit.draw(buffer, room, text)
        }
        Control::Choice { options, at } => {
            let name = options.get(*at).map_or("", |(_, name)| name);
            used = if focused {
                layout::put_spans(buffer, value, [("◄ ", theme.accent()), (name, text), (" ►", theme.accent())])
            } else {
                put(buffer, value, name, text)
            };
            Some(Position { x: value.x, y: value.y })
        }
        Control::Toggle(on) => {
            let (yes, no) = if *on { ("[x] ", "yes") } else { ("[ ] ", "no") };
            used = layout::put_spans(buffer, value, [(yes, text), (no, text)]);
            Some(Position { x: value.x + 1.min(value.width.saturating_sub(1)), y: value.y })
        }
        Control::Pick { chosen, .. } => {
            used = match chosen {
                Some(item) => put(buffer, value, &item.label, text),
                None => put(buffer, value, if focused { "type or press Enter to choose" } else { "·" }, theme.muted()),
            };
            Some(Position { x: value.x, y: value.y })
        }
        Control::PickMany { chosen, .. } => {
            let value = column(start, wide);
            let names: Vec<&str> = chosen.iter().map(|item| &*item.label).collect();
            used = match names.is_empty() {
                false => put(buffer, value, &names.join(", "), text),
                true => put(buffer, value, if focused { "type or press Enter to add one" } else { "·" }, theme.muted()),
            };
            Some(Position { x: value.x, y: value.y })
        }
    };
    // Beside the value, where there is room: what is wrong, or what it is taken for.
    let beside = start + used.max(12) + 2;
    if !matches!(field.control, Control::Area(_)) && beside + 8 < line.width {
        let room = column(beside, line.width);
        match &field.error {
            Some(error) => put(buffer, room, error, theme.error()),
            None => put(buffer, room, &field.live, theme.muted()),
        };
    }
    cursor.filter(|_| focused)
}
