/*
 * Time. Rules never read the clock, they take it as a parameter; threads read
 * it once per event and pass it down.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since an arbitrary start, never stepping back. */
int64_t clock_mono_ms(void);
/* Microseconds of the same clock. */
int64_t clock_mono_us(void);
/* Milliseconds since 1970-01-01 UTC; may step. */
int64_t clock_wall_ms(void);

#endif
