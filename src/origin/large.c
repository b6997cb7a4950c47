#include "origin/large.h"

/* One place for each key: a later one takes it. */
static size_t place_of(const struct digest128 *key)
{
	return key->b[0] % LARGE_SIZE;
}

void large_note(struct large *l, const struct digest128 *key, int64_t now_ms)
{
	size_t i = place_of(key);

	l->v[i].key = *key;
	l->v[i].until_ms = now_ms + LARGE_MS;
}

void large_forget(struct large *l, const struct digest128 *key)
{
	size_t i = place_of(key);

	if (digest_equal(&l->v[i].key, key))
		l->v[i].until_ms = 0;
}

bool large_has(
    const struct large *l, const struct digest128 *key, int64_t now_ms)
{
	size_t i = place_of(key);

	return now_ms < l->v[i].until_ms && digest_equal(&l->v[i].key, key);
}
