#include "api/tags.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_SIZE 16
#define SLOTS_PER_TAG 2

/*
 * One block: size tags, then size * SLOTS_PER_TAG slots of an open hash table
 * over them. A slot holds index + 1, 0 is free. The tags are hashes already.
 */
static uint16_t *slots_of(const struct tag_set *t)
{
	return (uint16_t *)(void *)(t->v + t->size);
}

void tag_set_init(struct tag_set *t)
{
	*t = (struct tag_set){0};
}

void tag_set_fini(struct tag_set *t)
{
	free(t->v);
	tag_set_init(t);
}

/* The slot of tag, or the free one where it belongs. */
static uint16_t *find_slot(const struct tag_set *t, const struct digest128 *tag)
{
	size_t mask = t->size * SLOTS_PER_TAG - 1;
	uint16_t *slots = slots_of(t);
	uint64_t h;

	memcpy(&h, tag->b, sizeof(h));
	while (
	    slots[h & mask] && !digest_equal(&t->v[slots[h & mask] - 1], tag))
		h++;
	return &slots[h & mask];
}

static bool grow(struct tag_set *t)
{
	struct tag_set bigger = {
	    .n = t->n,
	    .size = t->size ? t->size * 2 : FIRST_SIZE,
	};
	size_t slots_bytes = bigger.size * SLOTS_PER_TAG * sizeof(uint16_t);
	size_t tags_bytes = bigger.size * sizeof(*t->v);

	if (bigger.size > TAG_SET_MAX)
		return false;
	bigger.v = malloc(tags_bytes + slots_bytes);
	if (!bigger.v)
		return false;
	memset(slots_of(&bigger), 0, slots_bytes);
	for (size_t i = 0; i < t->n; i++) {
		bigger.v[i] = t->v[i];
		*find_slot(&bigger, &t->v[i]) = (uint16_t)(i + 1);
	}
	free(t->v);
	*t = bigger;
	return true;
}

void tag_set_add(struct tag_set *t, struct digest128 tag)
{
	uint16_t *slot;

	if (t->size > 0 && *find_slot(t, &tag))
		return;
	if (t->n == t->size && !grow(t)) {
		t->is_full = true;
		return;
	}
	slot = find_slot(t, &tag);
	t->v[t->n++] = tag;
	*slot = (uint16_t)t->n;
}

bool tag_set_has(const struct tag_set *t, struct digest128 tag)
{
	return t->size > 0 && *find_slot(t, &tag);
}

/*
 * Hashes the two in a row. Long names (paths can have kilobytes) are cut down
 * to the digest of their second part first: the name of a tag need only be
 * the same whenever it is formed.
 */
struct digest128 tag_named(struct slice prefix, struct slice rest)
{
	char name[512];
	struct digest128 cut;

	assert(prefix.n <= sizeof(name) / 2);
	if (rest.n > sizeof(name) / 2) {
		cut = digest_fast(rest);
		rest = slice_of((const char *)cut.b, sizeof(cut.b));
	}
	memcpy(name, prefix.p, prefix.n);
	if (rest.n > 0)
		memcpy(name + prefix.n, rest.p, rest.n);
	return digest_fast(slice_of(name, prefix.n + rest.n));
}
