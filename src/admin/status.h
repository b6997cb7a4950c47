/*
 * The status document: what the daemon is doing, as one JSON object. Served
 * at /-/status and over the control socket. What is of interest first stands
 * first: state and troubles. Each part has a function of its own in status.c.
 *
 * Any thread: reads counters, atomics and the store's figures only.
 */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/accounting.h"
#include "admin/config_status.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "origin/origin.h"

#include <stdatomic.h>

/* What it is made of; everything outlives the documents' users. */
struct status_sources {
	const char *version;
	const char *upstream;
	struct origin *origin;
	struct accounting *accounting;
	struct cache *cache; /* NULL: runs without a store */
	const char *cache_failure; /* why there is none; NULL */
	struct config_status *config;
	const char *vault_failure; /* why it cannot be used; NULL: it can */
	int64_t started_ms; /* mono */
	unsigned threads;
	const atomic_bool *is_draining; /* main's */
};

/* Appends the document; buf fails when it does not fit. */
void status_write(const struct status_sources *s, struct buf *out);

/* Client connections that are open, from the sums of all counters. */
uint64_t status_connections(const uint64_t sums[METRIC_COUNT]);

#endif
