#include "cli/reload.h"

#include "base/log.h"
#include "store/why.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A configuration, and what the threads follow of it. */
struct version {
	struct config *config; /* owned; NULL: the first one, borrowed */
	struct settings *settings; /* owned */
};

struct reload {
	const struct config *first; /* whose fixed options hold for ever */
	int argc;
	char **argv;
	struct reload_followers followers;
	struct config_status *status;
	struct version current;
	struct version former; /* while some follow it still */
	unsigned behind; /* how many do */
	bool is_asked; /* again, while one is under way */
	bool is_stopped;
	struct front_switch to_fronts[RELOAD_FRONTS_MAX];
	struct origin_switch to_origin;
};

/* ---- life ---- */

static void version_free(struct version *v)
{
	settings_free(v->settings);
	config_free(v->config);
	*v = (struct version){NULL, NULL};
}

struct reload *reload_new(
    const struct config *config, int argc, char **argv, char **why)
{
	struct reload *r = calloc(1, sizeof(*r));

	*why = NULL;
	if (!r)
		return NULL;
	r->first = config;
	r->argc = argc;
	r->argv = argv;
	r->status = config_status_new(config->file);
	r->current.settings = settings_new(config, why);
	if (r->status && r->current.settings)
		return r;
	reload_free(r);
	return NULL;
}

const struct settings *reload_settings(const struct reload *r)
{
	return r->current.settings;
}

struct config_status *reload_status(struct reload *r)
{
	return r->status;
}

void reload_start(struct reload *r, const struct reload_followers *f)
{
	assert(f->fronts_n <= RELOAD_FRONTS_MAX);
	r->followers = *f;
}

void reload_stop(struct reload *r)
{
	r->is_stopped = true;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	assert(r->behind == 0);
	version_free(&r->former);
	version_free(&r->current);
	config_status_free(r->status);
	free(r);
}

/* ---- loading ---- */

static void refuse(struct reload *r, char *why)
{
	const char *reason = why ? why : "out of memory";

	log_event(
	    LOG_ERROR, "reload-refused", LOG_STR("reason", reason), LOG_END);
	config_status_refused(r->status, reason);
	free(why);
}

/* Opening a pipe would stop the main thread until somebody writes. */
static bool is_file(const char *path, char **why)
{
	struct stat st;

	if (!path[0])
		return true;
	if (stat(path, &st) != 0) {
		why_set(why, "%s: %s", path, strerror(errno));
		return false;
	}
	if (S_ISREG(st.st_mode))
		return true;
	why_set(why, "%s: is not a file that can be read again", path);
	return false;
}

static bool load(struct reload *r, struct version *v, char **why)
{
	int rest;

	*v = (struct version){NULL, NULL};
	if (!is_file(r->first->file, why))
		return false;
	v->config = config_load(NULL, r->argc, r->argv, &rest, why);
	if (!v->config)
		return false;
	v->settings = settings_new(v->config, why);
	if (v->settings)
		return true;
	version_free(v);
	return false;
}

/* ---- switching ---- */

static void tell_fronts(struct reload *r)
{
	const struct reload_followers *f = &r->followers;

	for (unsigned i = 0; i < f->fronts_n; i++) {
		r->to_fronts[i] = (struct front_switch){
		    .settings = &r->current.settings->front,
		    .reply_to = f->mailbox,
		    .reply_kind = f->mail_kind,
		};
		front_use(f->fronts[i], &r->to_fronts[i]);
	}
	r->behind += f->fronts_n;
}

static void tell_origin(struct reload *r)
{
	const struct reload_followers *f = &r->followers;

	r->to_origin = (struct origin_switch){
	    .settings = &r->current.settings->origin,
	    .reply_to = f->mailbox,
	    .reply_kind = f->mail_kind,
	};
	origin_use(f->origin, &r->to_origin);
	r->behind++;
}

/* What belongs to the process rather than to a thread. */
static void apply(struct reload *r)
{
	const struct config *c = r->current.config;

	log_set_level((enum log_level)c->log_level);
	log_set_requests(c->log_requests);
	cache_set_keep_stale(r->followers.cache, c->keep_stale_ms);
}

static void begin(struct reload *r)
{
	struct version fresh;
	char *why = NULL;

	if (!load(r, &fresh, &why)) {
		refuse(r, why);
		return;
	}
	r->former = r->current;
	r->current = fresh;
	apply(r);
	tell_fronts(r);
	tell_origin(r);
}

/* "listen, threads" */
static void join(struct buf *out, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? ", " : "", names[i]);
}

static void finish(struct reload *r)
{
	const struct config *c = r->current.config;
	const char *fixed[CONFIG_OPTIONS_MAX];
	struct buf names;
	size_t n;

	version_free(&r->former);
	n = config_compare_fixed(r->first, c, fixed, CONFIG_OPTIONS_MAX);
	buf_init(&names, 4096);
	join(&names, fixed, n);
	log_event(n > 0 ? LOG_WARN : LOG_INFO, "reloaded",
	    LOG_STR("file", c->file),
	    LOG_SLICE("needs_restart", n > 0 ? buf_slice(&names) : SLICE_NONE),
	    LOG_END);
	log_flush();
	buf_fini(&names);
	config_status_loaded(r->status, fixed, n);
}

void reload_ask(struct reload *r)
{
	if (r->is_stopped)
		refuse(r, strdup("the daemon is stopping"));
	else if (r->behind > 0)
		r->is_asked = true;
	else
		begin(r);
}

bool reload_is_under_way(const struct reload *r)
{
	return r->behind > 0;
}

void reload_mail(struct reload *r)
{
	assert(r->behind > 0);
	r->behind--;
	if (r->behind > 0)
		return;
	finish(r);
	if (!r->is_asked)
		return;
	r->is_asked = false;
	reload_ask(r);
}
