/*
 * Messages that say why something could not be done, for the one line that a
 * user reads.
 *
 * Any thread.
 */
#ifndef STORE_WHY_H
#define STORE_WHY_H

/*
 * Formats into fresh malloc memory and puts it into *why, which stays NULL
 * when memory is exhausted. What *why held before is freed.
 */
void why_set(char **why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
