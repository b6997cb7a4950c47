/*
 * A disk that can be pulled, for tests: loaded before libc (LD_PRELOAD) it
 * stands between the daemon and the files of its state directory.
 *
 *  SHIM_STATE    the directory; files under it are watched, but for LMDB's
 *                lock.mdb, which is memory that happens to have a name.
 *  SHIM_JOURNAL  every write to a watched file and every sync of one is noted
 *                here, in order. tests/system/powerloss.py makes of it what a
 *                disk may hold after a power loss.
 *  SHIM_FAIL     while this file exists, writes, syncs and creations of
 *                watched files fail with the errno whose number is in it.
 *  SHIM_BOOT_ID  takes the place of /proc/sys/kernel/random/boot_id.
 *
 * LMDB without WRITEMAP writes by pwrite, and lseek with writev; its map is
 * read-only, so there is no other way to the disk.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 65536
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum {
	NOTE_WRITE = 'w',
	NOTE_SYNC = 's',
	NOTE_SIZE = 't'
};

/* Followed by the path and then by the data. */
struct note {
	uint32_t kind;
	uint32_t path_n;
	uint64_t offset; /* or the new size */
	uint64_t data_n;
};

struct watched {
	char *path; /* relative to SHIM_STATE; NULL: not watched */
	int is_synced; /* opened with O_DSYNC or O_SYNC */
};

static struct watched fds[FDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;

#define REAL(type, name, ...) \
	static type (*real_##name)(__VA_ARGS__); \
	static void find_##name(void) \
	{ \
		if (!real_##name) \
			*(void **)&real_##name = dlsym(RTLD_NEXT, #name); \
	}

REAL(int, open, const char *, int, ...)
REAL(int, close, int)
REAL(int, truncate, const char *, off_t)
REAL(int, ftruncate, int, off_t)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(int, fdatasync, int)
REAL(int, fsync, int)

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SHIM_JOURNAL");

	find_open();
	find_close();
	find_truncate();
	find_ftruncate();
	find_write();
	find_writev();
	find_pwrite();
	find_fdatasync();
	find_fsync();
	if (path)
		journal = real_open(
		    path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* ---- what is watched ---- */

/* The part of path below the state directory, NULL when it is elsewhere. */
static const char *inside(const char *path)
{
	const char *state = getenv("SHIM_STATE");
	size_t n = state ? strlen(state) : 0;

	if (n == 0 || strncmp(path, state, n) != 0 || path[n] != '/')
		return NULL;
	path += n + 1;
	n = strlen(path);
	if (n >= 8 && strcmp(path + n - 8, "lock.mdb") == 0)
		return NULL;
	return path;
}

static struct watched *watched(int fd)
{
	if (fd < 0 || fd >= FDS_MAX || !fds[fd].path)
		return NULL;
	return &fds[fd];
}

/* The errno to fail with, 0 for none. */
static int failure(void)
{
	const char *path = getenv("SHIM_FAIL");
	char text[8] = "";
	int fd, error = 0;

	if (!path)
		return 0;
	fd = real_open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	real_close(fd);
	for (const char *c = text; *c >= '0' && *c <= '9'; c++)
		error = error * 10 + (*c - '0');
	return error;
}

static int is_failing(const struct watched *w)
{
	int error = w ? failure() : 0;

	if (error)
		errno = error;
	return error;
}

/* ---- the journal ---- */

static void note(const char *path, uint32_t kind, uint64_t offset,
    const void *data, size_t n)
{
	struct note head = {kind, (uint32_t)strlen(path), offset, n};
	struct iovec parts[] = {
	    {&head, sizeof(head)},
	    {(void *)path, head.path_n},
	    {(void *)data, n},
	};
	int saved = errno;

	if (journal >= 0 && real_writev(journal, parts, 3) !=
				(ssize_t)(sizeof(head) + head.path_n + n))
		abort();
	errno = saved;
}

static void note_sync(const struct watched *w)
{
	note(w->path, NOTE_SYNC, 0, NULL, 0);
}

/* O_DSYNC covers what it wrote and nothing else: told by the offset. */
static void note_write(
    const struct watched *w, off_t at, const void *data, size_t n)
{
	note(w->path, NOTE_WRITE, (uint64_t)at, data, n);
	if (w->is_synced)
		note(w->path, NOTE_SYNC, (uint64_t)at + 1, NULL, 0);
}

/* ---- in place of libc ---- */

static int open_watched(const char *path, int flags, mode_t mode)
{
	const char *below = inside(path);
	struct stat st;
	int fd;

	if (below && (flags & O_CREAT) && stat(path, &st) < 0) {
		int error = failure();

		if (error) {
			errno = error;
			return -1;
		}
	}
	fd = real_open(path, flags, mode);
	if (fd < 0 || fd >= FDS_MAX || !below)
		return fd;
	pthread_mutex_lock(&lock);
	fds[fd].is_synced = (flags & (O_DSYNC | O_SYNC)) != 0;
	fds[fd].path = strdup(below);
	if (flags & O_TRUNC)
		note(below, NOTE_SIZE, 0, NULL, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

int open(const char *path, int flags, ...)
{
	const char *boot_id = getenv("SHIM_BOOT_ID");
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (boot_id && strcmp(path, BOOT_ID) == 0)
		path = boot_id;
	return open_watched(path, flags, mode);
}

int close(int fd)
{
	struct watched *w = watched(fd);

	if (w) {
		pthread_mutex_lock(&lock);
		free(w->path);
		w->path = NULL;
		pthread_mutex_unlock(&lock);
	}
	return real_close(fd);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	struct watched *w = watched(fd);
	ssize_t done;

	if (is_failing(w))
		return -1;
	if (!w)
		return real_pwrite(fd, data, n, at);
	pthread_mutex_lock(&lock);
	done = real_pwrite(fd, data, n, at);
	if (done > 0)
		note_write(w, at, data, (size_t)done);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t writev(int fd, const struct iovec *parts, int parts_n)
{
	struct watched *w = watched(fd);
	off_t at;
	ssize_t done, left;

	if (is_failing(w))
		return -1;
	if (!w)
		return real_writev(fd, parts, parts_n);
	pthread_mutex_lock(&lock);
	at = lseek(fd, 0, SEEK_CUR);
	done = left = real_writev(fd, parts, parts_n);
	for (int i = 0; i < parts_n && left > 0; i++) {
		size_t n = parts[i].iov_len;

		if (n > (size_t)left)
			n = (size_t)left;
		note_write(w, at, parts[i].iov_base, n);
		at += (off_t)n;
		left -= (ssize_t)n;
	}
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t write(int fd, const void *data, size_t n)
{
	struct iovec part = {(void *)data, n};

	if (!watched(fd))
		return real_write(fd, data, n);
	return writev(fd, &part, 1);
}

static int sync_watched(int fd, int (*really)(int))
{
	struct watched *w = watched(fd);
	int rc;

	if (is_failing(w))
		return -1;
	if (!w)
		return really(fd);
	pthread_mutex_lock(&lock);
	rc = really(fd);
	if (rc == 0)
		note_sync(w);
	pthread_mutex_unlock(&lock);
	return rc;
}

int fdatasync(int fd)
{
	return sync_watched(fd, real_fdatasync);
}

int fsync(int fd)
{
	return sync_watched(fd, real_fsync);
}

int ftruncate(int fd, off_t size)
{
	struct watched *w = watched(fd);
	int rc;

	if (is_failing(w))
		return -1;
	rc = real_ftruncate(fd, size);
	if (rc == 0 && w)
		note(w->path, NOTE_SIZE, (uint64_t)size, NULL, 0);
	return rc;
}

int truncate(const char *path, off_t size)
{
	const char *below = inside(path);
	int rc = real_truncate(path, size);

	if (rc == 0 && below)
		note(below, NOTE_SIZE, (uint64_t)size, NULL, 0);
	return rc;
}
