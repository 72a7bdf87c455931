//! Whatever happens to the machine, what was acknowledged is there afterwards.
//!
//! Each proof is a short run here. `CLOWDER_SOAK=1000 cargo test --release --test soak -- --nocapture` runs a thousand
//! kills, 300 power cuts and so on, and says what it did.

#[path = "soak/cures.rs"]
mod cures;
#[path = "soak/cuts.rs"]
mod cuts;
#[path = "soak/damage.rs"]
mod damage;
#[path = "soak/disk.rs"]
mod disk;
#[path = "soak/full.rs"]
mod full;
#[path = "soak/jobs.rs"]
mod jobs;
#[path = "soak/kills.rs"]
mod kills;
#[path = "support/store.rs"]
mod support;
#[path = "soak/work.rs"]
mod work;

/// The work that the others cut short; does nothing unless they start it.
#[test]
fn worker() {
    jobs::run_if_asked();
}
