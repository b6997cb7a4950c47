#include "base/config.h"

#include "base/config_loader.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>

/* inih keeps 50 bytes of a section's header and forgets the rest. */
enum {
	SECTION_BYTES = 48
};

struct file_reader {
	struct config_loader *l;
	FILE *in;
	char *text; /* of the current line, for getline */
	size_t text_size;
	unsigned line;
	enum config_section section;
	void *base; /* the struct that the section fills */
	struct config_place places[CONFIG_OPTIONS_MAX]; /* of the section's */
};

/* Sections */

static bool is_section_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return false;
	}
	return s.n > 0;
}

/* Grows an array of structs by one zeroed element; NULL without memory. */
static void *grow(void *array, size_t *n, size_t size)
{
	char *p = realloc(array, (*n + 1) * size);

	if (p)
		memset(p + *n * size, 0, size);
	return p;
}

static bool add_route(struct file_reader *r, struct slice name)
{
	struct config *c = r->l->c;
	struct config_route *all = grow(c->routes, &c->n_routes, sizeof(*all));

	if (!all)
		return false;
	c->routes = all;
	all[c->n_routes].name = strndup(name.p, name.n);
	all[c->n_routes].line = r->line;
	r->base = &all[c->n_routes];
	return all[c->n_routes++].name != NULL;
}

static bool add_location(struct file_reader *r, struct slice name)
{
	struct config *c = r->l->c;
	struct config_location *all =
	    grow(c->locations, &c->n_locations, sizeof(*all));

	if (!all)
		return false;
	c->locations = all;
	all[c->n_locations].name = strndup(name.p, name.n);
	all[c->n_locations].line = r->line;
	r->base = &all[c->n_locations];
	return all[c->n_locations++].name != NULL;
}

/* Line of the section with that kind and name, or 0. */
static unsigned find_section(
    const struct config *c, enum config_section section, struct slice name)
{
	for (size_t i = 0; section == CONFIG_ROUTE && i < c->n_routes; i++) {
		if (slice_eq(name, slice_of_str(c->routes[i].name)))
			return c->routes[i].line;
	}
	for (size_t i = 0; section == CONFIG_LOCATION && i < c->n_locations;
	     i++) {
		if (slice_eq(name, slice_of_str(c->locations[i].name)))
			return c->locations[i].line;
	}
	return 0;
}

static void open_named(
    struct file_reader *r, enum config_section section, struct slice name)
{
	const char *kind = config_table_of(section)->name;
	unsigned before;
	bool is_ok;

	if (!is_section_name(name)) {
		config_loader_fail(r->l, r->line,
		    "[%s NAME] wants a name of letters, "
		    "digits, _ - and .",
		    kind);
		return;
	}
	before = find_section(r->l->c, section, name);
	if (before > 0) {
		config_loader_fail(r->l, r->line,
		    "[%s %.*s] is already in line %u", kind, (int)name.n,
		    name.p, before);
		return;
	}
	is_ok = section == CONFIG_ROUTE ? add_route(r, name)
					: add_location(r, name);
	if (!is_ok)
		config_loader_fail(r->l, r->line, "out of memory");
	r->section = section;
	memset(r->places, 0, sizeof(r->places));
}

/* line: a whole line that starts with [. */
static void open_section(struct file_reader *r, struct slice line)
{
	size_t end = slice_find(line, 0, ']'), space;
	struct slice inside = slice_trim_ows(slice_sub(line, 1, end));
	struct slice after = slice_trim_ows(slice_sub(line, end + 1, line.n));
	struct slice kind;

	if (end == line.n || end > SECTION_BYTES) {
		config_loader_fail(r->l, r->line,
		    end == line.n ? "a section ends with ]"
				  : "the name of the section is too long");
		return;
	}
	if (after.n > 0 && after.p[0] != ';' && after.p[0] != '#') {
		config_loader_fail(r->l, r->line, "text after the section's ]");
		return;
	}
	space = slice_find(inside, 0, ' ');
	kind = slice_sub(inside, 0, space);
	for (int s = CONFIG_GLOBAL + 1; s < CONFIG_SECTION_COUNT; s++) {
		if (!slice_eq(kind, slice_of_str(config_table_of(s)->name)))
			continue;
		open_named(r, (enum config_section)s,
		    slice_trim_ows(slice_sub(inside, space, inside.n)));
		return;
	}
	config_loader_fail(
	    r->l, r->line, "unknown section [%.*s]", (int)inside.n, inside.p);
}

/* Keys */

static void fail_unknown_key(struct file_reader *r, const char *name)
{
	const struct config_table *global = config_table_of(CONFIG_GLOBAL);
	bool is_misplaced =
	    config_table_find(global, slice_of_str(name)) < global->n;
	const char *section_name = "";

	if (r->section == CONFIG_GLOBAL) {
		config_loader_fail(r->l, r->line, "unknown key \"%s\"", name);
		return;
	}
	section_name = r->section == CONFIG_ROUTE
			   ? ((struct config_route *)r->base)->name
			   : ((struct config_location *)r->base)->name;
	config_loader_fail(r->l, r->line, "unknown key \"%s\" in [%s %s]%s",
	    name, config_table_of(r->section)->name, section_name,
	    is_misplaced ? "; it belongs before the first section" : "");
}

static struct config_place *place_of(struct file_reader *r, size_t i)
{
	return r->section == CONFIG_GLOBAL ? &r->l->c->places[i]
					   : &r->places[i];
}

/* Called by inih for each NAME = VALUE. Its section is not used: read_line
 * saw the section's own line. */
static int read_pair(
    void *user, const char *section, const char *name, const char *value)
{
	struct file_reader *r = user;
	const struct config_table *t = config_table_of(r->section);
	size_t i = config_table_find(t, slice_of_str(name));
	const struct config_option *o = &t->options[i];
	struct config_place *place = place_of(r, i);

	(void)section;
	if (r->l->has_failed)
		return 1;
	if (i == t->n) {
		fail_unknown_key(r, name);
		return 1;
	}
	if (place->line > 0 && o->type != CONFIG_LIST) {
		config_loader_fail(r->l, r->line,
		    "%s is already set in line %u", name, place->line);
		return 1;
	}
	if (place->line == 0)
		config_value_clear(o, r->base);
	*place = (struct config_place){CONFIG_BY_FILE, r->line};
	config_loader_locate(r->l, r->line);
	buf_printf(&r->l->why, "%s: ", name);
	config_loader_set(r->l, o, r->base, slice_of_str(value));
	return 1;
}

static struct slice trim_line(const char *p, size_t n)
{
	struct slice s = slice_of(p, n);

	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return slice_trim_ows(s);
}

/*
 * inih's way to read: gives it one line. It counts lines, which inih does not
 * tell its handler, sees sections without keys, and refuses what inih would
 * cut or ignore. Lines come without indentation, because inih takes an
 * indented line for more of the value before.
 */
static char *read_line(char *out, int size, void *user)
{
	struct file_reader *r = user;
	ssize_t n =
	    r->l->has_failed ? -1 : getline(&r->text, &r->text_size, r->in);
	struct slice s;

	if (n < 0)
		return NULL;
	r->line++;
	s = slice_of(r->text, (size_t)n);
	if (r->line == 1 && slice_starts(s, SLICE("\xef\xbb\xbf")))
		s = slice_sub(s, 3, s.n);
	s = trim_line(s.p, s.n);
	if (s.n > 0 && (s.p[0] == '#' || s.p[0] == ';'))
		s.n = 0; /* a comment may be as long as it likes */
	if (memchr(r->text, '\0', (size_t)n))
		config_loader_fail(r->l, r->line, "holds a NUL byte");
	else if (s.n + 2 > (size_t)size)
		config_loader_fail(r->l, r->line,
		    "is longer than %d bytes; a list may "
		    "go on with the same key in another line",
		    size - 2);
	else if (slice_starts(s, SLICE("[")))
		open_section(r, s);
	if (r->l->has_failed)
		return NULL;
	memcpy(out, s.p, s.n);
	out[s.n] = '\n';
	out[s.n + 1] = '\0';
	return out;
}

static void check_routes(struct config_loader *l)
{
	const struct config *c = l->c;

	for (size_t i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->routes[i];

		if (!r->match)
			config_loader_fail(
			    l, r->line, "[route %s] has no match", r->name);
	}
}

static void check_locations(struct config_loader *l)
{
	const struct config_location *all = l->c->locations;

	for (size_t i = 0; i < l->c->n_locations && !l->has_failed; i++) {
		if (!all[i].id) {
			config_loader_fail(l, all[i].line,
			    "[location %s] has no id", all[i].name);
			return;
		}
		for (size_t j = 0; j < i; j++) {
			if (strcmp(all[i].id, all[j].id) == 0)
				config_loader_fail(l, all[i].line,
				    "[location %s] has the id of [location %s]",
				    all[i].name, all[j].name);
		}
	}
}

static void load_file(struct config_loader *l)
{
	struct file_reader r = {.l = l, .section = CONFIG_GLOBAL, .base = l->c};
	int rc;

	r.in = fopen(l->file, "re");
	if (!r.in) {
		config_loader_fail(l, 0, "%s: %s", l->file, strerror(errno));
		return;
	}
	rc = ini_parse_stream(read_line, &r, read_pair, &r);
	if (ferror(r.in))
		config_loader_fail(l, 0, "%s: %s", l->file, strerror(errno));
	fclose(r.in);
	free(r.text);
	/* inih goes on after a line it does not understand. */
	if (rc > 0 && (!l->has_failed || l->failed_line > (unsigned)rc)) {
		buf_reset(&l->why);
		l->has_failed = false;
		config_loader_fail(l, (unsigned)rc,
		    "is neither NAME = VALUE nor a section nor a comment");
	}
	check_routes(l);
	check_locations(l);
}

static void set_defaults(struct config_loader *l)
{
	const struct config_table *t = config_table_of(CONFIG_GLOBAL);

	for (size_t i = 0; i < t->n && !l->has_failed; i++) {
		const struct config_option *o = &t->options[i];
		struct slice text = slice_of_str(o->text);
		struct config_option open = *o;

		/* Empty stands for "to be found out" where it may not be
		 * written. */
		open.may_be_empty = true;
		config_loader_set(l, &open, l->c, text);
	}
}

/* The whole */

void config_locate(const struct config *c, const char *option, struct buf *out)
{
	size_t i = config_table_find(
	    config_table_of(CONFIG_GLOBAL), slice_of_str(option));
	bool is_flag = c->places[i].by == CONFIG_BY_FLAG;

	if (c->places[i].by == CONFIG_BY_FILE)
		buf_printf(out, "%s:%u: ", c->file, c->places[i].line);
	if (is_flag)
		buf_add_slice(out, SLICE("--"));
	for (; *option; option++)
		buf_add_char(out, is_flag && *option == '_' ? '-' : *option);
	buf_add_slice(out, SLICE(": "));
}

static void finish(struct config_loader *l)
{
	struct config *c = l->c;
	const char *option = NULL;
	struct buf why;
	size_t n;

	if (l->has_failed)
		return;
	n = strlen(c->upstream);
	if (c->upstream[n - 1] == '/')
		c->upstream[n - 1] = '\0';
	if (!c->state[0]) {
		free(c->state);
		c->state = config_default_state();
		if (!c->state)
			config_loader_fail(l, 0,
			    "state: neither XDG_STATE_HOME nor "
			    "HOME is set");
	}
	buf_init(&why, CONFIG_WHY_BYTES);
	if (!config_check_whole(c, &option, &why) && !l->has_failed) {
		config_locate(c, option, &l->why);
		buf_add_slice(&l->why, buf_slice(&why));
		l->has_failed = true;
	}
	buf_fini(&why);
}

struct config *config_load(
    const char *file, int argc, char **argv, int *rest, char **why)
{
	struct config_loader l = {.c = calloc(1, sizeof(*l.c))};
	size_t n;

	*rest = 1;
	*why = NULL;
	if (!l.c)
		return NULL;
	buf_init(&l.why, CONFIG_WHY_BYTES);
	set_defaults(&l);
	l.file = config_flags_file(&l, file, argc, argv, rest);
	if (l.has_failed)
		*rest = 0;
	l.c->file = strdup(l.file ? l.file : "");
	if (!l.c->file)
		config_loader_fail(&l, 0, "out of memory");
	if (l.file && !l.has_failed)
		load_file(&l);
	config_load_flags(&l, argc, argv);
	finish(&l);
	if (!l.has_failed) {
		buf_fini(&l.why);
		return l.c;
	}
	config_free(l.c);
	*why = buf_take(&l.why, &n);
	return NULL;
}
