#include "http/frame.h"
#include "http/field.h"

#include <assert.h>

enum state {
	ST_START, /* no byte of the message read */
	ST_METHOD,
	ST_TARGET_FIRST,
	ST_TARGET_SECOND,
	ST_TARGET,
	ST_VERSION,
	ST_LINE_LF, /* CR of the request line was read */
	ST_NAME_FIRST, /* at the start of a field line */
	ST_NAME,
	ST_VALUE,
	ST_VALUE_LF, /* CR of a field line was read */
	ST_HEAD_LF, /* CR of the blank line was read */
	ST_LENGTH, /* a body with Content-Length */
	ST_CHUNK_SIZE,
	ST_CHUNK_SIZE_LF,
	ST_CHUNK_DATA,
	ST_CHUNK_CR, /* behind the data of a chunk */
	ST_CHUNK_LF,
	ST_LAST_CR, /* behind the line of the chunk of size 0 */
	ST_LAST_LF,
	ST_DEAD,
	ST_COUNT
};

enum known_field {
	FIELD_OTHER,
	FIELD_CONNECTION,
	FIELD_EXPECT,
	FIELD_HOST,
	FIELD_LENGTH,
	FIELD_TRANSFER
};

static const char *const method_names[] = {
    [FRAME_GET] = "GET",
    [FRAME_HEAD_METHOD] = "HEAD",
    [FRAME_POST] = "POST",
    [FRAME_PUT] = "PUT",
    [FRAME_PATCH] = "PATCH",
    [FRAME_DELETE] = "DELETE",
    [FRAME_OPTIONS] = "OPTIONS",
};

#define NAME(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static const struct slice field_names[] = {
    [FIELD_CONNECTION] = NAME("connection"),
    [FIELD_EXPECT] = NAME("expect"),
    [FIELD_HOST] = NAME("host"),
    [FIELD_LENGTH] = NAME("content-length"),
    [FIELD_TRANSFER] = NAME("transfer-encoding"),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static enum frame_event refuse(
    struct frame *f, unsigned status, const char *why)
{
	f->state = ST_DEAD;
	f->status = status;
	f->why = why;
	return FRAME_REFUSED;
}

/* A byte that may not be where it stands; the reason names the usual ones. */
static enum frame_event refuse_byte(
    struct frame *f, unsigned char c, const char *why)
{
	if (c == '\n')
		why = "bare line feed in the request head";
	else if (c == '\r')
		why = "bare carriage return in the request head";
	else if (c == '\0')
		why = "NUL byte in the request head";
	return refuse(f, 400, why);
}

static enum frame_event go(struct frame *f, enum state next)
{
	f->state = next;
	return FRAME_MORE;
}

static void token_reset(struct frame *f)
{
	f->token_n = 0;
	f->is_token_over = false;
	f->is_value_ended = false;
}

static void token_add(struct frame *f, unsigned char c)
{
	if (f->token_n == FRAME_TOKEN_MAX)
		f->is_token_over = true;
	else
		f->token[f->token_n++] = (char)c;
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool token_is(const struct frame *f, const char *text)
{
	return !f->is_token_over &&
	       slice_eq(slice_of(f->token, f->token_n), slice_of_str(text));
}

static void message_begin(struct frame *f)
{
	struct frame_limits limits = f->limits;

	*f = (struct frame){.limits = limits, .state = ST_METHOD, .head_n = 1};
}

static enum frame_event on_start(struct frame *f, unsigned char c)
{
	message_begin(f);
	/* RFC 9112 §2.2 asks to ignore an empty line here; evhttp answers it
	 * with 400, and two opinions are worse than strictness. */
	if (c == '\r' || c == '\n')
		return refuse(f, 400, "empty line before the request line");
	if (!field_is_tchar(c))
		return refuse(f, 400, "not an HTTP request");
	token_add(f, c);
	return FRAME_MORE;
}

/*
 * evhttp forgets the name of an unknown method and never reads its body: the
 * body would be the next request. So whoever takes such methods must give
 * evhttp another name (front/conn_method.c).
 */
static enum frame_event on_extension(struct frame *f)
{
	/* They are about the way itself, not about what is at its end. */
	if (!f->limits.takes_any_method || f->is_token_over ||
	    token_is(f, "CONNECT") || token_is(f, "TRACE"))
		return refuse(f, 501, "method not supported");
	memcpy(f->extension, f->token, f->token_n);
	f->extension_n = f->token_n;
	f->method = FRAME_EXTENSION;
	return go(f, ST_TARGET_FIRST);
}

static enum frame_event on_method(struct frame *f, unsigned char c)
{
	if (field_is_tchar(c)) {
		token_add(f, c);
		return FRAME_MORE;
	}
	if (c != ' ')
		return refuse_byte(f, c, "invalid byte in the method");
	for (size_t i = 0; i < COUNT(method_names); i++) {
		if (token_is(f, method_names[i])) {
			f->method = (uint8_t)i;
			return go(f, ST_TARGET_FIRST);
		}
	}
	return on_extension(f);
}

static enum frame_event on_target_first(struct frame *f, unsigned char c)
{
	if (c != '/')
		return refuse_byte(
		    f, c, "request target must begin with a slash");
	f->target_n = 1;
	return go(f, ST_TARGET_SECOND);
}

static bool is_target_byte(unsigned char c)
{
	return c >= 0x21 && c <= 0x7e && c != '#';
}

static enum frame_event on_target(struct frame *f, unsigned char c)
{
	if (c == ' ') {
		token_reset(f);
		return go(f, ST_VERSION);
	}
	if (c == '#')
		return refuse(f, 400, "fragment in the request target");
	if (!is_target_byte(c))
		return refuse_byte(f, c, "invalid byte in the request target");
	if (++f->target_n > f->limits.max_target_bytes)
		return refuse(f, 414, "request target too long");
	return go(f, ST_TARGET);
}

static enum frame_event on_target_second(struct frame *f, unsigned char c)
{
	/* evhttp takes "//name/path" for a URL with an authority. */
	if (c == '/')
		return refuse(f, 400, "request target begins with two slashes");
	return on_target(f, c);
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 9112 §2.3: "HTTP/" DIGIT "." DIGIT. evhttp would read "HTTP/1.257" as
 * 1.1 and echo "HTTP/-1.1". */
static enum frame_event version_end(struct frame *f)
{
	if (token_is(f, "HTTP/1.1") || token_is(f, "HTTP/1.0")) {
		f->minor = f->token[7] == '1';
		return go(f, ST_LINE_LF);
	}
	if (f->token_n == 8 && memcmp(f->token, "HTTP/", 5) == 0 &&
	    is_digit((unsigned char)f->token[5]) && f->token[6] == '.' &&
	    is_digit((unsigned char)f->token[7]))
		return refuse(f, 505, "HTTP version not supported");
	return refuse(f, 400, "malformed HTTP version");
}

static enum frame_event on_version(struct frame *f, unsigned char c)
{
	if (c == '\r')
		return version_end(f);
	if (c < 0x20 || c > 0x7e)
		return refuse_byte(f, c, "invalid byte in the HTTP version");
	token_add(f, c);
	return FRAME_MORE;
}

static enum frame_event on_line_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse_byte(f, '\r', NULL);
	return go(f, ST_NAME_FIRST);
}

static enum frame_event on_name_first(struct frame *f, unsigned char c)
{
	if (c == '\r')
		return go(f, ST_HEAD_LF);
	if (c == ' ' || c == '\t')
		return refuse(f, 400, "folded header line");
	if (c == ':')
		return refuse(f, 400, "empty header name");
	if (!field_is_tchar(c))
		return refuse_byte(f, c, "invalid byte in a header name");
	if (++f->fields_n > f->limits.max_fields)
		return refuse(f, 431, "too many header fields");
	token_reset(f);
	token_add(f, lower(c));
	return go(f, ST_NAME);
}

/* Notes that the field came; false when it came before. */
static bool note_once(bool *has)
{
	bool is_first = !*has;

	*has = true;
	return is_first;
}

static uint8_t known_field_of(const struct frame *f)
{
	struct slice name = slice_of(f->token, f->token_n);

	for (size_t i = FIELD_OTHER + 1; i < COUNT(field_names); i++) {
		if (slice_eq(name, field_names[i]) && !f->is_token_over)
			return (uint8_t)i;
	}
	return FIELD_OTHER;
}

static enum frame_event name_end(struct frame *f)
{
	f->field = known_field_of(f);
	token_reset(f);
	if (f->field == FIELD_HOST && !note_once(&f->has_host))
		return refuse(f, 400, "more than one Host header");
	if (f->field == FIELD_LENGTH && !note_once(&f->has_length))
		return refuse(f, 400, "more than one Content-Length header");
	if (f->field == FIELD_TRANSFER && !note_once(&f->has_chunked))
		return refuse(f, 400, "more than one Transfer-Encoding header");
	if (f->field == FIELD_EXPECT && !note_once(&f->has_expect))
		return refuse(f, 400, "more than one Expect header");
	return go(f, ST_VALUE);
}

static enum frame_event on_name(struct frame *f, unsigned char c)
{
	if (field_is_tchar(c)) {
		token_add(f, lower(c));
		return FRAME_MORE;
	}
	if (c == ':')
		return name_end(f);
	if (c == ' ' || c == '\t')
		return refuse(f, 400, "white space in a header name");
	if (c == '\r')
		return refuse(f, 400, "header line without a colon");
	return refuse_byte(f, c, "invalid byte in a header name");
}

/* One element of Connection (RFC 9110 §7.6.1). evhttp compares the whole
 * value and so misses "x, close". */
static void connection_token(struct frame *f)
{
	f->has_close |= token_is(f, "close");
	f->has_keep_alive |= token_is(f, "keep-alive");
	token_reset(f);
}

/* RFC 9110 §8.6 with our bound: 18 digits always fit 64 bits. */
static bool take_length(struct frame *f)
{
	if (f->token_n == 0 || f->token_n > 18)
		return false;
	for (size_t i = 0; i < f->token_n; i++) {
		if (!is_digit((unsigned char)f->token[i]))
			return false;
		f->length = f->length * 10 + (unsigned)(f->token[i] - '0');
	}
	return true;
}

static enum frame_event value_end(struct frame *f)
{
	switch (f->field) {
	case FIELD_CONNECTION:
		connection_token(f);
		break;
	case FIELD_LENGTH:
		if (!take_length(f))
			return refuse(f, 400, "malformed Content-Length");
		break;
	case FIELD_TRANSFER:
		/* evhttp takes any other coding for "no body". */
		if (!token_is(f, "chunked"))
			return refuse(
			    f, 400, "Transfer-Encoding other than chunked");
		break;
	case FIELD_EXPECT:
		if (!token_is(f, "100-continue"))
			return refuse(f, 417, "unknown expectation");
		break;
	default:
		break;
	}
	return go(f, ST_VALUE_LF);
}

static bool is_value_byte(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/*
 * A byte of the value of a known field: gathered without the white space
 * around it; white space inside makes it equal to nothing we know. So does a
 * tab where framing is concerned: evhttp cuts off spaces only, and without
 * Debian's security update it takes "Transfer-Encoding:\tchunked" for no body.
 */
static void value_byte(struct frame *f, unsigned char c)
{
	if (c == ',' && f->field == FIELD_CONNECTION) {
		connection_token(f);
	} else if (c == ' ' || (c == '\t' && f->field == FIELD_CONNECTION)) {
		f->is_value_ended = f->token_n > 0;
	} else {
		if (f->is_value_ended)
			f->token_n = FRAME_TOKEN_MAX;
		token_add(f, lower(c));
	}
}

static enum frame_event on_value(struct frame *f, unsigned char c)
{
	if (c == '\r')
		return value_end(f);
	if (!is_value_byte(c))
		return refuse_byte(f, c, "control byte in a header value");
	if (f->field != FIELD_OTHER)
		value_byte(f, c);
	return FRAME_MORE;
}

static bool has_body(const struct frame *f)
{
	return f->has_chunked || f->length > 0;
}

/* What the fields say together (RFC 9112 §3.2, §6.1, §6.3). */
static enum frame_event check_head(struct frame *f)
{
	if (f->minor == 1 && !f->has_host)
		return refuse(f, 400, "no Host header");
	if (f->has_chunked && f->has_length)
		return refuse(
		    f, 400, "both Content-Length and Transfer-Encoding");
	if (f->has_chunked && f->minor == 0)
		return refuse(f, 400, "Transfer-Encoding in HTTP/1.0");
	/* evhttp leaves such a body in its buffer as the next request. */
	if (f->method == FRAME_HEAD_METHOD && has_body(f))
		return refuse(f, 400, "HEAD request with a body");
	if (f->length > f->limits.max_body_bytes)
		return refuse(f, 413, "request body too large");
	return FRAME_MORE;
}

static enum frame_event on_head_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse_byte(f, '\r', NULL);
	if (check_head(f) == FRAME_REFUSED)
		return FRAME_REFUSED;
	if (!has_body(f)) {
		f->state = ST_START;
		return FRAME_MESSAGE_END;
	}
	f->left = f->has_chunked ? 0 : f->length;
	f->state = f->has_chunked ? ST_CHUNK_SIZE : ST_LENGTH;
	return FRAME_HEAD_DONE;
}

static enum frame_event on_value_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse_byte(f, '\r', NULL);
	return go(f, ST_NAME_FIRST);
}

/* 8 digits: no chunk is larger than the body may be, and evhttp's strtoll
 * never sees a number it could cut. */
#define CHUNK_DIGITS_MAX 8

static int hex_value(unsigned char c)
{
	if (is_digit(c))
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum frame_event chunk_size_end(struct frame *f)
{
	if (f->digits_n == 0)
		return refuse(f, 400, "empty chunk size");
	if (f->left > f->limits.max_body_bytes - f->body_n)
		return refuse(f, 413, "request body too large");
	return go(f, ST_CHUNK_SIZE_LF);
}

static enum frame_event on_chunk_size(struct frame *f, unsigned char c)
{
	int digit = hex_value(c);

	if (c == '\r')
		return chunk_size_end(f);
	/* RFC 9112 §7.1.1 would have them ignored; evhttp refuses them, and
	 * no client of a JSON API sends any. */
	if (c == ';' && f->digits_n > 0)
		return refuse(f, 400, "chunk extensions are not supported");
	if (digit < 0)
		return refuse(f, 400, "malformed chunk size");
	if (++f->digits_n > CHUNK_DIGITS_MAX)
		return refuse(f, 400, "chunk size has too many digits");
	f->left = f->left << 4 | (unsigned)digit;
	return FRAME_MORE;
}

static enum frame_event on_chunk_size_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse(f, 400, "malformed chunk size");
	f->digits_n = 0;
	return go(f, f->left > 0 ? ST_CHUNK_DATA : ST_LAST_CR);
}

static enum frame_event on_chunk_cr(struct frame *f, unsigned char c)
{
	if (c != '\r')
		return refuse(f, 400, "no line end behind a chunk");
	return go(f, ST_CHUNK_LF);
}

static enum frame_event on_chunk_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse(f, 400, "no line end behind a chunk");
	return go(f, ST_CHUNK_SIZE);
}

static enum frame_event on_last_cr(struct frame *f, unsigned char c)
{
	/* evhttp drops trailers or, unpatched, merges them into the head
	 * (CVE-2026-63379). */
	if (c != '\r')
		return refuse(f, 400, "trailer fields are not supported");
	return go(f, ST_LAST_LF);
}

static enum frame_event on_last_lf(struct frame *f, unsigned char c)
{
	if (c != '\n')
		return refuse(f, 400, "malformed end of a chunked body");
	f->state = ST_START;
	return FRAME_MESSAGE_END;
}

typedef enum frame_event (*step)(struct frame *f, unsigned char c);

/* ST_LENGTH and ST_CHUNK_DATA take runs, see take_body. */
static const step steps[ST_COUNT] = {
    [ST_START] = on_start,
    [ST_METHOD] = on_method,
    [ST_TARGET_FIRST] = on_target_first,
    [ST_TARGET_SECOND] = on_target_second,
    [ST_TARGET] = on_target,
    [ST_VERSION] = on_version,
    [ST_LINE_LF] = on_line_lf,
    [ST_NAME_FIRST] = on_name_first,
    [ST_NAME] = on_name,
    [ST_VALUE] = on_value,
    [ST_VALUE_LF] = on_value_lf,
    [ST_HEAD_LF] = on_head_lf,
    [ST_CHUNK_SIZE] = on_chunk_size,
    [ST_CHUNK_SIZE_LF] = on_chunk_size_lf,
    [ST_CHUNK_CR] = on_chunk_cr,
    [ST_CHUNK_LF] = on_chunk_lf,
    [ST_LAST_CR] = on_last_cr,
    [ST_LAST_LF] = on_last_lf,
};

static size_t take_body(struct frame *f, size_t n, enum frame_event *event)
{
	if (n > f->left)
		n = (size_t)f->left;
	f->left -= n;
	f->body_n += n;
	if (f->left > 0)
		return n;
	if (f->state == ST_CHUNK_DATA) {
		f->state = ST_CHUNK_CR;
	} else {
		f->state = ST_START;
		*event = FRAME_MESSAGE_END;
	}
	return n;
}

/* Runs of bytes that only change counters. Each stops at a limit, so that one
 * and the same byte is refused however the input is split. */

static size_t take_target(struct frame *f, const unsigned char *p, size_t n)
{
	size_t room = f->limits.max_target_bytes - f->target_n, i = 0;

	if (n > room)
		n = room;
	while (i < n && is_target_byte(p[i]))
		i++;
	f->target_n += i;
	return i;
}

static size_t take_name(struct frame *f, const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && field_is_tchar(p[i]))
		token_add(f, lower(p[i++]));
	return i;
}

/* The value of a field that means nothing here. */
static size_t take_value(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && is_value_byte(p[i]))
		i++;
	return i;
}

static size_t take_plain(struct frame *f, const unsigned char *p, size_t n)
{
	size_t room = f->limits.max_head_bytes - f->head_n, taken = 0;

	if (n > room)
		n = room;
	if (f->state == ST_TARGET)
		taken = take_target(f, p, n);
	else if (f->state == ST_NAME)
		taken = take_name(f, p, n);
	else if (f->field == FIELD_OTHER)
		taken = take_value(p, n);
	f->head_n += taken;
	return taken;
}

static enum frame_event take_byte(struct frame *f, unsigned char c)
{
	if (f->state <= ST_HEAD_LF && f->state != ST_START &&
	    ++f->head_n > f->limits.max_head_bytes)
		return refuse(f, 431, "request head too large");
	return steps[f->state](f, c);
}

static size_t take(
    struct frame *f, const unsigned char *p, size_t n, enum frame_event *event)
{
	size_t plain = 0;

	if (f->state == ST_LENGTH || f->state == ST_CHUNK_DATA)
		return take_body(f, n, event);
	if (f->state == ST_VALUE || f->state == ST_NAME ||
	    f->state == ST_TARGET)
		plain = take_plain(f, p, n);
	if (plain > 0)
		return plain;
	*event = take_byte(f, *p);
	return 1;
}

void frame_init(struct frame *f, const struct frame_limits *limits)
{
	assert(limits->max_head_bytes > 0 && limits->max_target_bytes > 0);
	*f = (struct frame){.limits = *limits, .state = ST_START};
}

enum frame_event frame_feed(
    struct frame *f, struct slice bytes, size_t *consumed)
{
	enum frame_event event =
	    f->state == ST_DEAD ? FRAME_REFUSED : FRAME_MORE;
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t at = 0;

	while (at < bytes.n && event == FRAME_MORE)
		at += take(f, p + at, bytes.n - at, &event);
	*consumed = at;
	return event;
}

enum frame_phase frame_phase(const struct frame *f)
{
	if (f->state == ST_START)
		return FRAME_IDLE;
	if (f->state == ST_DEAD)
		return FRAME_DEAD;
	return f->state <= ST_HEAD_LF ? FRAME_HEAD : FRAME_BODY;
}

bool frame_is_mid_message(const struct frame *f)
{
	return f->state != ST_START && f->state != ST_DEAD;
}

bool frame_is_keep_alive(const struct frame *f)
{
	if (f->has_close)
		return false;
	return f->minor == 1 || f->has_keep_alive;
}

bool frame_expects_continue(const struct frame *f)
{
	return f->has_expect && f->minor == 1 && has_body(f);
}

struct slice frame_extension(const struct frame *f)
{
	return f->method == FRAME_EXTENSION
		   ? slice_of(f->extension, f->extension_n)
		   : SLICE_NONE;
}

bool frame_has_body(const struct frame *f)
{
	return has_body(f);
}
