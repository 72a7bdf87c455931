//! What people notice at the SSH door, over loopback: from a key to the last byte of its frame, bytes for a key,
//! memory for a session, what happens when nothing happens, and what a flood of sign-ins does to somebody at work.
//!
//! `cargo bench --bench doors` with 1, 50 and 200 sessions, each a connection of its own with a terminal of 80x24 in
//! the list of cats; `cargo bench --bench doors -- --quick` with 1 and 50; one word more (`keys`, `memory`, `flood`)
//! takes only the measures of that group. The server is a process of its own, so that the clients' memory and time do
//! not count, but they share the machine's cores.

mod client;
#[path = "../desk/data.rs"]
mod data;
mod flood;
mod server;

use std::{
    env,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use client::{Client, Cost};
use server::{Limits, Server};

/// The word with which this program starts itself as the server.
const SERVE: &str = "--serve";
/// Rows of the list that a screen of 24 lines shows.
const ROWS: usize = 18;
/// Columns and rows of the terminals.
const SIZE: (u16, u16) = (80, 24);
/// The sizes for which memory is measured: the usual one, a large one, and the largest that is drawn.
const SIZES: [(u16, u16); 3] = [SIZE, (200, 50), (300, 100)];
const DOWN: &str = "\x1b[B";
const UP: &str = "\x1b[A";

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [SERVE, dir, limits] => return server::serve(dir.as_ref(), limits),
        [flood::FLOOD, address] => return flood::flood(address.parse().expect("an address")),
        _ => {}
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    let (sessions, rounds): (&[usize], usize) = if quick { (&[1, 50], 6) } else { (&[1, 50, 200], 20) };
    let only = args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str);
    let wanted = |group: &str| only.is_empty() || only == group;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if wanted("keys") {
        let server = Server::start(Limits::None);
        for many in sessions {
            runtime.block_on(measure(&server, *many, rounds));
        }
    }
    if wanted("memory") {
        let most = sessions.iter().copied().max().unwrap_or(1);
        for size in SIZES {
            // A server of its own: what an earlier one has left behind does not count.
            runtime.block_on(memory(&Server::start(Limits::None), size, most));
        }
    }
    if wanted("flood") {
        let time = Duration::from_secs(if quick { 5 } else { 20 });
        for limits in [Limits::Usual, Limits::None] {
            runtime.block_on(flood::measure(limits, time));
        }
    }
}

/// What so many sessions of a size take while nothing happens, after each has turned some pages.
async fn memory(server: &Server, size: (u16, u16), many: usize) {
    Client::open(server, size).await.close().await;
    server.wait_until_empty();
    let before = server.memory();
    let mut all = Vec::new();
    for _ in 0..many {
        let mut client = Client::open(server, size).await;
        for key in ["\x1b[6~", "\x1b[6~", "g"] {
            client.press(key).await;
        }
        all.push(client.wait_in_background());
    }
    let after = server.memory();
    println!(
        "\nmemory, {many} sessions at {}x{}: {:.0} KiB each, {:.0} MiB the server (peak {:.0})",
        size.0,
        size.1,
        after.saturating_sub(before) as f64 / many as f64,
        after as f64 / 1024.0,
        server.peak_memory() as f64 / 1024.0
    );
    for one in all {
        one.close().await;
    }
    server.wait_until_empty();
}

async fn measure(server: &Server, many: usize, rounds: usize) {
    // What the first session of all brings into memory for good belongs to none of them.
    Client::open(server, SIZE).await.close().await;
    server.wait_until_empty();
    let before = server.memory();
    let mut one = Client::open(server, SIZE).await;
    let mut others = Vec::new();
    while others.len() + 1 < many {
        others.push(Client::open(server, SIZE).await.wait_in_background());
    }
    let memory = server.memory();
    println!("\nsessions: {many}");
    println!(
        "  {:<34}  {:.0} KiB each, {:.0} MiB the server",
        "memory",
        memory.saturating_sub(before) as f64 / many as f64,
        memory as f64 / 1024.0
    );

    let traffic = one.traffic.clone();
    let seen = |others: &[client::Waiting]| {
        let all = others.iter().map(|o| &o.traffic).chain([&traffic]);
        all.fold((0, 0), |(wire, screen), t| {
            (wire + t.wire.load(Ordering::Relaxed), screen + t.screen.load(Ordering::Relaxed))
        })
    };
    let (from, cpu, started) = (seen(&others), server.cpu(), Instant::now());
    one.idle(Duration::from_secs(1)).await;
    let (to, cpu) = (seen(&others), server.cpu().saturating_sub(cpu));
    println!(
        "  {:<34}  {:.2} % of a core, {} bytes to screens, {} on the wire",
        "a second of nothing",
        cpu.as_secs_f64() / started.elapsed().as_secs_f64() * 100.0,
        to.1 - from.1,
        to.0 - from.0
    );

    let within: Vec<&str> = std::iter::repeat_n(DOWN, ROWS - 1).chain(std::iter::repeat_n(UP, ROWS - 1)).collect();
    one.presses("arrow key within the page", &within.repeat(rounds)).await;
    one.presses("arrow key, a long walk down", &vec![DOWN; 20 * rounds]).await;
    one.presses("arrow key, and back up", &vec![UP; 20 * rounds]).await;
    for _ in 1..ROWS {
        one.press(DOWN).await;
    }
    one.presses("arrow key with scrolling", &vec![DOWN; 10 * rounds]).await;
    one.presses("page down", &vec!["\x1b[6~"; 3 * rounds]).await;
    one.presses("full redraw", &vec!["\x0c"; 3 * rounds]).await;

    one.close().await;
    for other in others {
        other.close().await;
    }
    server.wait_until_empty();
}

/// A line of the table.
fn print(what: &str, costs: &[Cost]) {
    let mut times: Vec<f64> = costs.iter().map(|c| c.time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let mean = |of: fn(&Cost) -> u64| costs.iter().map(of).sum::<u64>() / costs.len() as u64;
    println!(
        "  {what:<34}  p50 {:.2} ms, p99 {:.2} ms, {} bytes, {} at most, {} on the wire ({} keys)",
        at(50),
        at(99),
        mean(|c| c.screen),
        costs.iter().map(|c| c.screen).max().unwrap_or_default(),
        mean(|c| c.wire),
        costs.len()
    );
}

/// Waits until something is so, and gives up at some point.
fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
