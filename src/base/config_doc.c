#include "base/config.h"

#include "base/config_table.h"

/* The options of one section that were given, a line each. */
static void print_section(
    FILE *out, enum config_section section, const void *base)
{
	const struct config_table *t = config_table_of(section);
	struct buf value;

	buf_init(&value, SIZE_MAX);
	for (size_t i = 0; i < t->n; i++) {
		const struct config_option *o = &t->options[i];

		if (!config_value_is_given(o, base))
			continue;
		buf_reset(&value);
		config_value_print(o, base, &value);
		fprintf(out, "%s =%s", o->name, value.n > 0 ? " " : "");
		if (value.n > 0)
			fwrite(value.p, 1, value.n, out);
		fputc('\n', out);
	}
	buf_fini(&value);
}

void config_print(FILE *out, const struct config *c)
{
	print_section(out, CONFIG_GLOBAL, c);
	for (size_t i = 0; i < c->n_routes; i++) {
		fprintf(out, "\n[route %s]\n", c->routes[i].name);
		print_section(out, CONFIG_ROUTE, &c->routes[i]);
	}
	for (size_t i = 0; i < c->n_locations; i++) {
		fprintf(out, "\n[location %s]\n", c->locations[i].name);
		print_section(out, CONFIG_LOCATION, &c->locations[i]);
	}
}

/* ---- JSON ---- */

static void add_list(struct buf *out, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		buf_add_char(out, i ? ',' : '[');
		buf_add_json_string(out, slice_of_str(list->v[i]));
	}
	buf_add_slice(out, list->n ? SLICE("]") : SLICE("[]"));
}

static void add_json_value(
    struct buf *out, const struct config_option *o, const void *base)
{
	const void *member = (const char *)base + o->at;
	struct buf text;

	switch (o->type) {
	case CONFIG_LIST:
		add_list(out, member);
		return;
	case CONFIG_BOOL:
		buf_add_slice(out,
		    *(const bool *)member ? SLICE("true") : SLICE("false"));
		return;
	case CONFIG_COUNT:
		config_value_print(o, base, out);
		return;
	case CONFIG_STRING:
	case CONFIG_ENUM:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		break;
	}
	buf_init(&text, SIZE_MAX);
	config_value_print(o, base, &text);
	buf_add_json_string(out, buf_slice(&text));
	buf_fini(&text);
}

/* name: of a section, or NULL. */
static void add_json_section(struct buf *out, enum config_section section,
    const char *name, const void *base)
{
	const struct config_table *t = config_table_of(section);
	const char *comma = "";

	buf_add_char(out, '{');
	if (name) {
		buf_add_slice(out, SLICE("\"name\":"));
		buf_add_json_string(out, slice_of_str(name));
		comma = ",";
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct config_option *o = &t->options[i];

		if (!config_value_is_given(o, base))
			continue;
		buf_printf(out, "%s\"%s\":", comma, o->name);
		add_json_value(out, o, base);
		comma = ",";
	}
	buf_add_char(out, '}');
}

void config_print_json(FILE *file, const struct config *c)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	buf_add_slice(&out, SLICE("{\"file\":"));
	buf_add_json_string(&out, slice_of_str(c->file));
	buf_add_slice(&out, SLICE(",\"options\":"));
	add_json_section(&out, CONFIG_GLOBAL, NULL, c);
	buf_add_slice(&out, SLICE(",\"routes\":["));
	for (size_t i = 0; i < c->n_routes; i++) {
		buf_printf(&out, "%s", i ? "," : "");
		add_json_section(
		    &out, CONFIG_ROUTE, c->routes[i].name, &c->routes[i]);
	}
	buf_add_slice(&out, SLICE("],\"locations\":["));
	for (size_t i = 0; i < c->n_locations; i++) {
		buf_printf(&out, "%s", i ? "," : "");
		add_json_section(&out, CONFIG_LOCATION, c->locations[i].name,
		    &c->locations[i]);
	}
	buf_add_slice(&out, SLICE("]}\n"));
	if (out.n > 0)
		fwrite(out.p, 1, out.n, file);
	buf_fini(&out);
}

/* ---- the reference ---- */

/* What the reference calls a value of the option. */
static const char *type_name(const struct config_option *o)
{
	switch (o->type) {
	case CONFIG_STRING:
		return "text";
	case CONFIG_BOOL:
		return "yes | no";
	case CONFIG_DURATION:
		return "duration";
	case CONFIG_SIZE:
		return "size";
	case CONFIG_COUNT:
		return o->unit;
	case CONFIG_LIST:
		return "list";
	case CONFIG_ENUM:
		break;
	}
	return NULL;
}

/* Text of a line of its own: a dot or quote in front would be a macro. */
static void describe_text(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static void describe_head(FILE *out, const struct config_option *o)
{
	fprintf(out, ".It Cm %s No = ", o->name);
	if (o->type == CONFIG_ENUM) {
		for (int i = 0; o->choices[i]; i++)
			fprintf(out, "%s%s", i ? " | " : "Cm ", o->choices[i]);
		fputc('\n', out);
		return;
	}
	fprintf(out, "Ar %s\n", type_name(o));
}

static void describe_default(FILE *out, const struct config_option *o)
{
	const char *value = o->default_doc ? o->default_doc : o->text;

	fprintf(out, "Default: %s.\n", value);
}

static void describe_reload(FILE *out, const struct config_option *o)
{
	if (!o->is_reloadable)
		fputs("Needs a restart.\n", out);
}

void config_describe(FILE *out)
{
	for (int s = 0; s < CONFIG_SECTION_COUNT; s++) {
		const struct config_table *t =
		    config_table_of((enum config_section)s);

		fprintf(out, ".Ss %s%s\n",
		    s == CONFIG_GLOBAL ? "Global keys" : "Section ", t->name);
		describe_text(out, t->doc);
		fputs(".Bl -tag -width Ds\n", out);
		for (size_t i = 0; i < t->n; i++) {
			const struct config_option *o = &t->options[i];

			describe_head(out, o);
			describe_text(out, o->doc);
			if (s == CONFIG_GLOBAL)
				describe_default(out, o);
			describe_reload(out, o);
		}
		fputs(".El\n", out);
	}
}
