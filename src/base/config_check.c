#include "base/config_table.h"

bool config_parse_url(struct slice text, struct config_url *out)
{
	struct config_url url;
	struct slice rest;

	if (slice_starts(text, SLICE("https://"))) {
		url.is_tls = true;
		rest = slice_sub(text, 8, text.n);
	} else if (slice_starts(text, SLICE("http://"))) {
		url.is_tls = false;
		rest = slice_sub(text, 7, text.n);
	} else {
		return false;
	}
	if (slice_ends(rest, SLICE("/")))
		rest = slice_sub(rest, 0, rest.n - 1);
	/* User, path, query and fragment hold characters that no host has. */
	if (!num_parse_host_port(rest, url.is_tls ? 443 : 80, &url.at) ||
	    url.at.port == 0)
		return false;
	url.authority = rest;
	*out = url;
	return true;
}

const char *config_check_url(struct slice s)
{
	struct config_url url;

	if (config_parse_url(s, &url))
		return NULL;
	return "a URL like https://HOST or http://HOST:PORT, without user, "
	       "path and query";
}

const char *config_check_host(struct slice s)
{
	struct num_host_port hp;

	if (num_parse_host_port(s, 0, &hp))
		return NULL;
	return "a host name or address, with or without port";
}

static bool is_token(struct slice s)
{
	static const char marks[] = "!#$%&'*+-.^_`|~"; /* RFC 9110 5.6.2 */

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') &&
		    !memchr(marks, c, sizeof(marks) - 1))
			return false;
	}
	return s.n > 0;
}

const char *config_check_field(struct slice s)
{
	return is_token(s) ? NULL : "the name of a header field";
}

const char *config_check_id(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return "an id: letters, digits, _ and -";
	}
	return NULL;
}

static bool check_upstream(const struct config *c, struct buf *why)
{
	struct config_url url;

	config_parse_url(slice_of_str(c->upstream), &url);
	if (url.is_tls || num_is_loopback(&url.at) ||
	    c->allow_insecure_upstream)
		return true;
	buf_printf(why,
	    "%s would carry tokens unencrypted over the "
	    "network; set allow_insecure_upstream = yes to accept that",
	    c->upstream);
	return false;
}

static bool check_forward(const struct config *c, struct buf *why)
{
	if (c->forward_headers.n > CONFIG_FORWARD_MAX) {
		buf_printf(
		    why, "names more than %d headers", CONFIG_FORWARD_MAX);
		return false;
	}
	for (size_t i = 0; i < c->forward_headers.n; i++) {
		const char *name = c->forward_headers.v[i];

		if (strlen(name) > CONFIG_FORWARD_NAME_MAX) {
			buf_printf(why, "%s is longer than %d characters", name,
			    CONFIG_FORWARD_NAME_MAX);
			return false;
		}
	}
	return true;
}

/* Else there are bodies that are told to come again, and never get in. */
static bool check_bodies(const struct config *c, struct buf *why)
{
	if (c->max_body_total_bytes >= c->max_body_bytes + c->max_header_bytes)
		return true;
	buf_add_slice(why,
	    SLICE("has no room for one request with max_body and max_header"));
	return false;
}

/* Who reaches the port reads what others fetched. */
static bool check_profile(const struct config *c, struct buf *why)
{
	if (c->profile != CONFIG_PROFILE_STANDARDS)
		return true;
	if (c->allow_lan_passthrough) {
		buf_add_slice(
		    why, SLICE("standards is for clients on loopback only; "
			       "allow_lan_passthrough must be no"));
		return false;
	}
	if (c->n_routes > 0) {
		buf_add_slice(why,
		    SLICE("standards knows no operations, so there may be no "
			  "[route] section"));
		return false;
	}
	return true;
}

bool config_check_whole(
    const struct config *c, const char **option, struct buf *why)
{
	static const struct {
		const char *option;
		bool (*is_good)(const struct config *c, struct buf *why);
	} checks[] = {
	    {"profile", check_profile},
	    {"listen", config_check_listeners},
	    {"public_url", config_check_public_urls},
	    {"cors_origins", config_check_origins},
	    {"upstream", check_upstream},
	    {"forward_headers", check_forward},
	    {"max_body_total", check_bodies},
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!checks[i].is_good(c, why)) {
			*option = checks[i].option;
			return false;
		}
	}
	return true;
}
