//! What the machine says of itself: free room, the kind of file system, the clock. Tests put other answers in place.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::model::Stamp;

use super::around::Level;

/// From how much room on there is a warning, and below how much nothing more is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceLimits {
    /// Below this there is a warning, in bytes; and below what the store itself takes, since a start after a power cut tries
    /// a copy of it first. 0 for no warning.
    pub warn: u64,
    /// Below this nothing more is written, in bytes. 0 to write until the disk is full.
    pub least: u64,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        Self { warn: 500 << 20, least: 100 << 20 }
    }
}

impl SpaceLimits {
    /// How so much room is. What is not known is taken to be enough.
    pub(super) fn level(self, free: Option<u64>, store: u64) -> Level {
        match free {
            Some(free) if free < self.least => Level::None,
            Some(free) if self.warn > 0 && free < self.warn.max(store) => Level::Little,
            _ => Level::Enough,
        }
    }
}

type Ask<T> = Arc<dyn Fn(&Path) -> io::Result<T> + Send + Sync>;

/// Whom to ask about the machine.
#[derive(Clone)]
pub struct Surroundings {
    free: Ask<u64>,
    network: Ask<Option<String>>,
    mount: Ask<PathBuf>,
    clock: Arc<dyn Fn() -> Stamp + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

impl Default for Surroundings {
    /// The machine itself.
    fn default() -> Self {
        Self { free: Arc::new(free), network: Arc::new(network), mount: Arc::new(mount), clock: Arc::new(Stamp::now) }
    }
}

impl Surroundings {
    /// With another answer for the bytes that are free where a path is.
    #[must_use]
    pub fn with_free(self, free: impl Fn(&Path) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self { free: Arc::new(free), ..self }
    }

    /// With another answer for the name of the network file system that holds a path, if it is one.
    #[must_use]
    pub fn with_network(self, network: impl Fn(&Path) -> io::Result<Option<String>> + Send + Sync + 'static) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// With another answer for the directory at which the disk that holds a path is mounted.
    #[must_use]
    pub fn with_mount(self, mount: impl Fn(&Path) -> io::Result<PathBuf> + Send + Sync + 'static) -> Self {
        Self { mount: Arc::new(mount), ..self }
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Stamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    pub(super) fn free(&self, path: &Path) -> io::Result<u64> {
        (self.free)(path)
    }

    pub(super) fn network(&self, path: &Path) -> io::Result<Option<String>> {
        (self.network)(path)
    }

    pub(super) fn mount(&self, path: &Path) -> io::Result<PathBuf> {
        (self.mount)(path)
    }

    pub(super) fn clock(&self) -> Stamp {
        (self.clock)()
    }
}

/// What an account that is not root may still write.
fn free(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The topmost directory on the same disk as a path; of a path that is not there, of what there is above it.
fn mount(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let there = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let there = fs::canonicalize(there)?;
    let device = fs::metadata(&there)?.dev();
    let same = |above: &&Path| fs::metadata(above).is_ok_and(|meta| meta.dev() == device);
    Ok(there.ancestors().take_while(same).last().unwrap_or(&there).to_owned())
}

/// File systems of a network by the number that the system has for each (`linux/magic.h`, and the sources of each).
const NETWORKS: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x564C, "NCP"),
    (0x7375_7245, "Coda"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
];

/// All that runs in a program of its own has this number, a disk or a network behind it.
const FUSE: u32 = 0x6573_5546;

/// Those of them with a network behind it, as the table of mounts names them.
const FUSE_NETWORKS: &[&str] =
    &["sshfs", "glusterfs", "s3fs", "rclone", "davfs", "curlftpfs", "gcsfuse", "goofys", "ceph", "smbnetfs", "juicefs"];

/// The name of the network file system that holds a path.
fn network(path: &Path) -> io::Result<Option<String>> {
    // Some systems have it signed, some wider: the number itself has 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let kind = rustix::fs::statfs(path)?.f_type as u32;
    if kind == FUSE {
        let device = fs::metadata(path)?.dev();
        let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        return Ok(fuse_network(&mounts, &device).map(str::to_owned));
    }
    Ok(NETWORKS.iter().find(|(number, _)| *number == kind).map(|(_, name)| (*name).to_owned()))
}

/// The name of a file system in a program of its own, if it is one of a network.
fn fuse_network<'a>(mounts: &'a str, device: &str) -> Option<&'a str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let its = words.nth(2)?;
        let kind = words.skip_while(|word| *word != "-").nth(1)?;
        let name = kind.strip_prefix("fuse.")?;
        (its == device && FUSE_NETWORKS.iter().any(|known| name.starts_with(known))).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_answers() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Surroundings::default();
        assert!(machine.free(dir.path()).unwrap() > 0);
        assert_eq!(machine.network(Path::new("/proc")).unwrap(), None);
        assert!(machine.network(Path::new("/nowhere/at/all")).is_err());
        assert!(machine.clock().0 > 1_700_000_000_000);
        let mounts = ["/proc", "/proc/self/../self/status", "/proc/nothing/of/that/name"]
            .map(|path| machine.mount(path.as_ref()));
        assert!(mounts.iter().all(|mount| mount.as_ref().is_ok_and(|at| at == Path::new("/proc"))), "{mounts:?}");
    }

    #[test]
    fn room_is_judged_by_both_limits_and_by_the_store() {
        let limits = SpaceLimits { warn: 500, least: 100 };
        let levels = [99, 100, 499, 500].map(|free| limits.level(Some(free), 0));
        assert_eq!(levels, [Level::None, Level::Little, Level::Little, Level::Enough]);
        assert_eq!(limits.level(Some(600), 700), Level::Little, "no room for the copy of a start after a power cut");
        assert_eq!(limits.level(None, 700), Level::Enough);
        assert_eq!(SpaceLimits { warn: 0, least: 0 }.level(Some(0), 700), Level::Enough);
    }

    #[test]
    fn programs_that_are_file_systems_are_told_apart_by_their_mounts() {
        let mounts = "36 35 0:61 / /mnt/a rw,relatime shared:1 - fuse.sshfs ana@host:/srv rw\n\
                      37 35 0:62 / /mnt/b rw,relatime - fuse.gocryptfs /home/ana/crypt rw\n\
                      38 35 0:63 / /mnt/c rw - ext4 /dev/sda1 rw\n";
        let found = ["0:61", "0:62", "0:63", "0:64"].map(|device| fuse_network(mounts, device));
        assert_eq!(found, [Some("sshfs"), None, None, None]);
        assert_eq!(fuse_network("torn", "0:61"), None);
    }
}
