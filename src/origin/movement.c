#include "origin/movement.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/sabotage.h"
#include "origin/origin_internal.h"

#include <assert.h>
#include <stdlib.h>

void movement_init(struct movement *m, struct origin *o,
    void (*done)(struct movement *, bool), void *arg)
{
	*m = (struct movement){.origin = o, .done = done, .arg = arg};
}

/* On the writer thread. */
static void on_committed(struct cache_move *move, bool is_committed)
{
	struct movement *m = mail_of(move, struct movement, move);

	m->is_committed = is_committed;
	move->mail.kind = ORIGIN_MAIL_MOVED;
	if (!mailbox_post(m->origin->returns, &move->mail))
		assert(!"the origin's returns are unbounded");
}

/* A movement that could not name its tags moves everything. */
static void name_tags(struct movement *m, struct tag_set *tags)
{
	if (tags->is_full || tags->n == 0) {
		tag_set_fini(tags);
		tag_set_init(tags);
		api_tags_all(tags);
		/* Two tags at most: memory for them ends the process. */
		if (tags->is_full)
			abort();
	}
	m->move.tags = tags->v;
	m->move.tags_n = tags->n;
	tag_set_init(tags);
}

static void finish(struct movement *m)
{
	free(m->move.tags);
	m->move.tags = NULL;
	m->done(m, m->is_committed);
}

static void forget_twin(struct movement *m, bool is_committed)
{
	(void)is_committed;
	free(m);
}

/* For SABOTAGE_ANSWER_BEFORE_COMMIT: the caller goes on at once. */
static void send_unattended(struct movement *m)
{
	struct movement *twin = malloc(sizeof(*twin));

	if (!twin)
		abort();
	*twin = *m;
	twin->done = forget_twin;
	twin->move.done = on_committed;
	m->origin->moves_pending++;
	cache_move_post(m->origin->options.cache, &twin->move);
	m->move.tags = NULL;
	m->is_committed = true;
	finish(m);
}

void movement_send(struct movement *m, struct tag_set *tags, bool is_suspect)
{
	struct origin *o = m->origin;

	name_tags(m, tags);
	metrics_add(METRIC_MOVES, 1);
	m->move.moved_at_ms = clock_wall_ms();
	m->move.is_suspect = is_suspect;
	m->move.seq = moves_record(o->moves, m->move.tags, m->move.tags_n,
	    is_suspect, m->move.moved_at_ms);
	if (!o->options.cache) {
		o->committed_seq = m->move.seq;
		m->is_committed = true;
		finish(m);
		return;
	}
	if (SABOTAGE_ANSWER_BEFORE_COMMIT) {
		send_unattended(m);
		return;
	}
	m->move.done = on_committed;
	o->moves_pending++;
	cache_move_post(o->options.cache, &m->move);
}

void movement_moved(struct origin *o, struct cache_move *move)
{
	struct movement *m = mail_of(move, struct movement, move);

	o->moves_pending--;
	if (move->seq > o->committed_seq)
		o->committed_seq = move->seq;
	finish(m);
}
