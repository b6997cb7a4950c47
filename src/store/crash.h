/*
 * Crashes in a row, remembered in a file.
 *
 * LMDB 0.9 believes its own pages: a number that a failing disk has changed
 * can lead it out of the map, and the process ends by SIGSEGV or SIGBUS, or by
 * the library's own assert. Started again it would do the same. So whoever
 * keeps something disposable in a map counts such ends, and begins anew when
 * there were several without a quiet time between them.
 *
 * The count is written from the signal handler, after which the signal does
 * what it would have done. One counter per process. Main thread, before the
 * others start and after they ended; crash_forget on any one thread.
 *
 * Inside src/store only.
 */
#ifndef STORE_CRASH_H
#define STORE_CRASH_H

/* Opens dir/crashes, made when absent, and watches. Returns the number of
 * crashes in a row before, 0 also when that cannot be told; the count then
 * starts anew. */
unsigned crash_watch(const char *dir);
/* All is well: the next crash is a first one. */
void crash_forget(void);
/* As crash_forget, and watches no more. Without crash_watch it does nothing. */
void crash_unwatch(void);

#endif
