/*
 * A request as libcurl gets it: checked, because libcurl checks nothing (a CR
 * LF inside a header or a method makes a second header, a second request
 * line), and copied, but for the body.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_TRANSFER_ORDER_H
#define ORIGIN_TRANSFER_ORDER_H

#include "origin/transfer.h"

struct curl_slist;

#define TRANSFER_METHOD_MAX 31

struct transfer_order {
	char method[TRANSFER_METHOD_MAX + 1];
	char *target; /* owned */
	struct curl_slist *fields; /* owned; as CURLOPT_HTTPHEADER wants it */
	struct slice body; /* borrowed from the caller */
	bool has_body;
	bool is_head;
	bool is_safe;
};

enum transfer_order_result {
	TRANSFER_ORDER_OK,
	TRANSFER_ORDER_BAD, /* may not be sent */
	TRANSFER_ORDER_NO_MEMORY
};

/* Also after a failure the order must be finished. */
enum transfer_order_result transfer_order_init(
    struct transfer_order *o, const struct transfer_request *rq);
void transfer_order_fini(struct transfer_order *o);

#endif
