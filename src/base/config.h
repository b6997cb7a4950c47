/*
 * The configuration: what the operator decided, from defaults, one INI file
 * and flags, in this order.
 *
 * A struct config is built as a whole or refused as a whole, and never
 * changes afterwards, so any thread may read it. Whoever loaded it owns it.
 *
 * All options stand in one table (config_table.c); the flags, the manual page
 * and the comparison at a reload come from it.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/buf.h"
#include "base/num.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What forward_headers may name, so that every request can carry it all. */
enum {
	CONFIG_FORWARD_MAX = 16,
	CONFIG_FORWARD_NAME_MAX = 63 /* bytes */
};

/* Options that one kind of section may have. */
enum {
	CONFIG_OPTIONS_MAX = 64
};

/* Where a global option got its value. */
struct config_place {
	enum {
		CONFIG_BY_DEFAULT,
		CONFIG_BY_FILE,
		CONFIG_BY_FLAG
	} by;
	unsigned line; /* of the file; the last one of a list; 0: none */
};

/* Whose rules decide what is stored and for how long. */
enum config_profile {
	CONFIG_PROFILE_GHL, /* the operation table's */
	CONFIG_PROFILE_STANDARDS /* RFC 9111's, for any API */
};

struct config_list {
	char **v; /* owned, as are the strings; NULL when n is 0 */
	size_t n;
};

/* [route NAME]. Strings are owned by the struct config. */
struct config_route {
	char *name;
	unsigned line; /* of the section in the file, for messages */
	char *match; /* never empty; its meaning is checked by api/ */
	bool has_ttl;
	int64_t ttl_ms;
	bool has_stale_while_revalidate;
	int64_t stale_while_revalidate_ms;
	bool has_stale_if_error;
	int64_t stale_if_error_ms;
	bool has_override_upstream;
	bool override_upstream;
};

/* [location NAME] */
struct config_location {
	char *name;
	unsigned line;
	char *id; /* never empty */
};

/*
 * One member per option, named after it, with the unit where there is one.
 * What each means stands in the table. Strings are never NULL; "" where the
 * option allows to be empty.
 */
struct config {
	char *file; /* that was read; "" without one */

	int profile; /* enum config_profile */
	struct config_list listen; /* config_parse_listen, at least one */
	char *unix_mode; /* config_parse_mode */
	struct config_list hosts;
	struct config_list public_url; /* config_parse_public_url */
	struct config_list trusted_proxies; /* addr_range_parse, or unix */
	struct config_list cors_origins; /* as browsers send them, or * alone */
	bool allow_lan_passthrough;
	unsigned threads; /* 0: as many as CPUs */
	char *state;

	char *upstream; /* http(s)://HOST[:PORT], without a slash at the end */
	char *upstream_ca;
	bool allow_insecure_upstream;
	unsigned upstream_connections;
	int64_t connect_timeout_ms;
	int64_t upstream_timeout_ms;
	int64_t stream_idle_timeout_ms;
	struct config_list forward_headers;
	char *user_agent;

	uint64_t cache_max_bytes;
	uint64_t store_answer_max_bytes;
	int64_t keep_stale_ms;
	int64_t stale_wait_ms;
	int64_t settling_ms;

	uint64_t max_target_bytes;
	uint64_t max_header_bytes;
	unsigned max_fields;
	uint64_t max_body_bytes;
	uint64_t max_body_total_bytes;
	uint64_t max_answer_bytes;
	unsigned max_streams;
	unsigned max_connections;
	unsigned max_requests;
	int64_t idle_timeout_ms;
	int64_t header_timeout_ms;
	int64_t body_timeout_ms;
	int64_t write_timeout_ms;
	int64_t drain_ms;
	bool direct_write;

	int log_level; /* enum log_level */
	bool log_requests;
	char *log_file;

	struct config_route *routes; /* owned; in the order of the file */
	size_t n_routes;
	struct config_location *locations;
	size_t n_locations;

	struct config_place places[CONFIG_OPTIONS_MAX]; /* see config_locate */
};

/*
 * Loads a configuration.
 *
 * file: path, or NULL for none; a flag --config FILE in argv goes before it.
 * argv[0] is skipped. Flags are --NAME VALUE or --NAME=VALUE with the option's
 * name spelt with dashes; a yes/no option may stand alone. A repeated flag
 * replaces the former, or adds to a list; a list given by flags replaces the
 * file's. *rest becomes the index of the first argument that is not a flag, or
 * 0 when a flag is unknown or lacks its value.
 *
 * Returns NULL when anything is wrong; *why is then one line of text for the
 * operator, without a newline, starting with FILE:LINE: or the flag it is
 * about. The caller frees it; it is NULL only when memory is exhausted. rest
 * and why are set in both cases (why to NULL on success).
 */
struct config *config_load(
    const char *file, int argc, char **argv, int *rest, char **why);
/* c may be NULL. */
void config_free(struct config *c);

/* Appends where that global option got its value, for a message about it:
 * "FILE:LINE: name: ", "--name: " or, of a default, "name: ". */
void config_locate(const struct config *c, const char *option, struct buf *out);

/*
 * The state directory when none is configured: $XDG_STATE_HOME/ghlmirror or
 * $HOME/.local/state/ghlmirror. The caller frees it; NULL when neither is set
 * or memory is exhausted.
 */
char *config_default_state(void);

/*
 * Names of the options that differ between two configurations and that only
 * a restart changes: up to max of them go to names (static strings). Returns
 * how many there are.
 */
size_t config_compare_fixed(const struct config *running,
    const struct config *fresh, const char **names, size_t max);

/* A checked item of listen, borrowed from its text. */
struct config_listen {
	struct slice text;
	bool is_unix;
	struct slice path; /* of a unix socket */
	struct num_host_port at; /* of any other */
};

/* HOST:PORT, [IPV6]:PORT or unix:/PATH; else false. */
bool config_parse_listen(struct slice text, struct config_listen *out);
/* Three octal digits, or four of which the first is 0; else false. */
bool config_parse_mode(struct slice text, unsigned *out);

/* A checked URL of upstream or public_url, borrowed from its text. */
struct config_url {
	bool is_tls;
	struct slice authority; /* HOST or HOST:PORT as written */
	struct num_host_port at; /* with the scheme's port when left out */
};

/* http(s)://HOST[:PORT], at most a slash behind it; else false. */
bool config_parse_url(struct slice text, struct config_url *out);

/* A checked item of public_url, borrowed from its text. */
struct config_public_url {
	struct slice listen; /* the item of listen it is for; empty: all */
	struct config_url url;
};

/* URL or LISTEN=URL; else false. */
bool config_parse_public_url(struct slice text, struct config_public_url *out);

/* All options with their values, as a configuration file. */
void config_print(FILE *out, const struct config *c);
/*
 * The same as one JSON object: file, options, and arrays routes and locations
 * of objects with name and what was given. Lists are arrays, yes and no are
 * booleans, counts numbers; durations and sizes are strings spelt as in a
 * file.
 */
void config_print_json(FILE *out, const struct config *c);
/* The reference of all options, as mdoc for the manual page. */
void config_describe(FILE *out);

#endif
