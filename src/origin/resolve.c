#include "origin/resolve.h"

#include "base/clock.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	LIST_MAX_BYTES = 2048 /* some forty addresses */
};

/*
 * What owner and worker share. The last of the two to leave frees it, because
 * nobody can interrupt getaddrinfo and nobody wants to wait for it.
 */
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct resolve_options options; /* host is owned */
	int fd; /* eventfd: there is news */
	unsigned refs;
	bool is_over;
	bool is_asked;
	bool is_looking;
	/* News: the result of the last lookup, until the owner takes it. */
	bool has_news;
	char *list; /* owned; NULL: failed */
};

struct resolve {
	struct shared *shared;
	pthread_t thread;
	struct event *news;
	resolve_changed changed;
	void *arg;
	enum resolve_state state;
	char *list; /* owned */
};

/* ---- both sides ---- */

static void shared_unref_locked(struct shared *sh)
{
	bool is_last = --sh->refs == 0;

	pthread_mutex_unlock(&sh->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&sh->wake);
	pthread_mutex_destroy(&sh->lock);
	close(sh->fd);
	free((char *)sh->options.host);
	free(sh->list);
	free(sh);
}

static void init_sync(struct shared *sh)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&sh->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sh->wake, &attr);
	pthread_condattr_destroy(&attr);
}

static struct shared *shared_new(const struct resolve_options *o)
{
	struct shared *sh = calloc(1, sizeof(*sh));

	if (!sh)
		return NULL;
	sh->options = *o;
	sh->options.host = strdup(o->host);
	sh->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!sh->options.host || sh->fd < 0) {
		if (sh->fd >= 0)
			close(sh->fd);
		free((char *)sh->options.host);
		free(sh);
		return NULL;
	}
	init_sync(sh);
	sh->refs = 1;
	return sh;
}

/* ---- the worker ---- */

static bool lookup_system(const char *host, struct buf *list, void *arg)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *first = NULL;
	char text[NI_MAXHOST];

	(void)arg;
	if (getaddrinfo(host, NULL, &hints, &first) != 0)
		return false;
	for (struct addrinfo *a = first; a; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text),
			NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		/* A scope ("%eth0") has no place in CURLOPT_RESOLVE. */
		if (strchr(text, '%'))
			continue;
		if (list->n > 0)
			buf_add_char(list, ',');
		buf_add_slice(list, slice_of_str(text));
	}
	freeaddrinfo(first);
	return list->n > 0;
}

/* The answer as a string, or NULL. Called without the lock. */
static char *look_up(const struct resolve_options *o)
{
	resolve_lookup lookup = o->lookup ? o->lookup : lookup_system;
	struct buf list;
	char *answer = NULL;
	size_t n;

	buf_init(&list, LIST_MAX_BYTES);
	if (lookup(o->host, &list, o->lookup_arg)) {
		buf_add_char(&list, '\0');
		if (!list.has_failed && list.n > 1)
			answer = buf_take(&list, &n);
	}
	buf_fini(&list);
	return answer;
}

static void publish(struct shared *sh, char *answer)
{
	const uint64_t one = 1;
	ssize_t n;

	free(sh->list);
	sh->list = answer;
	sh->has_news = true;
	/* Fails only when the counter is full: it is readable then. */
	n = write(sh->fd, &one, sizeof(one));
	(void)n;
}

static struct timespec timespec_of_ms(int64_t ms)
{
	return (struct timespec){
	    .tv_sec = (time_t)(ms / 1000),
	    .tv_nsec = (long)(ms % 1000) * 1000000,
	};
}

/* Until it is time for the next lookup, or asked for, or over. */
static void rest(struct shared *sh, int64_t ended_ms, bool has_answer)
{
	const struct resolve_options *o = &sh->options;
	int64_t due_ms = ended_ms + (has_answer ? o->refresh_ms : o->retry_ms);
	int64_t asked_due_ms = ended_ms + o->gap_ms;

	while (!sh->is_over) {
		int64_t until_ms = sh->is_asked && asked_due_ms < due_ms
				       ? asked_due_ms
				       : due_ms;
		struct timespec until = timespec_of_ms(until_ms);

		if (clock_mono_ms() >= until_ms)
			break;
		pthread_cond_timedwait(&sh->wake, &sh->lock, &until);
	}
	sh->is_asked = false;
}

static void *work(void *arg)
{
	struct shared *sh = arg;

	thread_name("resolve");
	pthread_mutex_lock(&sh->lock);
	while (!sh->is_over) {
		char *answer;

		sh->is_looking = true;
		pthread_mutex_unlock(&sh->lock);
		answer = look_up(&sh->options);
		pthread_mutex_lock(&sh->lock);
		sh->is_looking = false;
		publish(sh, answer);
		rest(sh, clock_mono_ms(), answer != NULL);
	}
	shared_unref_locked(sh);
	return NULL;
}

/* ---- the owner ---- */

static void take_answer(struct resolve *r, char *list)
{
	if (list) {
		free(r->list);
		r->list = list;
		r->state = RESOLVE_KNOWN;
	} else if (r->state != RESOLVE_KNOWN) {
		r->state = RESOLVE_FAILED;
	}
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct resolve *r = arg;
	struct shared *sh = r->shared;
	uint64_t count;
	ssize_t n;
	bool has_news;
	char *list;

	(void)what;
	n = read(fd, &count, sizeof(count));
	(void)n;
	pthread_mutex_lock(&sh->lock);
	has_news = sh->has_news;
	list = sh->list;
	sh->has_news = false;
	sh->list = NULL;
	pthread_mutex_unlock(&sh->lock);
	if (!has_news)
		return;
	take_answer(r, list);
	r->changed(r->arg);
}

/* Signals are the main thread's. */
static int start_worker(struct resolve *r)
{
	sigset_t all, before;
	int failure;

	thread_signals(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&r->thread, NULL, work, r->shared);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

struct resolve *resolve_new(struct event_base *base,
    const struct resolve_options *o, resolve_changed changed, void *arg)
{
	struct resolve *r = calloc(1, sizeof(*r));

	assert(o->refresh_ms > 0 && o->retry_ms > 0 && o->gap_ms >= 0);
	if (!r)
		return NULL;
	r->changed = changed;
	r->arg = arg;
	r->shared = shared_new(o);
	if (!r->shared)
		goto fail;
	r->news =
	    event_new(base, r->shared->fd, EV_READ | EV_PERSIST, on_news, r);
	if (!r->news || event_add(r->news, NULL) != 0)
		goto fail;
	r->shared->refs++;
	if (start_worker(r) != 0) {
		r->shared->refs--;
		goto fail;
	}
	return r;
fail:
	if (r->news)
		event_free(r->news);
	if (r->shared) {
		pthread_mutex_lock(&r->shared->lock);
		shared_unref_locked(r->shared);
	}
	free(r);
	return NULL;
}

void resolve_free(struct resolve *r)
{
	struct shared *sh;
	bool is_looking;

	if (!r)
		return;
	sh = r->shared;
	event_free(r->news);
	pthread_mutex_lock(&sh->lock);
	sh->is_over = true;
	is_looking = sh->is_looking;
	pthread_cond_signal(&sh->wake);
	pthread_mutex_unlock(&sh->lock);
	/* One that rests ends at once; one that looks up ends by itself. */
	if (is_looking)
		pthread_detach(r->thread);
	else
		pthread_join(r->thread, NULL);
	pthread_mutex_lock(&sh->lock);
	shared_unref_locked(sh);
	free(r->list);
	free(r);
}

enum resolve_state resolve_state(const struct resolve *r)
{
	return r->state;
}

const char *resolve_list(const struct resolve *r)
{
	return r->list;
}

void resolve_ask(struct resolve *r)
{
	struct shared *sh = r->shared;

	pthread_mutex_lock(&sh->lock);
	sh->is_asked = true;
	pthread_cond_signal(&sh->wake);
	pthread_mutex_unlock(&sh->lock);
}
