#include "base/config_loader.h"

/* --cache-max or --cache-max=..., against cache_max. */
static bool flag_is(struct slice flag, const char *name)
{
	size_t n = strlen(name);

	if (flag.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char want = name[i] == '_' ? '-' : name[i];

		if (flag.p[i] != want)
			return false;
	}
	return true;
}

struct flag {
	struct slice name; /* without the dashes before it */
	struct slice value;
	bool has_value; /* written with = */
	const struct config_option *o; /* NULL: --config */
	size_t index; /* of o */
};

/* False for what is no flag: a word, - or --. */
static bool flag_split(const char *arg, struct flag *f)
{
	struct slice s = slice_of_str(arg);
	size_t eq = slice_find(s, 0, '=');

	if (s.n < 2 || s.p[0] != '-' || slice_eq(s, SLICE("--")))
		return false;
	f->name = slice_sub(s, slice_starts(s, SLICE("--")) ? 2 : 0, eq);
	f->value = slice_sub(s, eq + 1, s.n);
	f->has_value = eq < s.n;
	return true;
}

static bool flag_find(struct flag *f)
{
	const struct config_table *t = config_table_of(CONFIG_GLOBAL);

	f->o = NULL;
	for (f->index = 0; f->index < t->n; f->index++) {
		if (flag_is(f->name, t->options[f->index].name)) {
			f->o = &t->options[f->index];
			return true;
		}
	}
	return slice_eq(f->name, SLICE("config"));
}

/*
 * Reads the flag at argv[*at] and moves *at behind it and its value. False
 * when there is none, or with l->has_failed. A yes/no flag takes the next
 * argument only if that says yes or no.
 */
static bool flag_next(
    struct config_loader *l, int argc, char **argv, int *at, struct flag *f)
{
	const char *arg = *at < argc ? argv[*at] : NULL;
	const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
	bool ignored;

	if (l->has_failed || !arg || !flag_split(arg, f))
		return false;
	if (!flag_find(f)) {
		config_loader_fail(l, 0, "unknown flag %.100s", arg);
		return false;
	}
	++*at;
	if (f->has_value)
		return true;
	if (f->o && f->o->type == CONFIG_BOOL &&
	    !(next && num_parse_bool(slice_of_str(next), &ignored))) {
		f->value = SLICE("yes");
		return true;
	}
	if (!next) {
		config_loader_fail(l, 0, "%s: needs a value", arg);
		return false;
	}
	++*at;
	f->value = slice_of_str(next);
	return true;
}

/* The file that --config names, else file; and where the flags end. */
const char *config_flags_file(
    struct config_loader *l, const char *file, int argc, char **argv, int *rest)
{
	int at = 1;
	struct flag f;

	while (flag_next(l, argc, argv, &at, &f)) {
		if (!f.o)
			file = f.value.p; /* ends where the argument ends */
	}
	*rest = at < argc && strcmp(argv[at], "--") == 0 ? at + 1 : at;
	return file;
}

void config_load_flags(struct config_loader *l, int argc, char **argv)
{
	struct config_place *place;
	int at = 1;
	struct flag f;

	while (flag_next(l, argc, argv, &at, &f)) {
		if (!f.o)
			continue;
		place = &l->c->places[f.index];
		if (place->by != CONFIG_BY_FLAG)
			config_value_clear(f.o, l->c);
		*place = (struct config_place){CONFIG_BY_FLAG, 0};
		buf_printf(&l->why, "--%.*s: ", (int)f.name.n, f.name.p);
		config_loader_set(l, f.o, l->c, f.value);
	}
}
