/*
 * The locations that a request may be about.
 *
 * What the operation documents is believed: the upstream acts on it. What it
 * does not document is not looked at, for the upstream ignores it, and a
 * stray locationId must not hide a write from its readers.
 *
 * Pure; any thread.
 */
#ifndef API_LOCATION_H
#define API_LOCATION_H

#include "api/tags.h"

#define LOCATIONS_MAX 4

struct locations {
	size_t n; /* 0: unknown */
	struct slice v[LOCATIONS_MAX]; /* distinct; borrowed from the context */
};

/*
 * All that the request names, best first, and the one known from elsewhere;
 * only if there is none, those of the answer. More than LOCATIONS_MAX, or one
 * that is no plain id, make it unknown.
 */
void locations_of(const struct api_context *c, struct locations *out);

#endif
