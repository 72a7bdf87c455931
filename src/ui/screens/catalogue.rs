//! Breeds and health statuses: what both lists, pages and forms have in common.

use crate::{
    desk::{Catalogue, Done},
    ui::{Confirm, Cx, Outcome, Screen},
};

impl Catalogue {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Breeds => "Breeds",
            Self::Health => "Health statuses",
        }
    }

    /// `breed`, `health status`.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Breeds => "breed",
            Self::Health => "health status",
        }
    }

    /// The query line of the cats that have the entry.
    pub(super) fn query(self, name: &str) -> String {
        let key = match self {
            Self::Breeds => "breed",
            Self::Health => "health",
        };
        format!("{key}=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Asks before one is deleted, with what that will do; `then` runs on the screen that asked.
pub(super) fn ask_delete<S: Screen>(
    which: Catalogue,
    id: u32,
    cx: &mut Cx,
    then: impl FnOnce(&mut S, &mut Cx, Option<Done>) -> Outcome + 'static,
) {
    let actor = cx.actor();
    let found = which.entry(&cx.desk, &actor, id).and_then(|e| Ok((e, which.preview_delete(&cx.desk, &actor, id)?)));
    let Some((entry, preview)) = cx.shown(found) else { return };
    // The first sentence of the preview is the question itself.
    let asked = format!("Delete {}. ", entry.name);
    let follows = preview.strip_prefix(&asked).unwrap_or(&preview).to_owned();
    let confirm = Confirm {
        title: format!("Delete {}?", entry.name),
        lines: vec![follows],
        yes: "delete".to_owned(),
        danger: true,
    };
    cx.confirm(confirm, move |me: &mut S, cx| {
        let done = cx.shown(which.delete(&cx.desk, &cx.actor(), id, entry.rev));
        if let Some(done) = &done {
            cx.ok(done.message.clone());
        }
        then(me, cx, done)
    });
}
