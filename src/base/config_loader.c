#include "base/config_loader.h"

#include <stdlib.h>

/* Errors: the first one counts. */

void config_loader_locate(struct config_loader *l, unsigned line)
{
	buf_printf(&l->why, "%s:%u: ", l->file, line);
	l->failed_line = line;
}

void config_loader_fail(
    struct config_loader *l, unsigned line, const char *fmt, ...)
{
	va_list ap;

	if (l->has_failed)
		return;
	if (line > 0)
		config_loader_locate(l, line);
	va_start(ap, fmt);
	buf_vprintf(&l->why, fmt, ap);
	va_end(ap);
	l->has_failed = true;
}

/* Sets one value; the place it came from is already in l->why. */
void config_loader_set(struct config_loader *l, const struct config_option *o,
    void *base, struct slice text)
{
	size_t n = l->why.n;

	if (config_value_set(o, base, text, &l->why)) {
		buf_reset(&l->why);
		return;
	}
	if (l->why.n == n)
		buf_printf(&l->why, "out of memory");
	l->has_failed = true;
}

/* Life */

static void clear_section(enum config_section section, void *base)
{
	const struct config_table *t = config_table_of(section);

	for (size_t i = 0; i < t->n; i++)
		config_value_clear(&t->options[i], base);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	clear_section(CONFIG_GLOBAL, c);
	for (size_t i = 0; i < c->n_routes; i++) {
		clear_section(CONFIG_ROUTE, &c->routes[i]);
		free(c->routes[i].name);
	}
	for (size_t i = 0; i < c->n_locations; i++) {
		clear_section(CONFIG_LOCATION, &c->locations[i]);
		free(c->locations[i].name);
	}
	free(c->routes);
	free(c->locations);
	free(c->file);
	free(c);
}

char *config_default_state(void)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct buf b;
	size_t n;

	buf_init(&b, 4096);
	/* A relative path is to be ignored, says the XDG specification. */
	if (xdg && xdg[0] == '/')
		buf_printf(&b, "%s/ghlmirror", xdg);
	else if (home && home[0])
		buf_printf(&b, "%s/.local/state/ghlmirror", home);
	return buf_take(&b, &n);
}

/* Comparing */

size_t config_compare_fixed(const struct config *running,
    const struct config *fresh, const char **names, size_t max)
{
	const struct config_table *t = config_table_of(CONFIG_GLOBAL);
	size_t n = 0;
	struct buf a, b;

	buf_init(&a, SIZE_MAX);
	buf_init(&b, SIZE_MAX);
	for (size_t i = 0; i < t->n; i++) {
		const struct config_option *o = &t->options[i];

		buf_reset(&a);
		buf_reset(&b);
		config_value_print(o, running, &a);
		config_value_print(o, fresh, &b);
		if (o->is_reloadable || slice_eq(buf_slice(&a), buf_slice(&b)))
			continue;
		if (n < max)
			names[n] = o->name;
		n++;
	}
	buf_fini(&a);
	buf_fini(&b);
	return n;
}
