#include "cli/settings.h"

#include "cli/policies.h"
#include "http/field.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors that are not a connection of a client or of the upstream:
 * files, event loops, refused clients that are being told so. */
#define DESCRIPTORS_KEPT 128

static struct slice *slices_of(const struct config_list *list)
{
	struct slice *v = calloc(list->n + 1, sizeof(*v));

	for (size_t i = 0; v && i < list->n; i++)
		v[i] = slice_of_str(list->v[i]);
	return v;
}

unsigned settings_threads(const struct config *c)
{
	long n =
	    c->threads > 0 ? (long)c->threads : sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		n = 1;
	return n > SETTINGS_THREADS_MAX ? SETTINGS_THREADS_MAX : (unsigned)n;
}

/*
 * Of each thread: what is configured, or what there are descriptors for. At
 * the cap somebody idle makes room; without descriptors all new clients wait.
 */
static unsigned connections_of(const struct config *c)
{
	unsigned n = settings_threads(c),
		 most = (c->max_connections + n - 1) / n;
	rlim_t kept = DESCRIPTORS_KEPT + c->upstream_connections;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return most;
	if (limit.rlim_cur <= kept + n)
		return 1;
	limit.rlim_cur = (limit.rlim_cur - kept) / n;
	return limit.rlim_cur < most ? (unsigned)limit.rlim_cur : most;
}

static struct listener_options listener_of(const struct config *c)
{
	return (struct listener_options){
	    .max_target_bytes = c->max_target_bytes,
	    .max_header_bytes = c->max_header_bytes,
	    .max_body_bytes = c->max_body_bytes,
	    .max_fields = c->max_fields,
	    .max_connections = connections_of(c),
	    .idle_timeout_ms = c->idle_timeout_ms,
	    .header_timeout_ms = c->header_timeout_ms,
	    .body_timeout_ms = c->body_timeout_ms,
	    .write_timeout_ms = c->write_timeout_ms,
	    .is_direct_write = c->direct_write,
	    .takes_any_method = c->profile == CONFIG_PROFILE_STANDARDS,
	};
}

static bool check_forward(const struct config *c, char **why)
{
	for (size_t i = 0; i < c->forward_headers.n; i++) {
		struct slice name = slice_of_str(c->forward_headers.v[i]);
		struct buf text;
		size_t n;

		if (field_may_be_forwarded(name))
			continue;
		buf_init(&text, 4096);
		config_locate(c, "forward_headers", &text);
		buf_add_json_string(&text, name);
		buf_printf(&text, " is not a field that may be forwarded: the "
				  "proxy sets or consumes it");
		*why = buf_take(&text, &n);
		return false;
	}
	return true;
}

static void fill(struct settings *s)
{
	const struct config *c = s->config;

	s->front = (struct front_settings){
	    .policies = s->policies,
	    .hosts = s->hosts,
	    .hosts_n = c->hosts.n,
	    .forward_fields = s->forward_fields,
	    .forward_fields_n = c->forward_headers.n,
	    .listener = listener_of(c),
	    .keep_stale_ms = c->keep_stale_ms,
	    .drain_ms = c->drain_ms,
	};
	settings_net_fill(&s->net, &s->front);
	s->origin = (struct origin_settings){
	    .policies = s->policies,
	    .transfers =
		{
		    .connect_timeout_ms = c->connect_timeout_ms,
		    .timeout_ms = c->upstream_timeout_ms,
		    .user_agent = c->user_agent,
		},
	    .stale_wait_ms = c->stale_wait_ms,
	    .settling_ms = c->settling_ms,
	    .store_answer_max_bytes = c->store_answer_max_bytes,
	    .stream_idle_timeout_ms = c->stream_idle_timeout_ms,
	};
}

struct settings *settings_new(const struct config *config, char **why)
{
	struct settings *s = calloc(1, sizeof(*s));

	*why = NULL;
	if (!s)
		return NULL;
	s->config = config;
	if (check_forward(config, why))
		s->policies = policies_of_config(config, why);
	s->hosts = slices_of(&config->hosts);
	s->forward_fields = slices_of(&config->forward_headers);
	if (!s->policies || !s->hosts || !s->forward_fields ||
	    !settings_net_init(&s->net, config)) {
		settings_free(s);
		return NULL;
	}
	fill(s);
	return s;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	api_policies_free(s->policies);
	free(s->hosts);
	free(s->forward_fields);
	settings_net_fini(&s->net);
	free(s);
}
