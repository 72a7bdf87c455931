//! The one table of commands.

use crate::model::Permission;

macro_rules! commands {
    ( @why ) => { None };
    ( @why $why:literal ) => { Some($why) };
    ( $( $name:ident: $slug:literal, $label:literal, $help:literal, $permission:expr $(, $why:literal )?; )+ ) => {
        /// Something a person can tell a screen to do. Each has a name for the palette, a short label for
        /// the footer, a help line, the permission without which it does not exist, and, where it does not
        /// always make sense, a sentence that says why not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Command {
            $( #[doc = $help] $name, )+
        }

        impl Command {
            /// Every command.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// Its name in the palette.
            pub const fn slug(self) -> &'static str { match self { $( Self::$name => $slug, )+ } }

            /// What the footer calls it.
            pub const fn label(self) -> &'static str { match self { $( Self::$name => $label, )+ } }

            /// What it does, in one line.
            pub const fn help(self) -> &'static str { match self { $( Self::$name => $help, )+ } }

            /// The permission it needs, if any.
            pub const fn permission(self) -> Option<Permission> { match self { $( Self::$name => $permission, )+ } }

            /// Why nothing comes of it where it makes no sense now.
            pub const fn why_not(self) -> Option<&'static str> {
                match self { $( Self::$name => commands!(@why $( $why )?), )+ }
            }
        }
    };
}

use Permission as P;

commands! {
    // Moving about, in every list and text.
    Up: "up", "up", "Move up", None;
    Down: "down", "down", "Move down", None;
    PageUp: "page-up", "page up", "Move a page up", None;
    PageDown: "page-down", "page down", "Move a page down", None;
    First: "first", "first", "Go to the beginning", None;
    Last: "last", "last", "Go to the end", None;
    NextPane: "next-pane", "switch", "Go to the other side of the screen", None,
        "There is nothing to switch to.";
    // Everywhere.
    Open: "open", "open", "Open what is marked", None,
        "Nothing is marked that could be opened.";
    Back: "back", "back", "Go back", None,
        "This is the first screen; Ctrl-Q leaves the program.";
    Help: "help", "help", "Show every key of this screen", None;
    Palette: "commands", "commands", "Find a command by name", None;
    Undo: "undo", "undo", "Undo your last change", None;
    Redraw: "redraw", "redraw", "Draw the screen again", None;
    Quit: "quit", "quit", "Leave the program", None;
    SignOut: "sign-out", "sign out", "Sign out", None;
    // Places.
    GoHome: "home", "home", "Go to the home screen", None;
    GoCats: "cats", "cats", "Go to the cats", Some(P::SeeOffered);
    GoRequests: "requests", "requests", "Go to the requests", Some(P::OwnRequests);
    GoTriage: "triage", "triage", "Decide the waiting requests one by one", Some(P::DecideRequests);
    GoUsers: "users", "users", "Go to the accounts", Some(P::ManageUsers);
    GoBreeds: "breeds", "breeds", "Go to the breeds", Some(P::SeeOffered);
    GoHealth: "health", "health", "Go to the health statuses", Some(P::SeeOffered);
    GoAudit: "audit", "audit", "See who did what", Some(P::SeeAudit);
    GoProfile: "profile", "profile", "Go to your own account", Some(P::OwnAccount);
    GoCheck: "check", "check", "Check the store, repair it, or make a backup", Some(P::Maintain);
    GoSessions: "sessions", "sessions", "See who is on, or end a session", Some(P::Maintain);
    // Lists.
    Search: "search", "search", "Search and filter", None;
    ClearSearch: "clear-search", "all", "Show everything again", None,
        "Everything is shown already.";
    Sort: "sort", "sort", "Sort by something else", None,
        "There is no other order here.";
    Filter: "filter", "filter", "Add a filter", None;
    Find: "find", "find", "Find one by a few letters of its name", None;
    New: "new", "new", "Add a new one", None,
        "You may not add anything here.";
    Edit: "edit", "edit", "Change it", None,
        "There is nothing here that you may change.";
    Delete: "delete", "delete", "Delete it", None,
        "There is nothing here that you may delete.";
    History: "history", "history", "See what happened to it", Some(P::SeeAudit),
        "There is nothing to show the history of.";
    UndoThis: "undo-this", "undo this", "Undo this change", Some(P::SeeAudit),
        "This cannot be undone.";
    // Forms.
    Save: "save", "save", "Save", None,
        "Nothing can be saved now.";
    // Cats.
    AskFor: "ask-for", "ask for", "Ask for this cat", Some(P::OwnRequests),
        "The cat is not available, or you asked for it already.";
    Favourite: "favourite", "mark", "Mark or unmark it as a favourite", Some(P::OwnAccount),
        "No cat is marked.";
    TakeRequest: "take-request", "take request", "Take a request for somebody", Some(P::DecideRequests),
        "The cat is not in care.";
    OpenQueue: "queue", "queue", "Open the requests for this cat", Some(P::DecideRequests),
        "There is no cat here.";
    Hold: "hold", "hold", "Put it on hold, or release it", Some(P::ManageCats),
        "Only a cat that is available can be put on hold, and only one on hold released.";
    Depart: "depart", "left", "Record that it left the shelter", Some(P::ManageCats),
        "The cat is not in care.";
    Return: "return", "came back", "Record that it came back", Some(P::ManageCats),
        "The cat is still in care; x records that it left.";
    Foster: "foster", "foster", "Record a foster home, or the return from it", Some(P::ManageCats),
        "The cat is not in care.";
    Archive: "archive", "archive", "Take it out of the lists, or back in", Some(P::ManageCats),
        "Only a cat that left can be taken out of the lists; x records that it left.";
    // Requests.
    Approve: "approve", "approve", "Approve the request", Some(P::DecideRequests),
        "No request is marked.";
    Reject: "reject", "reject", "Reject the request, with a reason", Some(P::DecideRequests),
        "No request is marked.";
    AskForMore: "ask-more", "ask for more", "Ask the applicant for more", Some(P::DecideRequests),
        "No request is marked.";
    Skip: "skip", "skip", "Go on to the next one", Some(P::DecideRequests),
        "No request is marked.";
    Complete: "complete", "complete", "Complete the adoption", Some(P::DecideRequests),
        "No request is marked.";
    FallThrough: "fall-through", "fell through", "Let the approved adoption fall through", Some(P::DecideRequests),
        "No request is marked.";
    Reopen: "reopen", "reopen", "Take the decision back", Some(P::DecideRequests),
        "No request is marked.";
    Withdraw: "withdraw", "withdraw", "Withdraw your request", Some(P::OwnRequests),
        "This is not your request.";
    EditNotes: "edit-notes", "notes", "Change the notes of the request", Some(P::OwnRequests),
        "The request is closed; its notes stay as they are.";
    OpenCat: "open-cat", "cat", "Open the cat", None,
        "No request is marked.";
    OpenCats: "open-cats", "its cats", "Show the cats that have it", Some(P::SeeOffered),
        "Nothing is marked.";
    OpenApplicant: "open-applicant", "applicant", "Open the applicant", Some(P::SeeContacts),
        "No request is marked.";
    Order: "order", "order", "By date, or by cat", None;
    // Accounts.
    SetRole: "set-role", "role", "Change the role", Some(P::ManageUsers),
        "The person's details were removed.";
    Lock: "lock", "lock", "Lock or unlock the account", Some(P::ManageUsers),
        "The person's details were removed.";
    Ban: "ban", "ban", "Set or lift the do-not-adopt flag", Some(P::ManageUsers),
        "The person's details were removed.";
    ResetPassword: "reset-password", "password", "Set a new password", Some(P::ManageUsers),
        "The person's details were removed.";
    Anonymise: "anonymise", "anonymise", "Remove the person's details", Some(P::ManageUsers),
        "The person's details were removed already.";
    AddKey: "add-key", "add key", "Add an SSH key", Some(P::OwnAccount),
        "The person's details were removed.";
    RemoveKey: "remove-key", "remove key", "Remove the marked SSH key", Some(P::OwnAccount),
        "Mark a key first.";
    ChangePassword: "change-password", "password", "Change your password", Some(P::OwnAccount);
    // The store.
    Check: "check-now", "check again", "Check the store now", Some(P::Maintain),
        "It is at work already; x stops it.";
    CheckDeep: "check-deep", "with journal", "Check the journal against the store as well", Some(P::Maintain),
        "It is at work already; x stops it.";
    Repair: "repair", "repair", "Repair what a check finds", Some(P::Maintain),
        "It is at work already; x stops it.";
    Backup: "backup", "back up", "Make a backup now", Some(P::Maintain),
        "It is at work already; x stops it.";
    EndSession: "end-session", "end", "End this session", Some(P::Maintain),
        "That session cannot be ended from here: leave it with Ctrl-Q.";
    Cancel: "cancel", "stop", "Stop what goes on", None,
        "Nothing goes on that could be stopped.";
}
