/*
 * The upstream and how it is spoken to: what all attempts share.
 *
 * Origin thread only.
 */
#ifndef ORIGIN_TRANSFER_SITE_H
#define ORIGIN_TRANSFER_SITE_H

#include "origin/transfer.h"

struct transfer_attempt;

struct transfer_site {
	char *url; /* owned; "https://host:port/" */
	char *host; /* owned; as in a URL: IPv6 in brackets */
	char *port; /* owned; digits */
	bool is_tls;
	bool can_trace; /* libcurl's verbose lines are known */
	char *ca_file; /* owned; NULL: the system's */
	/* owned; "host:port:ip,ip" for CURLOPT_RESOLVE; NULL: none known */
	char *resolve;
	struct transfers_terms terms;
	size_t max_body_bytes;
	struct transfer_attempt *first; /* all that run */
};

/*
 * False with a message in why (caller frees; NULL: no memory) when an option
 * is unusable. Also then the site must be finished. libcurl must be
 * initialised.
 */
bool transfer_site_init(
    struct transfer_site *s, const struct transfers_options *o, char **why);
/* No attempt may run. */
void transfer_site_fini(struct transfer_site *s);

void transfer_site_set_terms(
    struct transfer_site *s, const struct transfers_terms *terms);

/* The host needs no look-up. */
bool transfer_site_is_address(const struct transfer_site *s);
/* list: "ip,ip". False: there is no address, because memory is exhausted. */
bool transfer_site_set_addresses(struct transfer_site *s, const char *list);

#endif
