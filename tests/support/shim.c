/* Stands between the program and the C library. Notes each write and sync of the journal and of the store's main file and
 * each acknowledgement on standard output, in order, and can pretend that the disk is full for one of the two,
 * or for a backup. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* How many writes still go through, if limited. */
static atomic_long room;
static int limited;
static int log_fd = -1;
static char full_file = 'e';

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
    real_pwritev = dlsym(RTLD_NEXT, "pwritev");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    const char *log = getenv("SHIM_LOG");
    if (log) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *full_after = getenv("SHIM_FULL_AFTER");
    limited = full_after != NULL;
    atomic_store(&room, full_after ? atoi(full_after) : 0);
    const char *file = getenv("SHIM_FULL_FILE");
    if (file) full_file = file[0];
}

static int ends(const char *path, const char *with) {
    size_t n = strlen(path), m = strlen(with);
    return n >= m && strcmp(path + n - m, with) == 0;
}

/* Which file it is: j the journal, e the engine's, b a backup that is written, 0 another. */
static char which(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    if (ends(path, ".journal")) return 'j';
    if (strstr(path, "/.clowder-backup-")) return 'b';
    return ends(path, "/store/db") ? 'e' : 0;
}

/* One byte an event, none for a backup: W the journal written, S synced; w the engine's file written, s synced; A acknowledged. */
static void note(char event) {
    if (log_fd >= 0) real_write(log_fd, &event, 1);
}

static void note_write(char file) {
    if (file != 'b') note(file == 'j' ? 'W' : 'w');
}

static void note_sync(int fd) {
    char file = which(fd);
    if (file && file != 'b') note(file == 'j' ? 'S' : 's');
}

static int is_full(char file) {
    if (!limited || file != full_file || atomic_fetch_sub(&room, 1) > 0) return 0;
    /* A disk takes its time, and others begin to wait for the outcome. */
    usleep(20000);
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) {
    char file = which(fd);
    if (!file) return real_pwrite64(fd, bytes, n, at);
    if (is_full(file)) { errno = ENOSPC; return -1; }
    ssize_t done = real_pwrite64(fd, bytes, n, at);
    note_write(file);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return pwrite64(fd, bytes, n, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) {
    char file = which(fd);
    if (!file) return real_pwritev(fd, parts, n, at);
    if (is_full(file)) { errno = ENOSPC; return -1; }
    ssize_t done = real_pwritev(fd, parts, n, at);
    note_write(file);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t n) {
    char file = 0;
    if (fd == 1 && n >= 4 && memcmp(bytes, "ack ", 4) == 0) {
        note('A');
    } else if ((file = which(fd))) {
        if (is_full(file)) { errno = ENOSPC; return -1; }
        ssize_t done = real_write(fd, bytes, n);
        note_write(file);
        return done;
    }
    return real_write(fd, bytes, n);
}

int fdatasync(int fd) {
    int done = real_fdatasync(fd);
    if (done == 0) note_sync(fd);
    return done;
}

int fsync(int fd) {
    int done = real_fsync(fd);
    if (done == 0) note_sync(fd);
    return done;
}
