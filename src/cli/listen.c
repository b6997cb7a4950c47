#include "cli/listen.h"

#include "base/addr.h"
#include "store/why.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who is to listen, where, and what for. */
struct binding {
	const struct config *config;
	struct front *const *fronts;
	unsigned fronts_n;
	const char *name; /* the item of listen */
};

void listening_init(struct listening *l)
{
	*l = (struct listening){.unixes_n = 0};
	buf_init(&l->ready, 64 * 1024);
}

/* ---- TCP ---- */

/* On each front, which share the port. *port 0 becomes the real one. */
static bool bind_address(struct listening *l, const struct binding *b,
    const struct addr *at, uint16_t *port, char **why)
{
	char host[ADDR_TEXT_SIZE];

	addr_format(at, host);
	if (*port != 0 && listener_port_is_taken(host, *port)) {
		why_set(why, "listen %s: address in use", b->name);
		return false;
	}
	for (unsigned i = 0; i < b->fronts_n; i++)
		if (!front_bind(b->fronts[i], host, *port, b->name, port, why))
			return false;
	buf_printf(&l->ready,
	    strchr(host, ':') ? " http=[%s]:%u" : " http=%s:%u", host, *port);
	return true;
}

/* What the text promised, the name service must keep. */
static bool may_bind(const struct binding *b, const struct addr *at, char **why)
{
	char host[ADDR_TEXT_SIZE];

	if (b->config->allow_lan_passthrough || addr_is_loopback(at))
		return true;
	addr_format(at, host);
	why_set(why,
	    "listen %s: the name stands for %s, which is not on loopback; set "
	    "allow_lan_passthrough = yes to serve other machines without keys "
	    "of their own",
	    b->name, host);
	return false;
}

/* localhost often has ::1 where no interface has it. */
static bool is_skippable(const struct addrinfo *ai, bool is_only)
{
	int fd;
	bool is_missing;

	if (is_only)
		return false;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT;
	is_missing = bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 &&
		     errno == EADDRNOTAVAIL;
	close(fd);
	return is_missing;
}

/* Some resolvers say an address twice when two lines of a file have it. */
static bool is_repeated(const struct addrinfo *all, const struct addrinfo *ai)
{
	for (; all != ai; all = all->ai_next)
		if (all->ai_addrlen == ai->ai_addrlen &&
		    memcmp(all->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return true;
	return false;
}

/* A name stands for all its addresses; port 0 gives them the same port. */
static bool bind_resolved(struct listening *l, const struct binding *b,
    const struct addrinfo *all, uint16_t port, char **why)
{
	unsigned done = 0;

	for (const struct addrinfo *ai = all; ai; ai = ai->ai_next) {
		bool is_only = done == 0 && ai->ai_next == NULL;
		struct addr at;

		if (!addr_of_sockaddr(ai->ai_addr, &at) ||
		    is_repeated(all, ai) || is_skippable(ai, is_only))
			continue;
		if (!may_bind(b, &at, why) ||
		    !bind_address(l, b, &at, &port, why))
			return false;
		done++;
	}
	if (done == 0)
		why_set(why, "listen %s: no usable address", b->name);
	return done > 0;
}

static bool listen_tcp(struct listening *l, const struct binding *b,
    const struct num_host_port *at, char **why)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *all = NULL;
	char *host = strndup(at->host.p, at->host.n);
	bool is_ok;
	int rc;

	if (!host)
		return false;
	rc = getaddrinfo(host, NULL, &hints, &all);
	free(host);
	if (rc != 0) {
		why_set(why, "listen %s: %s", b->name, gai_strerror(rc));
		return false;
	}
	is_ok = bind_resolved(l, b, all, at->port, why);
	freeaddrinfo(all);
	return is_ok;
}

/* ---- unix ---- */

/* SO_REUSEPORT is not for unix sockets: all fronts poll the one socket. */
static bool share_unix(
    const struct unix_socket *u, const struct binding *b, char **why)
{
	for (unsigned i = 0; i < b->fronts_n; i++)
		if (!front_adopt(b->fronts[i], u->fd, b->name, false, why))
			return false;
	return true;
}

static bool listen_unix(
    struct listening *l, const struct binding *b, struct slice path, char **why)
{
	struct unix_socket *u = &l->unixes[l->unixes_n];
	unsigned mode = 0;
	char *text = strndup(path.p, path.n);

	config_parse_mode(slice_of_str(b->config->unix_mode), &mode);
	if (!text || !unix_socket_open(u, text, mode, why)) {
		free(text);
		return false;
	}
	l->unixes_n++;
	buf_printf(&l->ready, " unix=%s", text);
	free(text);
	return share_unix(u, b, why);
}

/* ---- all ---- */

bool listening_open(struct listening *l, const struct config *config,
    struct front *const *fronts, unsigned fronts_n, char **why)
{
	struct binding b = {
	    .config = config, .fronts = fronts, .fronts_n = fronts_n};
	bool is_ok = true;

	*why = NULL;
	l->unixes = calloc(config->listen.n, sizeof(*l->unixes));
	if (!l->unixes)
		return false;
	for (size_t i = 0; is_ok && i < config->listen.n; i++) {
		struct config_listen item;

		b.name = config->listen.v[i];
		if (!config_parse_listen(slice_of_str(b.name), &item))
			return false;
		is_ok = item.is_unix ? listen_unix(l, &b, item.path, why)
				     : listen_tcp(l, &b, &item.at, why);
	}
	return is_ok;
}

void listening_withdraw(struct listening *l)
{
	for (size_t i = 0; i < l->unixes_n; i++)
		unix_socket_close(&l->unixes[i]);
	l->unixes_n = 0;
}

void listening_fini(struct listening *l)
{
	listening_withdraw(l);
	free(l->unixes);
	buf_fini(&l->ready);
}
