#include "http/gate.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef struct gate_verdict (*rule)(
    const struct gate_request *rq, const struct gate_rules *rules);

static const struct gate_verdict accepted = {0, NULL, false};

static struct gate_verdict refuse(unsigned status, const char *message)
{
	return (struct gate_verdict){status, message, false};
}

/* Where the message ends is in doubt: what follows must not be read. */
static struct gate_verdict refuse_and_close(
    unsigned status, const char *message)
{
	return (struct gate_verdict){status, message, true};
}

static bool is_method(const struct gate_request *rq, const char *name)
{
	return slice_eq(rq->method, slice_of_str(name));
}

/* How often the field is there; *value is that of the first. */
static unsigned count(
    const struct gate_request *rq, const char *name, struct slice *value)
{
	unsigned n = 0;

	for (size_t i = 0; i < rq->fields_n; i++) {
		if (!slice_eq_nocase(rq->fields[i].name, slice_of_str(name)))
			continue;
		if (n++ == 0)
			*value = rq->fields[i].value;
	}
	return n;
}

static struct gate_verdict check_line(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	static const char *const methods[] = {
	    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	bool is_known = rules->takes_any_method;

	if (rq->major != 1 || rq->minor > 1)
		return refuse_and_close(505, "HTTP version not supported");
	for (size_t i = 0; i < COUNT(methods); i++)
		is_known |= is_method(rq, methods[i]);
	if (!is_known)
		return refuse_and_close(501, "method not supported");
	if (rq->target.n == 0 || rq->target.p[0] != '/')
		return refuse_and_close(
		    400, "request target must begin with a slash");
	if (slice_starts(rq->target, SLICE("//")))
		return refuse_and_close(
		    400, "request target begins with two slashes");
	if (rq->target.n > rules->max_target_bytes)
		return refuse_and_close(414, "request target too long");
	return accepted;
}

static struct gate_verdict check_fields(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	if (rq->fields_n > rules->max_fields)
		return refuse_and_close(431, "too many header fields");
	for (size_t i = 0; i < rq->fields_n; i++) {
		if (!field_is_token(rq->fields[i].name))
			return refuse_and_close(
			    400, "invalid byte in a header name");
		if (!field_is_value(rq->fields[i].value))
			return refuse_and_close(
			    400, "control byte in a header value");
	}
	return accepted;
}

static bool is_length(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n >= 1 && s.n <= 18;
}

static bool is_zero(struct slice digits)
{
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] != '0')
			return false;
	}
	return true;
}

static struct gate_verdict check_framing(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	struct slice length = SLICE_NONE, coding = SLICE_NONE;
	unsigned lengths = count(rq, "content-length", &length);
	unsigned codings = count(rq, "transfer-encoding", &coding);

	(void)rules;
	if (lengths > 1)
		return refuse_and_close(
		    400, "more than one Content-Length header");
	if (lengths == 1 && !is_length(length))
		return refuse_and_close(400, "malformed Content-Length");
	if (codings > 1)
		return refuse_and_close(
		    400, "more than one Transfer-Encoding header");
	if (codings == 1 && !slice_eq_nocase(coding, SLICE("chunked")))
		return refuse_and_close(
		    400, "Transfer-Encoding other than chunked");
	if (codings == 1 && lengths == 1)
		return refuse_and_close(
		    400, "both Content-Length and Transfer-Encoding");
	if (codings == 1 && rq->minor == 0)
		return refuse_and_close(400, "Transfer-Encoding in HTTP/1.0");
	return accepted;
}

/*
 * A body that a GET carries has no meaning (RFC 9110 §9.3.1), is not in the
 * key and so would poison the cache; dropping it would answer a question that
 * was not asked. A content-type without body is fine: GHL's own SDK sends one.
 */
static struct gate_verdict check_body(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	/* What a method means that nobody here knows, its origin knows. */
	bool may_have = !is_method(rq, "GET") && !is_method(rq, "HEAD") &&
			!is_method(rq, "OPTIONS");
	struct slice v = SLICE_NONE;

	(void)rules;
	if (!may_have &&
	    (rq->body_n > 0 || count(rq, "transfer-encoding", &v) > 0 ||
		(count(rq, "content-length", &v) > 0 && !is_zero(v))))
		return refuse_and_close(
		    400, "this method does not take a body");
	/* Not forwarded, so the upstream would misread the bytes. */
	if (count(rq, "content-encoding", &v) > 0 &&
	    !slice_eq_nocase(v, SLICE("identity")))
		return refuse(415, "encoded request bodies are not supported");
	return accepted;
}

static bool is_ip_literal_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* RFC 3986 allows more in a reg-name; no name in use has it, and Host ends up
 * in nextPageUrl. Underscores occur in container networks. */
static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

/* Length of the host without port, or 0. */
static size_t host_length(struct slice host)
{
	size_t i = 0;

	if (host.n > 0 && host.p[0] == '[') {
		i = slice_find(host, 0, ']');
		for (size_t k = 1; k < i; k++) {
			if (!is_ip_literal_byte(host.p[k]))
				return 0;
		}
		return i > 1 && i < host.n ? i + 1 : 0;
	}
	while (i < host.n && is_name_byte(host.p[i]))
		i++;
	return i;
}

bool gate_host_is_valid(struct slice host)
{
	size_t n = host_length(host);
	struct slice port = slice_sub(host, n, host.n);

	if (n == 0)
		return false;
	if (port.n == 0)
		return true;
	if (port.p[0] != ':' || port.n > 6)
		return false;
	for (size_t i = 1; i < port.n; i++) {
		if (port.p[i] < '0' || port.p[i] > '9')
			return false;
	}
	return true;
}

static bool is_host_listed(
    const struct slice *hosts, size_t hosts_n, struct slice host)
{
	struct slice bare = slice_sub(host, 0, host_length(host));

	for (size_t i = 0; i < hosts_n; i++) {
		if (slice_eq_nocase(hosts[i], host) ||
		    slice_eq_nocase(hosts[i], bare))
			return true;
	}
	return false;
}

bool gate_host_is_local(struct slice host)
{
	const struct slice localhost = SLICE(".localhost");
	struct slice bare = slice_sub(host, 0, host_length(host));
	size_t last = bare.n;

	if (bare.n == 0 || bare.p[0] == '[' ||
	    slice_find(bare, 0, '.') == bare.n)
		return bare.n > 0;
	while (last > 0 && bare.p[last - 1] != '.')
		last--;
	/* Browsers take what ends in a number for an address. */
	if (last < bare.n && is_length(slice_sub(bare, last, bare.n)))
		return true;
	return bare.n > localhost.n &&
	       slice_eq_nocase(
		   slice_sub(bare, bare.n - localhost.n, bare.n), localhost);
}

bool gate_host_is_accepted(const struct gate_rules *rules, struct slice host)
{
	if (rules->hosts_n > 0)
		return is_host_listed(rules->hosts, rules->hosts_n, host);
	return !rules->must_be_local || gate_host_is_local(host) ||
	       is_host_listed(rules->own_hosts, rules->own_hosts_n, host);
}

/* RFC 9112 §3.2; HTTP/1.0 may do without. */
static struct gate_verdict check_host(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	struct slice host = SLICE_NONE;
	unsigned n = count(rq, "host", &host);

	if (n > 1)
		return refuse_and_close(400, "more than one Host header");
	if (n == 0 && rq->minor == 1)
		return refuse_and_close(400, "no Host header");
	if (n == 1 && !gate_host_is_valid(host))
		return refuse_and_close(400, "malformed Host header");
	if ((n == 1 || rules->hosts_n > 0) &&
	    !gate_host_is_accepted(rules, host))
		return refuse(421,
		    rules->hosts_n > 0
			? "this proxy does not serve that host"
			: "this proxy does not know itself under that name; "
			  "its option hosts can list it");
	return accepted;
}

/*
 * A hop must drop what Connection names (RFC 9110 §7.6.1). Naming what decides
 * who asks, or what is asked, is an attack: the fields would be gone at one
 * hop and not at the next.
 */
static bool is_protected(struct slice name)
{
	static const char *const names[] = {"accept", "authorization",
	    "companyid", "cookie", "host", "locationid", "range", "version",
	    "x-sdk-version"};

	for (size_t i = 0; i < COUNT(names); i++) {
		if (slice_eq_nocase(name, slice_of_str(names[i])))
			return true;
	}
	return slice_eq_nocase(slice_sub(name, 0, 8), SLICE("content-"));
}

static struct gate_verdict check_connection(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	(void)rules;
	for (size_t i = 0; i < rq->fields_n; i++) {
		struct slice rest = rq->fields[i].value, item;

		if (!slice_eq_nocase(rq->fields[i].name, SLICE("connection")))
			continue;
		while (field_list_next(&rest, &item)) {
			if (is_protected(item))
				return refuse_and_close(400,
				    "Connection names a header that "
				    "must reach the upstream");
		}
	}
	return accepted;
}

/* Two values of these would let two readers take different ones. */
static struct gate_verdict check_single(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	static const struct {
		const char *name, *message;
	} singles[] = {
	    {"authorization", "more than one Authorization header"},
	    {"version", "more than one Version header"},
	    {"content-type", "more than one Content-Type header"},
	    {"content-encoding", "more than one Content-Encoding header"},
	    {"locationid", "more than one locationId header"},
	    {"companyid", "more than one companyId header"},
	    {"range", "more than one Range header"},
	};
	struct slice value;

	(void)rules;
	for (size_t i = 0; i < COUNT(singles); i++) {
		if (count(rq, singles[i].name, &value) > 1)
			return refuse(400, singles[i].message);
	}
	return accepted;
}

struct gate_verdict gate_check(
    const struct gate_request *rq, const struct gate_rules *rules)
{
	/* In the order of the damage: framing first. */
	static const rule table[] = {check_line, check_fields, check_framing,
	    check_host, check_connection, check_single, check_body};
	struct gate_verdict v = accepted;

	for (size_t i = 0; i < COUNT(table) && v.status == 0; i++)
		v = table[i](rq, rules);
	return v;
}
