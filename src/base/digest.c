#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

/*
 * An HMAC-SHA256 context without a key. Every keyed digest starts from a copy
 * of it: setting the digest by name on a new context would fetch the
 * algorithm again, under a lock.
 */
static EVP_MAC_CTX *hmac_template;

bool digest_init(void)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;

	assert(!hmac_template);
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!mac)
		return false;
	hmac_template = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac); /* the context holds its own reference */
	if (hmac_template && EVP_MAC_CTX_set_params(hmac_template, params))
		return true;
	digest_fini();
	return false;
}

void digest_fini(void)
{
	EVP_MAC_CTX_free(hmac_template);
	hmac_template = NULL;
}

struct digest128 digest_fast(struct slice s)
{
	XXH128_canonical_t canonical;
	struct digest128 d;

	/* Canonical, so that a store moved to another machine stays valid. */
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(s.p, s.n));
	_Static_assert(sizeof(canonical.digest) == sizeof(d.b), "128 bits");
	memcpy(d.b, canonical.digest, sizeof(d.b));
	return d;
}

uint64_t digest_checksum(struct slice s)
{
	return XXH3_64bits(s.p, s.n);
}

struct digest128 digest_keyed(
    const struct digest_secret *secret, struct slice s)
{
	unsigned char full[32];
	struct digest128 d;
	size_t n = 0;
	EVP_MAC_CTX *ctx;

	assert(hmac_template);
	ctx = EVP_MAC_CTX_dup(hmac_template);
	/*
	 * Only lack of memory fails here. A made-up digest would give two
	 * credentials one scope, so the process ends instead.
	 */
	if (!ctx || !EVP_MAC_init(ctx, secret->b, sizeof(secret->b), NULL) ||
	    !EVP_MAC_update(ctx, (const unsigned char *)s.p, s.n) ||
	    !EVP_MAC_final(ctx, full, &n, sizeof(full)))
		abort();
	assert(n == sizeof(full));
	EVP_MAC_CTX_free(ctx);
	memcpy(d.b, full, sizeof(d.b));
	OPENSSL_cleanse(full, sizeof(full));
	return d;
}

bool digest_random(void *out, size_t n)
{
	unsigned char *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

bool digest_equal(const struct digest128 *a, const struct digest128 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
