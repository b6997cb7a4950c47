#include "cli/daemon.h"

#include "admin/accounting.h"
#include "admin/control.h"
#include "admin/exposition.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/sabotage.h"
#include "base/thread.h"
#include "cli/listen.h"
#include "cli/reload.h"
#include "cli/service.h"
#include "cli/sockets.h"
#include "store/state.h"
#include "store/vault.h"
#include "store/why.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	MAIL_PURGED = 1,
	MAIL_FRONT_ENDED = 2,
	MAIL_SWITCHED = 3,
	MAIL_USAGE = 4
};

#define FRONTS_MAX RELOAD_FRONTS_MAX

/* Of replies waiting for clients to read them, all clients together. */
#define UNSENT_MAX_BYTES (256u * 1024 * 1024)

struct daemon {
	const struct config *config;
	struct state *state;
	struct vault *vault;
	char *vault_failure;
	struct digest_secret secret;
	struct cache *cache;
	char *cache_dir;
	char *cache_failure;
	bool is_writing;
	struct reload *reload;
	struct origin *origin;
	struct budget bodies; /* of requests, shared by the fronts */
	struct front *fronts[FRONTS_MAX];
	unsigned fronts_n;
	unsigned fronts_running;
	struct accounting *accounting;
	struct status_sources status;
	struct service service;
	struct bypass *bypass;
	char *control_path;
	struct control *control;
	struct event_base *base;
	struct mailbox *mailbox;
	struct event *mailbox_event;
	struct event *on_term;
	struct event *on_int;
	struct event *on_hup;
	struct event *tick;
	unsigned stop_signals;
	atomic_bool is_draining; /* read by status */
	struct listening listening;
};

/* ---- parts, in the order they are made ---- */

/* A connection is a descriptor; so is much else. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_event(LOG_WARN, "descriptor-limit",
		    LOG_UINT("limit", limit.rlim_cur), LOG_END);
}

/* Tokens pass through memory, and must not end on a disk. The process stays
 * open to a debugger of its own user. */
static void forbid_core_dumps(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}

/*
 * Bodies of some size come from the kernel and go back to it when freed. By
 * itself glibc raises this limit to the largest such body it has seen freed,
 * and from then on keeps what a burst of them took.
 */
static void give_memory_back(void)
{
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* Without a vault, clients that bring their own token are still served. The
 * secret is then new, so what was stored before is not found any more. */
static bool open_vault(struct daemon *d)
{
	char *dir = state_path(d->state, "vault");

	if (dir)
		d->vault = vault_open(dir, &d->secret, &d->vault_failure);
	free(dir);
	if (!d->vault) {
		if (!d->vault_failure)
			why_set(&d->vault_failure, "out of memory");
		log_event(LOG_ERROR, "vault-unusable",
		    LOG_STR("reason", d->vault_failure), LOG_END);
		return digest_random(&d->secret, sizeof(d->secret));
	}
	return true;
}

/* Entries outlive a change of the table by the names of operations. */
static const char *op_id(uint32_t op)
{
	return op < api_ops_n() ? api_op_at(op)->id : NULL;
}

/* Without a store, requests pass through. */
static void open_cache(struct daemon *d)
{
	struct tag_set all;
	struct cache_options o = {
	    .max_bytes = d->config->cache_max_bytes,
	    .keep_stale_ms = d->config->keep_stale_ms,
	    .op_id = op_id,
	    .boot_id = state_boot_id(d->state),
	};

	tag_set_init(&all);
	api_tags_all(&all);
	d->cache_dir = state_path(d->state, "cache");
	if (d->cache_dir && all.n > 0) {
		o.dir = d->cache_dir;
		o.all_tag = all.v[0];
		d->cache = cache_open(&o, &d->cache_failure);
	}
	tag_set_fini(&all);
	if (d->cache && !cache_writer_start(d->cache)) {
		cache_close(d->cache);
		d->cache = NULL;
		why_set(&d->cache_failure, "no thread for the writer");
	}
	d->is_writing = d->cache != NULL;
	if (!d->cache)
		log_event(LOG_ERROR, "store-unusable",
		    LOG_STR("reason", d->cache_failure), LOG_END);
}

static bool make_origin(struct daemon *d, char **why)
{
	const struct config *c = d->config;
	struct origin_options o = {
	    .transfers =
		{
		    .upstream = c->upstream,
		    .ca_file = c->upstream_ca[0] ? c->upstream_ca : NULL,
		    .max_body_bytes = c->max_answer_bytes,
		    .max_connections = c->upstream_connections,
		    .max_streams = c->max_streams,
		},
	    .cache = d->cache,
	    .is_standards = c->profile == CONFIG_PROFILE_STANDARDS,
	    .settings = &reload_settings(d->reload)->origin,
	    .mailbox_capacity = (size_t)c->max_requests * FRONTS_MAX,
	};

	d->origin = origin_new(&o, why);
	return d->origin != NULL;
}

static void write_status(struct buf *out, void *arg)
{
	status_write(arg, out);
}

static void write_metrics(struct buf *out, void *arg)
{
	exposition_write(arg, out);
}

static struct front_options front_options_of(struct daemon *d)
{
	const struct config *c = d->config;
	const struct front_settings *s = &reload_settings(d->reload)->front;
	struct front_options o = {
	    .listener = s->listener,
	    .max_requests = c->max_requests,
	    .max_streams = c->max_streams,
	    .cache = d->cache,
	    .origin = d->origin,
	    .secret = d->secret,
	    .is_standards = c->profile == CONFIG_PROFILE_STANDARDS,
	    .settings = s,
	    .status = write_status,
	    .metrics = write_metrics,
	    .metrics_type = SLICE(EXPOSITION_CONTENT_TYPE),
	    .status_arg = &d->status,
	    .notify = d->mailbox,
	    .notify_kind = MAIL_FRONT_ENDED,
	};

	o.listener.max_unsent_bytes = UNSENT_MAX_BYTES / settings_threads(c);
	o.listener.bodies = &d->bodies;
	return o;
}

static bool make_fronts(struct daemon *d, char **why)
{
	unsigned n = settings_threads(d->config);
	struct front_options o = front_options_of(d);

	if (o.listener.max_connections < d->config->max_connections / n)
		log_event(LOG_WARN, "connections-limited",
		    LOG_UINT("connections", o.listener.max_connections * n),
		    LOG_END);
	budget_init(&d->bodies, d->config->max_body_total_bytes);
	for (unsigned i = 0; i < n; i++) {
		d->fronts[i] = front_new(i, &o, why);
		if (!d->fronts[i])
			return false;
		d->fronts_n++;
	}
	return true;
}

static bool make_accounting(struct daemon *d)
{
	struct accounting_options o = {
	    .vault = d->vault,
	    .fronts = d->fronts,
	    .fronts_n = d->fronts_n,
	    .origin = d->origin,
	    .mailbox = d->mailbox,
	    .mail_kind = MAIL_USAGE,
	};

	d->accounting = accounting_new(d->base, &o);
	d->status.accounting = d->accounting;
	return d->accounting != NULL;
}

/* ---- listening ---- */

static bool listen_on_all(struct daemon *d, char **why)
{
	bool has_inherited;

	if (!sockets_inherit(d->config, d->fronts, d->fronts_n,
		&d->listening.ready, &has_inherited, why))
		return false;
	return has_inherited || listening_open(&d->listening, d->config,
				    d->fronts, d->fronts_n, why);
}

/* ---- main's loop ---- */

static void drain(struct daemon *d)
{
	int64_t drain_ms = reload_settings(d->reload)->front.drain_ms;

	atomic_store(&d->is_draining, true);
	log_event(LOG_INFO, "draining", LOG_INT("ms", drain_ms), LOG_END);
	service_stopping(&d->service, drain_ms);
	reload_stop(d->reload);
	accounting_stop(d->accounting);
	listening_withdraw(&d->listening);
	for (unsigned i = 0; i < d->fronts_n; i++)
		front_drain(d->fronts[i]);
}

/* Clients get no more time. */
static void hurry(struct daemon *d)
{
	log_event(LOG_WARN, "hurrying", LOG_END);
	for (unsigned i = 0; i < d->fronts_n; i++)
		front_hurry(d->fronts[i]);
}

/* The first asks, the second insists, the third gives up the answers that
 * wait to be stored. What is durable is recorded in any case. */
static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)number;
	(void)what;
	d->stop_signals++;
	if (d->stop_signals == 1)
		drain(d);
	else if (d->stop_signals == 2)
		hurry(d);
	else
		cache_writer_hurry(d->cache);
}

/* Ready again, with the new configuration or the old one. */
static void tell_reloaded(struct daemon *d)
{
	if (!reload_is_under_way(d->reload))
		service_ready(&d->service, d->listening.ready.p + 1);
}

/* The log file was moved away, or the configuration changed. */
static void on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)number;
	(void)what;
	service_reloading(&d->service);
	if (!log_reopen())
		log_event(LOG_ERROR, "log-not-reopened",
		    LOG_STR("reason", strerror(errno)), LOG_END);
	reload_ask(d->reload);
	tell_reloaded(d);
}

static void on_mail(struct daemon *d, struct mail *m)
{
	switch (m->kind) {
	case MAIL_PURGED:
		control_mail(d->control, m);
		break;
	case MAIL_USAGE:
		accounting_mail(d->accounting, m);
		break;
	case MAIL_FRONT_ENDED:
		d->fronts_running--;
		if (d->fronts_running == 0)
			event_base_loopbreak(d->base);
		break;
	case MAIL_SWITCHED:
		reload_mail(d->reload);
		tell_reloaded(d);
		break;
	default:
		assert(!"unknown mail to main");
	}
}

static void take_mail(struct daemon *d)
{
	struct mail *m = mailbox_take_all(d->mailbox);

	while (m) {
		struct mail *next = m->next;

		on_mail(d, m);
		m = next;
	}
}

static void on_mailbox(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take_mail(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	service_tick(&d->service, clock_mono_ms());
	log_flush();
}

static bool make_loop(struct daemon *d)
{
	d->base = event_base_new();
	d->mailbox = mailbox_new(1024);
	if (!d->base || !d->mailbox)
		return false;
	d->mailbox_event = event_new(d->base, mailbox_fd(d->mailbox),
	    EV_READ | EV_PERSIST, on_mailbox, d);
	d->on_term = evsignal_new(d->base, SIGTERM, on_signal, d);
	d->on_int = evsignal_new(d->base, SIGINT, on_signal, d);
	d->on_hup = evsignal_new(d->base, SIGHUP, on_hangup, d);
	d->tick = event_new(d->base, -1, EV_PERSIST, on_tick, d);
	return d->mailbox_event && d->on_term && d->on_int && d->on_hup &&
	       d->tick;
}

static bool start_loop(struct daemon *d)
{
	int64_t tick_ms = service_tick_ms(&d->service);
	struct timeval every = {
	    .tv_sec = tick_ms / 1000,
	    .tv_usec = tick_ms % 1000 * 1000,
	};

	return event_add(d->mailbox_event, NULL) == 0 &&
	       event_add(d->on_term, NULL) == 0 &&
	       event_add(d->on_int, NULL) == 0 &&
	       event_add(d->on_hup, NULL) == 0 &&
	       event_add(d->tick, &every) == 0;
}

static bool make_control(struct daemon *d, char **why)
{
	struct control_options o = {
	    .status = &d->status,
	    .origin = d->origin,
	    .bypass = d->bypass,
	    .accounting = d->accounting,
	    .mailbox = d->mailbox,
	    .mail_kind = MAIL_PURGED,
	};

	d->control_path = state_path(d->state, CONTROL_SOCKET);
	if (!d->control_path)
		return false;
	o.path = d->control_path;
	d->control = control_new(d->base, &o, why);
	return d->control != NULL;
}

/* ---- life ---- */

static bool make_reload(struct daemon *d, int argc, char **argv, char **why)
{
	d->reload = reload_new(d->config, argc, argv, why);
	return d->reload != NULL;
}

static bool build(struct daemon *d, char **why)
{
	d->state = state_open(d->config->state, why);
	if (!d->state || !open_vault(d))
		return false;
	open_cache(d);
	if (!make_loop(d) || !make_origin(d, why))
		return false;
	d->bypass = bypass_new(d->config->state, d->origin);
	if (!d->bypass)
		return false;
	d->status = (struct status_sources){
	    .version =
		SABOTAGE_ANY ? PACKAGE_VERSION " (sabotaged)" : PACKAGE_VERSION,
	    .upstream = d->config->upstream,
	    .origin = d->origin,
	    .cache = d->cache,
	    .cache_failure = d->cache_failure,
	    .config = reload_status(d->reload),
	    .vault_failure = d->vault_failure,
	    .started_ms = clock_mono_ms(),
	    .threads = settings_threads(d->config),
	    .is_draining = &d->is_draining,
	};
	return make_fronts(d, why) && make_accounting(d) &&
	       listen_on_all(d, why) && make_control(d, why);
}

/* Held, and else ignored: after the end of the loop it must not kill, either.
 * A held signal is kept although it would be ignored (signal(7)). */
void daemon_hold_hangup(void)
{
	sigset_t hangup;

	signal(SIGHUP, SIG_IGN);
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hangup, NULL);
}

static void release_hangup(void)
{
	sigset_t hangup;

	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &hangup, NULL);
}

struct daemon *daemon_new(
    const struct config *config, int argc, char **argv, char **why)
{
	struct daemon *d = calloc(1, sizeof(*d));

	*why = NULL;
	if (!d)
		return NULL;
	d->config = config;
	listening_init(&d->listening);
	signal(SIGPIPE, SIG_IGN);
	tzset();
	give_memory_back();
	raise_descriptor_limit();
	forbid_core_dumps();
	service_open(&d->service);
	metrics_thread_init();
	if (!digest_init() || !make_reload(d, argc, argv, why) ||
	    !build(d, why)) {
		daemon_free(d);
		return NULL;
	}
	return d;
}

/* The one line scripts wait for. */
static void print_ready(struct daemon *d)
{
	const char *sockets;

	buf_add(&d->listening.ready, "", 1);
	sockets = d->listening.ready.p;
	/* Before the lines of the first requests. */
	log_event(LOG_INFO, "ready", LOG_STR("listen", sockets + 1),
	    LOG_STR("upstream", d->config->upstream),
	    LOG_STR("state", state_dir(d->state)), LOG_END);
	log_flush();
	printf("ready%s\n", sockets);
	fflush(stdout);
	service_ready(&d->service, sockets + 1);
}

/*
 * Signals are for main alone: the threads inherit a mask in which they are
 * blocked.
 */
static bool start_threads(struct daemon *d)
{
	sigset_t all, old;
	bool is_ok;

	thread_signals(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	is_ok = origin_start(d->origin);
	for (unsigned i = 0; is_ok && i < d->fronts_n; i++) {
		is_ok = front_start(d->fronts[i]);
		d->fronts_running += is_ok;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return is_ok;
}

static void start_reloading(struct daemon *d)
{
	const struct reload_followers f = {
	    .origin = d->origin,
	    .fronts = d->fronts,
	    .fronts_n = d->fronts_n,
	    .cache = d->cache,
	    .mailbox = d->mailbox,
	    .mail_kind = MAIL_SWITCHED,
	};

	reload_start(d->reload, &f);
	release_hangup();
}

bool daemon_run(struct daemon *d)
{
	bool is_ok = start_loop(d) && start_threads(d);

	if (is_ok) {
		start_reloading(d);
		print_ready(d);
	} else {
		drain(d);
	}
	if (d->fronts_running > 0)
		event_base_dispatch(d->base);
	log_event(LOG_INFO, "stopped", LOG_END);
	return is_ok;
}

/* While main waits for threads to end, nobody runs its loop. */
static _Atomic(struct cache *) hurried_cache;

static void on_late_signal(int number)
{
	(void)number;
	cache_writer_hurry(atomic_load(&hurried_cache));
}

static void watch_late_signals(struct daemon *d)
{
	struct sigaction late = {.sa_handler = on_late_signal};
	sigset_t ends, old;

	/* libevent gives back what it found, which would end the process. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, &old);
	if (d->on_term)
		event_del(d->on_term);
	if (d->on_int)
		event_del(d->on_int);
	atomic_store(&hurried_cache, d->cache);
	sigaction(SIGTERM, &late, NULL);
	sigaction(SIGINT, &late, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void stop(struct daemon *d)
{
	watch_late_signals(d);
	for (unsigned i = 0; i < d->fronts_n; i++)
		front_join(d->fronts[i]);
	if (d->origin)
		origin_stop(d->origin);
	if (d->mailbox)
		take_mail(d);
	control_free(d->control);
	if (d->accounting)
		accounting_finish(d->accounting);
	accounting_free(d->accounting);
	if (d->is_writing)
		cache_writer_stop(d->cache);
	atomic_store(&hurried_cache, NULL);
	for (unsigned i = 0; i < d->fronts_n; i++)
		front_free(d->fronts[i]);
	origin_free(d->origin);
}

static void free_events(struct daemon *d)
{
	struct event *const events[] = {
	    d->mailbox_event,
	    d->on_term,
	    d->on_int,
	    d->on_hup,
	    d->tick,
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i])
			event_free(events[i]);
	mailbox_free(d->mailbox);
	if (d->base)
		event_base_free(d->base);
	libevent_global_shutdown();
}

void daemon_free(struct daemon *d)
{
	if (!d)
		return;
	stop(d);
	cache_close(d->cache);
	vault_close(d->vault);
	bypass_free(d->bypass);
	service_close(&d->service);
	free_events(d);
	state_close(d->state);
	reload_free(d->reload);
	free(d->cache_dir);
	free(d->cache_failure);
	free(d->vault_failure);
	free(d->control_path);
	listening_fini(&d->listening);
	digest_fini();
	metrics_thread_fini();
	free(d);
}
