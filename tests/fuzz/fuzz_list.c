/*
 * Comma lists, and the pairs in them, against a plainer reading; and fields
 * that come in several lines.
 */
#include "base/buf.h"
#include "http/field.h"

#include "plain_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct slice items[PLAIN_BYTES_MAX];

static void check_pair(struct slice item)
{
	struct plain_pair want = plain_split(item);
	struct slice name, value;
	bool is_good = field_split_pair(item, &name, &value);

	assert(is_good == want.is_good);
	if (!is_good)
		return;
	assert(slice_eq(name, want.name));
	assert((value.p != NULL) == want.has_value);
	if (want.has_value)
		assert(slice_eq(value, want.value));
}

static void check_items(struct slice in)
{
	size_t n = plain_items(in, items);
	struct slice rest = in, item;

	for (size_t i = 0; i < n; i++) {
		assert(field_list_next(&rest, &item));
		assert(item.p == items[i].p && item.n == items[i].n);
		assert(field_list_has(in, item));
		check_pair(item);
	}
	assert(!field_list_next(&rest, &item));
	assert(rest.n == 0);
}

/* Lines of one name mean what they mean joined (RFC 9110 §5.3). */
static void check_lines(struct slice in)
{
	size_t half = in.n / 2;
	struct slice one = slice_trim_ows(slice_sub(in, 0, half));
	struct slice two = slice_trim_ows(slice_sub(in, half, in.n));
	struct slice rest, item;
	struct buf block, joined;
	size_t n;

	if (!field_is_value(one) || !field_is_value(two))
		return;
	buf_init(&block, 3 * PLAIN_BYTES_MAX);
	buf_init(&joined, 3 * PLAIN_BYTES_MAX);
	field_add(&block, SLICE("X-List"), one);
	field_add(&block, SLICE("Other"), SLICE("y"));
	field_add(&block, SLICE("x-lisT"), two);
	assert(field_join(buf_slice(&block), SLICE("x-list"), &joined) == 2);
	n = plain_items(buf_slice(&joined), items);
	rest = buf_slice(&joined);
	for (size_t i = 0; i < n; i++)
		assert(
		    field_list_next(&rest, &item) && slice_eq(item, items[i]));
	assert(!field_list_next(&rest, &item));
	buf_fini(&block);
	buf_fini(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* A list of its own, so that reading past its end shows. */
	char *copy = malloc(n + 1);
	struct slice in;

	if (n > PLAIN_BYTES_MAX / 2 || !copy) {
		free(copy);
		return 0;
	}
	in = slice_of(copy, n);
	if (n > 0)
		memcpy(copy, data, n);
	check_items(in);
	check_lines(in);
	free(copy);
	return 0;
}
