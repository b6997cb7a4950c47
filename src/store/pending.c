#include "store/pending.h"

#include "store/moved.h"

#include <stdlib.h>

#define PENDING_MAX 65536

static bool grow(struct pending *p)
{
	size_t size = p->size ? p->size * 2 : 64;
	struct pending_tag *v;

	if (size > PENDING_MAX)
		return false;
	v = realloc(p->v, size * sizeof(*v));
	if (!v)
		return false;
	p->v = v;
	p->size = size;
	return true;
}

void pending_add(struct pending *p, const struct cache_move *m)
{
	struct cache_moved moved = {
	    .epoch = m->is_suspect ? 0 : m->seq,
	    .suspect = m->is_suspect ? m->seq : 0,
	    .moved_at_ms = m->moved_at_ms,
	};

	for (size_t i = 0; i < m->tags_n; i++) {
		if (p->n == p->size && !grow(p)) {
			moved_merge(&p->all, &moved);
			return;
		}
		p->v[p->n++] = (struct pending_tag){m->tags[i], moved};
	}
}

bool pending_is_empty(const struct pending *p)
{
	return p->n == 0 && p->all.epoch == 0 && p->all.suspect == 0;
}

void pending_clear(struct pending *p)
{
	free(p->v);
	*p = (struct pending){0};
}
