#include "origin/transfer_verdict.h"

#include <curl/curl.h>

static const char *const cause_names[] = {
    [TRANSFER_CAUSE_NONE] = "none",
    [TRANSFER_CAUSE_DNS] = "dns",
    [TRANSFER_CAUSE_CONNECT] = "connect",
    [TRANSFER_CAUSE_TLS] = "tls",
    [TRANSFER_CAUSE_TIMEOUT] = "timeout",
    [TRANSFER_CAUSE_RESET] = "reset",
    [TRANSFER_CAUSE_PARTIAL] = "partial",
    [TRANSFER_CAUSE_PROTOCOL] = "protocol",
    [TRANSFER_CAUSE_RESEND] = "resend",
    [TRANSFER_CAUSE_REFUSED] = "refused",
    [TRANSFER_CAUSE_TOO_LARGE] = "too-large",
    [TRANSFER_CAUSE_REQUEST] = "request",
    [TRANSFER_CAUSE_LOCAL] = "local",
};

const char *transfer_cause_name(enum transfer_cause c)
{
	return cause_names[c];
}

/* Codes that are not listed come from options or protocols that are not used
 * here: TRANSFER_CAUSE_LOCAL. */
static const struct {
	CURLcode code;
	enum transfer_cause cause;
} causes[] = {
    /* Does not happen while the resolver names the addresses. */
    {CURLE_COULDNT_RESOLVE_HOST, TRANSFER_CAUSE_DNS},
    {CURLE_COULDNT_CONNECT, TRANSFER_CAUSE_CONNECT},
    /* Only CURLOPT_CONNECTTIMEOUT_MS is given to libcurl. */
    {CURLE_OPERATION_TIMEDOUT, TRANSFER_CAUSE_CONNECT},
    /* Handshake: no common version or cipher, or the peer hung up. */
    {CURLE_SSL_CONNECT_ERROR, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_CERTPROBLEM, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_CIPHER, TRANSFER_CAUSE_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_CACERT_BADFILE, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_ISSUER_ERROR, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, TRANSFER_CAUSE_TLS},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, TRANSFER_CAUSE_TLS},
    {CURLE_SEND_ERROR, TRANSFER_CAUSE_RESET},
    {CURLE_RECV_ERROR, TRANSFER_CAUSE_RESET},
    /* Closed before a status line. */
    {CURLE_GOT_NOTHING, TRANSFER_CAUSE_RESET},
    /* The session ended (GOAWAY), or a stream was reset. */
    {CURLE_HTTP2, TRANSFER_CAUSE_RESET},
    {CURLE_HTTP2_STREAM, TRANSFER_CAUSE_RESET},
    /* HTTP/2 connections that close before the head end so, too. */
    {CURLE_PARTIAL_FILE, TRANSFER_CAUSE_RESET},
    /* No status line (HTTP/0.9), a version or length that is none, a NUL. */
    {CURLE_UNSUPPORTED_PROTOCOL, TRANSFER_CAUSE_PROTOCOL},
    {CURLE_WEIRD_SERVER_REPLY, TRANSFER_CAUSE_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, TRANSFER_CAUSE_PROTOCOL},
    {CURLE_FILESIZE_EXCEEDED, TRANSFER_CAUSE_TOO_LARGE},
};

static enum transfer_cause cause_of(int code)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if ((int)causes[i].code == code)
			return causes[i].cause;
	return TRANSFER_CAUSE_LOCAL;
}

/* Nothing was sent: the reason lies on the way there. */
static enum transfer_cause cause_unsent(const struct transfer_evidence *e)
{
	if (e->is_short)
		return TRANSFER_CAUSE_LOCAL;
	if (!e->is_expired)
		return cause_of(e->code);
	/* Without a socket of its own it waited for a free connection, which
	 * says nothing about the way. */
	return e->has_dialed ? TRANSFER_CAUSE_CONNECT : TRANSFER_CAUSE_TIMEOUT;
}

static enum transfer_cause cause_unknown(const struct transfer_evidence *e)
{
	enum transfer_cause cause;

	if (e->is_stopped)
		return TRANSFER_CAUSE_RESEND;
	if (e->is_expired)
		return TRANSFER_CAUSE_TIMEOUT;
	if (e->is_head_bad)
		return TRANSFER_CAUSE_PROTOCOL;
	if (e->is_short)
		return TRANSFER_CAUSE_LOCAL;
	if (e->code == CURLE_OK)
		/* 7.88.1 calls an HTTP/2 transfer without a head OK when others
		 * share its connection (multi_done drops the error). */
		return e->is_head_done ? TRANSFER_CAUSE_PARTIAL
				       : TRANSFER_CAUSE_RESET;
	cause = cause_of(e->code);
	switch (cause) {
	case TRANSFER_CAUSE_DNS:
	case TRANSFER_CAUSE_CONNECT:
	case TRANSFER_CAUSE_TLS:
		/* The connection died under the request, and libcurl failed to
		 * open another for the second sending. */
		return TRANSFER_CAUSE_RESET;
	case TRANSFER_CAUSE_RESET:
		return e->is_head_done ? TRANSFER_CAUSE_PARTIAL : cause;
	default:
		return cause;
	}
}

struct transfer_verdict transfer_judge(const struct transfer_evidence *e)
{
	if (e->is_over)
		return (struct transfer_verdict){
		    TRANSFER_TOO_LARGE, TRANSFER_CAUSE_TOO_LARGE};
	if (!e->is_expired && e->code == CURLE_OK && e->is_head_done &&
	    !e->is_head_bad && !e->is_short && !e->is_body_cut)
		return (struct transfer_verdict){
		    TRANSFER_OK, TRANSFER_CAUSE_NONE};
	if (e->is_unprocessed && !e->is_head_done)
		return (struct transfer_verdict){
		    TRANSFER_UNSENT, TRANSFER_CAUSE_REFUSED};
	if (!e->has_left)
		return (struct transfer_verdict){
		    TRANSFER_UNSENT, cause_unsent(e)};
	return (struct transfer_verdict){TRANSFER_UNKNOWN, cause_unknown(e)};
}
