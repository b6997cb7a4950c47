#include "origin/moves.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Open addressing, linear probing, power-of-two size, at most half full.
 * Tags are digests already: their first bytes are the hash.
 */
struct moved_tag {
	struct digest128 tag;
	struct cache_moved last;
	bool is_used;
};

struct moves {
	uint64_t seq;
	struct moved_tag *table; /* owned */
	size_t size;
	size_t used;
	/* Movement of everything, for when memory failed. */
	struct cache_moved all;
};

#define MOVES_SIZE_MIN 256

struct moves *moves_new(uint64_t last_seq)
{
	struct moves *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->seq = last_seq;
	m->size = MOVES_SIZE_MIN;
	m->table = calloc(m->size, sizeof(*m->table));
	if (!m->table) {
		free(m);
		return NULL;
	}
	return m;
}

void moves_free(struct moves *m)
{
	if (!m)
		return;
	free(m->table);
	free(m);
}

uint64_t moves_seq(const struct moves *m)
{
	return m->seq;
}

static size_t slot_of(const struct moves *m, const struct digest128 *tag)
{
	uint64_t h;

	memcpy(&h, tag->b, sizeof(h));
	return (size_t)h & (m->size - 1);
}

static struct moved_tag *find(
    const struct moves *m, const struct digest128 *tag)
{
	size_t i = slot_of(m, tag);

	while (m->table[i].is_used && !digest_equal(&m->table[i].tag, tag))
		i = (i + 1) & (m->size - 1);
	return &m->table[i];
}

static void merge(struct cache_moved *into, const struct cache_moved *from)
{
	if (from->epoch > into->epoch)
		into->epoch = from->epoch;
	if (from->suspect > into->suspect)
		into->suspect = from->suspect;
	if (from->moved_at_ms > into->moved_at_ms)
		into->moved_at_ms = from->moved_at_ms;
}

static void put(struct moves *m, const struct digest128 *tag,
    const struct cache_moved *moved)
{
	struct moved_tag *t = find(m, tag);

	if (!t->is_used) {
		t->is_used = true;
		t->tag = *tag;
		m->used++;
	}
	merge(&t->last, moved);
}

static bool grow(struct moves *m)
{
	struct moved_tag *old = m->table;
	size_t old_size = m->size;
	struct moved_tag *table = calloc(old_size * 2, sizeof(*table));

	if (!table)
		return false;
	m->table = table;
	m->size = old_size * 2;
	m->used = 0;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].is_used)
			put(m, &old[i].tag, &old[i].last);
	free(old);
	return true;
}

uint64_t moves_record(struct moves *m, const struct digest128 *tags, size_t n,
    bool is_suspect, int64_t now_ms)
{
	struct cache_moved moved = {.moved_at_ms = now_ms};

	m->seq++;
	if (is_suspect)
		moved.suspect = m->seq;
	else
		moved.epoch = m->seq;
	for (size_t i = 0; i < n; i++) {
		if (m->used * 2 >= m->size && !grow(m)) {
			merge(&m->all, &moved);
			break;
		}
		put(m, &tags[i], &moved);
	}
	return m->seq;
}

void moves_latest(const struct moves *m, struct cache_reader *reader,
    const struct digest128 *tags, size_t n, struct cache_moved *out)
{
	*out = m->all;
	for (size_t i = 0; i < n; i++) {
		const struct moved_tag *t = find(m, &tags[i]);

		if (t->is_used)
			merge(out, &t->last);
	}
	if (reader) {
		struct cache_moved stored = {0};

		cache_tags_moved(reader, tags, n, &stored);
		merge(out, &stored);
	}
}

static bool is_needed(const struct cache_moved *moved, uint64_t committed,
    uint64_t oldest_flight_seq, int64_t before_ms)
{
	uint64_t seq =
	    moved->epoch > moved->suspect ? moved->epoch : moved->suspect;

	return seq > committed || seq > oldest_flight_seq ||
	       moved->moved_at_ms >= before_ms;
}

void moves_forget(struct moves *m, uint64_t committed,
    uint64_t oldest_flight_seq, int64_t before_ms)
{
	struct moved_tag *old = m->table;
	size_t old_size = m->size;
	struct moved_tag *table;

	if (m->used < MOVES_SIZE_MIN / 4)
		return;
	table = calloc(MOVES_SIZE_MIN, sizeof(*table));
	if (!table)
		return;
	m->table = table;
	m->size = MOVES_SIZE_MIN;
	m->used = 0;
	for (size_t i = 0; i < old_size; i++) {
		if (!old[i].is_used)
			continue;
		if (!is_needed(
			&old[i].last, committed, oldest_flight_seq, before_ms))
			continue;
		if (m->used * 2 >= m->size && !grow(m)) {
			merge(&m->all, &old[i].last);
			continue;
		}
		put(m, &old[i].tag, &old[i].last);
	}
	free(old);
}
