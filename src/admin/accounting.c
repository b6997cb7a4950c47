#include "admin/accounting.h"

#include "base/clock.h"
#include "store/usage_collect.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define COLLECT_EVERY_S 10
#define COMMIT_EVERY_MS 60000
/* Whoever waits is told what is known by then. */
#define PATIENCE_S 1

TAILQ_HEAD(waits, accounting_wait);

/* One for each front, the last for the origin. */
struct envelope {
	struct usage_collect collect;
	bool is_away;
};

struct accounting {
	struct accounting_options options;
	struct usage_book *book;
	struct event *tick;
	struct event *patience;
	struct envelope *envelopes; /* owned, with their tables */
	unsigned envelopes_n;
	unsigned away_n;
	bool is_stopped;
	int64_t commit_at_ms; /* mono */
	struct waits waits; /* for the round that is under way */
	struct waits next_waits; /* for the one behind it */
	struct usage_table *scratch;
	/* What other threads read. */
	pthread_mutex_t lock;
	struct accounting_today today;
	struct usage_table *tools; /* since the start */
};

/* ---- what others read ---- */

static int64_t midnight_hour(int64_t now_ms)
{
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm tm;

	localtime_r(&now_s, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000 / USAGE_HOUR_MS;
}

/* Keeps the most asked, in order. */
static void put_in_top(struct accounting_today *t, const struct usage_row *row)
{
	size_t i = t->top_n < ACCOUNTING_TOP ? t->top_n++ : ACCOUNTING_TOP;

	while (i > 0 && t->top[i - 1].v[USAGE_ASKED] < row->v[USAGE_ASKED]) {
		if (i < ACCOUNTING_TOP)
			t->top[i] = t->top[i - 1];
		i--;
	}
	if (i < ACCOUNTING_TOP)
		t->top[i] = *row;
}

static void publish(struct accounting *a)
{
	struct usage_question q = {
	    .from_hour = midnight_hour(clock_wall_ms()),
	    .by = USAGE_BY_OPERATION,
	};
	struct accounting_today today = {
	    .since_ms = q.from_hour * USAGE_HOUR_MS,
	};

	usage_table_clear(a->scratch);
	usage_book_ask(a->book, &q, a->scratch);
	for (size_t i = 0; i < usage_table_n(a->scratch); i++) {
		const struct usage_row *row = usage_table_at(a->scratch, i);

		usage_row_add(&today.total, row->v);
		put_in_top(&today, row);
	}
	today.trouble = usage_book_trouble(a->book);
	pthread_mutex_lock(&a->lock);
	a->today = today;
	pthread_mutex_unlock(&a->lock);
}

void accounting_today(struct accounting *a, struct accounting_today *out)
{
	pthread_mutex_lock(&a->lock);
	*out = a->today;
	pthread_mutex_unlock(&a->lock);
}

void accounting_tools(struct accounting *a,
    void (*visit)(const struct usage_row *row, void *arg), void *arg)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < usage_table_n(a->tools); i++)
		visit(usage_table_at(a->tools, i), arg);
	pthread_mutex_unlock(&a->lock);
}

/* ---- collecting ---- */

/* Empties t into the book, under names that are bounded. */
static void take_rows(struct accounting *a, struct usage_table *t)
{
	usage_table_clear(a->scratch);
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < usage_table_n(t); i++) {
		const struct usage_row *row = usage_table_at(t, i);
		struct slice tool =
		    usage_book_tool(a->book, slice_of_str(row->tool));

		usage_row_add(usage_table_row(a->scratch, tool,
				  slice_of_str(row->op), row->hour),
		    row->v);
		usage_row_add(
		    usage_table_row(a->tools, tool, SLICE(""), 0), row->v);
	}
	pthread_mutex_unlock(&a->lock);
	usage_book_add(a->book, a->scratch);
	usage_table_clear(t);
}

static void call_all(struct waits *waits)
{
	struct accounting_wait *w;

	while ((w = TAILQ_FIRST(waits))) {
		TAILQ_REMOVE(waits, w, link);
		w->done(w->arg);
	}
}

static void send_envelope(struct accounting *a, unsigned i)
{
	struct envelope *e = &a->envelopes[i];

	if (i < a->options.fronts_n) {
		front_collect(a->options.fronts[i], &e->collect);
	} else {
		e->collect.mail.kind = ORIGIN_MAIL_USAGE;
		/* Full of asks: it is asked again in the next round. */
		if (!origin_post(a->options.origin, &e->collect.mail))
			return;
	}
	e->is_away = true;
	a->away_n++;
}

/* For a second from now, or from when the round began. */
static void be_patient(struct accounting *a)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};

	if (!event_pending(a->patience, EV_TIMEOUT, NULL))
		event_add(a->patience, &patience);
}

static void begin_round(struct accounting *a)
{
	assert(a->away_n == 0 && !a->is_stopped);
	for (unsigned i = 0; i < a->envelopes_n; i++)
		send_envelope(a, i);
	be_patient(a);
}

static void commit_if_due(struct accounting *a)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < a->commit_at_ms)
		return;
	usage_book_commit(a->book, clock_wall_ms() / USAGE_HOUR_MS);
	a->commit_at_ms = now_ms + COMMIT_EVERY_MS;
}

static void end_round(struct accounting *a)
{
	event_del(a->patience);
	commit_if_due(a);
	publish(a);
	call_all(&a->waits);
	if (a->is_stopped || TAILQ_EMPTY(&a->next_waits))
		return;
	TAILQ_CONCAT(&a->waits, &a->next_waits, link);
	begin_round(a);
}

void accounting_mail(struct accounting *a, struct mail *m)
{
	struct usage_collect *c = mail_of(m, struct usage_collect, mail);
	struct envelope *e = mail_of(c, struct envelope, collect);

	assert(e->is_away);
	e->is_away = false;
	a->away_n--;
	take_rows(a, c->table);
	if (a->away_n == 0)
		end_round(a);
}

/* A thread is late: its counts come when they come. */
static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct accounting *a = arg;

	(void)fd;
	(void)what;
	publish(a);
	call_all(&a->waits);
	call_all(&a->next_waits);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct accounting *a = arg;

	(void)fd;
	(void)what;
	if (a->away_n == 0 && !a->is_stopped)
		begin_round(a);
}

void accounting_collect(struct accounting *a, struct accounting_wait *w)
{
	if (a->is_stopped) {
		publish(a);
		w->done(w->arg);
	} else if (a->away_n > 0) {
		/* This round may have passed what w wants to see. */
		TAILQ_INSERT_TAIL(&a->next_waits, w, link);
		be_patient(a);
	} else {
		TAILQ_INSERT_TAIL(&a->waits, w, link);
		begin_round(a);
	}
}

static bool is_in(const struct waits *waits, const struct accounting_wait *w)
{
	const struct accounting_wait *other;

	TAILQ_FOREACH(other, waits, link)
	{
		if (other == w)
			return true;
	}
	return false;
}

void accounting_forget(struct accounting *a, struct accounting_wait *w)
{
	if (is_in(&a->waits, w))
		TAILQ_REMOVE(&a->waits, w, link);
	else if (is_in(&a->next_waits, w))
		TAILQ_REMOVE(&a->next_waits, w, link);
}

struct usage_book *accounting_book(struct accounting *a)
{
	return a->book;
}

/* ---- life ---- */

static bool make_envelopes(struct accounting *a)
{
	a->envelopes_n = a->options.fronts_n + 1;
	a->envelopes = calloc(a->envelopes_n, sizeof(*a->envelopes));
	for (unsigned i = 0; a->envelopes && i < a->envelopes_n; i++) {
		struct usage_collect *c = &a->envelopes[i].collect;

		c->reply_to = a->options.mailbox;
		c->reply_kind = a->options.mail_kind;
		c->table = usage_table_new(USAGE_THREAD_ROWS);
		if (!c->table)
			return false;
	}
	return a->envelopes != NULL;
}

static bool build(struct accounting *a, struct event_base *base)
{
	struct timeval every = {.tv_sec = COLLECT_EVERY_S};

	a->book = usage_book_open(a->options.vault);
	a->scratch = usage_table_new(2 * USAGE_THREAD_ROWS);
	a->tools = usage_table_new(2 * USAGE_TOOLS_MAX);
	a->tick = event_new(base, -1, EV_PERSIST, on_tick, a);
	a->patience = event_new(base, -1, 0, on_patience, a);
	if (!a->book || !a->scratch || !a->tools || !a->tick || !a->patience ||
	    !make_envelopes(a))
		return false;
	publish(a);
	return event_add(a->tick, &every) == 0;
}

struct accounting *accounting_new(
    struct event_base *base, const struct accounting_options *o)
{
	struct accounting *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->options = *o;
	TAILQ_INIT(&a->waits);
	TAILQ_INIT(&a->next_waits);
	pthread_mutex_init(&a->lock, NULL);
	a->commit_at_ms = clock_mono_ms() + COMMIT_EVERY_MS;
	if (!build(a, base)) {
		accounting_free(a);
		return NULL;
	}
	return a;
}

void accounting_stop(struct accounting *a)
{
	a->is_stopped = true;
	event_del(a->tick);
	event_del(a->patience);
	publish(a);
	call_all(&a->waits);
	call_all(&a->next_waits);
}

void accounting_finish(struct accounting *a)
{
	for (unsigned i = 0; i < a->options.fronts_n; i++)
		take_rows(a, front_usage(a->options.fronts[i]));
	take_rows(a, origin_usage(a->options.origin));
	usage_book_commit(a->book, clock_wall_ms() / USAGE_HOUR_MS);
}

void accounting_free(struct accounting *a)
{
	if (!a)
		return;
	if (a->tick)
		event_free(a->tick);
	if (a->patience)
		event_free(a->patience);
	for (unsigned i = 0; a->envelopes && i < a->envelopes_n; i++)
		usage_table_free(a->envelopes[i].collect.table);
	free(a->envelopes);
	usage_table_free(a->scratch);
	usage_table_free(a->tools);
	usage_book_close(a->book);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
