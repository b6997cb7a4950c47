#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* More than net.core.somaxconn is cut by the kernel. */
#define UNIX_BACKLOG 4096

static bool fail(char **why, const char *path, const char *reason)
{
	if (asprintf(why, "%s: %s", path, reason) < 0)
		*why = NULL;
	return false;
}

static bool address_of(struct sockaddr_un *sun, const char *path)
{
	size_t n = strlen(path);

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n >= sizeof(sun->sun_path))
		return false;
	memcpy(sun->sun_path, path, n);
	return true;
}

static int socket_new(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/*
 * Two daemons that both find a dead socket must not each remove what the other
 * has just made, so the directory is locked meanwhile; whoever else locks it
 * does so for as short a time. -1, with errno, when there is no directory.
 */
static int lock_parent(const char *path)
{
	char *parent = strdup(path);
	char *slash = parent == NULL ? NULL : strrchr(parent, '/');
	int fd = -1;

	if (slash != NULL) {
		slash[slash == parent] = '\0';
		fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	free(parent);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
		continue;
	return fd;
}

/* Somebody answers at sun. */
static bool is_alive(const struct sockaddr_un *sun)
{
	int fd = socket_new();
	int rc;

	if (fd < 0)
		return true; /* not known to be dead */
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc != 0)
		rc = errno == ECONNREFUSED || errno == ENOENT ? -1 : 0;
	close(fd);
	return rc == 0;
}

#define NO_SOCKET "is there already, and is not a socket"
#define NO_PARENT "its directory does not exist"

bool unix_socket_may_be(const char *path, char **why)
{
	struct stat st;
	int parent;

	if (lstat(path, &st) == 0)
		return S_ISSOCK(st.st_mode) || fail(why, path, NO_SOCKET);
	if (errno != ENOENT)
		return fail(why, path, strerror(errno));
	parent = lock_parent(path);
	if (parent < 0)
		return fail(why, path, NO_PARENT);
	close(parent);
	return true;
}

/* NULL when path is free now, else why it is not. */
static const char *clear_path(const struct sockaddr_un *sun)
{
	const char *path = sun->sun_path;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return NO_SOCKET;
	if (is_alive(sun))
		return "in use";
	if (st.st_uid != geteuid())
		return "a dead socket of another user is there";
	return unlink(path) == 0 || errno == ENOENT ? NULL : strerror(errno);
}

/* The mode comes with the file: the umask only takes away, here from 0777. */
static int bind_with_mode(int fd, const struct sockaddr_un *sun, mode_t mode)
{
	mode_t old = umask(~mode & 0777);
	int rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	int err = errno;

	umask(old);
	errno = err;
	return rc;
}

static void remove_file(struct unix_socket *u)
{
	struct stat st;

	if (u->path == NULL)
		return;
	/* Another daemon may have taken the place; as long as the socket is
	 * open, no other file gets its number. */
	if (lstat(u->path, &st) == 0 && st.st_dev == u->dev &&
	    st.st_ino == u->ino)
		unlink(u->path);
	free(u->path);
	u->path = NULL;
}

void unix_socket_close(struct unix_socket *u)
{
	remove_file(u);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

static bool open_locked(struct unix_socket *u, const struct sockaddr_un *sun,
    mode_t mode, char **why)
{
	const char *reason = clear_path(sun);
	struct stat st;

	if (reason != NULL)
		return fail(why, sun->sun_path, reason);
	u->fd = socket_new();
	if (u->fd < 0 || bind_with_mode(u->fd, sun, mode) != 0)
		return fail(why, sun->sun_path, strerror(errno));
	u->path = strdup(sun->sun_path);
	if (u->path == NULL || lstat(sun->sun_path, &st) != 0) {
		unlink(sun->sun_path);
		return fail(why, sun->sun_path, strerror(errno));
	}
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	if (listen(u->fd, UNIX_BACKLOG) != 0)
		return fail(why, sun->sun_path, strerror(errno));
	return true;
}

bool unix_socket_open(
    struct unix_socket *u, const char *path, mode_t mode, char **why)
{
	struct sockaddr_un sun;
	int parent;
	bool is_ok;

	*why = NULL;
	*u = (struct unix_socket){.fd = -1};
	if (!address_of(&sun, path))
		return fail(why, path, "the path is too long");
	parent = lock_parent(path);
	if (parent < 0 && errno == ENOENT)
		return fail(why, path, NO_PARENT);
	if (parent < 0)
		return fail(why, path, strerror(errno));
	is_ok = open_locked(u, &sun, mode, why);
	close(parent);
	if (!is_ok)
		unix_socket_close(u);
	return is_ok;
}
