#include "front/conn_internal.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* More than net.core.somaxconn is cut by the kernel. */
#define LISTEN_BACKLOG 4096

/* Per connection; enough for the loop to come round at full speed. */
#define UNSENT_IN_KERNEL_BYTES (256 * 1024)

/* The first address of host, or NULL with the reason in why (static). */
static struct addrinfo *host_resolve(
    const char *host, uint16_t port, const char **why)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *ai = NULL;
	char service[8];
	int rc;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	rc = getaddrinfo(host, service, &hints, &ai);
	*why = rc == 0 ? NULL : gai_strerror(rc);
	return rc == 0 ? ai : NULL;
}

bool listener_port_is_taken(const char *host, uint16_t port)
{
	const char *why;
	struct addrinfo *ai = port == 0 ? NULL : host_resolve(host, port, &why);
	bool is_taken = false;
	int on = 1;
	int fd;

	if (ai == NULL)
		return false;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		/* Connections of a former daemon in TIME_WAIT do not count;
		 * without SO_REUSEPORT every listening socket does. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (ai->ai_family == AF_INET6)
			setsockopt(
			    fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		is_taken = bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 &&
			   errno == EADDRINUSE;
		close(fd);
	}
	freeaddrinfo(ai);
	return is_taken;
}

static char *bind_message(const char *host, uint16_t port, const char *why)
{
	char *text;
	bool is_v6 = strchr(host, ':') != NULL;

	if (asprintf(&text, "%s%s%s:%u: %s", is_v6 ? "[" : "", host,
		is_v6 ? "]" : "", (unsigned)port, why) < 0)
		return NULL;
	return text;
}

static uint16_t port_of(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);
	return ntohs(((const struct sockaddr_in *)ss)->sin_port);
}

static void socket_free(struct listener_socket *s)
{
	free(s->name);
	free(s);
}

static struct listener_socket *socket_new(int fd, const char *name)
{
	struct listener_socket *s = calloc(1, sizeof(*s));
	socklen_t n = sizeof(s->local);

	if (s == NULL)
		return NULL;
	s->name = strdup(name);
	if (s->name == NULL ||
	    getsockname(fd, (struct sockaddr *)&s->local, &n) != 0) {
		socket_free(s);
		return NULL;
	}
	return s;
}

void listener_sockets_free(struct listener *l)
{
	struct listener_socket *s;

	while ((s = TAILQ_FIRST(&l->sockets)) != NULL) {
		TAILQ_REMOVE(&l->sockets, s, in_listener);
		socket_free(s);
	}
}

/* Accepted sockets inherit them on Linux. */
static void set_tcp_options(int fd)
{
	int on = 1, unsent = UNSENT_IN_KERNEL_BYTES;

	/* Without it a reply in two writes waits for the peer's delayed ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Else the kernel takes up to tcp_wmem (4 MiB) of a reply that nobody
	 * reads, which all connections together can make short, and which
	 * max_unsent_bytes does not see. What is under way to a reader is not
	 * limited by it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

bool listener_add(struct listener *l, struct evconnlistener *lev,
    const char *name, bool is_inherited)
{
	int fd = evconnlistener_get_fd(lev);
	struct listener_socket *s = socket_new(fd, name);

	if (s != NULL && s->local.ss_family != AF_UNIX)
		set_tcp_options(fd);
	if (s != NULL)
		s->bound = evhttp_bind_listener(l->http, lev);
	if (s == NULL || s->bound == NULL) {
		evconnlistener_free(lev);
		if (s != NULL)
			socket_free(s);
		return false;
	}
	s->is_inherited = is_inherited;
	evconnlistener_set_error_cb(lev, listener_accept_failed);
	TAILQ_INSERT_TAIL(&l->sockets, s, in_listener);
	return true;
}

bool listener_bind(struct listener *l, const char *host, uint16_t port,
    const char *name, uint16_t *port_out, char **why)
{
	unsigned flags = LEV_OPT_REUSEABLE | LEV_OPT_REUSEABLE_PORT |
			 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct evconnlistener *lev;
	const char *reason;
	struct addrinfo *ai = host_resolve(host, port, &reason);

	*why = NULL;
	if (ai == NULL) {
		*why = bind_message(host, port, reason);
		return false;
	}
	if (ai->ai_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	/* No callback yet: it does not accept before evhttp has set its own. */
	lev = evconnlistener_new_bind(l->base, NULL, NULL, flags,
	    LISTEN_BACKLOG, ai->ai_addr, (int)ai->ai_addrlen);
	reason = errno == EADDRINUSE ? "address in use" : strerror(errno);
	freeaddrinfo(ai);
	if (lev == NULL || !listener_add(l, lev, name, false)) {
		*why = bind_message(
		    host, port, lev == NULL ? reason : strerror(ENOMEM));
		return false;
	}
	*port_out =
	    port_of(&TAILQ_LAST(&l->sockets, listener_socket_list)->local);
	return true;
}

/* ---- which socket a connection came by ---- */

static bool is_same_path(
    const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return memcmp(((const struct sockaddr_un *)a)->sun_path,
		   ((const struct sockaddr_un *)b)->sun_path,
		   sizeof(((const struct sockaddr_un *)a)->sun_path)) == 0;
}

/* 0: no; 1: it takes all addresses; 2: exactly. */
static int socket_fits(const struct listener_socket *s,
    const struct sockaddr_storage *local, const struct addr *at)
{
	struct addr own;

	if (s->local.ss_family != local->ss_family)
		return 0;
	if (local->ss_family == AF_UNIX)
		return is_same_path(&s->local, local) ? 2 : 0;
	if (!addr_of_sockaddr((const struct sockaddr *)&s->local, &own) ||
	    port_of(&s->local) != port_of(local))
		return 0;
	return addr_is_equal(&own, at) ? 2 : addr_is_any(&own);
}

const struct listener_socket *listener_socket_of(
    const struct listener *l, int fd)
{
	struct listener_socket *s = TAILQ_FIRST(&l->sockets), *best = NULL;
	struct sockaddr_storage local = {0};
	socklen_t n = sizeof(local);
	struct addr at = {{0}};
	int best_fit = 0;

	if (s == NULL || TAILQ_NEXT(s, in_listener) == NULL)
		return s;
	if (getsockname(fd, (struct sockaddr *)&local, &n) != 0)
		return NULL;
	addr_of_sockaddr((struct sockaddr *)&local, &at);
	TAILQ_FOREACH(s, &l->sockets, in_listener)
	{
		int fit = socket_fits(s, &local, &at);

		if (fit > best_fit) {
			best = s;
			best_fit = fit;
		}
	}
	return best;
}
