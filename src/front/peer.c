#include "front/peer.h"

#include "base/metrics.h"
#include "base/num.h"
#include "front/front_internal.h"
#include "front/identity.h"

_Static_assert(
    sizeof(((struct request *)0)->client) >= ADDR_TEXT_SIZE, "an address fits");

static bool is_trusted(struct request *r)
{
	const struct front_settings *s = r->front->settings;
	const struct addr *a = conn_address(r->conn);

	if (conn_is_unix(r->conn))
		return s->is_unix_trusted;
	return a && addr_is_in_any(a, s->trusted, s->trusted_n);
}

/* The fields; at most IDENTITY_FIELDS_MAX, which the gate has seen to. */
static size_t fields_of(struct request *r, struct field *fields)
{
	struct gate_request all;

	identity_gate_request(r->req, fields, &all);
	return all.fields_n < IDENTITY_FIELDS_MAX ? all.fields_n
						  : IDENTITY_FIELDS_MAX;
}

void peer_read(struct request *r)
{
	const struct front_settings *s = r->front->settings;
	struct field fields[IDENTITY_FIELDS_MAX];

	r->forwarded = (struct forwarded){.state = FORWARDED_NOT};
	if (!is_trusted(r))
		return;
	forwarded_read(fields, fields_of(r, fields), s->trusted, s->trusted_n,
	    &r->forwarded);
	if (r->forwarded.state == FORWARDED_KNOWN)
		addr_format(&r->forwarded.client, r->client);
	if (r->forwarded.state == FORWARDED_BAD)
		metrics_add(METRIC_FORWARDED_UNUSED, 1);
}

void peer_host_rules(struct request *r, struct gate_rules *rules)
{
	const struct front_settings *s = r->front->settings;

	rules->hosts = s->hosts;
	rules->hosts_n = s->hosts_n;
	rules->own_hosts = s->own_hosts;
	rules->own_hosts_n = s->own_hosts_n;
	/* From elsewhere, names are the business of that network; a trusted
	 * proxy has its own rules for them. */
	rules->must_be_local = conn_is_loopback(r->conn) && !is_trusted(r);
}

/* The URL that was configured for the listener, else for all; or NULL. */
static const struct front_public_url *public_url(struct request *r)
{
	const struct front_settings *s = r->front->settings;
	struct slice name = slice_of_str(conn_listener_name(r->conn));
	const struct front_public_url *found = NULL;

	for (size_t i = 0; i < s->public_urls_n; i++) {
		const struct front_public_url *p = &s->public_urls[i];

		if (p->listen.n > 0 && slice_eq(p->listen, name))
			return p;
		if (p->listen.n == 0)
			found = p;
	}
	return found;
}

bool peer_base(struct request *r, struct slice *scheme, struct slice *authority)
{
	const struct front_public_url *p = public_url(r);
	const struct forwarded *f = &r->forwarded;

	if (p) {
		*scheme = p->scheme;
		*authority = p->authority;
		return true;
	}
	*scheme = f->scheme.n > 0 ? f->scheme : SLICE("http");
	*authority = f->host.n > 0 ? f->host : identity_host(r->req);
	return authority->n > 0;
}

/*
 * A browser on this machine can be led here under any name that its owner
 * lets point to loopback (DNS rebinding), but not under one of ours.
 */
static bool is_loopback_name(struct slice host)
{
	struct num_host_port at;

	return host.n == 0 ||
	       (num_parse_host_port(host, 80, &at) && num_is_loopback(&at));
}

static bool is_forwarded_from_here(struct request *r)
{
	struct field fields[IDENTITY_FIELDS_MAX];

	if (r->forwarded.state == FORWARDED_NOT)
		return !forwarded_has_any(fields, fields_of(r, fields));
	return r->forwarded.state == FORWARDED_KNOWN &&
	       addr_is_loopback(&r->forwarded.client) &&
	       is_loopback_name(r->forwarded.host);
}

bool peer_is_this_machine(struct request *r)
{
	if (!conn_is_unix(r->conn) && !conn_is_loopback(r->conn))
		return false;
	/* No browser speaks to unix sockets; who does may use any name. */
	return (conn_is_unix(r->conn) ||
		   is_loopback_name(identity_host(r->req))) &&
	       is_forwarded_from_here(r);
}
