//! Memory for keys: pages of their own that are kept out of swap and core dumps and wiped when they are let go.

#![allow(unsafe_code)] // The system hands out pages as addresses.

use std::{ffi::c_void, ptr::NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize as _;

/// The size of a key.
const SIZE: usize = 32;

/// Bytes of a key in a page of their own. Where the system does not lock the page or keep it from dumps (a log line at the
/// level of debugging says so), they are wiped all the same.
pub(super) struct Locked(NonNull<[u8; SIZE]>);

// SAFETY: the page belongs to this value alone and is reached only through it, as the bytes of a box are.
unsafe impl Send for Locked {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Locked {}

impl Locked {
    /// Zeros.
    pub(super) fn new() -> Self {
        // SAFETY: a new private mapping, at a place of the system's choice, touches nothing that is there.
        let page = unsafe {
            mmap_anonymous(std::ptr::null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        let Some(page) = page.ok().and_then(NonNull::new) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; SIZE]>());
        };
        let start: *mut c_void = page.as_ptr();
        // SAFETY: the page was just mapped and is at least that long; neither call changes what is in it.
        let (locked, hidden) = unsafe { (mlock(start, SIZE), madvise(start, SIZE, Advice::LinuxDontDump)) };
        if let Err(e) = locked.and(hidden) {
            tracing::debug!("a key's memory could not be kept from swap and dumps: {e}");
        }
        Self(page.cast())
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8; SIZE] {
        // SAFETY: the page is mapped, zeroed at first, and lives as long as this value; a page is aligned for bytes.
        unsafe { self.0.as_ref() }
    }

    /// The bytes, to be filled.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8; SIZE] {
        // SAFETY: as above, and the exclusive reference is the only one.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the page was mapped by `new` with this size and nothing refers to it any more. It is unlocked by that.
        if let Err(e) = unsafe { munmap(self.0.as_ptr().cast(), SIZE) } {
            tracing::debug!("a key's memory could not be given back: {e}");
        }
    }
}

/// Keeps this process out of core dumps and out of the reach of other processes of the same account, as far as the
/// system lets it.
pub fn keep_secrets() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let undumped = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let closed = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(e) = undumped.and(closed) {
        tracing::debug!("the process could not be kept from core dumps: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_memory_that_is_locked_and_not_dumped() {
        let mut key = Locked::new();
        key.bytes_mut().fill(7);
        assert_eq!(key.bytes(), &[7; SIZE]);
        let at = key.0.as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut mine = false;
        let flags = maps.lines().find(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let ends = range.map(|(from, to)| (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)));
            if let Some((Ok(from), Ok(to))) = ends {
                mine = (from..to).contains(&at);
            }
            mine && line.starts_with("VmFlags:")
        });
        let flags: Vec<&str> = flags.expect("the page is mapped").split_whitespace().collect();
        assert!(flags.contains(&"dd"), "{flags:?}");
        let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
        assert!(flags.contains(&"lo") || limit.is_some_and(|most| most < 1 << 20), "{flags:?}, limit {limit:?}");
    }
}
