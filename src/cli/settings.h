/*
 * A configuration made ready for the threads that follow it: the parts of it
 * that a reload may change, in the form in which fronts and origin read them.
 *
 * Immutable once made, so any thread may read it; the main thread makes and
 * frees it.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/config.h"
#include "cli/settings_net.h"
#include "front/front.h"
#include "origin/origin.h"

enum {
	SETTINGS_THREADS_MAX = 64
};

struct settings {
	const struct config *config; /* borrowed */
	struct api_policies *policies;
	struct slice *hosts;
	struct slice *forward_fields;
	struct settings_net net;
	struct front_settings front;
	struct origin_settings origin;
};

/* Threads that serve clients: as configured, or one per CPU. */
unsigned settings_threads(const struct config *c);

/* config outlives it. NULL with a message in why (caller frees; NULL only when
 * memory is exhausted). */
struct settings *settings_new(const struct config *config, char **why);
/* NULL is fine. */
void settings_free(struct settings *s);

#endif
