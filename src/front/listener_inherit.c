#include "front/conn_internal.h"
#include "store/why.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- what was inherited ---- */

static bool socket_option(int fd, int name, int *value)
{
	socklen_t n = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &n) == 0;
}

static void name_ip(const struct sockaddr_storage *ss, struct buf *name)
{
	const struct sockaddr_in *in4 = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;
	bool is_v6 = ss->ss_family == AF_INET6;
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(ss->ss_family,
	    is_v6 ? (const void *)&in6->sin6_addr
		  : (const void *)&in4->sin_addr,
	    text, sizeof(text));
	buf_printf(name, is_v6 ? "http=[%s]:%u" : "http=%s:%u", text,
	    (unsigned)ntohs(is_v6 ? in6->sin6_port : in4->sin_port));
}

/* Of an abstract socket the name begins with a NUL, shown as '@'. */
static void name_unix(
    const struct sockaddr_storage *ss, socklen_t n, struct buf *name)
{
	const struct sockaddr_un *sun = (const void *)ss;
	size_t head_n = offsetof(struct sockaddr_un, sun_path);
	size_t path_n = n > head_n ? n - head_n : 0;

	buf_printf(name, "unix=");
	if (path_n == 0)
		return;
	if (sun->sun_path[0] == '\0')
		buf_printf(name, "@%.*s", (int)path_n - 1, sun->sun_path + 1);
	else
		buf_printf(name, "%.*s", (int)path_n, sun->sun_path);
}

static bool is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	if (ss->ss_family == AF_INET)
		return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
	if (ss->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	return true; /* a unix socket */
}

const char *listener_inherited_fault(int fd, struct buf *name, bool *is_local)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	int type, is_listening;

	*is_local = false;
	if (!socket_option(fd, SO_TYPE, &type))
		return "not a socket";
	if (type != SOCK_STREAM)
		return "not a stream socket";
	if (!socket_option(fd, SO_ACCEPTCONN, &is_listening) || !is_listening)
		return "not listening (a socket unit needs Accept=no)";
	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return strerror(errno);
	if (ss.ss_family == AF_INET || ss.ss_family == AF_INET6)
		name_ip(&ss, name);
	else if (ss.ss_family == AF_UNIX)
		name_unix(&ss, n, name);
	else
		return "neither TCP nor a unix socket";
	*is_local = is_loopback(&ss);
	return NULL;
}

/* ---- accepting from it ---- */

/*
 * Every front has a duplicate in its own epoll set, so all of them wake for a
 * connection and one gets it (libevent 2.1 knows no EPOLLEXCLUSIVE). With as
 * many fronts as CPUs that costs less than handing connections over.
 */
static struct evconnlistener *duplicate(struct listener *l, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct evconnlistener *lev;

	if (copy < 0)
		return NULL;
	/* evhttp accepts until there is nothing left, so a blocking socket
	 * would stop its thread. */
	evutil_make_socket_nonblocking(copy);
	/* Backlog 0: it listens already, with the backlog it was given. */
	lev = evconnlistener_new(l->base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, copy);
	if (lev == NULL)
		close(copy);
	return lev;
}

/* Debian's fix of CVE-2026-63388 came together with this symbol, and left the
 * version as it was. */
bool listener_may_use_unix(void)
{
	return dlsym(RTLD_DEFAULT, "evhttp_str_is_chunked_") != NULL;
}

static const char *adopt(
    struct listener *l, int fd, const char *name, bool is_inherited)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	struct evconnlistener *lev;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return strerror(errno);
	if (ss.ss_family == AF_UNIX && !listener_may_use_unix())
		return "this libevent ends the process when a client has a "
		       "long address (CVE-2026-63388); install one with the "
		       "fix, in Debian 2.1.12-stable-8+deb12u1";
	lev = duplicate(l, fd);
	if (lev == NULL)
		return strerror(errno);
	return listener_add(l, lev, name, is_inherited) ? NULL
							: strerror(ENOMEM);
}

bool listener_adopt(
    struct listener *l, int fd, const char *name, bool is_inherited, char **why)
{
	const char *reason = adopt(l, fd, name, is_inherited);

	*why = NULL;
	if (reason != NULL)
		why_set(why, "%s%s: %s",
		    is_inherited ? "inherited socket " : "", name, reason);
	return reason == NULL;
}
