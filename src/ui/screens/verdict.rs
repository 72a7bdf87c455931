//! One verdict on one request: what it would do is shown, then it is asked for, then it is done.

use crate::{
    desk::{Done, Preview},
    model::{Error, Need, RequestId, Role, Verdict, limits},
    ui::{
        Command, Confirm, Cx, Outcome, Prompt, Screen,
        cx::{Tone, sentence},
    },
};

/// A screen on which requests are decided.
pub trait Decides: Screen + Sized {
    /// It is done.
    fn decided(&mut self, request: RequestId, done: &Done, cx: &mut Cx) -> Outcome;

    /// It was not done, and what the screen shows may no longer be so.
    fn outdated(&mut self);
}

/// The verdict behind a command.
pub const fn of(command: Command) -> Option<Verdict> {
    Some(match command {
        Command::Approve => Verdict::Approve,
        Command::Reject => Verdict::Reject,
        Command::AskForMore => Verdict::AskForMore,
        Command::Complete => Verdict::Complete,
        Command::FallThrough => Verdict::FallThrough,
        Command::Reopen => Verdict::Reopen,
        Command::Withdraw => Verdict::Withdraw,
        _ => return None,
    })
}

/// Shows what a verdict would do and asks for it; a refusal is said at once.
pub fn ask<S: Decides>(screen: &mut S, request: RequestId, verdict: Verdict, cx: &mut Cx) -> Outcome {
    ask_with(screen, request, verdict, String::new(), cx)
}

fn ask_with<S: Decides>(screen: &mut S, request: RequestId, verdict: Verdict, typed: String, cx: &mut Cx) -> Outcome {
    let preview = match cx.desk.preview(&cx.actor(), request, verdict) {
        Ok(preview) => preview,
        Err(error) => {
            refuse(&error, cx);
            screen.outdated();
            return Outcome::Stay;
        }
    };
    let (title, lines) = (verdict.label().to_owned(), lines(&preview, verdict));
    let yes = yes(verdict).to_owned();
    let rev = preview.rev;
    if preview.need == Need::None {
        let confirm = Confirm { title, lines, yes, danger: false };
        cx.confirm(confirm, move |me: &mut S, cx| pass(me, (request, rev, verdict), String::new(), cx));
    } else {
        let label = match verdict {
            Verdict::AskForMore => "Question",
            Verdict::Complete => "Note",
            _ => "Reason",
        };
        let prompt = Prompt {
            title,
            lines,
            label: label.to_owned(),
            initial: typed,
            optional: preview.need == Need::Optional,
            limit: limits::REASON,
            yes,
        };
        cx.prompt(prompt, move |me: &mut S, words, cx| pass(me, (request, rev, verdict), words, cx));
    }
    Outcome::Stay
}

/// What will happen, a sentence each, and why words are needed.
fn lines(preview: &Preview, verdict: Verdict) -> Vec<String> {
    let mut lines = vec![preview.sentence.clone()];
    lines.extend(preview.consequences.iter().cloned());
    match (&preview.need, verdict) {
        // The label asks for it already.
        (Need::None | Need::Optional, _) | (_, Verdict::AskForMore) => {}
        (Need::Required(why), Verdict::Reject | Verdict::FallThrough) => lines.push(sentence(why)),
        (Need::Required(why), _) => lines.push(format!("Only with a reason: {}", sentence(why))),
    }
    lines
}

const fn yes(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
        Verdict::AskForMore => "ask",
        Verdict::Complete => "complete",
        Verdict::FallThrough => "let it fall through",
        Verdict::Withdraw => "withdraw",
        Verdict::Reopen => "reopen",
    }
}

fn pass<S: Decides>(
    screen: &mut S,
    (request, rev, verdict): (RequestId, u32, Verdict),
    words: String,
    cx: &mut Cx,
) -> Outcome {
    match cx.desk.decide(&cx.actor(), request, rev, verdict, &words) {
        Ok(done) => {
            let undo = if done.commit.is_some() { " u takes it back." } else { "" };
            cx.ok(format!("{}{undo}", done.message));
            screen.decided(request, &done, cx)
        }
        Err(error @ Error::Invalid(_)) => {
            // What it needs has changed since it was shown: it is shown anew, with what was typed.
            cx.fail(&error);
            ask_with(screen, request, verdict, words, cx)
        }
        Err(error) => {
            refuse(&error, cx);
            screen.outdated();
            Outcome::Stay
        }
    }
}

/// Says a refusal with who could override it.
pub fn refuse(error: &Error, cx: &mut Cx) {
    match error {
        Error::Refused { rule, overridable_by: Some(Role::Admin) } => {
            let text = format!("{} An admin can override this, with a reason.", sentence(rule));
            cx.say(Tone::Error, text);
        }
        other => cx.fail(other),
    }
}
