#include "cli/settings_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_own_host(struct settings_net *n, struct slice host)
{
	if (host.n > 0)
		n->own_hosts[n->own_hosts_n++] = host;
}

/*
 * The names that this machine is known by without asking anybody: its own, as
 * such and in multicast DNS, and those that the operator wrote down.
 */
static bool init_own_hosts(struct settings_net *n, const struct config *c)
{
	n->own_hosts =
	    calloc(2 + c->listen.n + c->public_url.n, sizeof(*n->own_hosts));
	if (!n->own_hosts)
		return false;
	/* Too long a name need not be terminated. */
	if (gethostname(n->machine, sizeof(n->machine) - 1) != 0)
		n->machine[0] = '\0';
	if (n->machine[0])
		snprintf(n->machine_local, sizeof(n->machine_local), "%s.local",
		    n->machine);
	add_own_host(n, slice_of_str(n->machine));
	add_own_host(n, slice_of_str(n->machine_local));
	for (size_t i = 0; i < c->listen.n; i++) {
		struct config_listen l;

		if (config_parse_listen(slice_of_str(c->listen.v[i]), &l))
			add_own_host(n, l.at.host);
	}
	for (size_t i = 0; i < c->public_url.n; i++) {
		struct config_public_url p;

		if (config_parse_public_url(
			slice_of_str(c->public_url.v[i]), &p))
			add_own_host(n, p.url.at.host);
	}
	return true;
}

static bool init_public_urls(struct settings_net *n, const struct config *c)
{
	n->public_urls = calloc(c->public_url.n + 1, sizeof(*n->public_urls));
	for (size_t i = 0; n->public_urls && i < c->public_url.n; i++) {
		struct config_public_url p;

		if (!config_parse_public_url(
			slice_of_str(c->public_url.v[i]), &p))
			continue;
		n->public_urls[n->public_urls_n++] = (struct front_public_url){
		    .listen = p.listen,
		    .scheme = p.url.is_tls ? SLICE("https") : SLICE("http"),
		    .authority = p.url.authority,
		};
	}
	return n->public_urls != NULL;
}

static bool init_trusted(struct settings_net *n, const struct config *c)
{
	n->trusted = calloc(c->trusted_proxies.n + 1, sizeof(*n->trusted));
	for (size_t i = 0; n->trusted && i < c->trusted_proxies.n; i++) {
		struct slice text = slice_of_str(c->trusted_proxies.v[i]);

		if (slice_eq(text, SLICE("unix")))
			n->is_unix_trusted = true;
		else if (addr_range_parse(text, &n->trusted[n->trusted_n]))
			n->trusted_n++;
	}
	return n->trusted != NULL;
}

static bool init_origins(struct settings_net *n, const struct config *c)
{
	n->origins = calloc(c->cors_origins.n + 1, sizeof(*n->origins));
	for (size_t i = 0; n->origins && i < c->cors_origins.n; i++) {
		struct slice text = slice_of_str(c->cors_origins.v[i]);

		if (slice_eq(text, SLICE("*")))
			n->is_any_origin = true;
		else
			n->origins[n->origins_n++] = text;
	}
	return n->origins != NULL;
}

bool settings_net_init(struct settings_net *n, const struct config *config)
{
	return init_own_hosts(n, config) && init_public_urls(n, config) &&
	       init_trusted(n, config) && init_origins(n, config);
}

void settings_net_fini(struct settings_net *n)
{
	free(n->own_hosts);
	free(n->public_urls);
	free(n->trusted);
	free(n->origins);
}

void settings_net_fill(const struct settings_net *n, struct front_settings *out)
{
	out->own_hosts = n->own_hosts;
	out->own_hosts_n = n->own_hosts_n;
	out->public_urls = n->public_urls;
	out->public_urls_n = n->public_urls_n;
	out->trusted = n->trusted;
	out->trusted_n = n->trusted_n;
	out->is_unix_trusted = n->is_unix_trusted;
	out->cors = (struct cors_rules){
	    .origins = n->origins,
	    .origins_n = n->origins_n,
	    .is_any = n->is_any_origin,
	};
}
