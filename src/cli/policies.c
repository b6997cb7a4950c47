#include "cli/policies.h"

#include "store/why.h"

#include <stdlib.h>

static struct api_route_rule rule_of(const struct config_route *r)
{
	return (struct api_route_rule){
	    .match = slice_of_str(r->match),
	    .has_ttl = r->has_ttl,
	    .ttl_ms = r->ttl_ms,
	    .has_swr = r->has_stale_while_revalidate,
	    .swr_ms = r->stale_while_revalidate_ms,
	    .has_stale = r->has_stale_if_error,
	    .stale_ms = r->stale_if_error_ms,
	    .has_override = r->has_override_upstream,
	    .is_override_upstream = r->override_upstream,
	};
}

struct api_policies *policies_of_config(const struct config *config, char **why)
{
	struct api_route_error error = {0};
	struct api_route_rule *rules =
	    calloc(config->n_routes + 1, sizeof(*rules));
	struct api_policies *policies;

	*why = NULL;
	if (!rules)
		return NULL;
	for (size_t i = 0; i < config->n_routes; i++)
		rules[i] = rule_of(&config->routes[i]);
	policies = api_policies_new(rules, config->n_routes, &error);
	if (!policies && error.message && error.rule < config->n_routes) {
		const struct config_route *r = &config->routes[error.rule];

		why_set(why, "%s:%u: [route %s] match = %s: %s", config->file,
		    r->line, r->name, r->match, error.message);
	}
	free(rules);
	return policies;
}
