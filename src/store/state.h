/*
 * The state directory: where everything that outlives the process is kept.
 * One daemon at a time, nobody but its user, on a file system that can be
 * trusted with a memory map.
 *
 * Main thread, at start and at the end.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <stdbool.h>

struct state;

/*
 * Creates dir (with missing parents, 0700), checks it, and locks it for this
 * process. NULL with a message in why (caller frees; NULL only when memory is
 * exhausted): not a directory, not ours, open to others and not certainly
 * ours, unreadable, on a file system that cannot be used, or locked.
 */
struct state *state_open(const char *dir, char **why);
/*
 * Might state_open work, as far as can be told without making, changing or
 * locking anything? False with a message in why as there.
 */
bool state_may_be(const char *dir, char **why);
/* Gives the lock back. NULL is fine. */
void state_close(struct state *s);

/* Lives as long as s. */
const char *state_dir(const struct state *s);
/*
 * Names this boot of the kernel; "" when the kernel does not say, which never
 * equals the boot of an earlier run. Lives as long as s.
 */
const char *state_boot_id(const struct state *s);
/* dir/name, malloc memory of the caller; NULL when memory is exhausted. */
char *state_path(const struct state *s, const char *name);

/*
 * The name of a file system (statfs f_type) on which no state may be kept,
 * NULL when it may. Pure.
 */
const char *state_refused_fs(unsigned long type);

#endif
