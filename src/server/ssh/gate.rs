//! Who is let as far as the key exchange, and who may try a password: counts and rates, in all and by address.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

use super::limits::Limits;

/// How many addresses are remembered at most.
const REMEMBERED: usize = 4096;
/// How often refusals are logged; those between are counted.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What counts as one address: an IPv4 address, or the /64 that one customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net([u8; 8]);

impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        let mut net = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(v4) => net[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => net.copy_from_slice(&v6.octets()[..8]),
        }
        Self(net)
    }
}

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many connections.
    #[error("too many connections")]
    Connections,
    /// Too many that have not signed in, from this address.
    #[error("too many connections from this address that have not signed in")]
    Waiting,
    /// Too many new ones from this address.
    #[error("too many new connections from this address")]
    Rate,
    /// Too many new ones.
    #[error("too many new connections")]
    RateOfAll,
}

/// A few at once, and one more each so often.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    spent: f64,
    at: Instant,
}

impl Bucket {
    const fn new(at: Instant) -> Self {
        Self { spent: 0.0, at }
    }

    fn refill(&mut self, per_second: f64, now: Instant) {
        self.spent = (self.spent - now.duration_since(self.at).as_secs_f64() * per_second).max(0.0);
        self.at = now;
    }

    fn take(&mut self, most: f64, per_second: f64, now: Instant) -> bool {
        self.refill(per_second, now);
        let fits = self.spent + 1.0 <= most;
        if fits {
            self.spent += 1.0;
        }
        fits
    }
}

/// Buckets by address.
struct Rates<K> {
    buckets: HashMap<K, Bucket>,
}

impl<K: Eq + Hash> Rates<K> {
    fn new() -> Self {
        Self { buckets: HashMap::new() }
    }

    fn take(&mut self, key: K, most: f64, per_second: f64, now: Instant) -> bool {
        if self.buckets.len() >= REMEMBERED {
            self.buckets.retain(|_, bucket| {
                bucket.refill(per_second, now);
                bucket.spent > 0.0
            });
            if self.buckets.len() >= REMEMBERED {
                // More addresses than can be kept apart: the limits in all have to do.
                self.buckets.clear();
            }
        }
        self.buckets.entry(key).or_insert_with(|| Bucket::new(now)).take(most, per_second, now)
    }

    fn give_back(&mut self, key: &K) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.spent = (bucket.spent - 1.0).max(0.0);
        }
    }
}

/// One that has not signed in.
struct Waiting {
    id: u64,
    net: Net,
    cut: Box<dyn Fn() + Send>,
}

struct Inner {
    /// Oldest first.
    waiting: Vec<Waiting>,
    total: usize,
    next: u64,
    arrivals: Rates<Net>,
    all: Bucket,
    passwords: Rates<Net>,
    registrations: Rates<Net>,
    told: Option<Instant>,
    untold: u32,
}

/// Counts connections and attempts.
pub struct Gate(Mutex<Inner>);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("Gate").field("connections", &inner.total).field("waiting", &inner.waiting.len()).finish()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            waiting: Vec::new(),
            total: 0,
            next: 0,
            arrivals: Rates::new(),
            all: Bucket::new(Instant::now()),
            passwords: Rates::new(),
            registrations: Rates::new(),
            told: None,
            untold: 0,
        }))
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, or not. When there are too many that have not signed in, the oldest of the address that
    /// has most of them is cut off for it, so that nobody keeps the others out by holding connections.
    ///
    /// # Errors
    /// There are too many, or they come too fast.
    pub fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
        now: Instant,
        cut: impl Fn() + Send + 'static,
    ) -> Result<Ticket, Refusal> {
        let net = Net::from(address);
        let mut inner = self.lock();
        if inner.total >= limits.connections {
            return Err(Refusal::Connections);
        }
        let rate = f64::from(limits.arrivals_per_address);
        if !inner.arrivals.take(net, rate * 10.0, rate, now) {
            return Err(Refusal::Rate);
        }
        if inner.waiting.iter().filter(|w| w.net == net).count() >= limits.waiting_per_address {
            return Err(Refusal::Waiting);
        }
        let rate = f64::from(limits.arrivals);
        if !inner.all.take(rate * 5.0, rate, now) {
            return Err(Refusal::RateOfAll);
        }
        if inner.waiting.len() >= limits.waiting {
            let count = |net: Net| inner.waiting.iter().filter(|w| w.net == net).count();
            let busiest = inner.waiting.iter().map(|w| w.net).max_by_key(|net| count(*net));
            if let Some(at) = inner.waiting.iter().position(|w| Some(w.net) == busiest) {
                (inner.waiting.remove(at).cut)();
            }
        }
        let id = inner.next;
        inner.next += 1;
        inner.total += 1;
        inner.waiting.push(Waiting { id, net, cut: Box::new(cut) });
        Ok(Ticket { gate: self.clone(), id })
    }

    /// Whether an address may have one more password checked; [`Gate::right`] gives it back.
    pub fn may_try(&self, address: IpAddr, limits: &Limits, now: Instant) -> bool {
        let per_second = 1.0 / limits.wrong_password_seconds as f64;
        self.lock().passwords.take(address.into(), limits.wrong_passwords.into(), per_second, now)
    }

    /// The password was right, or was never looked at: it does not count.
    pub fn right(&self, address: IpAddr) {
        self.lock().passwords.give_back(&address.into());
    }

    /// Whether an address may make one more account for itself.
    pub fn may_register(&self, address: IpAddr, limits: &Limits, now: Instant) -> bool {
        let most = f64::from(limits.registrations);
        self.lock().registrations.take(address.into(), most, most / 3600.0, now)
    }

    /// How many connections there are, and how many of them have not signed in.
    pub fn count(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.total, inner.waiting.len())
    }

    /// Logs a refusal, unless one was logged just now: a flood must not fill the log.
    pub fn tell(&self, address: IpAddr, why: &impl fmt::Display) {
        let mut inner = self.lock();
        let now = Instant::now();
        if inner.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            inner.untold += 1;
            return;
        }
        inner.told = Some(now);
        let more = std::mem::take(&mut inner.untold);
        drop(inner);
        warn!(%address, untold = more, "ssh: refused: {why}");
    }
}

/// A connection's place at the gate; given back when dropped.
#[derive(Debug)]
pub struct Ticket {
    gate: Arc<Gate>,
    id: u64,
}

impl Ticket {
    /// It signed in.
    pub fn signed_in(&self) {
        self.gate.lock().waiting.retain(|w| w.id != self.id);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.signed_in();
        self.gate.lock().total -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LIMITS: fn() -> Limits = Limits::default;

    fn at(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn one_address_holds_only_so_many_and_a_place_comes_back() {
        let gate = Arc::new(Gate::default());
        let now = Instant::now();
        let mut held: Vec<Ticket> =
            (0..5).map(|_| gate.enter(at(1), &LIMITS(), now, || panic!("not cut")).unwrap()).collect();
        assert_eq!(gate.enter(at(1), &LIMITS(), now, || ()).unwrap_err(), Refusal::Waiting);
        gate.enter(at(2), &LIMITS(), now, || ()).unwrap();
        held[0].signed_in();
        held.push(gate.enter(at(1), &LIMITS(), now, || ()).unwrap());
        assert_eq!(gate.count(), (6, 5));
        held.clear();
        assert_eq!(gate.count(), (0, 0));
    }

    #[test]
    fn whoever_holds_most_gives_way() {
        let gate = Arc::new(Gate::default());
        let now = Instant::now();
        let cut = Arc::new(AtomicUsize::new(0));
        let mut held = Vec::new();
        for n in 0..20 {
            let (cut, greedy) = (cut.clone(), n < 5);
            let address = if greedy { at(1) } else { at(n + 10) };
            let count = move || {
                assert!(greedy);
                cut.fetch_add(1, Ordering::Relaxed);
            };
            held.push(gate.enter(address, &LIMITS(), now, count).unwrap());
        }
        let newcomer = gate.enter(at(200), &LIMITS(), now, || ()).unwrap();
        assert_eq!(cut.load(Ordering::Relaxed), 1);
        assert_eq!(gate.count(), (21, 20));
        drop((held, newcomer));
        assert_eq!(gate.count(), (0, 0));
    }

    #[test]
    fn newcomers_are_counted_by_time() {
        let gate = Arc::new(Gate::default());
        let now = Instant::now();
        let refused = (0..60).filter(|_| gate.enter(at(1), &LIMITS(), now, || ()).is_err()).count();
        assert_eq!(refused, 10);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..60).filter(|_| gate.enter(at(1), &LIMITS(), later, || ()).is_ok()).count(), 5);
    }

    #[test]
    fn wrong_passwords_are_counted_by_address_and_time() {
        let gate = Gate::default();
        let now = Instant::now();
        assert_eq!((0..9).filter(|_| gate.may_try(at(1), &LIMITS(), now)).count(), 5);
        assert!(gate.may_try(at(2), &LIMITS(), now));
        assert!(gate.may_try(at(1), &LIMITS(), now + Duration::from_secs(10)));
        assert!(!gate.may_try(at(1), &LIMITS(), now + Duration::from_secs(10)));
        gate.right(at(1));
        assert!(gate.may_try(at(1), &LIMITS(), now + Duration::from_secs(10)));
    }

    #[test]
    fn neighbours_of_one_network_count_as_one() {
        let net = |s: &str| Net::from(s.parse::<IpAddr>().unwrap());
        assert_eq!(net("2001:db8:1:2::1"), net("2001:db8:1:2:ffff::9"));
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
        assert_ne!(net("192.0.2.1"), net("192.0.2.2"));
    }

    #[test]
    fn many_addresses_do_not_take_memory_without_end() {
        let mut rates = Rates::new();
        let now = Instant::now();
        for n in 0..3 * REMEMBERED {
            rates.take(n, 5.0, 0.1, now);
        }
        assert!(rates.buckets.len() <= REMEMBERED);
    }
}
