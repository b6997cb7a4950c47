/*
 * Digests: keyed ones for credentials (OpenSSL), fast ones for keys and
 * checksums (xxHash). The only module that includes either library.
 *
 * Pure after digest_init; any thread.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/slice.h"

#include <stdint.h>

/* 128 bits that name a key or a tag. Compared with memcmp; no byte order. */
struct digest128 {
	unsigned char b[16];
};

struct digest_secret {
	unsigned char b[32];
};

/* Fetches algorithms once (implicit fetching per call is slow in OpenSSL 3).
 * Before any thread starts. False when the library offers no SHA-256. */
bool digest_init(void);
void digest_fini(void);

/* XXH3-128 over s. Not collision resistant against an attacker: whoever looks
 * up by it compares the full key too. */
struct digest128 digest_fast(struct slice s);
/* XXH3-64, for checksums of records. */
uint64_t digest_checksum(struct slice s);
/* HMAC-SHA256 of s under secret, cut to 128 bits. Ends the process when memory
 * is exhausted: there is no digest that could stand in. */
struct digest128 digest_keyed(
    const struct digest_secret *secret, struct slice s);
/* From the kernel. False only when the kernel refuses randomness. */
bool digest_random(void *out, size_t n);
bool digest_equal(const struct digest128 *a, const struct digest128 *b);

#endif
