//! A person at a terminal: a connection with one channel.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use russh::{
    Channel, ChannelMsg, Pty,
    client::{self, Handle, Msg},
    keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    print,
    server::{NAME, Server},
};

/// How long nothing comes before a frame counts as whole.
const QUIET: Duration = Duration::from_millis(15);
/// How long anything may take.
const NEVER: Duration = Duration::from_secs(30);

/// What came from the server, in bytes.
#[derive(Debug, Default)]
pub struct Traffic {
    /// With all that SSH needs.
    pub wire: AtomicU64,
    /// For the screen.
    pub screen: AtomicU64,
}

/// A line that counts what comes.
struct Counted(TcpStream, Arc<Traffic>);

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1.wire.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        done
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Takes any host key.
pub struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// What a key cost.
pub struct Cost {
    /// From the key to the last byte of what came for it.
    pub time: Duration,
    pub wire: u64,
    pub screen: u64,
}

/// Somebody with the list of cats open.
pub struct Client {
    handle: Handle<Trusting>,
    channel: Channel<Msg>,
    parser: vt100::Parser,
    pub traffic: Arc<Traffic>,
}

/// Somebody who only looks.
pub struct Waiting {
    pub traffic: Arc<Traffic>,
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Client {
    pub async fn open(server: &Server, (columns, rows): (u16, u16)) -> Self {
        let traffic = Arc::new(Traffic::default());
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        let config = Arc::new(client::Config::default());
        let stream = Counted(stream, traffic.clone());
        let mut handle = client::connect_stream(config, stream, Trusting).await.expect("a server that speaks SSH");
        let key = PrivateKeyWithHashAlg::new(server.key.clone(), None);
        assert!(handle.authenticate_publickey(NAME, key).await.expect("an answer").success());
        let channel = handle.channel_open_session().await.expect("a channel");
        let modes = [(Pty::VERASE, 127), (Pty::IUTF8, 1)];
        channel
            .request_pty(true, "xterm-256color", columns.into(), rows.into(), 0, 0, &modes)
            .await
            .expect("a terminal");
        channel.request_shell(true).await.expect("screens");
        let [rows, columns] = [rows, columns].map(|n| std::num::NonZeroU16::new(n).expect("a size"));
        let mut client = Self { handle, channel, parser: vt100::Parser::new(rows, columns, 0), traffic };
        client.wait_for("Sam Field").await;
        client.press("2").await;
        client.wait_for("►").await;
        client.idle(QUIET).await;
        client
    }

    /// Takes what comes; false when there is no more.
    async fn next(&mut self) -> bool {
        match self.channel.wait().await {
            Some(ChannelMsg::Data { data }) => {
                self.traffic.screen.fetch_add(data.len() as u64, Ordering::Relaxed);
                self.parser.process(&data);
                true
            }
            other => other.is_some(),
        }
    }

    async fn wait_for(&mut self, wanted: &str) {
        let seen = async {
            while !self.parser.screen().contents().contains(wanted) {
                assert!(self.next().await, "it ended without {wanted:?}");
            }
        };
        timeout(NEVER, seen).await.expect("what is waited for");
    }

    /// Takes what comes until that long.
    pub async fn idle(&mut self, time: Duration) {
        let taken = timeout(time, async { while self.next().await {} });
        assert!(taken.await.is_err(), "the session ended");
    }

    /// Presses a key and takes all that comes for it.
    pub async fn press(&mut self, key: &str) -> Cost {
        let before = [&self.traffic.wire, &self.traffic.screen].map(|n| n.load(Ordering::Relaxed));
        let started = Instant::now();
        self.channel.data_bytes(key.as_bytes().to_vec()).await.expect("a connection");
        let mut time = None;
        let mut screen = before[1];
        loop {
            let wait = if time.is_some() { QUIET } else { NEVER };
            match timeout(wait, self.next()).await {
                Ok(more) => assert!(more, "the session ended"),
                Err(_) => break,
            }
            // What is not for the screen, as a larger window, is no answer to a key.
            let now = self.traffic.screen.load(Ordering::Relaxed);
            if now > screen {
                (screen, time) = (now, Some(started.elapsed()));
            }
        }
        let wire = self.traffic.wire.load(Ordering::Relaxed) - before[0];
        Cost { time: time.expect("a frame"), wire, screen: screen - before[1] }
    }

    /// Presses keys one after the other and prints what they cost.
    pub async fn presses(&mut self, what: &str, keys: &[&str]) {
        let mut costs = Vec::with_capacity(keys.len());
        for key in keys {
            costs.push(self.press(key).await);
        }
        print(what, &costs);
    }

    /// Goes on taking what comes, on the side.
    pub fn wait_in_background(mut self) -> Waiting {
        let (leave, left) = oneshot::channel();
        let traffic = self.traffic.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                // Dropped by whoever holds the other end: that is a word to leave too.
                _ = left => self.close().await,
                () = async { while self.next().await {} } => panic!("a session ended"),
            }
        });
        Waiting { traffic, leave, task }
    }

    /// Hangs up.
    pub async fn close(self) {
        // The server may have been faster.
        let _ = self.handle.disconnect(russh::Disconnect::ByApplication, "", "").await;
        let _ = self.handle.await;
    }
}

impl Waiting {
    pub async fn close(self) {
        drop(self.leave);
        self.task.await.expect("a session that ends when it is told to");
    }
}
