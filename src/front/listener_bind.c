#include "front/conn_internal.h"

#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than net.core.somaxconn is cut by the kernel. */
#define LISTEN_BACKLOG 4096

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

static uint16_t socket_port(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return 0;
	if (ss.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static bool listener_remember(
    struct listener *l, struct evhttp_bound_socket *socket)
{
	struct evhttp_bound_socket **grown =
	    realloc(l->sockets, (l->sockets_n + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	l->sockets = grown;
	l->sockets[l->sockets_n++] = socket;
	return true;
}

static bool listener_add(struct listener *l, struct evconnlistener *lev)
{
	struct evhttp_bound_socket *socket;
	int fd = evconnlistener_get_fd(lev);
	int on = 1;

	/* Inherited by accepted sockets on Linux. Without it a reply in two
	 * writes waits for the peer's delayed ACK. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	socket = evhttp_bind_listener(l->http, lev);
	if (socket == NULL) {
		evconnlistener_free(lev);
		return false;
	}
	evconnlistener_set_error_cb(lev, listener_accept_failed);
	if (listener_remember(l, socket))
		return true;
	evhttp_del_accept_socket(l->http, socket);
	return false;
}

bool listener_bind(struct listener *l, const char *host, uint16_t port,
    uint16_t *port_out, char **why)
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
	if (lev == NULL) {
		*why = bind_message(host, port, reason);
		return false;
	}
	*port_out = socket_port(evconnlistener_get_fd(lev));
	if (!listener_add(l, lev)) {
		*why = bind_message(host, port, strerror(ENOMEM));
		return false;
	}
	return true;
}
