//! One connection: who it is, its channels, and what each is asked to do. Everything that is not a terminal session or
//! a command is refused.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicBool},
};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, MethodKind, MethodSet, Pty, Sig,
    keys::{Algorithm, PublicKey},
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{
    Shared,
    asked::Asked,
    command::{self, Command, Order},
    gate::Ticket,
    limits::Limits,
    screens::{self, Screen},
};
use crate::{
    cli::Code,
    desk::{WRONG_KEY, WRONG_PASSWORD, fingerprint},
    model::{Actor, Door, Error, Kind, text::clean_line},
    session::registry::{Guard, Person},
    store::Subscription,
    ui::App,
};

/// The name under which somebody without an account may come in to make one.
pub const NEW: &str = "new";
/// How much of a name that somebody claims is logged.
const NAME_SHOWN: usize = 40;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has not said who it is.
    Connected,
    /// It tried to sign in.
    Asked,
    /// It signed in, and has had no channel since.
    Idle(Instant),
    /// It has channels.
    Busy,
}

/// What a session or command needs to know of its connection.
pub struct Line {
    /// Who and where from, for the log.
    pub name: String,
    /// The limits.
    pub limits: Limits,
    /// Resolves once the channel is gone.
    pub gone: watch::Receiver<bool>,
    /// Told once the channel was closed from this side.
    pub watched: Arc<Watched>,
}

/// Ends a session or command with a sentence.
type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Somebody who signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// The fingerprint of the key, if it was one.
    pub key: Option<String>,
    name: String,
}

/// What the connection and whoever watches over it share.
pub struct Watched {
    /// How far it is.
    pub stage: watch::Sender<Stage>,
    /// Who signed in.
    pub who: OnceLock<SignedIn>,
    /// Their account changed.
    pub changed: Notify,
    /// The channels that are open, and what ends each.
    open: Mutex<HashMap<ChannelId, Option<Tell>>>,
}

impl Watched {
    /// For a new connection.
    pub fn new() -> Self {
        Self {
            stage: watch::channel(Stage::Connected).0,
            who: OnceLock::new(),
            changed: Notify::new(),
            open: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Option<Tell>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every session and command of it with a sentence.
    pub fn tell(&self, why: &str) {
        let tells: Vec<Tell> = self.lock().values().flatten().map(Arc::clone).collect();
        tells.iter().for_each(|tell| tell(why));
    }

    fn opened(&self, channel: ChannelId) {
        self.lock().insert(channel, None);
        self.stage.send_replace(Stage::Busy);
    }

    fn keep(&self, channel: ChannelId, tell: Tell) {
        self.lock().insert(channel, Some(tell));
    }

    fn has(&self, channel: ChannelId) -> bool {
        self.lock().contains_key(&channel)
    }

    /// A channel is closed, by either side: of one that this side closed the client's answer is not heard.
    pub fn closed(&self, channel: ChannelId) {
        let mut open = self.lock();
        if open.remove(&channel).is_some() && open.is_empty() {
            self.stage.send_replace(Stage::Idle(Instant::now()));
        }
    }
}

/// Who is at the other end.
enum Entry {
    /// Nobody yet.
    Nobody,
    /// Somebody who proved who they are and is not let in: why.
    Refused(String),
    /// Somebody who wants an account.
    New,
    /// Somebody with an account.
    In(SignedIn),
}

enum Running {
    Screen(Screen),
    Command(Command),
}

struct Open {
    write: Arc<ChannelWriteHalf<Msg>>,
    asked: Asked,
    running: Option<Running>,
    gone: watch::Sender<bool>,
}

/// One connection.
pub struct Connection {
    shared: Arc<Shared>,
    address: IpAddr,
    limits: Limits,
    ticket: Ticket,
    watched: Arc<Watched>,
    cut: Arc<dyn Fn() + Send + Sync>,
    entry: Entry,
    /// Attempts to sign in that failed.
    refused: usize,
    channels: HashMap<ChannelId, Open>,
    subscription: Option<Subscription>,
}

/// What is shown of a name that anybody may have made up.
fn shown(name: &str) -> String {
    clean_line(name).chars().take(NAME_SHOWN).collect()
}

impl Connection {
    /// Nobody has signed in.
    pub fn new(
        shared: Arc<Shared>,
        address: IpAddr,
        ticket: Ticket,
        watched: Arc<Watched>,
        cut: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let limits = shared.live.get().ssh.limits;
        Self {
            shared,
            address,
            limits,
            ticket,
            watched,
            cut,
            entry: Entry::Nobody,
            refused: 0,
            channels: HashMap::new(),
            subscription: None,
        }
    }

    fn reject(&mut self) -> Auth {
        self.refused += 1;
        if self.refused == self.limits.attempts {
            self.shared.gate.tell(self.address, &"too many attempts to sign in on one connection");
        }
        let mut methods = MethodSet::empty();
        methods.push(MethodKind::PublicKey);
        if self.shared.live.get().ssh.passwords {
            methods.push(MethodKind::Password);
        }
        Auth::Reject { proceed_with_methods: Some(methods), partial_success: false }
    }

    fn asked(&self) {
        self.watched.stage.send_if_modified(|stage| {
            let first = *stage == Stage::Connected;
            if first {
                *stage = Stage::Asked;
            }
            first
        });
    }

    /// Somebody signed in.
    fn let_in(&mut self, actor: Actor, key: Option<String>, claimed: &str) -> Auth {
        let name = self.shared.desk.rights(&actor).map_or_else(|_| shown(claimed), |rights| rights.name);
        info!(address = %self.address, user = name, key, "ssh: signed in");
        if let Some(id) = actor.user() {
            let watched = Arc::downgrade(&self.watched);
            self.subscription = Some(self.shared.desk.subscribe(move |changed| {
                if changed.records.contains(&(Kind::User, id.0))
                    && let Some(watched) = watched.upgrade()
                {
                    watched.changed.notify_one();
                }
            }));
        }
        let who = SignedIn { actor, key, name };
        // A connection signs in once.
        let _ = self.watched.who.set(who.clone());
        self.entry = Entry::In(who);
        self.arrived();
        Auth::Accept
    }

    fn arrived(&self) {
        self.ticket.signed_in();
        self.watched.stage.send_replace(Stage::Idle(Instant::now()));
    }

    /// Checks a password: few at once, few wrong ones from one address.
    async fn try_password(&mut self, name: &str, password: &str) -> Auth {
        let shared = self.shared.clone();
        let gate = &shared.gate;
        if !gate.may_try(self.address, &self.limits, std::time::Instant::now()) {
            gate.tell(self.address, &"too many wrong passwords from this address");
            return self.reject();
        }
        let Ok(_queued) = shared.password_queue.try_acquire() else {
            gate.right(self.address);
            gate.tell(self.address, &"too many passwords are waiting to be checked");
            return self.reject();
        };
        let Ok(_place) = shared.password_places.acquire().await else { return self.reject() };
        let (desk, address) = (shared.desk.clone(), self.address.to_string());
        let given = (name.to_owned(), zeroize::Zeroizing::new(password.to_owned()));
        let checked = spawn_blocking(move || desk.sign_in(&given.0, &given.1, Door::Ssh, Some(address))).await;
        match checked {
            Ok(Ok(actor)) => {
                gate.right(self.address);
                self.let_in(actor, None, name)
            }
            Ok(Err(Error::SignedOut(why))) if why != WRONG_PASSWORD => {
                gate.right(self.address);
                self.refuse(name, why)
            }
            Ok(Err(busy @ Error::Refused { .. })) => {
                gate.right(self.address);
                gate.tell(self.address, &busy);
                self.reject()
            }
            Ok(Err(why)) => {
                info!(address = %self.address, user = shown(name), "ssh: not signed in: {why}");
                self.reject()
            }
            Err(_) => self.reject(),
        }
    }

    /// Somebody proved who they are, and is told why they do not get in.
    fn refuse(&mut self, name: &str, why: String) -> Auth {
        info!(address = %self.address, user = shown(name), "ssh: not let in: {why}");
        self.entry = Entry::Refused(why);
        Auth::Accept
    }

    async fn try_key(&mut self, name: &str, key: &PublicKey) -> Auth {
        let (desk, address) = (self.shared.desk.clone(), self.address.to_string());
        let given = (name.to_owned(), key.clone());
        let checked = spawn_blocking(move || desk.sign_in_with_key(&given.0, &given.1, Door::Ssh, Some(address))).await;
        match checked {
            Ok(Ok(actor)) => self.let_in(actor, Some(fingerprint(key)), name),
            Ok(Err(Error::SignedOut(why))) if why != WRONG_KEY => self.refuse(name, why),
            Ok(Err(why)) => {
                info!(address = %self.address, user = shown(name), "ssh: not signed in: {why}");
                self.reject()
            }
            Err(_) => self.reject(),
        }
    }

    /// Says something instead of running anything, and closes the channel.
    fn say(&self, id: ChannelId, session: &mut Session, code: Code, text: &str) -> Result<(), russh::Error> {
        let terminal = self.channels.get(&id).is_some_and(|open| open.asked.terminal.is_some());
        let mut text = text.as_bytes().to_vec();
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        if terminal {
            text = command::crlf(&text);
        }
        session.channel_success(id)?;
        if code == Code::Done {
            session.data(id, text)?;
        } else {
            session.extended_data(id, 1, text)?;
        }
        session.exit_status_request(id, code as u32)?;
        session.eof(id)?;
        self.watched.closed(id);
        session.close(id)
    }

    fn line(&self, open: &Open) -> Line {
        let who = match &self.entry {
            Entry::In(who) => &who.name,
            _ => NEW,
        };
        Line {
            name: format!("{who} from {}", self.address),
            limits: self.limits,
            gone: open.gone.subscribe(),
            watched: self.watched.clone(),
        }
    }

    /// A place among the sessions of this process.
    fn enter(&self, channel: ChannelId, tell: Tell) -> Result<Guard, String> {
        let cut = self.cut.clone();
        let told = tell.clone();
        let guard = self
            .shared
            .registry
            .enter(Door::Ssh, Some(self.address.to_string()), move |why| told(why), move || cut())
            .map_err(|full| {
                warn!(address = %self.address, "ssh: refused: {full}");
                format!("clowder: {full}")
            })?;
        self.watched.keep(channel, tell);
        Ok(guard)
    }

    /// Begins a session with screens.
    fn begin_screens(&mut self, id: ChannelId) -> Result<(), (Code, String)> {
        let Some(open) = self.channels.get(&id) else { return Ok(()) };
        let caps = open.asked.caps().map_err(|why| (Code::Usage, format!("clowder: {why}")))?;
        let actor = match &self.entry {
            Entry::In(who) => Some(who.actor.clone()),
            Entry::New => None,
            Entry::Refused(why) => return Err((Code::Denied, format!("clowder: {why}"))),
            Entry::Nobody => return Err((Code::Denied, "clowder: nobody signed in".to_owned())),
        };
        let (queue, tell) = screens::queue();
        let guard = self.enter(id, Arc::new(tell)).map_err(|why| (Code::Failed, why))?;
        let (desk, address, seat) = (self.shared.desk.clone(), self.address.to_string(), guard.seat());
        let its_caps = caps.clone();
        let prepare = self.shared.prepare.clone();
        let make = move |sender| {
            let mut app = match actor {
                Some(actor) => App::signed_in(desk, sender, &its_caps, actor),
                None => App::registering(desk, sender, &its_caps, Door::Ssh, Some(address)),
            };
            prepare.iter().for_each(|prepare| prepare(&mut app));
            app.seated(seat)
        };
        let (line, write) = (self.line(open), open.write.clone());
        let screen = screens::begin(&line, write, caps, queue, guard, make).map_err(|e| failed(&e))?;
        if let Some(open) = self.channels.get_mut(&id) {
            open.running = Some(Running::Screen(screen));
        }
        Ok(())
    }

    /// Begins a command.
    fn begin_command(&mut self, id: ChannelId, words: &[u8]) -> Result<(), (Code, String)> {
        let Some(open) = self.channels.get(&id) else { return Ok(()) };
        let who = match &self.entry {
            Entry::In(who) => who.clone(),
            Entry::New => {
                return Err((
                    Code::Denied,
                    format!("clowder: make an account first: ssh -t {NEW}@… without a command"),
                ));
            }
            Entry::Refused(why) => return Err((Code::Denied, format!("clowder: {why}"))),
            Entry::Nobody => return Err((Code::Denied, "clowder: nobody signed in".to_owned())),
        };
        let (title, words) = command::understand(words).map_err(|said| (said.code, said.text))?;
        let permit = self.shared.commands.clone().try_acquire_owned().map_err(|_| {
            warn!(address = %self.address, "ssh: refused: too many commands run at once");
            (Code::Failed, "clowder: too many commands run at once here; try again in a moment".to_owned())
        })?;
        let cancel = Arc::new(AtomicBool::new(false));
        let (told_sender, told) = watch::channel(None);
        let tell = move |why: &str| {
            told_sender.send_replace(Some(why.to_owned()));
        };
        let guard = self.enter(id, Arc::new(tell)).map_err(|why| (Code::Failed, why))?;
        guard.set_person(Some(Person { user: who.actor.user(), name: who.name.clone() }));
        guard.set_command(title.as_str());
        let size = open.asked.terminal.as_ref().map(|t| crate::session::caps::clamp(t.size));
        let order = Order {
            words,
            title,
            desk: self.shared.desk.clone(),
            actor: who.actor,
            width: size.map(|(columns, _)| columns.into()),
            permit,
            guard,
            told,
            cancel,
        };
        let (line, write) = (self.line(open), open.write.clone());
        let command = command::begin(&line, write, order).map_err(|e| failed(&e))?;
        if let Some(open) = self.channels.get_mut(&id) {
            open.running = Some(Running::Command(command));
        }
        Ok(())
    }

    fn begin(&mut self, id: ChannelId, session: &mut Session, words: Option<&[u8]>) -> Result<(), russh::Error> {
        if self.channels.get(&id).is_none_or(|open| open.running.is_some()) {
            return session.channel_failure(id);
        }
        let begun = match words {
            None => self.begin_screens(id),
            Some(words) => self.begin_command(id, words),
        };
        match begun {
            Ok(()) => session.channel_success(id),
            Err((code, text)) => self.say(id, session, code, &text),
        }
    }
}

fn failed(error: &std::io::Error) -> (Code, String) {
    warn!("ssh: no thread: {error}");
    (Code::Failed, "clowder: the server has no room for this now; try again in a moment".to_owned())
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Self::Error> {
        self.asked();
        let desk = &self.shared.desk;
        let wanted = user == NEW && self.shared.live.get().ssh.registration && !desk.is_new();
        if !wanted || desk.user_by_name(&Actor::console(), NEW).is_ok() {
            return Ok(self.reject());
        }
        if !self.shared.gate.may_register(self.address, &self.limits, std::time::Instant::now()) {
            self.shared.gate.tell(self.address, &"too many new accounts from this address");
            return Ok(self.refuse(NEW, "too many accounts were made from your address; try again later".to_owned()));
        }
        info!(address = %self.address, "ssh: somebody wants an account");
        self.entry = Entry::New;
        self.arrived();
        Ok(Auth::Accept)
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.asked();
        if !self.shared.live.get().ssh.passwords {
            return Ok(self.reject());
        }
        Ok(self.try_password(user, password).await)
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        self.asked();
        // Only spares the client a signature that would be of no use; who gets in is decided by the signature.
        let (desk, name, key) = (self.shared.desk.clone(), user.to_owned(), offer.public_key.clone());
        let known = spawn_blocking(move || desk.knows_key(&name, &key)).await.unwrap_or_default();
        Ok(if known { Auth::Accept } else { self.reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        self.asked();
        if matches!(key.algorithm, Algorithm::Rsa { hash: None }) {
            info!(address = %self.address, "ssh: a signature with SHA-1 is not taken");
            return Ok(self.reject());
        }
        Ok(self.try_key(user, key.public_key).await)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let watched = &self.watched;
        self.channels.retain(|id, _| watched.has(*id));
        if self.channels.len() >= self.limits.channels {
            self.shared.gate.tell(self.address, &"too many channels");
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let id = channel.id();
        // What arrives is dealt with here, as it arrives: the other half would hold up the whole connection.
        let (_, write) = channel.split();
        let (gone, _) = watch::channel(false);
        self.channels.insert(id, Open { write: Arc::new(write), asked: Asked::default(), running: None, gone });
        self.watched.opened(id);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = self.channels.remove(&channel) {
            open.gone.send_replace(true);
        }
        self.watched.closed(channel);
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        match self.channels.get_mut(&channel).and_then(|open| open.running.as_mut()) {
            Some(Running::Screen(screen)) => screen.hang_up().await,
            Some(Running::Command(command)) => command.end_input(),
            None => {}
        }
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Self::Error> {
        match self.channels.get_mut(&channel).and_then(|open| open.running.as_mut()) {
            Some(Running::Screen(screen)) => screen.input(data).await,
            Some(Running::Command(command)) => command.input(data).await,
            None => {}
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.channels.get_mut(&channel) {
            Some(open) if open.running.is_none() => {
                open.asked.set_terminal(term, (columns, rows), modes);
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _pix_width: u32,
        _pix_height: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(open) = self.channels.get_mut(&channel) {
            match &open.running {
                Some(Running::Screen(screen)) => screen.resize((columns, rows)),
                Some(Running::Command(_)) => {}
                None => {
                    if let Some(terminal) = &mut open.asked.terminal {
                        terminal.size = (columns, rows);
                    }
                }
            }
        }
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let taken = self.channels.get_mut(&channel).is_some_and(|open| open.asked.set(name, value));
        if taken { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.begin(channel, session, None)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(channel, session, Some(data))
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        debug!(address = %self.address, "ssh: refused: the subsystem {}", shown(name));
        session.channel_failure(channel)?;
        self.watched.closed(channel);
        session.close(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        debug!(address = %self.address, "ssh: refused: X11");
        session.channel_failure(channel)
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _session: &mut Session) -> Result<(), Self::Error> {
        let ends = matches!(signal, Sig::INT | Sig::TERM | Sig::HUP | Sig::QUIT | Sig::KILL);
        match self.channels.get(&channel).and_then(|open| open.running.as_ref()) {
            Some(Running::Command(command)) if ends => command.cancel(),
            Some(Running::Screen(screen)) if ends && !matches!(signal, Sig::INT) => screen.hang_up().await,
            _ => {}
        }
        Ok(())
    }
}
