#include "store/cache.h"

#include "base/log.h"
#include "base/metrics.h"
#include "store/cache_internal.h"
#include "store/crash.h"
#include "store/why.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Batches as stack experience has it: long enough to share a flush, short
 * enough that nobody waits for one. */
static const struct writer_limits limits = {
    .batch_items = 256,
    .batch_bytes = 4u << 20,
    .droppable_items = 4096,
    .droppable_bytes = 64u << 20,
    .tick_ms = 1000,
};

/* ---- life ---- */

static struct cache *cache_new(const struct cache_options *o)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max_bytes = o->max_bytes;
	cache_set_keep_stale(c, o->keep_stale_ms);
	c->all_tag = o->all_tag;
	c->op_id = o->op_id;
	c->unrecorded.fd = -1;
	recency_init(&c->recency, o->max_bytes);
	cache_walk_begin(c);
	pthread_mutex_init(&c->readers_lock, NULL);
	c->dir = strdup(o->dir);
	c->boot_id = strdup(o->boot_id ? o->boot_id : "");
	c->writer = writer_new(cache_writer_ops(), &limits, c);
	if (!c->dir || !c->boot_id || !c->writer) {
		cache_close(c);
		return NULL;
	}
	return c;
}

struct cache *cache_open(const struct cache_options *o, char **why)
{
	struct cache *c = cache_new(o);
	int rc;

	*why = NULL;
	if (!c) {
		why_set(why, "%s: out of memory or descriptors", o->dir);
		return NULL;
	}
	rc = cache_env_open(c);
	if (rc == 0) {
		cache_measure(c);
		atomic_store(&c->is_serving, true);
		return c;
	}
	c->is_late = true;
	c->must_reopen = true;
	log_event(LOG_ERROR, "store-unusable", LOG_STR("dir", o->dir),
	    LOG_STR("error", mdb_strerror(rc)), LOG_END);
	cache_go_out_of_service(c, rc, false);
	return c;
}

void cache_close(struct cache *c)
{
	if (!c)
		return;
	assert(!c->readers);
	/* What was posted too late is reported, and then known to be missing
	 * when the end is to be called clean. */
	writer_free(c->writer);
	cache_env_close(c);
	if (c->is_watching)
		crash_unwatch();
	pending_clear(&c->pending);
	recency_fini(&c->recency);
	flag_close(&c->unrecorded);
	pthread_mutex_destroy(&c->readers_lock);
	free(c->boot_id);
	free(c->dir);
	free(c);
}

void cache_set_keep_stale(struct cache *c, int64_t keep_stale_ms)
{
	if (c)
		atomic_store(&c->keep_stale_ms, keep_stale_ms);
}

bool cache_writer_start(struct cache *c)
{
	return c && writer_start(c->writer);
}

void cache_writer_stop(struct cache *c)
{
	if (c)
		writer_stop(c->writer);
}

void cache_writer_hurry(struct cache *c)
{
	if (c)
		writer_hurry(c->writer);
}

uint64_t cache_last_seq(struct cache *c)
{
	return c ? c->last_seq : 0;
}

/* ---- mail ---- */

void cache_put_post(struct cache *c, struct cache_put *p)
{
	p->mail.kind = CACHE_MAIL_PUT;
	if (c)
		writer_post(c->writer, &p->mail);
	else if (p->done)
		p->done(p, false);
	else
		cache_put_free(p);
}

void cache_put_free(struct cache_put *p)
{
	if (!p)
		return;
	answer_unref(p->answer);
	free((void *)p->full_key.p);
	free((void *)p->base_full_key.p);
	free((void *)p->vary.p);
	free(p->tags);
	free(p);
}

void cache_move_post(struct cache *c, struct cache_move *m)
{
	m->mail.kind = CACHE_MAIL_MOVE;
	if (c)
		writer_post(c->writer, &m->mail);
	else if (m->done)
		m->done(m, false);
	else
		cache_move_free(m);
}

void cache_move_free(struct cache_move *m)
{
	if (!m)
		return;
	free(m->tags);
	free(m);
}

/* ---- status ---- */

static void stat_trouble(struct cache *c, struct cache_stat *out)
{
	int error = atomic_load(
	    out->is_serving ? &c->stat.insert_error : &c->stat.outage_error);
	const char *text = "";

	if (error != 0)
		text = mdb_strerror(error);
	else if (!cache_has_room_for(c, out->used_bytes, 1))
		text = "full";
	out->is_storing = out->is_serving && text[0] == '\0';
	error = atomic_load(&c->stat.lookup_error);
	if (out->is_storing && error != 0)
		text = mdb_strerror(error);
	snprintf(out->trouble, sizeof(out->trouble), "%s", text);
}

void cache_stat(struct cache *c, struct cache_stat *out)
{
	*out = (struct cache_stat){0};
	if (!c) {
		snprintf(out->trouble, sizeof(out->trouble), "no store");
		return;
	}
	out->entries = atomic_load(&c->stat.entries);
	out->tags = atomic_load(&c->stat.tags);
	out->used_bytes = atomic_load(&c->stat.used_bytes);
	out->file_bytes = atomic_load(&c->stat.file_bytes);
	out->max_bytes = c->max_bytes;
	out->evicted = atomic_load(&c->stat.evicted);
	out->oldest_ms = atomic_load(&c->stat.oldest_ms);
	out->is_evicting =
	    out->used_bytes > c->max_bytes / 100 * CACHE_EVICT_PERCENT;
	out->is_serving = atomic_load(&c->is_serving);
	stat_trouble(c, out);
}
