/*
 * A growable byte buffer with a cap, for every place where a peer decides how
 * much arrives. Appending past the cap or past memory sets the buffer to
 * failed, which sticks: build first, check once.
 *
 * Pure; one thread at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
	char *p; /* owned; NULL until the first append */
	size_t n;
	size_t size;
	size_t max; /* cap in bytes */
	bool has_failed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);
/* Keeps the memory, forgets content and failure. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* JSON string with quotes; control bytes and invalid UTF-8 escaped. */
void buf_add_json_string(struct buf *b, struct slice s);
struct slice buf_slice(const struct buf *b);
/* Moves the memory out: caller frees with free(). A NUL that n does not count
 * follows. NULL when empty or failed; b is empty afterwards in any case. */
char *buf_take(struct buf *b, size_t *n);

#endif
