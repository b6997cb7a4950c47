/*
 * The part of the settings that is about who connects, from where and under
 * which name: hosts of our own, public URLs, trusted proxies, origins.
 */
#ifndef CLI_SETTINGS_NET_H
#define CLI_SETTINGS_NET_H

#include "base/config.h"
#include "front/front.h"

#include <limits.h>

struct settings_net {
	char machine[HOST_NAME_MAX + 1]; /* "" when unknown */
	char machine_local[HOST_NAME_MAX + sizeof(".local")];
	/* Arrays are owned, the texts are the configuration's or ours. */
	struct slice *own_hosts;
	size_t own_hosts_n;
	struct front_public_url *public_urls;
	size_t public_urls_n;
	struct addr_range *trusted;
	size_t trusted_n;
	bool is_unix_trusted;
	struct slice *origins;
	size_t origins_n;
	bool is_any_origin;
};

/* n is zeroed, and neither moved nor copied afterwards; config outlives it.
 * False when memory is exhausted; fini in any case. */
bool settings_net_init(struct settings_net *n, const struct config *config);
void settings_net_fini(struct settings_net *n);
/* Sets the members that come from here. */
void settings_net_fill(
    const struct settings_net *n, struct front_settings *out);

#endif
