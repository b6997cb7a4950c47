#include "origin/transfer_site.h"

#include "base/buf.h"
#include "origin/transfer_trace.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RESOLVE_LINE_MAX_BYTES = 4096
};

static char *fault_text(const char *what, const char *value, const char *reason)
{
	struct buf text;
	size_t n;

	buf_init(&text, 4096);
	buf_printf(&text, "%s: %s: %s", what, value, reason);
	buf_add_char(&text, '\0');
	return buf_take(&text, &n);
}

/* What is wrong with the parts of the upstream's URL, or NULL. */
static const char *url_fault(CURLU *u, const char *url)
{
	static const struct {
		CURLUPart part;
		const char *fault;
	} unwanted[] = {
	    {CURLUPART_USER, "must not hold a user"},
	    {CURLUPART_PASSWORD, "must not hold a password"},
	    {CURLUPART_QUERY, "must not hold a query"},
	    {CURLUPART_FRAGMENT, "must not hold a fragment"},
	    {CURLUPART_ZONEID, "must not hold an address zone"},
	};
	char *part;
	bool is_root;

	for (const char *p = url; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return "must be visible ASCII (a host name with other "
			       "letters has an xn-- form)";
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return "is not a URL that begins with https:// or http://";
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
		if (curl_url_get(u, unwanted[i].part, &part, 0) != CURLUE_OK)
			continue;
		curl_free(part);
		return unwanted[i].fault;
	}
	if (curl_url_get(u, CURLUPART_PATH, &part, 0) != CURLUE_OK)
		return "is not a URL that begins with https:// or http://";
	is_root = strcmp(part, "/") == 0;
	curl_free(part);
	return is_root ? NULL : "must not hold a path";
}

/* A part as our own memory; NULL: absent or no memory. */
static char *take_part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *part, *copy;

	if (curl_url_get(u, what, &part, flags) != CURLUE_OK)
		return NULL;
	copy = strdup(part);
	curl_free(part);
	return copy;
}

static const char *take_url(struct transfer_site *s, const char *url)
{
	CURLU *u = curl_url();
	const char *fault = u ? url_fault(u, url) : "no memory";
	char *scheme = NULL;

	if (!fault) {
		scheme = take_part(u, CURLUPART_SCHEME, 0);
		s->host = take_part(u, CURLUPART_HOST, 0);
		s->port = take_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
		s->url = take_part(u, CURLUPART_URL, 0);
		if (!scheme || !s->host || !s->port || !s->url)
			fault = "no memory";
	}
	if (!fault) {
		s->is_tls = strcmp(scheme, "https") == 0;
		if (!s->is_tls && strcmp(scheme, "http") != 0)
			fault = "must begin with https:// or http://";
	}
	free(scheme);
	curl_url_cleanup(u);
	return fault;
}

static bool copy_options(
    struct transfer_site *s, const struct transfers_options *o)
{
	const curl_version_info_data *version =
	    curl_version_info(CURLVERSION_NOW);

	s->can_trace = transfer_trace_knows(version->version_num);
	s->max_body_bytes = o->max_body_bytes;
	if (o->ca_file)
		s->ca_file = strdup(o->ca_file);
	return !o->ca_file || s->ca_file;
}

const char *transfer_ca_fault(const char *path)
{
	static const char *const begins[] = {
	    "-----BEGIN CERTIFICATE-----",
	    "-----BEGIN TRUSTED CERTIFICATE-----",
	    "-----BEGIN X509 CERTIFICATE-----",
	};
	FILE *f = fopen(path, "re");
	char line[128];
	bool has_one = false;

	if (!f)
		return strerror(errno);
	while (!has_one && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
			if (strncmp(line, begins[i], strlen(begins[i])) == 0)
				has_one = true;
	fclose(f);
	return has_one ? NULL : "holds no certificate (PEM)";
}

bool transfer_site_init(
    struct transfer_site *s, const struct transfers_options *o, char **why)
{
	const char *fault;

	*s = (struct transfer_site){0};
	transfer_site_set_terms(s, &o->terms);
	*why = NULL;
	fault = take_url(s, o->upstream);
	if (fault)
		*why = fault_text("upstream", o->upstream, fault);
	else if (o->ca_file)
		fault = transfer_ca_fault(o->ca_file);
	if (fault && !*why)
		*why = fault_text("upstream_ca", o->ca_file, fault);
	return !fault && copy_options(s, o);
}

void transfer_site_fini(struct transfer_site *s)
{
	free(s->url);
	free(s->host);
	free(s->port);
	free(s->ca_file);
	free(s->resolve);
}

void transfer_site_set_terms(
    struct transfer_site *s, const struct transfers_terms *terms)
{
	assert(terms->connect_timeout_ms > 0 && terms->timeout_ms > 0);
	assert(terms->user_agent);
	s->terms = *terms;
}

bool transfer_site_is_address(const struct transfer_site *s)
{
	struct in_addr v4;

	return s->host[0] == '[' || inet_pton(AF_INET, s->host, &v4) == 1;
}

bool transfer_site_set_addresses(struct transfer_site *s, const char *list)
{
	struct buf line;
	size_t n;

	buf_init(&line, RESOLVE_LINE_MAX_BYTES);
	buf_printf(&line, "%s:%s:%s", s->host, s->port, list);
	buf_add_char(&line, '\0');
	if (line.has_failed) {
		buf_fini(&line);
		return s->resolve != NULL;
	}
	free(s->resolve);
	s->resolve = buf_take(&line, &n);
	return true;
}
