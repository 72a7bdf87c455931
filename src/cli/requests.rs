//! `clowder requests …`

mod record;

use clap::{Args, Subcommand};

use super::{
    Context, Failure, PAGE, cats, json, query, slugs,
    table::{Table, number, text},
    users,
};
use crate::desk::{ApplicantRef, RequestLine, UserChange};
use crate::model::{
    Error, RequestId, RequestStatus, Verdict,
    query::{Pick, RequestQuery, RequestSort, Sort},
};
use record::RequestJson;

/// What can be done with adoption requests.
#[derive(Debug, Subcommand)]
pub enum RequestsCommand {
    /// List requests, the oldest first
    List(List),
    /// Show everything about one request
    Show {
        #[command(flatten)]
        request: WhichRequest,
    },
    /// Take a request for somebody who walked in or called
    Take(Take),
    /// Approve a pending request; the others for the cat wait
    Approve(Decision),
    /// Reject a request, with a reason
    Reject(Decision),
    /// Ask the applicant for more, with the question as the reason
    Ask(Decision),
    /// Complete an approved request: the cat goes home, the others are rejected
    Complete(Decision),
    /// Let an approved adoption fall through; the others are back in the queue
    FallThrough(Decision),
    /// Withdraw a request for its applicant
    Withdraw(Decision),
    /// Put an approved, rejected or withdrawn request back in the queue
    Reopen(Decision),
}

/// One request on the command line.
#[derive(Debug, Args)]
pub struct WhichRequest {
    /// The request's number
    #[arg(value_name = "ID")]
    id: String,
}

impl WhichRequest {
    fn find(&self) -> Result<RequestId, Failure> {
        let number = self.id.trim_start_matches('#').parse();
        let number = number.map_err(|_| Error::invalid("id", format!("\"{}\" is no number of a request", self.id)))?;
        Ok(RequestId(number))
    }
}

/// What `requests list` takes.
#[derive(Debug, Args)]
pub struct List {
    /// Query, as in: 'status:pending waiting>2w cat:miso'
    query: Vec<String>,
    /// Where it stands; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = slugs!(RequestStatus))]
    status: Vec<RequestStatus>,
    /// The cat by number, name or tag
    #[arg(long)]
    cat: Option<String>,
    /// The applicant by number or name
    #[arg(long)]
    user: Option<String>,
    /// Only those that wait for too long
    #[arg(long)]
    overdue: bool,
    /// Order
    #[arg(long, value_name = "ORDER", value_parser = slugs!(RequestSort))]
    sort: Option<RequestSort>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// What taking a request takes.
#[derive(Debug, Args)]
pub struct Take {
    /// The cat: its number, its tag, or tag:TAG
    #[arg(value_name = "CAT")]
    cat: String,
    /// Who asks: number, user name or e-mail address of an account
    #[arg(long, required_unless_present = "new")]
    user: Option<String>,
    /// Who asks, without an account: the user name of the account that is made
    #[arg(long, value_name = "USERNAME", conflicts_with = "user")]
    new: Option<String>,
    #[command(flatten)]
    person: users::PersonFields,
    /// What the applicant says
    #[arg(long, value_name = "TEXT", default_value = "")]
    notes: String,
    /// Why a rule that stands against it is overridden
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What a decision takes.
#[derive(Debug, Args)]
pub struct Decision {
    #[command(flatten)]
    request: WhichRequest,
    /// The reason or question
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The revision of the request that was decided on; refused when somebody changed it since
    #[arg(long, value_name = "N")]
    rev: Option<u32>,
    /// Say what would happen, and do nothing
    #[arg(long)]
    preview: bool,
}

/// Runs one of the commands.
///
/// # Errors
/// The desk's, and those of the output.
pub fn run(cx: &mut Context<'_>, command: RequestsCommand) -> Result<(), Failure> {
    use RequestsCommand as C;
    match command {
        C::List(list) => list.run(cx),
        C::Show { request } => show(cx, request.find()?),
        C::Take(take) => take.run(cx),
        C::Approve(decision) => decision.run(cx, Verdict::Approve),
        C::Reject(decision) => decision.run(cx, Verdict::Reject),
        C::Ask(decision) => decision.run(cx, Verdict::AskForMore),
        C::Complete(decision) => decision.run(cx, Verdict::Complete),
        C::FallThrough(decision) => decision.run(cx, Verdict::FallThrough),
        C::Withdraw(decision) => decision.run(cx, Verdict::Withdraw),
        C::Reopen(decision) => decision.run(cx, Verdict::Reopen),
    }
}

impl Decision {
    fn run(self, cx: &mut Context<'_>, verdict: Verdict) -> Result<(), Failure> {
        let id = self.request.find()?;
        // With a revision given, the commit itself says who was first; a preview could only say what follows from it.
        let preview = match (cx.desk.preview(cx.actor, id, verdict), self.rev) {
            (Ok(preview), _) => Some(preview),
            (Err(_), Some(_)) if !self.preview => None,
            (Err(e), _) => return Err(e.into()),
        };
        let consequences = preview.as_ref().map(|p| p.consequences.clone()).unwrap_or_default();
        if let Some(preview) = preview.as_ref().filter(|_| self.preview) {
            return cx.print_preview(&preview.sentence, &consequences);
        }
        let rev = self.rev.or(preview.map(|p| p.rev)).unwrap_or_default();
        let done = cx.desk.decide(cx.actor, id, rev, verdict, &self.reason)?;
        if cx.json {
            return show(cx, id);
        }
        let commit = done.commit.map(|c| format!(" (change {c})")).unwrap_or_default();
        cx.say(&format!("{}{commit}", done.message))?;
        consequences.iter().try_for_each(|sentence| cx.say(sentence))
    }
}

impl Take {
    fn run(self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let cat = cats::find(cx, &self.cat)?;
        let applicant = match (&self.user, self.new) {
            (Some(user), _) if self.person.is_empty() => ApplicantRef::Existing(users::find(cx, user)?),
            (Some(_), _) => {
                let message = "the fields of a person go with --new; change an account with \"clowder users edit\"";
                return Err(Failure::Usage(message.to_owned()));
            }
            (None, new) => {
                let mut changes = vec![UserChange::Username(new.unwrap_or_default())];
                changes.extend(self.person.changes());
                ApplicantRef::New(changes)
            }
        };
        let request = cx.desk.take_request(cx.actor, cat, applicant, &self.notes, self.reason)?;
        if cx.json {
            return show(cx, request.id);
        }
        let card = cx.desk.request(cx.actor, request.id)?;
        let who = card.applicant.map(|a| a.name).unwrap_or_default();
        let place = card.place.map(|p| format!(", place {p} of {}", card.of)).unwrap_or_default();
        cx.say(&format!("Took request {} of {who} for {}{place}.", request.id, card.cat.display_name()))
    }
}

const COLUMNS: &[super::table::Column] = &[
    number("ID"),
    text("CAT", 24),
    text("APPLICANT", 24),
    text("STATUS", 12),
    text("SINCE", 16),
    number("DAYS"),
    text("PLACE", 8),
    text("", 30),
];

fn row(line: RequestLine) -> Vec<String> {
    let marks = [(line.overdue, "overdue"), (line.awaiting_reply, "awaiting reply"), (line.flagged, "do not adopt")];
    let marks: Vec<&str> = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
    vec![
        line.id.to_string(),
        line.cat_name,
        line.user_name,
        line.status.label().to_owned(),
        line.requested_at.to_string(),
        line.days.to_string(),
        line.place.map(|p| format!("{p} of {}", line.of)).unwrap_or_default(),
        marks.join(", "),
    ]
}

fn pick(value: &str) -> Pick {
    value.trim_start_matches('#').parse().map_or_else(|_| Pick::Name(value.to_owned()), Pick::Number)
}

impl List {
    fn query(&self) -> Result<RequestQuery, Failure> {
        let mut query: RequestQuery = query::parse(&self.query)?;
        query.status.any.extend(&self.status);
        query.cat.any.extend(self.cat.as_deref().map(pick));
        query.user.any.extend(self.user.as_deref().map(pick));
        if self.overdue {
            query.overdue = Some(true);
        }
        if let Some(key) = self.sort {
            query.sort = Sort { key, reversed: false };
        }
        Ok(query)
    }

    fn run(&self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let query = self.query()?;
        cx.desk.wait_until_ready()?;
        let mut ids = cx.desk.requests(cx.actor, &query)?;
        ids.truncate(self.limit.unwrap_or(usize::MAX));
        if cx.json {
            let (desk, actor) = (cx.desk, cx.actor);
            return cx.print_each(ids, |id, out| {
                let card = desk.request(actor, RequestId(id))?;
                Ok(json::write(out, &RequestJson::of(desk, actor, &card))?)
            });
        }
        if ids.is_empty() {
            let nothing = query == RequestQuery::default();
            return cx.note(if nothing { "There are no requests." } else { "No request matches." });
        }
        let mut table = Table::new(COLUMNS, cx.width);
        for page in ids.chunks(PAGE) {
            table.rows(cx.out, cx.desk.request_rows(cx.actor, page)?.into_iter().map(row))?;
        }
        Ok(())
    }
}

fn show(cx: &mut Context<'_>, id: RequestId) -> Result<(), Failure> {
    let card = cx.desk.request(cx.actor, id)?;
    if cx.json {
        let value = RequestJson::with_queue(cx.desk, cx.actor, &card);
        return cx.print_json(&value);
    }
    record::print(cx, &card)
}
