/*
 * A flag in a file of its own that can be raised when the disk is full: the
 * file is written when it is made, and raised by overwriting it in place.
 *
 * It is raised when a movement of tags could not be recorded, so that the
 * next process knows even if this one is killed before the disk recovers.
 *
 * One thread at a time. Inside src/store only.
 */
#ifndef STORE_FLAG_H
#define STORE_FLAG_H

#include <stdbool.h>

struct flag {
	int fd; /* -1: none */
	bool is_raised;
};

/* Opens dir/name, lowered when it did not exist. An unreadable one counts as
 * raised. 0 or errno. */
int flag_open(struct flag *f, const char *dir, const char *name);
/* On stable storage before it returns. 0 or errno. */
int flag_set(struct flag *f, bool is_raised);
/* A flag that was never opened must have fd = -1. */
void flag_close(struct flag *f);

#endif
