//! From one format of the store to the next, in order.
//!
//! A step may be broken off at any point and run again. It is tested with stored bytes of the format before it. The
//! engine's files are copied aside before the first step of a store that is in use.

use super::{StoreError, core::Core, engine::Batch, meta};

/// The format that this version reads and writes.
pub(super) const FORMAT: u32 = 1;

/// One step.
struct Step {
    to: u32,
    run: fn(&Core) -> Result<(), StoreError>,
}

const STEPS: &[Step] = &[Step { to: 1, run: baseline }];

/// The first format: an index of generation 1, and no commit yet.
fn baseline(core: &Core) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for (key, value) in [(meta::GENERATION, 1_u64), (meta::COMMIT, 0)] {
        if core.meta(key)?.is_none() {
            core.put_meta(&mut batch, key, &value.to_le_bytes());
        }
    }
    core.engine.apply(&batch)?;
    Ok(())
}

/// Runs the steps from a format on; 0 is a store with nothing in it.
pub(super) fn run(core: &Core, from: u32) -> Result<(), StoreError> {
    for step in STEPS.iter().filter(|step| step.to > from) {
        (step.run)(core)?;
        let mut batch = Batch::default();
        core.put_meta(&mut batch, meta::FORMAT, &u64::from(step.to).to_le_bytes());
        core.engine.apply(&batch)?;
        core.engine.sync()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_numbered_without_gaps_up_to_the_present_format() {
        let to: Vec<u32> = STEPS.iter().map(|step| step.to).collect();
        assert_eq!(to, (1..=FORMAT).collect::<Vec<_>>());
    }
}
