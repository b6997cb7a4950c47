/*
 * The table of options, and what is done with a single option by its type.
 * For config*.c only.
 */
#ifndef BASE_CONFIG_TABLE_H
#define BASE_CONFIG_TABLE_H

#include "base/buf.h"
#include "base/config.h"

enum config_type {
	CONFIG_STRING, /* char * */
	CONFIG_BOOL, /* bool */
	CONFIG_DURATION, /* int64_t, milliseconds */
	CONFIG_SIZE, /* uint64_t, bytes */
	CONFIG_COUNT, /* unsigned */
	CONFIG_ENUM, /* int, index of choices */
	CONFIG_LIST /* struct config_list */
};

struct config_option {
	const char *name;
	enum config_type type;
	size_t at; /* offset of the member */
	size_t has_at; /* offset of its bool "was given"; 0: none */
	const char *text; /* default, spelt as in a file */
	const char *unit; /* what a count counts; else NULL */
	uint64_t min, max; /* durations in ms, sizes, counts; max 0: no cap */
	bool may_be_empty; /* strings */
	bool is_reloadable; /* may change without a restart */
	const char *const *choices; /* of an enum, NULL at the end */
	/* Of a string or an item of a list: what it should be ("is not ..."),
	 * or NULL when it is that. */
	const char *(*check)(struct slice s);
	const char *default_doc; /* instead of text, in the manual page */
	const char *doc; /* one sentence, part of the product */
};

enum config_section {
	CONFIG_GLOBAL, /* before the first section */
	CONFIG_ROUTE,
	CONFIG_LOCATION,
	CONFIG_SECTION_COUNT
};

/* The options of one kind of section; all strings are static. */
struct config_table {
	const char *name; /* "" for the global keys, route, location */
	const char *doc;
	const struct config_option *options;
	size_t n; /* at most CONFIG_OPTIONS_MAX */
};

const struct config_table *config_table_of(enum config_section section);
/* Index of the option with that name, or t->n. */
size_t config_table_find(const struct config_table *t, struct slice name);

/*
 * Below, base is the struct that the option's offset belongs to: a struct
 * config, config_route or config_location.
 */

/* Parses text into the option's member; a list is added to. False appends to
 * why what is wrong, or nothing when memory is exhausted. */
bool config_value_set(const struct config_option *o, void *base,
    struct slice text, struct buf *why);
/* Frees and clears the member. */
void config_value_clear(const struct config_option *o, void *base);
/* Appends the value, spelt so that config_value_set reads the same. */
void config_value_print(
    const struct config_option *o, const void *base, struct buf *out);
/* False for an option of a section that was not given. */
bool config_value_is_given(const struct config_option *o, const void *base);

/* Shapes of strings, for the table: NULL, or what the text should be. */
const char *config_check_url(struct slice s);
const char *config_check_listen(struct slice s);
const char *config_check_mode(struct slice s);
const char *config_check_public_url(struct slice s);
const char *config_check_proxy(struct slice s);
const char *config_check_origin(struct slice s);
const char *config_check_host(struct slice s);
const char *config_check_field(struct slice s);
const char *config_check_id(struct slice s);

/* What no option can tell alone. False appends to why what is wrong with the
 * option that *option then names. */
bool config_check_whole(
    const struct config *c, const char **option, struct buf *why);
/* Of that, what is about listen, public_url and cors_origins. */
bool config_check_listeners(const struct config *c, struct buf *why);
bool config_check_public_urls(const struct config *c, struct buf *why);
bool config_check_origins(const struct config *c, struct buf *why);

#endif
