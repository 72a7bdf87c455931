//! The SSH keys of an account: a section of its page, adding one, removing one.

use ratatui::{Frame, layout::Rect};

use crate::{
    desk::KeyLine,
    model::{Error, UserId, limits},
    ui::{
        Confirm, Cx, FormScreen, Outcome, Screen, Theme,
        field::Field,
        form::Form,
        layout::{below, put_above},
        sheet::{Ink, Piece, Sheet},
    },
};

/// What is taken of a paste: more than any key has, so that what was pasted by mistake is told for what it is.
const PASTE: usize = 8 * 1024;

/// The numbers by which a page knows its keys count down from here: those of records never get so high.
const LAST: u32 = u32::MAX;

/// A section with every key; `none` is what it says when there is none.
pub(super) fn section(sheet: &mut Sheet, keys: &[KeyLine], none: &str) {
    sheet.heading("SSH keys");
    if keys.is_empty() {
        return sheet.text(none, Ink::Muted);
    }
    let rows = keys.iter().zip(0..).map(|(key, n)| (LAST - n, pieces(key))).collect();
    sheet.table_over(rows, keys.iter().map(|key| format!("{}  {}", key.fingerprint, key.algorithm)).collect());
}

fn pieces(key: &KeyLine) -> Vec<Piece> {
    let name = match &*key.comment {
        "" => ("(no comment)".to_owned(), Ink::Muted),
        comment => (comment.to_owned(), Ink::Plain),
    };
    let used = match key.last_used {
        Some(at) => format!("used {}", at.day()),
        None => "never used".to_owned(),
    };
    vec![name, (format!("added {}", key.added_at.day()), Ink::Muted), (used, Ink::Muted)]
}

/// The key that is marked on a page, if it is one.
pub(super) fn marked<'a>(sheet: &Sheet, keys: &'a [KeyLine]) -> Option<&'a KeyLine> {
    keys.get((LAST - sheet.marked()?) as usize)
}

/// Asks, then removes a key; `then` runs on the screen that asked.
pub(super) fn ask_removal<S: Screen>(id: UserId, key: &KeyLine, cx: &mut Cx, then: fn(&mut S, &mut Cx)) {
    let fingerprint = key.fingerprint.clone();
    let named = if key.comment.is_empty() { key.algorithm.clone() } else { key.comment.clone() };
    let confirm = Confirm {
        title: "Remove this SSH key?".to_owned(),
        lines: vec![
            named,
            fingerprint.clone(),
            "Nobody signs in with it any more; sessions that it opened end.".to_owned(),
        ],
        yes: "remove".to_owned(),
        danger: true,
    };
    cx.confirm(confirm, move |me: &mut S, cx| {
        if let Some(done) = cx.shown(cx.desk.remove_ssh_key(&cx.actor(), id, &fingerprint)) {
            cx.ok(done.message);
        }
        then(me, cx);
        Outcome::Stay
    });
}

/// Adds a key to an account.
pub struct KeyForm {
    id: UserId,
    /// Whose; one's own when `None`.
    whose: Option<String>,
    /// The fingerprints of those that are there.
    there: Vec<String>,
    form: Form,
    /// What the line was understood as.
    read: Option<KeyLine>,
    /// Its comment was longer than what is kept.
    cut: bool,
}

impl KeyForm {
    /// The form, unless the account has as many keys as fit.
    pub(super) fn open(id: UserId, whose: Option<String>, cx: &mut Cx) -> Outcome {
        let Some(keys) = cx.shown(cx.desk.ssh_keys(&cx.actor(), id)) else { return Outcome::Stay };
        if keys.len() >= limits::SSH_KEYS {
            cx.fail(&Error::refused(format!("{} keys are as many as an account has; remove one first", keys.len())));
            return Outcome::Stay;
        }
        let there: Vec<String> = keys.into_iter().map(|key| key.fingerprint).collect();
        let form = Self::empty(there.clone(), cx);
        Outcome::push(Self { id, whose, there, form, read: None, cut: false })
    }

    fn empty(there: Vec<String>, cx: &Cx) -> Form {
        let fields = vec![
            Field::line("key", "Public key", "", PASTE)
                .required()
                .check_text(move |text, _| match text.trim() {
                    "" => Ok(()),
                    line => understand(line, &there).map(|_| ()),
                })
                .hint("paste the line of a file like id_ed25519.pub; \"ssh-keygen -t ed25519\" makes one"),
            Field::line("comment", "Comment", "", limits::KEY_COMMENT)
                .hint("what you call it, like \"laptop\"; while this is empty, what stands behind the key"),
        ];
        Form::new(fields, cx.today)
    }

    /// The line with the comment that was typed, if one was.
    fn line(&self) -> String {
        let (line, comment) = (self.form.text("key"), self.form.text("comment"));
        let mut words = line.split_ascii_whitespace();
        match (comment.is_empty(), words.next(), words.next()) {
            (false, Some(kind), Some(body)) => format!("{kind} {body} {comment}"),
            _ => line,
        }
    }

    /// What the line was understood as, for whoever compares it.
    fn understood(&self) -> Option<Sheet> {
        let key = self.read.as_ref()?;
        let mut sheet = Sheet::default();
        sheet.heading("This key");
        sheet.field("Fingerprint", &*key.fingerprint);
        sheet.field("Type", &*key.algorithm);
        let cut = format!("(cut: at most {} bytes are kept)", limits::KEY_COMMENT);
        let none = ("none".to_owned(), Ink::Muted);
        sheet.pieces(
            "Comment",
            match &*key.comment {
                "" => vec![none],
                comment if self.cut => vec![(comment.to_owned(), Ink::Plain), (cut, Ink::Warn)],
                comment => vec![(comment.to_owned(), Ink::Plain)],
            },
        );
        Some(sheet)
    }
}

/// Reads a line; a key that is there already is as wrong as one that is none.
fn understand(line: &str, there: &[String]) -> Result<KeyLine, String> {
    match KeyLine::read(line) {
        Ok(key) if there.contains(&key.fingerprint) => Err("is there already".to_owned()),
        Ok(key) => Ok(key),
        Err(Error::Invalid(mut errors)) if !errors.is_empty() => Err(errors.swap_remove(0).message),
        Err(e) => Err(e.to_string()),
    }
}

impl FormScreen for KeyForm {
    fn title(&self) -> String {
        "New SSH key".to_owned()
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn form_mut(&mut self) -> &mut Form {
        &mut self.form
    }

    fn typed(&mut self, cx: &mut Cx) {
        let line = self.form.text("key");
        if line.contains("PRIVATE KEY") {
            // It is not kept, nor shown: whatever shows this window would have it.
            self.form = Self::empty(self.there.clone(), cx);
            self.form.set_error("key", "was a private key, which nobody else may see; paste the line of the .pub file");
        }
        self.read = understand(&self.line(), &self.there).ok();
        let words = line.split_ascii_whitespace().skip(2).map(|word| word.len() + 1).sum::<usize>();
        self.cut = self.form.text("comment").is_empty() && words > limits::KEY_COMMENT + 1;
    }

    fn save(&mut self, cx: &mut Cx) -> Outcome {
        match cx.desk.add_ssh_key(&cx.actor(), self.id, &self.line()) {
            Ok((_, done)) => {
                cx.ok(done.message);
                Outcome::Pop
            }
            Err(e) => {
                self.form.tell(&e, cx);
                Outcome::Stay
            }
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, theme: Theme) {
        let text = match &self.whose {
            Some(name) => format!("With the private half of this key {name} signs in over SSH without a password."),
            None => "With the private half of this key you sign in over SSH without your password.".to_owned(),
        };
        let body = put_above(frame.buffer_mut(), area, 7, &text, theme.text());
        // Two fields, what there is to say of them, and below it the key as it was understood.
        let form = Rect { height: body.height.min(5), ..body };
        self.form.draw(frame, form, theme);
        if let Some(mut sheet) = self.understood() {
            let rest = below(body, form.height + 1);
            sheet.prepare(rest);
            sheet.draw_unmarked(frame.buffer_mut(), rest, theme);
        }
    }
}
