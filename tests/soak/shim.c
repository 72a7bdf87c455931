/* Stands between the program and the C library and looks at every call that changes what is below one directory.
 *
 *   SHIM_ROOT      the directory; its real path
 *   SHIM_LOG       every change, with its bytes, goes into this file, and so does every acknowledgement: a line on
 *                  standard output that begins with "ack ". Nothing is really synced meanwhile: the log is the disk.
 *   SHIM_NO_SYNC   fdatasync of files with this in their path is left out of the log, as if the program had none
 *   SHIM_KILL_AT   the program is killed in place of its n-th change or sync
 *   SHIM_ROOM      so many bytes can be written, the next write is cut short there, and those after it fail: the disk is full
 *   SHIM_GROWTH    only bytes past the end of a file count for the room, as on a file system that overwrites in place
 *   SHIM_LATE      the counts for the two begin with a line "arm" on standard output
 *   SHIM_COUNT     at a line "done" on standard output, the changes and the bytes so far are written into this file
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_len;
static int log_fd = -1, growth, armed = 1;
static const char *no_sync;
static long kill_at = -1, room = -1, changes, bytes_written;
static uint64_t syncs;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__);
REAL(int, open64, const char *, int, ...)
REAL(int, openat64, int, const char *, int, ...)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwrite64, int, const void *, size_t, off_t)
REAL(int, ftruncate64, int, off_t)
REAL(int, fallocate64, int, int, off_t, off_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, renameat2, int, const char *, int, const char *, unsigned)
REAL(int, unlinkat, int, const char *, int)
REAL(int, mkdirat, int, const char *, mode_t)
REAL(int, linkat, int, const char *, int, const char *, int)
REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned)
REAL(ssize_t, sendfile64, int, int, off64_t *, size_t)

__attribute__((constructor)) static void begin(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name);
    FIND(open64) FIND(openat64) FIND(write) FIND(writev) FIND(pwrite64) FIND(ftruncate64) FIND(fallocate64)
    FIND(fsync) FIND(fdatasync) FIND(renameat2) FIND(unlinkat) FIND(mkdirat) FIND(linkat) FIND(copy_file_range)
    FIND(sendfile64)
    const char *value = getenv("SHIM_ROOT");
    if (value) snprintf(root, sizeof root, "%s", value);
    root_len = strlen(root);
    if ((value = getenv("SHIM_LOG"))) log_fd = real_open64(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    no_sync = getenv("SHIM_NO_SYNC");
    growth = getenv("SHIM_GROWTH") != NULL;
    armed = getenv("SHIM_LATE") == NULL;
    if ((value = getenv("SHIM_KILL_AT"))) kill_at = atol(value);
    if ((value = getenv("SHIM_ROOM"))) room = atol(value);
}

static int below(const char *path) {
    return root_len && strncmp(path, root, root_len) == 0 && (path[root_len] == '/' || path[root_len] == 0);
}

/* The path of an open file, if it is below the root. */
static int ours(int fd, char *path) {
    char link[64];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    errno = saved;
    if (n <= 0) return 0;
    path[n] = 0;
    return below(path);
}

/* The path that a call names, if it is below the root. */
static int named(int dir, const char *name, char *path) {
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else {
        char at[PATH_MAX];
        if (dir == AT_FDCWD ? !getcwd(at, sizeof at) : !ours(dir, at)) return 0;
        snprintf(path, PATH_MAX, "%.2000s/%.2000s", at, name);
    }
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') path[--n] = 0;
    return below(path);
}

static void note(char kind, uint64_t a, uint64_t b, const void *one, size_t n_one, const void *two, size_t n_two) {
    if (log_fd < 0) return;
    unsigned char head[25];
    uint32_t lengths[2] = { (uint32_t)n_one, (uint32_t)n_two };
    head[0] = (unsigned char)kind;
    memcpy(head + 1, &a, 8);
    memcpy(head + 9, &b, 8);
    memcpy(head + 17, lengths, 8);
    struct iovec parts[3] = { { head, sizeof head }, { (void *)one, n_one }, { (void *)two, n_two } };
    if (real_writev(log_fd, parts, 3) != (ssize_t)(sizeof head + n_one + n_two)) abort();
}

static const char *inside(const char *path) { return path + root_len + (path[root_len] == '/'); }

static void note_path(char kind, uint64_t a, uint64_t b, const char *path) {
    note(kind, a, b, inside(path), strlen(inside(path)), NULL, 0);
}

/* Counts a change about to be made. */
static void count(void) {
    if (!armed) return;
    changes++;
    if (changes == kill_at) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
}

static uint64_t number(int fd) {
    struct stat64 st;
    return fstat64(fd, &st) == 0 ? st.st_ino : 0;
}

static void list(const char *dir, char *out, size_t *n, size_t most) {
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        char path[PATH_MAX];
        struct stat64 st;
        snprintf(path, sizeof path, "%.2000s/%.1000s", dir, e->d_name);
        if (lstat64(path, &st) != 0) continue;
        *n += (size_t)snprintf(out + *n, most - *n, "%c%llu %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f', (unsigned long long)st.st_ino, inside(path));
        if (*n >= most) abort();
        if (S_ISDIR(st.st_mode)) list(path, out, n, most);
    }
    closedir(d);
}

/* What is there now: some libraries rename with system calls of their own, which pass us by. */
static void note_listing(void) {
    static char out[1 << 20];
    size_t n = 0;
    if (log_fd < 0) return;
    list(root, out, &n, sizeof out);
    note('L', 0, 0, out, n, NULL, 0);
}

/* How many of so many bytes the disk takes. */
static size_t fits(int fd, size_t n, off_t at) {
    if (!armed) return n;
    size_t counted = n, free_of_charge = 0;
    if (growth) {
        struct stat64 st;
        off_t end = fstat64(fd, &st) == 0 ? st.st_size : 0;
        free_of_charge = at >= end ? 0 : (size_t)(end - at);
        if (free_of_charge > n) free_of_charge = n;
        counted = n - free_of_charge;
    }
    if (room >= 0 && counted > (size_t)room) {
        n = free_of_charge + (size_t)room;
        counted = (size_t)room;
    }
    if (room >= 0) room -= (long)counted;
    bytes_written += (long)counted;
    return n;
}

static ssize_t put(int fd, const void *bytes, size_t n, off_t at) {
    count();
    size_t taken = fits(fd, n, at);
    if (n > 0 && taken == 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = real_pwrite64(fd, bytes, taken, at);
    if (done > 0) note('W', number(fd), (uint64_t)at, bytes, (size_t)done, NULL, 0);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return real_pwrite64(fd, bytes, n, at);
    pthread_mutex_lock(&turn);
    ssize_t done = put(fd, bytes, n, at);
    pthread_mutex_unlock(&turn);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return pwrite64(fd, bytes, n, at); }

static void listen_to(const char *bytes, size_t n) {
    if (n >= 4 && memcmp(bytes, "ack ", 4) == 0) note('A', 0, 0, bytes, n, NULL, 0);
    if (n >= 4 && memcmp(bytes, "arm\n", 4) == 0) armed = 1;
    const char *path = getenv("SHIM_COUNT");
    if (path && n >= 5 && memcmp(bytes, "done\n", 5) == 0) {
        char text[64];
        int length = snprintf(text, sizeof text, "%ld %ld\n", changes, bytes_written);
        int fd = real_open64(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (real_write(fd, text, (size_t)length) != length) abort();
        close(fd);
    }
}

ssize_t write(int fd, const void *bytes, size_t n) {
    char path[PATH_MAX];
    if (fd == 1) {
        pthread_mutex_lock(&turn);
        listen_to(bytes, n);
        pthread_mutex_unlock(&turn);
        return real_write(fd, bytes, n);
    }
    if (!ours(fd, path)) return real_write(fd, bytes, n);
    pthread_mutex_lock(&turn);
    off_t at = lseek64(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);
    ssize_t done = put(fd, bytes, n, at);
    if (done > 0) lseek64(fd, at + done, SEEK_SET);
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return real_writev(fd, parts, n);
    /* A short write is allowed. */
    for (int i = 0; i < n; i++)
        if (parts[i].iov_len > 0) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

static ssize_t putv(int fd, const struct iovec *parts, int n, off_t at) {
    for (int i = 0; i < n; i++)
        if (parts[i].iov_len > 0) return pwrite64(fd, parts[i].iov_base, parts[i].iov_len, at);
    return 0;
}
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) { return putv(fd, parts, n, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t at) { return putv(fd, parts, n, at); }

/* Copies inside the kernel are refused, so that the bytes come by. */
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags) {
    char path[PATH_MAX];
    if (!ours(out, path)) return real_copy_file_range(in, in_at, out, out_at, n, flags);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t n) {
    char path[PATH_MAX];
    if (!ours(out, path)) return real_sendfile64(out, in, at, n);
    errno = EINVAL;
    return -1;
}

int ftruncate64(int fd, off_t length) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return real_ftruncate64(fd, length);
    pthread_mutex_lock(&turn);
    count();
    int done = real_ftruncate64(fd, length);
    if (done == 0) note('T', number(fd), (uint64_t)length, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off_t at, off_t length) {
    char path[PATH_MAX];
    if (!ours(fd, path)) return real_fallocate64(fd, mode, at, length);
    errno = EOPNOTSUPP;
    return -1;
}
int fallocate(int fd, int mode, off_t at, off_t length) { return fallocate64(fd, mode, at, length); }
int posix_fallocate64(int fd, off_t at, off_t length) { return fallocate64(fd, 0, at, length) == 0 ? 0 : errno; }
int posix_fallocate(int fd, off_t at, off_t length) { return posix_fallocate64(fd, at, length); }

static int open_at(int dir, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int changing = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!changing || !named(dir, name, path)) return real_openat64(dir, name, flags, mode);
    pthread_mutex_lock(&turn);
    note_listing();
    int is_new = access(path, F_OK) != 0;
    if (is_new || flags & O_TRUNC) count();
    if (is_new && armed && room == 0) {
        pthread_mutex_unlock(&turn);
        errno = ENOSPC;
        return -1;
    }
    int fd = real_openat64(dir, name, flags, mode);
    if (fd >= 0) {
        note_path('O', number(fd), 0, path);
        if (flags & O_TRUNC) note('T', number(fd), 0, NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&turn);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }
int open64(const char *name, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, name, flags, mode); }
int open(const char *name, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, name, flags, mode); }
int openat64(int dir, const char *name, int flags, ...) { MODE(flags) return open_at(dir, name, flags, mode); }
int openat(int dir, const char *name, int flags, ...) { MODE(flags) return open_at(dir, name, flags, mode); }

static int sync_fd(int fd, int data_only) {
    char path[PATH_MAX];
    struct stat64 st;
    if (!ours(fd, path)) return data_only ? real_fdatasync(fd) : real_fsync(fd);
    pthread_mutex_lock(&turn);
    count();
    if (fstat64(fd, &st) != 0) abort();
    int dir = S_ISDIR(st.st_mode);
    uint64_t token = ++syncs;
    int left_out = data_only && no_sync && strstr(path, no_sync);
    if (dir) note_listing();
    if (!left_out) note_path(dir ? 'E' : 'S', st.st_ino, token, path);
    pthread_mutex_unlock(&turn);
    int done = log_fd >= 0 ? 0 : data_only ? real_fdatasync(fd) : real_fsync(fd);
    pthread_mutex_lock(&turn);
    if (done == 0 && !left_out) note_path(dir ? 'e' : 's', st.st_ino, token, path);
    pthread_mutex_unlock(&turn);
    return done;
}
int fsync(int fd) { return sync_fd(fd, 0); }
int fdatasync(int fd) { return sync_fd(fd, 1); }

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX];
    if (!named(from_dir, from, a) || !named(to_dir, to, b)) return real_renameat2(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&turn);
    count();
    note_listing();
    int done = real_renameat2(from_dir, from, to_dir, to, flags);
    if (done == 0) note('R', flags, 0, inside(a), strlen(inside(a)), inside(b), strlen(inside(b)));
    pthread_mutex_unlock(&turn);
    return done;
}
int renameat(int a, const char *from, int b, const char *to) { return renameat2(a, from, b, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dir, const char *name, int flags) {
    char path[PATH_MAX];
    if (!named(dir, name, path)) return real_unlinkat(dir, name, flags);
    pthread_mutex_lock(&turn);
    count();
    note_listing();
    int done = real_unlinkat(dir, name, flags);
    if (done == 0) note_path('U', 0, 0, path);
    pthread_mutex_unlock(&turn);
    return done;
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int dir, const char *name, mode_t mode) {
    char path[PATH_MAX];
    struct stat64 st;
    if (!named(dir, name, path)) return real_mkdirat(dir, name, mode);
    pthread_mutex_lock(&turn);
    count();
    int done = real_mkdirat(dir, name, mode);
    if (done == 0 && lstat64(path, &st) == 0) note_path('D', st.st_ino, 0, path);
    pthread_mutex_unlock(&turn);
    return done;
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char a[PATH_MAX], b[PATH_MAX];
    if (!named(from_dir, from, a) || !named(to_dir, to, b)) return real_linkat(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&turn);
    count();
    int done = real_linkat(from_dir, from, to_dir, to, flags);
    if (done == 0) note('H', 0, 0, inside(a), strlen(inside(a)), inside(b), strlen(inside(b)));
    pthread_mutex_unlock(&turn);
    return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
