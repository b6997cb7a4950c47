#include "origin/transfer_verdict.h"

#include <curl/curl.h>

static const char *const cause_names[] = {
    [TRANSFER_CAUSE_NONE] = "none",
    [TRANSFER_CAUSE_DNS] = "dns",
    [TRANSFER_CAUSE_CONNECT] = "connect",
    [TRANSFER_CAUSE_TLS] = "tls",
    [TRANSFER_CAUSE_CERT_EXPIRED] = "certificate-expired",
    [TRANSFER_CAUSE_CERT_EARLY] = "certificate-not-yet-valid",
    [TRANSFER_CAUSE_CERT_NAME] = "certificate-name",
    [TRANSFER_CAUSE_CERT_ISSUER] = "certificate-issuer",
    [TRANSFER_CAUSE_CERT] = "certificate",
    [TRANSFER_CAUSE_TIMEOUT] = "timeout",
    [TRANSFER_CAUSE_RESET] = "reset",
    [TRANSFER_CAUSE_PARTIAL] = "partial",
    [TRANSFER_CAUSE_PROTOCOL] = "protocol",
    [TRANSFER_CAUSE_RESEND] = "resend",
    [TRANSFER_CAUSE_REFUSED] = "refused",
    [TRANSFER_CAUSE_TOO_LARGE] = "too-large",
    [TRANSFER_CAUSE_REQUEST] = "request",
    [TRANSFER_CAUSE_BUSY] = "busy",
    [TRANSFER_CAUSE_LOCAL] = "local",
};

const char *transfer_cause_name(enum transfer_cause c)
{
	return cause_names[c];
}

bool transfer_cause_is_way(enum transfer_cause c)
{
	switch (c) {
	case TRANSFER_CAUSE_DNS:
	case TRANSFER_CAUSE_CONNECT:
	case TRANSFER_CAUSE_TLS:
	case TRANSFER_CAUSE_CERT_EXPIRED:
	case TRANSFER_CAUSE_CERT_EARLY:
	case TRANSFER_CAUSE_CERT_NAME:
	case TRANSFER_CAUSE_CERT_ISSUER:
	case TRANSFER_CAUSE_CERT:
		return true;
	default:
		return false;
	}
}

const char *transfer_cause_words(enum transfer_cause c)
{
	switch (c) {
	case TRANSFER_CAUSE_TLS:
		return "no TLS 1.2 or later could be agreed upon with the "
		       "upstream; nothing was sent";
	case TRANSFER_CAUSE_CERT_EXPIRED:
		return "the upstream's certificate has expired; nothing was "
		       "sent";
	case TRANSFER_CAUSE_CERT_EARLY:
		return "the upstream's certificate is not valid yet, or the "
		       "clock of ghlmirror's host is behind; nothing was sent";
	case TRANSFER_CAUSE_CERT_NAME:
		return "the upstream's certificate is for another host name; "
		       "nothing was sent";
	case TRANSFER_CAUSE_CERT_ISSUER:
		return "the upstream's certificate is from an unknown issuer; "
		       "nothing was sent";
	case TRANSFER_CAUSE_CERT:
		return "the upstream's certificate could not be verified; "
		       "nothing was sent";
	default:
		return NULL;
	}
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
    {CURLE_PEER_FAILED_VERIFICATION, TRANSFER_CAUSE_CERT},
    {CURLE_SSL_CACERT_BADFILE, TRANSFER_CAUSE_CERT_ISSUER},
    {CURLE_SSL_ISSUER_ERROR, TRANSFER_CAUSE_CERT_ISSUER},
    {CURLE_SSL_INVALIDCERTSTATUS, TRANSFER_CAUSE_CERT},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, TRANSFER_CAUSE_CERT},
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

/*
 * Results of OpenSSL's verification; the numbers are part of its ABI
 * (X509_STORE_CTX_get_error(3)), and its headers are not for this layer.
 */
enum {
	X509_OK = 0,
	X509_UNSPECIFIED = 1,
	X509_ISSUER_UNKNOWN = 2,
	X509_NOT_YET_VALID = 9,
	X509_EXPIRED = 10,
	X509_SELF_SIGNED = 18,
	X509_SELF_SIGNED_IN_CHAIN = 19,
	X509_ISSUER_UNKNOWN_LOCALLY = 20,
	X509_LEAF_UNVERIFIED = 21,
	X509_NAME_MISMATCH = 62,
	X509_ADDRESS_MISMATCH = 64
};

static enum transfer_cause cause_of_certificate(long verify_result)
{
	switch (verify_result) {
	case X509_OK:
	case X509_UNSPECIFIED:
		/* libcurl compares names itself once the chain was found good,
		 * with the result still unset (7.88.1: 1). */
	case X509_NAME_MISMATCH:
	case X509_ADDRESS_MISMATCH:
		return TRANSFER_CAUSE_CERT_NAME;
	case X509_NOT_YET_VALID:
		return TRANSFER_CAUSE_CERT_EARLY;
	case X509_EXPIRED:
		return TRANSFER_CAUSE_CERT_EXPIRED;
	case X509_ISSUER_UNKNOWN:
	case X509_SELF_SIGNED:
	case X509_SELF_SIGNED_IN_CHAIN:
	case X509_ISSUER_UNKNOWN_LOCALLY:
	case X509_LEAF_UNVERIFIED:
		return TRANSFER_CAUSE_CERT_ISSUER;
	default:
		return TRANSFER_CAUSE_CERT;
	}
}

/* Nothing was sent: the reason lies on the way there. */
static enum transfer_cause cause_unsent(const struct transfer_evidence *e)
{
	if (e->is_short)
		return TRANSFER_CAUSE_LOCAL;
	if (!e->is_expired && e->code == (int)CURLE_PEER_FAILED_VERIFICATION)
		return cause_of_certificate(e->verify_result);
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
	/* The connection died under the request, and libcurl failed to open
	 * another for the second sending. */
	if (transfer_cause_is_way(cause))
		return TRANSFER_CAUSE_RESET;
	if (cause == TRANSFER_CAUSE_RESET && e->is_head_done)
		return TRANSFER_CAUSE_PARTIAL;
	return cause;
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
