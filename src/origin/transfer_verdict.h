/*
 * What a finished attempt means: may the upstream have executed the request,
 * and whose fault is it. One table of libcurl's codes, one list of rules.
 *
 * Pure; any thread.
 */
#ifndef ORIGIN_TRANSFER_VERDICT_H
#define ORIGIN_TRANSFER_VERDICT_H

#include "origin/transfer.h"

struct transfer_evidence {
	int code; /* CURLcode; ignored when is_expired */
	/* Of the upstream's certificate: X509_V_*; 0: its chain is good. */
	long verify_result;
	bool is_expired; /* our own deadline */
	bool has_dialed; /* opened a socket */
	bool has_left; /* something was handed to the connection */
	bool is_unprocessed; /* the upstream said so */
	bool is_stopped; /* by the send guard */
	bool is_short; /* of memory or descriptors, here */
	bool is_over; /* the body passed the cap */
	bool is_head_bad; /* refused by http/upstream */
	bool is_head_done;
	bool is_body_cut; /* not as long as it said */
};

struct transfer_verdict {
	enum transfer_outcome outcome;
	enum transfer_cause cause;
};

struct transfer_verdict transfer_judge(const struct transfer_evidence *e);

#endif
