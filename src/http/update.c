#include "http/update.h"

#include "http/field.h"

#include <stddef.h>

static bool is_about_the_body(struct slice name)
{
	static const char *const names[] = {"content-length",
	    "content-encoding", "content-range", "content-md5",
	    "content-digest", "repr-digest", "digest"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (slice_eq_nocase(name, slice_of_str(names[i])))
			return true;
	return false;
}

/* Does newer decide what the field says? */
static bool is_taken_over(struct slice stored, struct slice name)
{
	if (slice_eq_nocase(name, SLICE("etag")))
		return !field_find(stored, name, NULL);
	return !is_about_the_body(name);
}

void update_head(struct slice stored, struct slice newer, struct buf *out)
{
	struct slice rest = stored;
	struct field f;

	while (field_next(&rest, &f))
		if (!is_taken_over(stored, f.name) ||
		    !field_find(newer, f.name, NULL))
			field_add(out, f.name, f.value);
	rest = newer;
	while (field_next(&rest, &f))
		if (is_taken_over(stored, f.name))
			field_add(out, f.name, f.value);
}
