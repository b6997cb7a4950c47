/*
 * What a refusal of the upstream's says about the credential and about what is
 * stored for it. GHL answers 401 for a token that is invalid, but also for one
 * that lacks a scope or comes without Version; and things that are not GHL
 * (captive portals, Cloudflare) answer 401, 403 and 404, too.
 *
 * Pure; any thread.
 */
#ifndef API_REFUSAL_H
#define API_REFUSAL_H

#include "base/slice.h"

enum refusal {
	REFUSAL_NONE, /* no refusal, or nobody knows whose */
	/* The credential is invalid, expired or revoked. */
	REFUSAL_CREDENTIAL,
	/* It is valid, and this answer is not for it. */
	REFUSAL_REQUEST,
	/* What was asked for is not there, or not any more. */
	REFUSAL_GONE
};

/*
 * Of an answer with this status and body. Only what has the shape of GHL's
 * errors counts: a JSON object with a message. Of a 401 every text is taken to
 * be about the credential but those known to be about scope, kind of token,
 * Version or location: what is refused for a reason that nobody has seen yet
 * is better asked for again than kept.
 */
enum refusal refusal_of(unsigned status, struct slice body);

#endif
