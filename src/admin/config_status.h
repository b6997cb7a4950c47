/*
 * What the status document says about the configuration: which file, since
 * when, how the last reload went, and what waits for a restart.
 *
 * The main thread tells it, any thread reads it.
 */
#ifndef ADMIN_CONFIG_STATUS_H
#define ADMIN_CONFIG_STATUS_H

#include <stdbool.h>
#include <stddef.h>

struct config_status;
struct cJSON;

/* file: "" when there is none; copied. NULL when memory is exhausted. */
struct config_status *config_status_new(const char *file);
/* s may be NULL. */
void config_status_free(struct config_status *s);

/* A new configuration is in force, but for the options whose names (static
 * strings) are given. */
void config_status_loaded(
    struct config_status *s, const char *const *needs_restart, size_t n);
/* One was refused, and why; reason is copied. */
void config_status_refused(struct config_status *s, const char *reason);

/* Adds the member "config" to the document. */
void config_status_write(struct config_status *s, struct cJSON *doc);

#endif
