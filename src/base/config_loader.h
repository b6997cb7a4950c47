/*
 * A configuration being loaded: shared by the readers of files and of flags.
 * For config*.c only.
 */
#ifndef BASE_CONFIG_LOADER_H
#define BASE_CONFIG_LOADER_H

#include "base/config_table.h"

enum {
	CONFIG_WHY_BYTES = 16384 /* longest message */
};

struct config_loader {
	struct config *c;
	/* The message, once has_failed; before that empty but for the place
	 * that a value being set comes from. */
	struct buf why;
	bool has_failed;
	const char *file; /* NULL without one */
	unsigned failed_line; /* of the file; 0: elsewhere */
};

/* Appends FILE:LINE: to why. */
void config_loader_locate(struct config_loader *l, unsigned line);
/* Records what is wrong, at that line of the file unless it is 0. The first
 * failure counts, later ones are ignored. */
void config_loader_fail(struct config_loader *l, unsigned line, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
/* Sets one value; the place it comes from is already in why, and is gone from
 * there when all is well. */
void config_loader_set(struct config_loader *l, const struct config_option *o,
    void *base, struct slice text);

/* The file that --config names, else file. *rest becomes the index of the
 * first argument behind the flags. */
const char *config_flags_file(struct config_loader *l, const char *file,
    int argc, char **argv, int *rest);
/* Sets what the flags say. */
void config_load_flags(struct config_loader *l, int argc, char **argv);

#endif
