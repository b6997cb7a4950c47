#include "base/config_table.h"

#include <assert.h>
#include <stdlib.h>

/* The member of an option. Its real type is the one that the option's type
 * stands for, which the table proves at compile time. */
static void *member_of(const struct config_option *o, void *base)
{
	return (char *)base + o->at;
}

static const void *const_member_of(
    const struct config_option *o, const void *base)
{
	return (const char *)base + o->at;
}

static bool value_refuse(struct slice text, const char *wanted, struct buf *why)
{
	buf_add_json_string(why, slice_sub(text, 0, 200));
	buf_printf(why, " is not %s", wanted);
	return false;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

static bool value_check(
    const struct config_option *o, struct slice text, struct buf *why)
{
	const char *wanted = NULL;

	if (has_control(text))
		wanted = "printable text";
	else if (o->check)
		wanted = o->check(text);
	return wanted ? value_refuse(text, wanted, why) : true;
}

static bool set_string(const struct config_option *o, char **member,
    struct slice text, struct buf *why)
{
	char *copy;

	if (text.n == 0 && !o->may_be_empty) {
		buf_add_slice(why, SLICE("must not be empty"));
		return false;
	}
	if (text.n > 0 && !value_check(o, text, why))
		return false;
	copy = strndup(text.n ? text.p : "", text.n);
	if (!copy)
		return false;
	free(*member);
	*member = copy;
	return true;
}

static bool list_add(struct config_list *list, struct slice item)
{
	char **v = realloc(list->v, (list->n + 1) * sizeof(*v));

	if (!v)
		return false;
	list->v = v;
	v[list->n] = strndup(item.p, item.n);
	if (!v[list->n])
		return false;
	list->n++;
	return true;
}

static bool is_list_space(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* Cuts the next item off the text; empty at the end. */
static struct slice list_next(struct slice *text)
{
	size_t from = 0, to;
	struct slice item;

	while (from < text->n && is_list_space(text->p[from]))
		from++;
	to = from;
	while (to < text->n && !is_list_space(text->p[to]))
		to++;
	item = slice_sub(*text, from, to);
	*text = slice_sub(*text, to, text->n);
	return item;
}

static bool add_to_list(const struct config_option *o, struct config_list *list,
    struct slice text, struct buf *why)
{
	struct slice rest = text, item;

	/* All are checked before the first is added. */
	while ((item = list_next(&rest)).n > 0) {
		if (!value_check(o, item, why))
			return false;
	}
	while ((item = list_next(&text)).n > 0) {
		if (!list_add(list, item))
			return false;
	}
	return true;
}

static bool set_enum(const struct config_option *o, int *member,
    struct slice text, struct buf *why)
{
	for (int i = 0; o->choices[i]; i++) {
		if (slice_eq(text, slice_of_str(o->choices[i]))) {
			*member = i;
			return true;
		}
	}
	value_refuse(text, "one of", why);
	for (int i = 0; o->choices[i]; i++)
		buf_printf(why, "%s %s", i ? "," : "", o->choices[i]);
	return false;
}

static void print_number(enum config_type type, uint64_t v, struct buf *out);

static bool in_range(const struct config_option *o, uint64_t v, struct buf *why)
{
	if (v >= o->min && (o->max == 0 || v <= o->max))
		return true;
	buf_printf(why, "must be at %s ", v < o->min ? "least" : "most");
	print_number(o->type, v < o->min ? o->min : o->max, why);
	return false;
}

static bool set_number(const struct config_option *o, void *member,
    struct slice text, struct buf *why)
{
	const char *wanted = "";
	uint64_t v = 0;
	int64_t ms = 0;
	bool is_ok = false;

	if (o->type == CONFIG_DURATION) {
		wanted = "a duration such as 500ms, 30s, 5m, 12h or 30d";
		is_ok = num_parse_duration(text, &ms);
		v = (uint64_t)ms;
	} else if (o->type == CONFIG_SIZE) {
		wanted = "a size such as 4096, 512KiB, 64MiB or 4GiB";
		is_ok = num_parse_size(text, &v);
	} else {
		wanted = "a number";
		is_ok = num_parse_u64(text, 0, UINT32_MAX, &v);
	}
	if (!is_ok)
		return value_refuse(text, wanted, why);
	if (!in_range(o, v, why))
		return false;
	if (o->type == CONFIG_DURATION)
		*(int64_t *)member = (int64_t)v;
	else if (o->type == CONFIG_SIZE)
		*(uint64_t *)member = v;
	else
		*(unsigned *)member = (unsigned)v;
	return true;
}

static bool set_member(const struct config_option *o, void *member,
    struct slice text, struct buf *why)
{
	switch (o->type) {
	case CONFIG_STRING:
		return set_string(o, member, text, why);
	case CONFIG_LIST:
		return add_to_list(o, member, text, why);
	case CONFIG_BOOL:
		if (num_parse_bool(text, member))
			return true;
		return value_refuse(text, "yes or no", why);
	case CONFIG_ENUM:
		return set_enum(o, member, text, why);
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_COUNT:
		break;
	}
	return set_number(o, member, text, why);
}

bool config_value_set(const struct config_option *o, void *base,
    struct slice text, struct buf *why)
{
	if (!set_member(o, member_of(o, base), text, why))
		return false;
	if (o->has_at)
		*(bool *)((char *)base + o->has_at) = true;
	return true;
}

void config_value_clear(const struct config_option *o, void *base)
{
	void *member = member_of(o, base);

	if (o->type == CONFIG_STRING) {
		free(*(char **)member);
		*(char **)member = NULL;
	} else if (o->type == CONFIG_LIST) {
		struct config_list *list = member;

		for (size_t i = 0; i < list->n; i++)
			free(list->v[i]);
		free(list->v);
		*list = (struct config_list){NULL, 0};
	}
}

bool config_value_is_given(const struct config_option *o, const void *base)
{
	return o->has_at == 0 ||
	       *(const bool *)((const char *)base + o->has_at);
}

/* Printing */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
    {"d", 24 * 60 * 60 * 1000},
    {"h", 60 * 60 * 1000},
    {"m", 60 * 1000},
    {"s", 1000},
    {"ms", 1},
};

static const struct unit size_units[] = {
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"", 1},
};

static void print_number(enum config_type type, uint64_t v, struct buf *out)
{
	const struct unit *u =
	    type == CONFIG_SIZE ? size_units : duration_units;

	if (type == CONFIG_COUNT || v == 0) {
		buf_add_u64(out, v);
		return;
	}
	/* The largest unit that leaves no remainder; the last one fits all. */
	while (v % u->factor != 0)
		u++;
	buf_add_u64(out, v / u->factor);
	buf_add_slice(out, slice_of_str(u->name));
}

static void print_list(const struct config_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s", i ? ", " : "", list->v[i]);
}

void config_value_print(
    const struct config_option *o, const void *base, struct buf *out)
{
	const void *member = const_member_of(o, base);

	switch (o->type) {
	case CONFIG_STRING:
		buf_add_slice(out, slice_of_str(*(char *const *)member));
		break;
	case CONFIG_BOOL:
		buf_add_slice(
		    out, *(const bool *)member ? SLICE("yes") : SLICE("no"));
		break;
	case CONFIG_DURATION:
		print_number(
		    o->type, (uint64_t) * (const int64_t *)member, out);
		break;
	case CONFIG_SIZE:
		print_number(o->type, *(const uint64_t *)member, out);
		break;
	case CONFIG_COUNT:
		print_number(o->type, *(const unsigned *)member, out);
		break;
	case CONFIG_ENUM:
		buf_add_slice(
		    out, slice_of_str(o->choices[*(const int *)member]));
		break;
	case CONFIG_LIST:
		print_list(member, out);
		break;
	}
}
