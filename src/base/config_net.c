#include "base/config_table.h"

#include "base/addr.h"

#include <sys/un.h>

/* ---- listen ---- */

static const char unix_prefix[] = "unix:";

/* The socket's own form, which ends with a NUL. */
#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static bool is_unix(struct slice text)
{
	return slice_starts(text, slice_of_str(unix_prefix));
}

static const char *check_unix(struct slice path)
{
	if (path.n < 2 || path.p[0] != '/' || path.p[path.n - 1] == '/')
		return "a unix socket with an absolute path, unix:/PATH";
	if (path.n > UNIX_PATH_MAX)
		return "a unix socket whose path has at most 107 bytes";
	return NULL;
}

/* The sockets take IPv6 only, so such an address would find no client. */
static bool is_mapped(const struct num_host_port *hp)
{
	return hp->kind == NUM_HOST_IPV6 &&
	       slice_eq_nocase(slice_sub(hp->host, 0, 7), SLICE("::ffff:")) &&
	       slice_find(hp->host, 0, '.') < hp->host.n;
}

const char *config_check_listen(struct slice s)
{
	struct num_host_port hp;

	if (is_unix(s))
		return check_unix(slice_sub(s, strlen(unix_prefix), s.n));
	if (!num_parse_host_port(s, NUM_PORT_REQUIRED, &hp))
		return "an address like 127.0.0.1:8788 or [::1]:8788, or "
		       "unix:/PATH";
	if (is_mapped(&hp))
		return "an address of one kind: write the IPv4 address alone";
	return NULL;
}

bool config_parse_listen(struct slice text, struct config_listen *out)
{
	struct config_listen l = {.text = text};

	if (config_check_listen(text))
		return false;
	l.is_unix = is_unix(text);
	if (l.is_unix)
		l.path = slice_sub(text, strlen(unix_prefix), text.n);
	else
		num_parse_host_port(text, NUM_PORT_REQUIRED, &l.at);
	*out = l;
	return true;
}

static bool is_twice(const struct config_list *list, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(list->v[i], list->v[j]) == 0)
			return true;
	}
	return false;
}

bool config_check_listeners(const struct config *c, struct buf *why)
{
	if (c->listen.n == 0) {
		buf_printf(why, "needs at least one address");
		return false;
	}
	for (size_t i = 0; i < c->listen.n; i++) {
		const char *text = c->listen.v[i];
		struct config_listen l;

		config_parse_listen(slice_of_str(text), &l);
		if (!l.is_unix && !num_is_loopback(&l.at) &&
		    !c->allow_lan_passthrough) {
			buf_printf(why,
			    "%s is not on loopback; set "
			    "allow_lan_passthrough = yes to serve other "
			    "machines without keys of their own",
			    text);
			return false;
		}
		if ((l.is_unix || l.at.port != 0) && is_twice(&c->listen, i)) {
			buf_printf(why, "%s is there twice", text);
			return false;
		}
	}
	return true;
}

const char *config_check_mode(struct slice s)
{
	unsigned mode;

	if (config_parse_mode(s, &mode))
		return NULL;
	return "a mode in octal, such as 0660";
}

bool config_parse_mode(struct slice s, unsigned *out)
{
	unsigned mode = 0;

	if (s.n < 3 || s.n > 4 || (s.n == 4 && s.p[0] != '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return false;
		mode = mode * 8 + (unsigned)(s.p[i] - '0');
	}
	*out = mode;
	return true;
}

/* ---- public_url ---- */

bool config_parse_public_url(struct slice text, struct config_public_url *out)
{
	struct config_public_url p = {.listen = SLICE_NONE};
	struct config_listen l;
	size_t eq = text.n;

	/* A path may hold one, too; no URL of ours does. */
	while (eq > 0 && text.p[eq - 1] != '=')
		eq--;
	if (eq > 0)
		p.listen = slice_sub(text, 0, eq - 1);
	if (!config_parse_url(slice_sub(text, eq, text.n), &p.url) ||
	    (eq > 0 && !config_parse_listen(p.listen, &l)))
		return false;
	*out = p;
	return true;
}

const char *config_check_public_url(struct slice s)
{
	struct config_public_url p;

	if (config_parse_public_url(s, &p))
		return NULL;
	return "a URL like https://HOST:PORT, without user, path and query, "
	       "or LISTEN=URL";
}

static bool is_listened_on(const struct config *c, struct slice listen)
{
	for (size_t i = 0; i < c->listen.n; i++) {
		if (slice_eq(listen, slice_of_str(c->listen.v[i])))
			return true;
	}
	return listen.n == 0;
}

bool config_check_public_urls(const struct config *c, struct buf *why)
{
	for (size_t i = 0; i < c->public_url.n; i++) {
		const char *text = c->public_url.v[i];
		struct config_public_url p, other;

		config_parse_public_url(slice_of_str(text), &p);
		if (!is_listened_on(c, p.listen)) {
			buf_printf(why, "%.*s is not an item of listen",
			    (int)p.listen.n, p.listen.p);
			return false;
		}
		for (size_t j = 0; j < i; j++) {
			config_parse_public_url(
			    slice_of_str(c->public_url.v[j]), &other);
			if (!slice_eq(p.listen, other.listen))
				continue;
			buf_printf(why,
			    "%s comes after %s for the same listener", text,
			    c->public_url.v[j]);
			return false;
		}
	}
	return true;
}

/* ---- trusted_proxies, cors_origins ---- */

const char *config_check_proxy(struct slice s)
{
	struct addr_range r;

	if (slice_eq(s, SLICE("unix")) || addr_range_parse(s, &r))
		return NULL;
	return "an address, a network like 10.0.0.0/8 or 2001:db8::/32 with "
	       "nothing beyond its prefix, or unix";
}

static bool is_scheme(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') &&
		    (i == 0 ||
			!((c >= '0' && c <= '9') || memchr("+-.", c, 3))))
			return false;
	}
	return s.n > 0;
}

static bool has_upper_case(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	}
	return false;
}

/* As a browser spells it: RFC 6454 §6.2. */
const char *config_check_origin(struct slice s)
{
	size_t colon = slice_find(s, 0, ':');
	struct slice scheme = slice_sub(s, 0, colon);
	struct slice rest = slice_sub(s, colon, s.n);
	struct num_host_port hp;
	int standard = slice_eq(scheme, SLICE("https"))	 ? 443
		       : slice_eq(scheme, SLICE("http")) ? 80
							 : 0;

	if (slice_eq(s, SLICE("*")))
		return NULL;
	if (!is_scheme(scheme) || !slice_starts(rest, SLICE("://")) ||
	    has_upper_case(s) ||
	    !num_parse_host_port(slice_sub(rest, 3, rest.n), 0, &hp) ||
	    slice_ends(s, SLICE(":")))
		return "an origin like https://app.example or "
		       "http://localhost:3000, or *";
	if (standard != 0 && hp.port == standard)
		return "an origin as browsers send it: without the scheme's "
		       "own port";
	return NULL;
}

bool config_check_origins(const struct config *c, struct buf *why)
{
	for (size_t i = 0; i < c->cors_origins.n && c->cors_origins.n > 1;
	     i++) {
		if (strcmp(c->cors_origins.v[i], "*") == 0) {
			buf_printf(why, "has * beside other origins");
			return false;
		}
	}
	return true;
}
