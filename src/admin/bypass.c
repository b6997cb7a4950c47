#include "admin/bypass.h"

#include "base/log.h"
#include "store/flag.h"

#include <stdlib.h>
#include <string.h>

struct bypass {
	struct origin *origin; /* borrowed */
	struct flag flag; /* fd -1: is not kept */
};

static void say_not_kept(int error)
{
	log_event(LOG_ERROR, "bypass-not-kept",
	    LOG_STR("reason", strerror(error)), LOG_END);
}

struct bypass *bypass_new(const char *state_dir, struct origin *o)
{
	struct bypass *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return NULL;
	b->origin = o;
	rc = flag_open(&b->flag, state_dir, "bypass");
	if (rc != 0)
		say_not_kept(rc);
	if (b->flag.fd >= 0 && b->flag.is_raised) {
		log_event(LOG_WARN, "bypass", LOG_STR("mode", "on"), LOG_END);
		origin_set_bypass(o, true);
	}
	return b;
}

void bypass_free(struct bypass *b)
{
	if (!b)
		return;
	flag_close(&b->flag);
	free(b);
}

bool bypass_set(struct bypass *b, bool is_on)
{
	int rc = 0;

	if (origin_is_bypassed(b->origin) != is_on)
		log_event(LOG_WARN, "bypass",
		    LOG_STR("mode", is_on ? "on" : "off"), LOG_END);
	origin_set_bypass(b->origin, is_on);
	if (b->flag.fd < 0)
		return false;
	if (b->flag.is_raised != is_on)
		rc = flag_set(&b->flag, is_on);
	if (rc != 0)
		say_not_kept(rc);
	return rc == 0;
}
