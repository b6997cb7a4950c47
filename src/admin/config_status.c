#include "admin/config_status.h"

#include "base/clock.h"
#include "base/config.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct config_status {
	pthread_mutex_t lock; /* of all that follows */
	char *file; /* owned */
	int64_t loaded_ms; /* wall: what is in force */
	int64_t reload_ms; /* wall; 0: none was asked for */
	bool is_reload_ok;
	char *reason; /* owned; NULL when it went well */
	const char *needs_restart[CONFIG_OPTIONS_MAX];
	size_t needs_restart_n;
};

struct config_status *config_status_new(const char *file)
{
	struct config_status *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->loaded_ms = clock_wall_ms();
	s->file = strdup(file);
	if (s->file)
		return s;
	config_status_free(s);
	return NULL;
}

void config_status_free(struct config_status *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->file);
	free(s->reason);
	free(s);
}

/* reason becomes ours. */
static void set_result(struct config_status *s, bool is_ok, char *reason)
{
	s->reload_ms = clock_wall_ms();
	s->is_reload_ok = is_ok;
	free(s->reason);
	s->reason = reason;
}

void config_status_loaded(
    struct config_status *s, const char *const *needs_restart, size_t n)
{
	if (n > CONFIG_OPTIONS_MAX)
		n = CONFIG_OPTIONS_MAX;
	pthread_mutex_lock(&s->lock);
	set_result(s, true, NULL);
	s->loaded_ms = s->reload_ms;
	for (size_t i = 0; i < n; i++)
		s->needs_restart[i] = needs_restart[i];
	s->needs_restart_n = n;
	pthread_mutex_unlock(&s->lock);
}

void config_status_refused(struct config_status *s, const char *reason)
{
	char *copy = strdup(reason);

	pthread_mutex_lock(&s->lock);
	set_result(s, false, copy);
	pthread_mutex_unlock(&s->lock);
}

static void add_time(cJSON *o, const char *name, int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cJSON_AddStringToObject(o, name, text);
}

static void add_reload(cJSON *o, const struct config_status *s)
{
	cJSON *reload;

	if (s->reload_ms == 0)
		return;
	reload = cJSON_AddObjectToObject(o, "lastReload");
	add_time(reload, "at", s->reload_ms);
	cJSON_AddBoolToObject(reload, "ok", s->is_reload_ok);
	if (s->reason)
		cJSON_AddStringToObject(reload, "reason", s->reason);
}

void config_status_write(struct config_status *s, struct cJSON *doc)
{
	cJSON *o = cJSON_AddObjectToObject(doc, "config");
	cJSON *names;

	pthread_mutex_lock(&s->lock);
	cJSON_AddStringToObject(o, "file", s->file);
	add_time(o, "loadedAt", s->loaded_ms);
	add_reload(o, s);
	names = cJSON_AddArrayToObject(o, "needsRestart");
	for (size_t i = 0; i < s->needs_restart_n; i++)
		cJSON_AddItemToArray(
		    names, cJSON_CreateString(s->needs_restart[i]));
	pthread_mutex_unlock(&s->lock);
}
