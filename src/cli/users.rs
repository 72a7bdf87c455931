//! `clowder users …`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Context, Failure, PAGE,
    context::NewSecret,
    json,
    json::known,
    query, slugs,
    table::{Table, card, number, text},
};
use crate::desk::{Done, UserCard, UserChange, UserLine};
use crate::model::{
    Error, Role, UserId,
    query::{Sort, UserQuery, UserSort},
};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// List accounts by name
    List(List),
    /// Show one account and its requests
    Show(WhichUser),
    /// Add an account
    Add {
        /// The name to sign in with
        username: String,
        #[command(flatten)]
        person: PersonFields,
        /// What they may do
        #[arg(long, value_parser = slugs!(Role), default_value = Role::User.slug())]
        role: Role,
        #[command(flatten)]
        password: PasswordFrom,
        /// Do not ask for a password: nobody can sign in to the account until one is set
        #[arg(long, conflicts_with = "password_stdin")]
        no_password: bool,
    },
    /// Change an account: only what is given changes
    Edit {
        #[command(flatten)]
        user: WhichUser,
        /// Another name to sign in with
        #[arg(long)]
        username: Option<String>,
        #[command(flatten)]
        person: PersonFields,
        /// The revision that the change was made on; refused when somebody changed the account since
        #[arg(long, value_name = "N")]
        rev: Option<u32>,
    },
    /// Give an account another role
    Role {
        #[command(flatten)]
        user: WhichUser,
        /// What they may do
        #[arg(value_parser = slugs!(Role))]
        role: Role,
    },
    /// Lock an account: it cannot sign in, and its sessions end
    Lock {
        #[command(flatten)]
        user: WhichUser,
        /// Why; its owner is told
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Unlock an account
    Unlock(WhichUser),
    /// Mark somebody do-not-adopt, with a reason
    Ban {
        #[command(flatten)]
        user: WhichUser,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take the do-not-adopt mark away
    Unban(WhichUser),
    /// Give an account a new password
    Password {
        #[command(flatten)]
        user: WhichUser,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// SSH keys: add, list, remove
    #[command(subcommand)]
    Key(super::keys::KeyCommand),
    /// Remove somebody's details for good; their requests stay, without a name
    Anonymise {
        #[command(flatten)]
        user: WhichUser,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Delete an account that never asked for a cat
    Delete {
        #[command(flatten)]
        user: WhichUser,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl UsersCommand {
    /// Whether it takes standard input.
    pub fn reads_input(&self) -> bool {
        match self {
            Self::Add { password, .. } | Self::Password { password, .. } => password.password_stdin,
            Self::Key(command) => command.reads_input(),
            _ => false,
        }
    }
}

/// One account on the command line.
#[derive(Debug, Args)]
pub struct WhichUser {
    /// The account: user name, e-mail address or number
    #[arg(value_name = "USERNAME|ID")]
    user: String,
}

/// Where a password comes from: never from the arguments, which others on the machine can read.
#[derive(Debug, Args)]
pub struct PasswordFrom {
    /// Read the password from the first line of standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
}

/// What is known of a person, one option a field.
#[derive(Debug, Args)]
pub struct PersonFields {
    /// Name as they write it
    #[arg(long, visible_alias = "name", value_name = "NAME")]
    full_name: Option<String>,
    /// E-mail address; empty for none
    #[arg(long)]
    email: Option<String>,
    /// Telephone number; empty for none
    #[arg(long)]
    phone: Option<String>,
}

/// What `users list` takes.
#[derive(Debug, Args)]
pub struct List {
    /// Query, as in: 'role:staff locked:no ana'
    query: Vec<String>,
    /// What they may do; several with commas
    #[arg(long, value_delimiter = ',', value_parser = slugs!(Role))]
    role: Vec<Role>,
    /// Order
    #[arg(long, value_name = "ORDER", value_parser = slugs!(UserSort))]
    sort: Option<UserSort>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl PersonFields {
    /// Whether nothing is given.
    pub const fn is_empty(&self) -> bool {
        self.full_name.is_none() && self.email.is_none() && self.phone.is_none()
    }

    /// The changes that the options ask for.
    pub fn changes(&self) -> Vec<UserChange> {
        let mut changes = Vec::new();
        changes.extend(self.full_name.clone().map(UserChange::FullName));
        changes.extend(self.email.as_deref().map(|e| UserChange::Email(known(e.trim()).map(str::to_owned))));
        changes.extend(self.phone.clone().map(UserChange::Phone));
        changes
    }
}

/// The number of the account that somebody wrote as a name, address or number; names go first.
///
/// # Errors
/// `NotFound`.
pub fn find(cx: &Context<'_>, which: &str) -> Result<UserId, Failure> {
    match (cx.desk.user_by_name(cx.actor, which), which.trim_start_matches('#').parse()) {
        (Err(Error::NotFound { .. }), Ok(id)) => Ok(cx.desk.user(cx.actor, UserId(id))?.user.id),
        (found, _) => Ok(found?),
    }
}

impl WhichUser {
    /// Whether it means this account.
    pub(super) fn is(&self, user: &crate::model::User) -> bool {
        self.user.eq_ignore_ascii_case(&user.username) || self.user.trim_start_matches('#') == user.id.to_string()
    }

    pub(super) fn find(&self, cx: &Context<'_>) -> Result<UserId, Failure> {
        find(cx, &self.user)
    }
}

/// Runs one of the commands.
///
/// # Errors
/// The desk's, and those of the output.
pub fn run(cx: &mut Context<'_>, command: UsersCommand) -> Result<(), Failure> {
    use UsersCommand as C;
    match command {
        C::List(list) => list.run(cx),
        C::Show(user) => {
            let id = user.find(cx)?;
            show(cx, id)
        }
        C::Add { username, person, role, password, no_password } => {
            add(cx, username, &person, role, Some(password).filter(|_| !no_password))
        }
        C::Edit { user, username, person, rev } => {
            let card = cx.desk.user(cx.actor, user.find(cx)?)?;
            let mut changes: Vec<UserChange> = username.map(UserChange::Username).into_iter().collect();
            changes.extend(person.changes());
            if changes.is_empty() {
                return Err(Failure::nothing_given());
            }
            let rev = rev.unwrap_or(card.user.version.rev);
            let (user, commit) = cx.desk.edit_user(cx.actor, card.user.id, rev, changes)?;
            if cx.json {
                return show(cx, user.id);
            }
            cx.say_changed(&user.display_name(), commit)
        }
        C::Role { user, role } => {
            let id = user.find(cx)?;
            let done = cx.desk.set_role(cx.actor, id, role)?;
            changed(cx, id, &done)
        }
        C::Lock { user, reason } => {
            let id = user.find(cx)?;
            let done = cx.desk.lock(cx.actor, id, &reason)?;
            changed(cx, id, &done)
        }
        C::Unlock(user) => {
            let id = user.find(cx)?;
            let done = cx.desk.unlock(cx.actor, id)?;
            changed(cx, id, &done)
        }
        C::Ban { user, reason } => {
            let id = user.find(cx)?;
            let done = cx.desk.ban(cx.actor, id, &reason)?;
            changed(cx, id, &done)
        }
        C::Unban(user) => {
            let id = user.find(cx)?;
            let done = cx.desk.unban(cx.actor, id)?;
            changed(cx, id, &done)
        }
        C::Password { user, password } => {
            let id = user.find(cx)?;
            let Some(new) = cx.new_secret(NewSecret::PASSWORD, password.password_stdin)? else {
                return Err(nobody_to_ask());
            };
            let done = cx.desk.reset_password(cx.actor, id, &new)?;
            changed(cx, id, &done)
        }
        C::Key(command) => super::keys::run(cx, command),
        C::Anonymise { user, yes } => {
            let card = cx.desk.user(cx.actor, user.find(cx)?)?;
            let name = card.user.display_name();
            cx.confirm(yes, &format!("Remove every detail of {name} (user {}); this cannot be undone.", card.user.id))?;
            let done = cx.desk.anonymise(cx.actor, card.user.id, card.user.version.rev)?;
            changed(cx, card.user.id, &done)
        }
        C::Delete { user, yes } => {
            let card = cx.desk.user(cx.actor, user.find(cx)?)?;
            cx.confirm(yes, &format!("Delete {} (user {}).", card.user.display_name(), card.user.id))?;
            let done = cx.desk.delete_user(cx.actor, card.user.id, card.user.version.rev)?;
            cx.print_done(&done.message, done.commit)
        }
    }
}

fn nobody_to_ask() -> Failure {
    Failure::Usage("there is no terminal to ask for the password; pipe it in with --password-stdin".to_owned())
}

fn add(
    cx: &mut Context<'_>,
    username: String,
    person: &PersonFields,
    role: Role,
    password: Option<PasswordFrom>,
) -> Result<(), Failure> {
    let mut changes = vec![UserChange::Username(username)];
    changes.extend(person.changes());
    let password = match password {
        Some(from) => Some(cx.new_secret(NewSecret::PASSWORD, from.password_stdin)?.ok_or_else(|| {
            Failure::Usage(
                "there is no terminal to ask for the password; add --password-stdin or --no-password".to_owned(),
            )
        })?),
        None => None,
    };
    let (user, commit) = cx.desk.add_user(cx.actor, role, changes, password.as_ref().map(|p| p.as_str()))?;
    if cx.json {
        return show(cx, user.id);
    }
    let role = role.label().to_lowercase();
    cx.say(&format!("Added {} as {role}, user {} (change {commit}).", user.display_name(), user.id))?;
    if password.is_none() {
        cx.note(&format!("Nobody can sign in to it before \"clowder users password {}\".", user.username))?;
    }
    Ok(())
}

fn changed(cx: &mut Context<'_>, id: UserId, done: &Done) -> Result<(), Failure> {
    if cx.json { show(cx, id) } else { cx.print_done(&done.message, done.commit) }
}

/// An account without anything secret.
#[derive(Serialize)]
struct UserJson<'a> {
    id: u32,
    username: &'a str,
    full_name: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    role: &'static str,
    registered_at: String,
    locked: bool,
    lock_reason: Option<&'a str>,
    banned: bool,
    ban_reason: Option<&'a str>,
    anonymised: bool,
    has_password: bool,
    ssh_keys: usize,
    favourites: Vec<u32>,
    requests: usize,
    rev: u32,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    past_requests: Option<Vec<PastJson<'a>>>,
}

#[derive(Serialize)]
struct PastJson<'a> {
    id: u32,
    cat: u32,
    cat_name: &'a str,
    status: &'static str,
    requested_at: String,
}

impl<'a> UserJson<'a> {
    fn of(card: &'a UserCard) -> Self {
        let user = &card.user;
        Self {
            id: user.id.0,
            username: &user.username,
            full_name: known(&user.full_name),
            email: user.email.as_deref(),
            phone: known(&user.phone),
            role: user.role.slug(),
            registered_at: user.registered_at.rfc3339(),
            locked: user.locked.is_some(),
            lock_reason: user.locked.as_ref().and_then(|l| known(&l.reason)),
            banned: user.banned.is_some(),
            ban_reason: user.banned.as_ref().and_then(|b| known(&b.reason)),
            anonymised: user.anonymised,
            has_password: user.password.is_some(),
            ssh_keys: user.ssh_keys.len(),
            favourites: user.favourites.iter().map(|c| c.0).collect(),
            requests: card.requests.iter().filter(|r| r.status.is_open()).count(),
            rev: user.version.rev,
            created_at: user.version.created_at.rfc3339(),
            updated_at: user.version.updated_at.rfc3339(),
            past_requests: None,
        }
    }

    fn with_requests(card: &'a UserCard) -> Self {
        let past = card.requests.iter().map(|r| PastJson {
            id: r.request.0,
            cat: r.cat.0,
            cat_name: &r.cat_name,
            status: r.status.slug(),
            requested_at: r.requested_at.rfc3339(),
        });
        Self { past_requests: Some(past.collect()), ..Self::of(card) }
    }
}

const COLUMNS: &[super::table::Column] = &[
    number("ID"),
    text("USERNAME", 20),
    text("NAME", 26),
    text("ROLE", 6),
    text("E-MAIL", 32),
    text("PHONE", 18),
    number("REQUESTS"),
    text("", 30),
];

fn row(line: UserLine) -> Vec<String> {
    let marks =
        [(line.anonymised, "anonymised"), (line.locked && !line.anonymised, "locked"), (line.banned, "do not adopt")];
    let marks: Vec<&str> = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
    vec![
        line.id.to_string(),
        line.username,
        line.full_name,
        line.role.label().to_owned(),
        line.email.unwrap_or_default(),
        line.phone,
        if line.requests == 0 { String::new() } else { line.requests.to_string() },
        marks.join(", "),
    ]
}

impl List {
    fn query(&self) -> Result<UserQuery, Failure> {
        let mut query: UserQuery = query::parse(&self.query)?;
        query.role.any.extend(&self.role);
        if let Some(key) = self.sort {
            query.sort = Sort { key, reversed: false };
        }
        Ok(query)
    }

    fn run(&self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let query = self.query()?;
        cx.desk.wait_until_ready()?;
        let mut ids = cx.desk.users(cx.actor, &query)?;
        ids.truncate(self.limit.unwrap_or(usize::MAX));
        if cx.json {
            let (desk, actor) = (cx.desk, cx.actor);
            return cx.print_each(ids, |id, out| Ok(json::write(out, &UserJson::of(&desk.user(actor, UserId(id))?))?));
        }
        if ids.is_empty() {
            let nothing = query == UserQuery::default();
            return cx.note(if nothing { "There are no accounts." } else { "No account matches." });
        }
        let mut table = Table::new(COLUMNS, cx.width);
        for page in ids.chunks(PAGE) {
            table.rows(cx.out, cx.desk.user_rows(cx.actor, page)?.into_iter().map(row))?;
        }
        Ok(())
    }
}

fn show(cx: &mut Context<'_>, id: UserId) -> Result<(), Failure> {
    let found = cx.desk.user(cx.actor, id)?;
    if cx.json {
        return cx.print_json(&UserJson::with_requests(&found));
    }
    let user = &found.user;
    let lock = user.locked.as_ref().map(|l| {
        let reason = if l.reason.is_empty() { String::new() } else { format!(": {}", l.reason) };
        format!("since {} by {}{reason}", l.at, cx.desk.name_of(cx.actor, l.by))
    });
    let ban =
        user.banned.as_ref().map(|b| format!("since {} by {}: {}", b.at, cx.desk.name_of(cx.actor, b.by), b.reason));
    card(
        cx.out,
        &[
            ("User", user.id.to_string()),
            ("Username", user.username.clone()),
            ("Name", user.full_name.clone()),
            ("Role", user.role.label().to_owned()),
            ("E-mail", user.email.clone().unwrap_or_default()),
            ("Phone", user.phone.clone()),
            ("Registered", user.registered_at.to_string()),
            ("Password", if user.password.is_some() { "set" } else { "none" }.to_owned()),
            ("SSH keys", user.ssh_keys.iter().map(|k| k.comment.clone()).collect::<Vec<_>>().join(", ")),
            ("Locked", lock.unwrap_or_default()),
            ("Do not adopt", ban.unwrap_or_default()),
            ("Anonymised", if user.anonymised { "yes" } else { "" }.to_owned()),
            ("Revision", format!("{} of {}", user.version.rev, user.version.updated_at)),
        ],
    )?;
    if found.requests.is_empty() {
        return Ok(());
    }
    writeln!(cx.out)?;
    let columns = const { &[number("REQUEST"), text("CAT", 24), text("STATUS", 12), text("SINCE", 16)] };
    let rows = found.requests.iter().map(|r| {
        vec![r.request.to_string(), r.cat_name.clone(), r.status.label().to_owned(), r.requested_at.to_string()]
    });
    Ok(Table::new(columns, cx.width).rows(cx.out, rows)?)
}
