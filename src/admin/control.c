#include "admin/control.h"

#include "admin/usage_report.h"
#include "base/clock.h"
#include "store/why.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COMMAND_MAX_BYTES 8192
#define STATUS_MAX_BYTES (256 * 1024)
#define PEER_TIMEOUT_S 10

/* The main thread's mailbox has room for their return. */
#define PURGES_MAX 256

/* A connection, or, with bev NULL, a purge whose asker has left. */
struct peer {
	TAILQ_ENTRY(peer) link;
	struct control *control;
	struct bufferevent *bev;
	struct origin_purge purge;
	bool is_purging; /* purge is the origin's */
	struct accounting_wait wait;
	bool is_counting; /* wait is the accounting's */
	cJSON *command; /* owned; what is_counting is for */
	bool is_answered;
};

struct control {
	struct control_options options;
	struct evconnlistener *listener;
	struct event *resume; /* accepts again */
	TAILQ_HEAD(, peer) peers;
	unsigned purges_n; /* under way */
	/* Given up when there are no others, so that the daemon can be asked
	 * then what is the matter. -1: given up. */
	int spare_fd;
};

static void spare_take(struct control *c)
{
	if (c->spare_fd < 0)
		c->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void spare_give(struct control *c)
{
	if (c->spare_fd >= 0)
		close(c->spare_fd);
	c->spare_fd = -1;
}

static void peer_close(struct peer *p)
{
	if (p->bev)
		bufferevent_free(p->bev);
	p->bev = NULL;
	if (p->is_counting)
		accounting_forget(p->control->options.accounting, &p->wait);
	p->is_counting = false;
	if (p->is_purging)
		return; /* until it comes back */
	cJSON_Delete(p->command);
	/* Another may want it before this one's descriptor is really free. */
	if (p->control->spare_fd < 0)
		event_add(p->control->resume, &(struct timeval){0});
	TAILQ_REMOVE(&p->control->peers, p, link);
	free(p);
}

/* ---- answers ---- */

static void send_text(struct peer *p, struct slice text)
{
	p->is_answered = true;
	if (!p->bev)
		return;
	bufferevent_disable(p->bev, EV_READ);
	bufferevent_write(p->bev, text.p, text.n);
}

static void send_object(struct peer *p, cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	if (text) {
		size_t n = strlen(text);

		text[n] = '\n'; /* in place of the terminator */
		send_text(p, slice_of(text, n + 1));
	}
	cJSON_free(text);
}

static void send_error(struct peer *p, const char *message)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "error", message);
	send_object(p, o);
}

/* ---- commands ---- */

/* Runs then with the command when everything up to now is counted. */
static void when_counted(
    struct peer *p, const cJSON *command, void (*then)(void *peer))
{
	p->command = cJSON_Duplicate(command, true);
	if (!p->command) {
		send_error(p, "out of memory");
		return;
	}
	p->is_counting = true;
	p->wait = (struct accounting_wait){.done = then, .arg = p};
	accounting_collect(p->control->options.accounting, &p->wait);
}

static void status_counted(void *peer)
{
	struct peer *p = peer;
	struct buf text;

	p->is_counting = false;
	buf_init(&text, STATUS_MAX_BYTES);
	status_write(p->control->options.status, &text);
	if (text.has_failed)
		send_error(p, "out of memory");
	else
		send_text(p, buf_slice(&text));
	buf_fini(&text);
}

static void do_status(struct peer *p, const cJSON *command)
{
	when_counted(p, command, status_counted);
}

static void usage_counted(void *peer)
{
	struct peer *p = peer;
	const char *fault;
	cJSON *answer = usage_report(p->control->options.accounting, p->command,
	    clock_wall_ms(), &fault);

	p->is_counting = false;
	if (answer)
		send_object(p, answer);
	else
		send_error(p, fault);
}

static void do_usage(struct peer *p, const cJSON *command)
{
	const char *fault = usage_report_fault(command);

	if (fault)
		send_error(p, fault);
	else
		when_counted(p, command, usage_counted);
}

static void do_offline(struct peer *p, const cJSON *command)
{
	struct online *online = origin_online(p->control->options.origin);
	const cJSON *mode = cJSON_GetObjectItemCaseSensitive(command, "mode");
	enum online_mode wanted;
	cJSON *o;

	if (cJSON_IsString(mode)) {
		if (!online_mode_parse(
			slice_of_str(mode->valuestring), &wanted)) {
			send_error(p, "the mode is none of on, off, auto");
			return;
		}
		online_set_mode(online, wanted, clock_mono_ms());
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(
	    o, "offline", online_mode_name(online_get_mode(online)));
	cJSON_AddStringToObject(
	    o, "upstream", online_is_away(online) ? "away" : "reachable");
	send_object(p, o);
}

static void do_bypass(struct peer *p, const cJSON *command)
{
	const struct control_options *options = &p->control->options;
	const cJSON *on = cJSON_GetObjectItemCaseSensitive(command, "on");
	bool is_kept = true;
	cJSON *o;

	if (on && !cJSON_IsBool(on)) {
		send_error(p, "on is neither true nor false");
		return;
	}
	if (on)
		is_kept = bypass_set(options->bypass, cJSON_IsTrue(on));
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "bypass", origin_is_bypassed(options->origin));
	cJSON_AddBoolToObject(o, "kept", is_kept);
	send_object(p, o);
}

static const char *operation_fault(struct slice what)
{
	return api_by_id(what) ? NULL : "there is no such operation";
}

static const char *path_fault(struct slice what)
{
	bool is_path = slice_starts(what, SLICE("/")) &&
		       slice_find(what, 0, '?') == what.n;

	return is_path ? NULL : "a path begins with / and has no query";
}

static const struct {
	const char *name;
	void (*tags)(struct slice what, struct tag_set *out);
	/* What is wrong with the name; NULL: any will do. */
	const char *(*fault)(struct slice what);
} purge_kinds[] = {
    {"location", api_tags_location, NULL},
    {"contact", api_tags_contact, NULL},
    {"operation", api_tags_operation, operation_fault},
    {"path", api_tags_path, path_fault},
};

/* NULL, or what is wrong with the command. */
static const char *purge_tags(const cJSON *command, struct tag_set *tags)
{
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(command, "all"))) {
		api_tags_all(tags);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(purge_kinds) / sizeof(*purge_kinds);
	     i++) {
		const cJSON *what = cJSON_GetObjectItemCaseSensitive(
		    command, purge_kinds[i].name);
		const char *fault = NULL;
		struct slice name;

		if (!cJSON_IsString(what) || !what->valuestring[0])
			continue;
		name = slice_of_str(what->valuestring);
		if (purge_kinds[i].fault)
			fault = purge_kinds[i].fault(name);
		if (!fault)
			purge_kinds[i].tags(name, tags);
		return fault;
	}
	return "nothing to purge is named";
}

static void do_purge(struct peer *p, const cJSON *command)
{
	struct origin_purge *purge = &p->purge;
	const char *fault;

	tag_set_init(&purge->tags);
	fault = purge_tags(command, &purge->tags);
	if (fault) {
		send_error(p, fault);
		return;
	}
	purge->mail.kind = ORIGIN_MAIL_PURGE;
	purge->reply_to = p->control->options.mailbox;
	purge->reply_kind = p->control->options.mail_kind;
	purge->arg = p;
	if (p->control->purges_n == PURGES_MAX ||
	    !origin_post(p->control->options.origin, &purge->mail)) {
		tag_set_fini(&purge->tags);
		send_error(p, "the daemon is too busy");
		return;
	}
	p->is_purging = true;
	p->control->purges_n++;
}

void control_mail(struct control *c, struct mail *m)
{
	struct origin_purge *purge = mail_of(m, struct origin_purge, mail);
	struct peer *p = purge->arg;
	cJSON *o;

	c->purges_n--;
	p->is_purging = false;
	tag_set_fini(&purge->tags);
	if (!p->bev) {
		peer_close(p);
		return;
	}
	if (!purge->is_committed) {
		send_error(p, "the store is out of service; nothing stored is "
			      "served");
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddTrueToObject(o, "purged");
	send_object(p, o);
}

static const struct {
	const char *name;
	void (*run)(struct peer *p, const cJSON *command);
} commands[] = {
    {"status", do_status},
    {"purge", do_purge},
    {"offline", do_offline},
    {"bypass", do_bypass},
    {"usage", do_usage},
};

static void run_command(struct peer *p, const cJSON *command)
{
	const cJSON *name =
	    cJSON_GetObjectItemCaseSensitive(command, "command");

	for (size_t i = 0;
	     cJSON_IsString(name) && i < sizeof(commands) / sizeof(*commands);
	     i++) {
		if (strcmp(name->valuestring, commands[i].name) == 0) {
			commands[i].run(p, command);
			return;
		}
	}
	send_error(p, "no such command");
}

/* ---- connections ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
	struct peer *p = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n;
	char *line;
	cJSON *command;

	if (p->is_answered || p->is_purging || p->is_counting)
		return;
	line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF);
	if (!line) {
		if (evbuffer_get_length(in) >= COMMAND_MAX_BYTES)
			send_error(p, "the command is too long");
		return;
	}
	command = cJSON_ParseWithLength(line, n);
	free(line);
	if (cJSON_IsObject(command))
		run_command(p, command);
	else
		send_error(p, "not a JSON object");
	cJSON_Delete(command);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct peer *p = arg;

	(void)bev;
	if (p->is_answered)
		peer_close(p);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	peer_close(arg);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *sa, int sa_n, void *arg)
{
	struct control *c = arg;
	struct timeval limit = {.tv_sec = PEER_TIMEOUT_S};
	struct peer *p = calloc(1, sizeof(*p));

	(void)sa;
	(void)sa_n;
	if (p)
		p->bev = bufferevent_socket_new(
		    evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!p || !p->bev) {
		free(p);
		close(fd);
		return;
	}
	p->control = c;
	spare_take(c);
	TAILQ_INSERT_TAIL(&c->peers, p, link);
	bufferevent_setcb(p->bev, on_read, on_written, on_event, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, COMMAND_MAX_BYTES);
	bufferevent_set_timeouts(p->bev, &limit, &limit);
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors: the connection stays in the queue. Without a pause the
 * listener would report it again at once, for ever. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	struct control *c = arg;
	struct timeval pause = {.tv_usec = 100 * 1000};

	if (c->spare_fd >= 0) {
		spare_give(c); /* and the listener tries again */
		return;
	}
	evconnlistener_disable(l);
	event_add(c->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	spare_take(c);
	evconnlistener_enable(c->listener);
}

/* ---- life ---- */

static bool bind_socket(struct control *c, struct event_base *base, char **why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = c->options.path;
	size_t n = strlen(path);
	mode_t mask;

	if (n >= sizeof(sun.sun_path)) {
		why_set(why, "%s: the path is too long for a socket", path);
		return false;
	}
	memcpy(sun.sun_path, path, n + 1);
	/* Ours: the state directory is locked. */
	unlink(path);
	mask = umask(0177);
	c->listener = evconnlistener_new_bind(base, on_accept, c,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
	    (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (!c->listener)
		why_set(why, "%s: %s", path, strerror(errno));
	return c->listener != NULL;
}

struct control *control_new(
    struct event_base *base, const struct control_options *o, char **why)
{
	struct control *c = calloc(1, sizeof(*c));

	*why = NULL;
	if (!c)
		return NULL;
	c->options = *o;
	TAILQ_INIT(&c->peers);
	c->resume = event_new(base, -1, 0, on_resume, c);
	if (!c->resume || !bind_socket(c, base, why)) {
		if (c->resume)
			event_free(c->resume);
		free(c);
		return NULL;
	}
	evconnlistener_set_error_cb(c->listener, on_accept_error);
	c->spare_fd = -1;
	spare_take(c);
	return c;
}

void control_free(struct control *c)
{
	struct peer *p, *next;

	if (!c)
		return;
	for (p = TAILQ_FIRST(&c->peers); p; p = next) {
		next = TAILQ_NEXT(p, link);
		assert(!p->is_purging);
		peer_close(p);
	}
	evconnlistener_free(c->listener);
	event_free(c->resume);
	spare_give(c);
	unlink(c->options.path);
	free(c);
}
