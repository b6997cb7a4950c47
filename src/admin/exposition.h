/*
 * Metrics as Prometheus reads them: the text exposition format 0.0.4, served
 * at /-/metrics. Every name is in ghlmirror(1), METRICS; a test compares.
 *
 * Any thread: reads counters, atomics and the store's figures, and takes locks
 * that no request waits for.
 */
#ifndef ADMIN_EXPOSITION_H
#define ADMIN_EXPOSITION_H

#include "admin/status.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends it; buf fails when it does not fit. */
void exposition_write(const struct status_sources *s, struct buf *out);

#endif
