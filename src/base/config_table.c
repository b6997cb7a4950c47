#include "base/config_table.h"

#include "base/log.h"

#include <assert.h>

#ifndef PACKAGE_VERSION
#error "the build passes PACKAGE_VERSION"
#endif

/* The member's offset; does not compile when it has another type. */
#define AT(owner, member, type) \
	(offsetof(owner, member) + \
	    0 * sizeof(_Generic(((owner *)0)->member, type : 1)))

#define STRING(member) \
	.name = #member, .type = CONFIG_STRING, \
	.at = AT(struct config, member, char *)
#define LIST(member) \
	.name = #member, .type = CONFIG_LIST, \
	.at = AT(struct config, member, struct config_list)
#define BOOL(member) \
	.name = #member, .type = CONFIG_BOOL, \
	.at = AT(struct config, member, bool)
#define COUNT(member) \
	.name = #member, .type = CONFIG_COUNT, \
	.at = AT(struct config, member, unsigned)
#define SIZE(member) \
	.name = #member, .type = CONFIG_SIZE, \
	.at = AT(struct config, member##_bytes, uint64_t)
#define DURATION(member) \
	.name = #member, .type = CONFIG_DURATION, \
	.at = AT(struct config, member##_ms, int64_t)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *const log_levels[] = {
    [LOG_ERROR] = "error",
    [LOG_WARN] = "warn",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
    NULL,
};

static const char *const profiles[] = {
    [CONFIG_PROFILE_GHL] = "ghl",
    [CONFIG_PROFILE_STANDARDS] = "standards",
    NULL,
};

static const struct config_option global_options[] = {
    {.name = "profile",
	.type = CONFIG_ENUM,
	.at = AT(struct config, profile, int),
	.text = "ghl",
	.choices = profiles,
	.doc = "Whose rules decide. ghl: the table of GHL's operations. "
	       "standards: RFC 9111 alone, for any API; no path is GHL's, all "
	       "methods and all fields that do not end at this hop are "
	       "forwarded, and clients without Authorization and Cookie share "
	       "what is stored. Only for clients on loopback."},
    {LIST(listen), .text = "127.0.0.1:8788", .check = config_check_listen,
	.doc = "Addresses to accept clients on, each HOST:PORT, [IPV6]:PORT "
	       "or unix:/PATH. A name stands for all its addresses; port 0 "
	       "takes a free port, which the ready line tells. An IPv6 "
	       "address takes IPv6 clients only: to serve both, list "
	       "0.0.0.0:PORT and [::]:PORT."},
    {STRING(unix_mode), .text = "0660", .check = config_check_mode,
	.doc = "Mode of the unix sockets that listen makes; who may write to "
	       "one may connect, and read the status."},
    {LIST(hosts), .text = "", .check = config_check_host, .is_reloadable = true,
	.doc = "Names, with or without port, that a request's Host field may "
	       "carry; others are answered 421. Without any, every name is "
	       "accepted, but over loopback only addresses, names without "
	       "dots, localhost, and the names of this machine, of listen and "
	       "of public_url, so that no web page can reach the proxy under "
	       "a name of its own.",
	.default_doc = "any name that is not a stranger's"},
    {LIST(public_url), .text = "", .check = config_check_public_url,
	.is_reloadable = true,
	.doc = "The URL under which clients reach this proxy, put into "
	       "nextPageUrl: URL for all listeners, or LISTEN=URL for one, "
	       "with LISTEN as spelt in listen. Without it, scheme and Host "
	       "of the request, or what a trusted proxy says of them.",
	.default_doc = "scheme and Host of the request"},
    {LIST(trusted_proxies), .text = "", .check = config_check_proxy,
	.is_reloadable = true,
	.doc = "Addresses and networks of reverse proxies, or unix for those "
	       "that connect by unix socket, whose X-Forwarded-For, "
	       "X-Forwarded-Proto, X-Forwarded-Host or Forwarded fields tell "
	       "who the client is; from others these fields are ignored.",
	.default_doc = "none"},
    {LIST(cors_origins), .text = "", .check = config_check_origin,
	.is_reloadable = true,
	.doc = "Origins of web pages that may use this proxy from a browser, "
	       "each like https://app.example, or * alone for every page. "
	       "Without any, no answer carries a CORS field.",
	.default_doc = "none"},
    {BOOL(allow_lan_passthrough), .text = "no",
	.doc = "Listen on addresses other than loopback although clients are "
	       "told apart only by the GHL token they bring."},
    {COUNT(threads), .text = "0", .unit = "threads", .max = 64,
	.doc = "Threads that serve clients; 0 takes as many as there are "
	       "CPUs."},
    {STRING(state), .text = "",
	.doc = "Directory of the stored data and of the control socket; "
	       "made, with mode 0700, when missing.",
	.default_doc = "$XDG_STATE_HOME/ghlmirror, else "
		       "$HOME/.local/state/ghlmirror"},

    {STRING(upstream), .text = "https://services.leadconnectorhq.com",
	.check = config_check_url,
	.doc = "The API that requests are forwarded to, a URL without path."},
    {STRING(upstream_ca), .text = "", .may_be_empty = true,
	.doc = "File of PEM certificates that upstream's certificate is "
	       "checked against, instead of the system's.",
	.default_doc = "the certificates of the system"},
    {BOOL(allow_insecure_upstream), .text = "no",
	.doc = "Accept an upstream with http:// that is not on loopback, and "
	       "so send tokens and data unencrypted."},
    {COUNT(upstream_connections), .text = "4", .unit = "connections", .min = 1,
	.max = 256,
	.doc = "Connections to the upstream at one time; with HTTP/2 each "
	       "carries many requests. What is more waits for its turn, at "
	       "most upstream_timeout."},
    {DURATION(connect_timeout), .text = "3s", .min = 10, .max = 5 * MINUTE,
	.is_reloadable = true,
	.doc = "How long a connection to the upstream, with its TLS "
	       "handshake, may take."},
    {DURATION(upstream_timeout), .text = "60s", .min = 100, .max = HOUR,
	.is_reloadable = true,
	.doc = "How long the upstream may take over one request; longer than "
	       "the 10 to 30 seconds after which hosted tools give up, "
	       "because a read then still reaches the store, and a write cut "
	       "off is a write whose outcome nobody knows. Of an answer that "
	       "is passed on as a stream it bounds the time to its header."},
    {DURATION(stream_idle_timeout), .text = "10m", .min = 100, .max = DAY,
	.is_reloadable = true,
	.doc = "How long the upstream may send nothing of an answer that is "
	       "passed on as a stream, once its header has come."},
    {LIST(forward_headers), .text = "", .check = config_check_field,
	.is_reloadable = true,
	.doc = "Request fields to forward beside those that GHL documents; "
	       "their values tell stored answers apart.",
	.default_doc = "none"},
    {STRING(user_agent), .text = "ghlmirror/" PACKAGE_VERSION,
	.is_reloadable = true,
	.doc = "The User-Agent field of requests to the upstream.",
	.default_doc = "ghlmirror/VERSION"},

    {SIZE(cache_max), .text = "4GiB", .min = 16 * MIB, .max = 16384 * GIB,
	.doc = "Size that the file of stored answers may reach."},
    {SIZE(store_answer_max), .text = "4MiB", .min = KIB, .max = 256 * MIB,
	.is_reloadable = true,
	.doc = "Answers with a larger body pass as streams, and are not "
	       "stored."},
    {DURATION(keep_stale), .text = "30d", .is_reloadable = true,
	.doc = "How long past its freshness an answer is kept for when the "
	       "upstream is down."},
    {DURATION(stale_wait), .text = "1s", .max = 5 * MINUTE,
	.is_reloadable = true,
	.doc = "How long a client waits for the upstream when a stale answer "
	       "is stored; then it gets that one."},
    {DURATION(settling), .text = "5s", .max = HOUR, .is_reloadable = true,
	.doc = "How long after a write the searches that it concerns are not "
	       "stored, because the upstream's index lags."},

    {SIZE(max_target), .text = "8KiB", .min = 256, .max = 64 * KIB,
	.doc = "Longest request target, path and query; longer is answered "
	       "414."},
    {SIZE(max_header), .text = "16KiB", .min = KIB, .max = MIB,
	.doc = "Largest header of a request; larger is answered 431."},
    {COUNT(max_fields), .text = "100", .unit = "fields", .min = 8, .max = 1000,
	.doc = "Most fields in the header of a request; more are answered "
	       "431."},
    {SIZE(max_body), .text = "32MiB", .min = KIB, .max = GIB,
	.doc = "Largest body of a request; larger is answered 413."},
    {SIZE(max_body_total), .text = "256MiB", .min = MIB, .max = 64 * GIB,
	.doc = "Most bytes of request bodies held at one time, those that "
	       "arrive and those that wait for the upstream; requests beyond "
	       "are answered 503. At least max_body and max_header "
	       "together."},
    {SIZE(max_answer), .text = "32MiB", .min = KIB, .max = GIB,
	.doc = "Largest body of an upstream answer that is collected, such as "
	       "that of a write; larger is answered 502. Streams and large "
	       "answers to reads are passed on without such a limit."},
    {COUNT(max_streams), .text = "256", .unit = "streams", .min = 1,
	.max = 4096,
	.doc = "Most answers passed on as streams at one time (recordings, "
	       "/mcp/, reads whose answer is above store_answer_max), each "
	       "with a connection to the upstream of its own and up to 256 KiB "
	       "of memory; more are answered 503."},
    {COUNT(max_connections), .text = "4096", .unit = "connections", .min = 1,
	.max = 1000000, .is_reloadable = true,
	.doc = "Most client connections at one time; fewer when the "
	       "process may not open so many files."},
    {COUNT(max_requests), .text = "4096", .unit = "requests", .min = 1,
	.max = 65536,
	.doc = "Most requests that one thread has waiting for the upstream; "
	       "more are answered 503."},
    {DURATION(idle_timeout), .text = "75s", .min = 100, .max = DAY,
	.is_reloadable = true,
	.doc = "How long a client's connection may stay open between "
	       "requests."},
    {DURATION(header_timeout), .text = "10s", .min = 100, .max = HOUR,
	.is_reloadable = true,
	.doc = "How long a client may take to send the header of a request."},
    {DURATION(body_timeout), .text = "60s", .min = 100, .max = HOUR,
	.is_reloadable = true,
	.doc = "How long a client may take to send the body of a request."},
    {DURATION(write_timeout), .text = "30s", .min = 100, .max = HOUR,
	.is_reloadable = true,
	.doc = "How long a client may go without taking a byte of its "
	       "answer."},
    {DURATION(drain), .text = "10s", .max = HOUR, .is_reloadable = true,
	.doc = "How long requests may take to end after the daemon was told "
	       "to stop."},
    {BOOL(direct_write), .text = "yes", .is_reloadable = true,
	.doc = "Write stored answers to the socket at once, instead of at the "
	       "end of the event loop's turn."},

    {.name = "log_level",
	.type = CONFIG_ENUM,
	.at = AT(struct config, log_level, int),
	.text = "info",
	.choices = log_levels,
	.is_reloadable = true,
	.doc = "Least important lines that are logged."},
    {BOOL(log_requests), .text = "yes", .is_reloadable = true,
	.doc = "Log a line for each request."},
    {STRING(log_file), .text = "", .may_be_empty = true,
	.doc = "File to append the log to.", .default_doc = "standard error"},
};

static const struct config_option route_options[] = {
    {.name = "match",
	.type = CONFIG_STRING,
	.at = AT(struct config_route, match, char *),
	.is_reloadable = true,
	.doc = "What the section is about: an operation id, METHOD /template "
	       "or a class (cache, short, read-post, write, never, stream)."},
    {.name = "ttl",
	.type = CONFIG_DURATION,
	.at = AT(struct config_route, ttl_ms, int64_t),
	.has_at = AT(struct config_route, has_ttl, bool),
	.max = 365 * DAY,
	.is_reloadable = true,
	.doc = "How long an answer is fresh; 0 shares upstream requests but "
	       "stores nothing fresh."},
    {.name = "stale_while_revalidate",
	.type = CONFIG_DURATION,
	.at = AT(struct config_route, stale_while_revalidate_ms, int64_t),
	.has_at = AT(struct config_route, has_stale_while_revalidate, bool),
	.max = 365 * DAY,
	.is_reloadable = true,
	.doc = "How long past its freshness an answer is served while a new "
	       "one is fetched."},
    {.name = "stale_if_error",
	.type = CONFIG_DURATION,
	.at = AT(struct config_route, stale_if_error_ms, int64_t),
	.has_at = AT(struct config_route, has_stale_if_error, bool),
	.is_reloadable = true,
	.doc = "How long past its freshness an answer is served while the "
	       "upstream is down or fails; 0 never does."},
    {.name = "override_upstream",
	.type = CONFIG_BOOL,
	.at = AT(struct config_route, override_upstream, bool),
	.has_at = AT(struct config_route, has_override_upstream, bool),
	.is_reloadable = true,
	.doc = "Store although the upstream says no-store."},
};

static const struct config_option location_options[] = {
    {.name = "id",
	.type = CONFIG_STRING,
	.at = AT(struct config_location, id, char *),
	.check = config_check_id,
	.doc = "The id of the location at GHL."},
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(N_OF(global_options) <= CONFIG_OPTIONS_MAX, "raise the limit");

const struct config_table *config_table_of(enum config_section section)
{
	static const struct config_table tables[] = {
	    [CONFIG_GLOBAL] = {"",
		"Global keys stand before the first "
		"section; each is also a flag of "
		"ghlmirror serve, spelt with dashes.",
		global_options, N_OF(global_options)},
	    [CONFIG_ROUTE] = {"route",
		"A section [route NAME] changes how "
		"answers of some operations are kept.",
		route_options, N_OF(route_options)},
	    [CONFIG_LOCATION] = {"location",
		"A section [location NAME] names "
		"a location. It is checked, and has no effect yet.",
		location_options, N_OF(location_options)},
	};

	assert(section >= 0 && section < CONFIG_SECTION_COUNT);
	return &tables[section];
}

size_t config_table_find(const struct config_table *t, struct slice name)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (slice_eq(name, slice_of_str(t->options[i].name)))
			break;
	}
	return i;
}
