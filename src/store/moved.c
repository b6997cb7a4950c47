#include "store/moved.h"

#define VERSION 1

struct stored {
	uint64_t checksum; /* of the tag's name and everything after this */
	uint64_t version;
	uint64_t epoch;
	uint64_t suspect;
	int64_t moved_at_ms;
};

_Static_assert(sizeof(struct stored) == MOVED_BYTES, "no padding");

static uint64_t checksum(const struct digest128 *tag, const struct stored *s)
{
	const size_t from = sizeof(s->checksum);
	char bytes[sizeof(*tag) + sizeof(*s) - sizeof(s->checksum)];

	memcpy(bytes, tag, sizeof(*tag));
	memcpy(bytes + sizeof(*tag), (const char *)s + from, sizeof(*s) - from);
	return digest_checksum(slice_of(bytes, sizeof(bytes)));
}

void moved_encode(const struct digest128 *tag, const struct cache_moved *m,
    unsigned char out[MOVED_BYTES])
{
	struct stored s = {
	    .version = VERSION,
	    .epoch = m->epoch,
	    .suspect = m->suspect,
	    .moved_at_ms = m->moved_at_ms,
	};

	s.checksum = checksum(tag, &s);
	memcpy(out, &s, sizeof(s));
}

bool moved_decode(const struct digest128 *tag, const void *p, size_t n,
    struct cache_moved *out)
{
	struct stored s;

	if (n != sizeof(s))
		return false;
	memcpy(&s, p, sizeof(s));
	if (s.version != VERSION || s.checksum != checksum(tag, &s))
		return false;
	out->epoch = s.epoch;
	out->suspect = s.suspect;
	out->moved_at_ms = s.moved_at_ms;
	return true;
}

void moved_merge(struct cache_moved *into, const struct cache_moved *from)
{
	if (from->epoch > into->epoch)
		into->epoch = from->epoch;
	if (from->suspect > into->suspect)
		into->suspect = from->suspect;
	if (from->moved_at_ms > into->moved_at_ms)
		into->moved_at_ms = from->moved_at_ms;
}
