#include "store/state.h"

#include "base/num.h"
#include "store/why.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

struct state {
	char *dir; /* owned */
	char boot_id[40]; /* a UUID is 36 */
	int lock_fd; /* holds the lock */
};

/* ---- the file system ---- */

/*
 * LMDB needs a shared map that shows what write() wrote, and locks that die
 * with their owner. File systems whose other end is another machine promise
 * neither. FUSE is let pass: sshfs and an encrypted home look alike there.
 * So is overlay: what is created in it lives in its upper layer, a local one.
 */
static const struct {
	unsigned long type;
	const char *name;
} refused_fs[] = {
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xfe534d42, "SMB2"},
    {0xff534d42, "CIFS"},
    {0x01021997, "9p"},
    {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x564c, "NCP"},
    {0x786f4256, "vboxsf"},
};

const char *state_refused_fs(unsigned long type)
{
	/* f_type is signed and 32 bits wide on some machines. */
	type &= 0xffffffff;
	for (size_t i = 0; i < sizeof(refused_fs) / sizeof(refused_fs[0]); i++)
		if (refused_fs[i].type == type)
			return refused_fs[i].name;
	return NULL;
}

static bool check_fs(const char *dir, char **why)
{
	struct statfs fs;
	const char *name;

	if (statfs(dir, &fs) < 0) {
		why_set(why, "%s: %s", dir, strerror(errno));
		return false;
	}
	name = state_refused_fs((unsigned long)fs.f_type);
	if (!name)
		return true;
	why_set(why,
	    "%s is on %s, which cannot keep the state safely; "
	    "choose a directory on a local disk",
	    dir, name);
	return false;
}

/* ---- the directory ---- */

/* Creates what is missing of dir, each part for us alone. */
static bool make_dirs(const char *dir, char **why)
{
	char path[PATH_MAX];
	size_t n = strlen(dir);

	if (n == 0 || n >= sizeof(path)) {
		why_set(why, "state directory: %s",
		    n ? strerror(ENAMETOOLONG) : "no name given");
		return false;
	}
	memcpy(path, dir, n + 1);
	for (char *end = path + 1;; end++) {
		char was = *end;

		if (was != '/' && was != '\0')
			continue;
		*end = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			why_set(
			    why, "cannot create %s: %s", path, strerror(errno));
			return false;
		}
		*end = was;
		if (was == '\0')
			return true;
	}
}

/* Empty, or used as a state directory before. */
static bool is_certainly_ours(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool is_empty = true, has_lock = false;

	if (!d)
		return false;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		is_empty = false;
		if (strcmp(e->d_name, LOCK_NAME) == 0)
			has_lock = true;
	}
	closedir(d);
	return is_empty || has_lock;
}

/*
 * A directory that others may enter is closed to them, if it is certainly
 * one of ours: a mkdir under the usual umask should not stop the daemon. Any
 * other is refused, because "--state $HOME" must neither work nor take the
 * home directory away from the user's web server.
 */
static bool may_be_closed(const char *dir, const struct stat *st, char **why)
{
	if ((st->st_mode & 077) == 0 || is_certainly_ours(dir))
		return true;
	why_set(why,
	    "%s is open to other users (mode %04o) and holds other files; "
	    "choose a directory of its own",
	    dir, (unsigned)st->st_mode & 07777);
	return false;
}

static bool close_to_others(const char *dir, const struct stat *st, char **why)
{
	if ((st->st_mode & 077) != 0 && chmod(dir, 0700) < 0) {
		why_set(why, "cannot close %s to other users: %s", dir,
		    strerror(errno));
		return false;
	}
	return true;
}

/* What can be told of a directory that is there, without changing it. */
static bool look_at_dir(const char *dir, struct stat *st, char **why)
{
	if (stat(dir, st) < 0) {
		why_set(why, "%s: %s", dir, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st->st_mode)) {
		why_set(why, "%s is not a directory", dir);
		return false;
	}
	/* root too: its files would lock the owner out of his own state. */
	if (st->st_uid != geteuid()) {
		why_set(why,
		    "%s belongs to user %u and this process runs as user %u",
		    dir, (unsigned)st->st_uid, (unsigned)geteuid());
		return false;
	}
	if (access(dir, R_OK | W_OK | X_OK) < 0) {
		why_set(why, "%s: %s", dir, strerror(errno));
		return false;
	}
	return may_be_closed(dir, st, why);
}

static bool check_dir(const char *dir, char **why)
{
	struct stat st;

	return look_at_dir(dir, &st, why) && close_to_others(dir, &st, why);
}

/* The directory that missing parts of dir would be made in; "" when even the
 * first one is missing, and the path is relative. */
static void find_existing(char *dir)
{
	struct stat st;

	while (dir[0] && stat(dir, &st) < 0 && errno == ENOENT) {
		char *slash = strrchr(dir, '/');

		if (!slash)
			dir[0] = '\0';
		else
			slash[slash == dir] = '\0';
	}
}

bool state_may_be(const char *dir, char **why)
{
	char path[PATH_MAX];
	size_t n = strlen(dir);
	struct stat st;
	const char *at = path;

	if (n >= sizeof(path)) {
		why_set(why, "state: %s", strerror(ENAMETOOLONG));
		return false;
	}
	memcpy(path, dir, n + 1);
	find_existing(path);
	if (!path[0])
		at = ".";
	if (stat(at, &st) < 0) {
		why_set(why, "state: %s: %s", at, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		why_set(why, "state: %s is not a directory", at);
		return false;
	}
	if (access(at, W_OK | X_OK) < 0) {
		why_set(why, "state: %s: %s", at, strerror(errno));
		return false;
	}
	if (strcmp(path, dir) == 0 && !look_at_dir(dir, &st, why))
		return false;
	return check_fs(at, why);
}

/* ---- the lock ---- */

/* Who wrote its number into the lock, 0 when that cannot be told. */
static uint64_t read_holder(int fd)
{
	char text[24];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint64_t pid = 0;
	struct slice s;

	if (n <= 0)
		return 0;
	s = slice_of(text, (size_t)n);
	s = slice_sub(s, 0, slice_find(s, 0, '\n'));
	return num_parse_u64(s, 1, INT_MAX, &pid) ? pid : 0;
}

static void say_holder(int fd, const char *dir, char **why)
{
	uint64_t pid = read_holder(fd);

	if (pid)
		why_set(why, "%s is in use by another ghlmirror, process %llu",
		    dir, (unsigned long long)pid);
	else
		why_set(why, "%s is in use by another ghlmirror", dir);
}

static bool write_holder(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
}

/*
 * flock and not fcntl: a POSIX lock is gone as soon as any descriptor of the
 * file is closed anywhere in the process. The kernel drops it with us, kill
 * -9 included, so the file stays and its content is only a hint.
 */
static int take_lock(const char *dir, const char *path, char **why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		why_set(why, "cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			say_holder(fd, dir, why);
		else
			why_set(
			    why, "cannot lock %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	/* A full disk may leave the number out: only the message suffers. */
	if (!write_holder(fd) && errno != ENOSPC && errno != EDQUOT) {
		why_set(why, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- ---- */

static void read_boot_id(char *out, size_t size)
{
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

struct state *state_open(const char *dir, char **why)
{
	struct state *s = calloc(1, sizeof(*s));
	char *lock = NULL;

	*why = NULL;
	if (!s)
		return NULL;
	s->lock_fd = -1;
	s->dir = strdup(dir);
	if (s->dir)
		lock = state_path(s, LOCK_NAME);
	if (lock && make_dirs(dir, why) && check_dir(dir, why) &&
	    check_fs(dir, why))
		s->lock_fd = take_lock(dir, lock, why);
	free(lock);
	if (s->lock_fd < 0) {
		state_close(s);
		return NULL;
	}
	read_boot_id(s->boot_id, sizeof(s->boot_id));
	return s;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	free(s);
}

const char *state_dir(const struct state *s)
{
	return s->dir;
}

const char *state_boot_id(const struct state *s)
{
	return s->boot_id;
}

char *state_path(const struct state *s, const char *name)
{
	char *path = NULL;

	why_set(&path, "%s/%s", s->dir, name);
	return path;
}
