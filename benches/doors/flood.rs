//! A flood of sign-ins: wrong passwords, and connections that say nothing and are held, from many addresses at once,
//! while one person works. The flood is a process of its own, as the server is.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use russh::client;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::sleep,
};

use crate::{
    DOWN, SIZE, UP,
    client::{Client, Cost, Trusting},
    print,
    server::{Limits, NAME, Server},
};

/// The word with which this program starts itself as the flood.
pub const FLOOD: &str = "--flood";
/// How many try passwords, and how many hold connections, each from an address of its own.
const EACH: u8 = 120;
/// How long one whose connection was refused waits before it tries again.
const AGAIN: Duration = Duration::from_millis(50);

/// What the flood has done so far.
#[derive(Default)]
struct Done {
    connections: AtomicU64,
    passwords: AtomicU64,
}

/// Floods a server until standard input ends, then says what it did.
pub fn flood(address: SocketAddr) {
    // It is not to take the core from the server that it would not have on a machine of its own.
    let _ = rustix::process::nice(10);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = Arc::new(Done::default());
    let count = done.clone();
    std::thread::spawn(move || {
        // Until its end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        println!("{} connections, {} passwords", of(&count.connections), of(&count.passwords));
        std::process::exit(0);
    });
    runtime.block_on(async {
        for n in 1..=EACH {
            tokio::spawn(hammer(address, Ipv4Addr::new(127, 1, 0, n), done.clone()));
            tokio::spawn(hold(address, Ipv4Addr::new(127, 2, 0, n), done.clone()));
        }
        std::future::pending::<()>().await;
    });
}

async fn connect(to: SocketAddr, from: Ipv4Addr, done: &Done) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    done.connections.fetch_add(1, Ordering::Relaxed);
    Ok(stream)
}

/// Tries one password after the other.
async fn hammer(to: SocketAddr, from: Ipv4Addr, done: Arc<Done>) {
    let config = Arc::new(client::Config::default());
    loop {
        if let Ok(stream) = connect(to, from, &done).await
            && let Ok(mut handle) = client::connect_stream(config.clone(), stream, Trusting).await
        {
            while handle.authenticate_password(NAME, "a guess").await.is_ok() {
                done.passwords.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(AGAIN).await;
    }
}

/// Holds connections that say nothing.
async fn hold(to: SocketAddr, from: Ipv4Addr, done: Arc<Done>) {
    loop {
        if let Ok(mut stream) = connect(to, from, &done).await {
            // Until the server has enough of it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        sleep(AGAIN).await;
    }
}

/// Measures what somebody at work notices of it.
pub async fn measure(limits: Limits, time: Duration) {
    let server = Server::start(limits);
    let mut one = Client::open(&server, SIZE).await;
    println!("\nflood of sign-ins, {}", limits.words());
    let quiet = walk(&mut one, time / 4).await;
    print("a key before", &quiet);
    let before = server.memory();

    let mut command = Command::new(env::current_exe().expect("this program"));
    command.arg(FLOOD).arg(server.address.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the flood");
    let costs = walk(&mut one, time).await;
    print("a key meanwhile", &costs);
    let (peak, during) = (server.peak_memory(), server.memory());
    drop(child.stdin.take());
    let mut said = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut said).expect("what it did");
    child.wait().expect("its end");
    println!("  {:<34}  {} in {} s", "the flood", said.trim(), time.as_secs());
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "  {:<34}  {:.0} MiB before, {:.0} MiB during, {:.0} MiB at most",
        "memory of the server",
        mib(before),
        mib(during),
        mib(peak)
    );
    one.close().await;
    server.wait_until_empty();
}

/// Goes up and down for a while.
async fn walk(one: &mut Client, time: Duration) -> Vec<Cost> {
    let started = Instant::now();
    let mut costs = Vec::new();
    while started.elapsed() < time {
        let key = if costs.len() % 20 < 10 { DOWN } else { UP };
        costs.push(one.press(key).await);
    }
    costs
}
