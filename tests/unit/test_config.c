#include "base/config.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static char path[] = "test_config.XXXXXX";

enum {
	ARGS_MAX = 12
};

/* Loads text as file (NULL: none) and arguments up to NULL. */
static struct config *load_bytes(
    struct slice text, char **args, int *rest, char **why)
{
	char *argv[ARGS_MAX + 2] = {(char *)"serve"};
	struct config *c;
	int argc = 1, ignored, fd;

	while (args && args[argc - 1]) {
		assert_true(argc <= ARGS_MAX);
		argv[argc] = args[argc - 1];
		argc++;
	}
	if (!text.p)
		return config_load(
		    NULL, argc, argv, rest ? rest : &ignored, why);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
	close(fd);
	c = config_load(path, argc, argv, rest ? rest : &ignored, why);
	unlink(path);
	return c;
}

static struct config *load(const char *text, char **args)
{
	char *why;
	struct config *c = load_bytes(slice_of_str(text), args, NULL, &why);

	if (!c)
		print_error("%s\n", why);
	assert_non_null(c);
	assert_null(why);
	return c;
}

#define ARGS(...) \
	(char *[]) \
	{ \
		__VA_ARGS__, NULL \
	}

/* want: the message, in which FILE stands for the path. */
static void expect_refused(struct slice text, char **args, const char *want)
{
	char full[1000], *why;
	const char *file = strncmp(want, "FILE", 4) == 0 ? path : "";
	struct config *c = load_bytes(text, args, NULL, &why);

	assert_null(c);
	assert_non_null(why);
	snprintf(full, sizeof(full), "%s%s", file, want + (*file ? 4 : 0));
	assert_string_equal(why, full);
	free(why);
}

static void test_defaults(void **state)
{
	struct config *c = load(NULL, NULL);

	(void)state;
	assert_string_equal(c->file, "");
	assert_int_equal(c->listen.n, 1);
	assert_string_equal(c->listen.v[0], "127.0.0.1:8788");
	assert_string_equal(
	    c->upstream, "https://services.leadconnectorhq.com");
	assert_string_equal(c->state, "/xdg/ghlmirror");
	assert_int_equal(c->threads, 0);
	assert_int_equal(c->cache_max_bytes, INT64_C(4) << 30);
	assert_int_equal(c->stale_wait_ms, 1000);
	assert_int_equal(c->settling_ms, 5000);
	assert_int_equal(c->upstream_timeout_ms, 60000);
	assert_int_equal(c->connect_timeout_ms, 3000);
	assert_int_equal(c->upstream_connections, 4);
	assert_false(c->allow_insecure_upstream);
	assert_false(c->allow_lan_passthrough);
	assert_int_equal(c->forward_headers.n, 0);
	assert_int_equal(c->hosts.n, 0);
	assert_int_equal(c->max_target_bytes, 8192);
	assert_int_equal(c->max_header_bytes, 16384);
	assert_int_equal(c->max_fields, 100);
	assert_int_equal(c->max_body_bytes, 32 << 20);
	assert_int_equal(c->max_answer_bytes, 32 << 20);
	assert_int_equal(c->store_answer_max_bytes, 4 << 20);
	assert_int_equal(c->max_connections, 4096);
	assert_int_equal(c->max_requests, 4096);
	assert_int_equal(c->idle_timeout_ms, 75000);
	assert_int_equal(c->header_timeout_ms, 10000);
	assert_int_equal(c->body_timeout_ms, 60000);
	assert_int_equal(c->write_timeout_ms, 30000);
	assert_int_equal(c->drain_ms, 10000);
	assert_int_equal(c->keep_stale_ms, INT64_C(30) * 86400000);
	assert_true(c->direct_write);
	assert_int_equal(c->log_level, LOG_INFO);
	assert_true(c->log_requests);
	assert_string_equal(c->log_file, "");
	assert_int_equal(c->public_url.n, 0);
	assert_int_equal(c->trusted_proxies.n, 0);
	assert_int_equal(c->cors_origins.n, 0);
	assert_string_equal(c->unix_mode, "0660");
	assert_string_equal(c->upstream_ca, "");
	assert_string_equal(c->user_agent, "ghlmirror/" PACKAGE_VERSION);
	assert_int_equal(c->n_routes, 0);
	config_free(c);
	config_free(NULL);
}

static void test_file(void **state)
{
	struct config *c = load("\xef\xbb\xbf# a comment\r\n"
				"listen = 127.0.0.1:0, [::1]:0\r\n"
				"  listen = localhost:80 ; a third\n"
				"\n"
				"log_level=debug\n"
				"log_requests: no\n"
				"\tkeep_stale = 7d\n"
				"state = /var/lib/g h\n"
				"upstream = http://127.0.0.1:9000/\n"
				"forward_headers =\n"
				"; last\n"
				"threads = 3",
	    NULL);

	(void)state;
	assert_string_equal(c->file, path);
	assert_int_equal(c->listen.n, 3);
	assert_string_equal(c->listen.v[1], "[::1]:0");
	assert_string_equal(c->listen.v[2], "localhost:80");
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_false(c->log_requests);
	assert_int_equal(c->keep_stale_ms, 7 * 86400000);
	assert_string_equal(c->state, "/var/lib/g h");
	assert_string_equal(c->upstream, "http://127.0.0.1:9000");
	assert_int_equal(c->forward_headers.n, 0);
	assert_int_equal(c->threads, 3);
	config_free(c);
}

static void test_sections(void **state)
{
	struct config *c = load("stale_wait = 0\n"
				"[route contact.1]\n"
				"match = get-contact\n"
				"ttl = 0\n"
				"stale_if_error = 1d\n"
				"[location main] ; ours\n"
				"id = ve9EPM428h8vShlRW1KT\n"
				"[ route   b ]\n"
				"  match = GET /contacts/{contactId}\n"
				"  override_upstream = no\n"
				"  stale_while_revalidate = 90s\n",
	    NULL);
	const struct config_route *r = c->routes;

	(void)state;
	assert_int_equal(c->stale_wait_ms, 0);
	assert_int_equal(c->n_routes, 2);
	assert_string_equal(r->name, "contact.1");
	assert_int_equal(r->line, 2);
	assert_string_equal(r->match, "get-contact");
	assert_true(r->has_ttl);
	assert_int_equal(r->ttl_ms, 0);
	assert_true(r->has_stale_if_error);
	assert_int_equal(r->stale_if_error_ms, 86400000);
	assert_false(r->has_stale_while_revalidate);
	assert_false(r->has_override_upstream);
	r++;
	assert_string_equal(r->name, "b");
	assert_int_equal(r->line, 8);
	assert_string_equal(r->match, "GET /contacts/{contactId}");
	assert_false(r->has_ttl);
	assert_true(r->has_override_upstream);
	assert_false(r->override_upstream);
	assert_int_equal(r->stale_while_revalidate_ms, 90000);
	assert_int_equal(c->n_locations, 1);
	assert_string_equal(c->locations[0].name, "main");
	assert_string_equal(c->locations[0].id, "ve9EPM428h8vShlRW1KT");
	assert_int_equal(c->locations[0].line, 6);
	config_free(c);
}

static void test_flags(void **state)
{
	struct config *c = load("cache_max = 1GiB\nhosts = a b\ndrain = 1s\n",
	    ARGS((char *)"--cache-max", (char *)"2GiB", (char *)"--hosts=c",
		(char *)"--hosts", (char *)"d, e",
		(char *)"--allow-lan-passthrough", (char *)"--log-requests",
		(char *)"no", (char *)"--threads=1", (char *)"--threads=2",
		(char *)"--log-file="));

	(void)state;
	assert_int_equal(c->cache_max_bytes, INT64_C(2) << 30);
	assert_int_equal(c->hosts.n, 3); /* instead of the file's */
	assert_string_equal(c->hosts.v[0], "c");
	assert_string_equal(c->hosts.v[2], "e");
	assert_true(c->allow_lan_passthrough);
	assert_false(c->log_requests);
	assert_int_equal(c->threads, 2);
	assert_int_equal(c->drain_ms, 1000);
	config_free(c);
}

static void test_rest(void **state)
{
	static const struct {
		const char *args[5];
		int rest;
	} rows[] = {
	    {{NULL}, 1},
	    {{"word", NULL}, 1},
	    {{"--threads", "1", NULL}, 3},
	    {{"--threads=1", "word", "--x", NULL}, 2},
	    {{"--direct-write", "word", NULL}, 2},
	    {{"--direct-write", "yes", "word", NULL}, 3},
	    {{"--direct-write", "--", "--x", NULL}, 3},
	    {{"-", "--x", NULL}, 1},
	    {{"", "--x", NULL}, 1},
	    {{"--", NULL}, 2},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int rest = -1;
		char *args[5], *why;
		struct config *c;

		memcpy(args, rows[i].args, sizeof(args));
		c = load_bytes(SLICE_NONE, args, &rest, &why);
		assert_non_null(c);
		assert_int_equal(rest, rows[i].rest);
		config_free(c);
	}
}

/* --config goes before the file that the caller proposes, wherever it stands,
 * but not where it is the value of another flag. */
static void test_config_flag(void **state)
{
	char other[] = "test_config.XXXXXX";
	int fd = mkstemp(other);
	struct config *c;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "threads = 5\ndrain = 2s\n", 23), 23);
	close(fd);
	c = load("threads = 6\n",
	    ARGS((char *)"--drain=3s", (char *)"--config", other));
	assert_string_equal(c->file, other);
	assert_int_equal(c->threads, 5);
	assert_int_equal(c->drain_ms, 3000);
	config_free(c);
	c = load(
	    "threads = 6\n", ARGS((char *)"--user-agent", (char *)"--config",
				 (char *)"--drain", (char *)"4s"));
	assert_int_equal(c->threads, 6);
	assert_string_equal(c->user_agent, "--config");
	config_free(c);
	unlink(other);
	expect_refused(SLICE_NONE, ARGS((char *)"--config=no-such.conf"),
	    "no-such.conf: No such file or directory");
	expect_refused(
	    SLICE_NONE, ARGS((char *)"--config=."), ".: Is a directory");
}

static void test_bad_files(void **state)
{
	static const char *const rows[][2] = {
	    {"\n\nttll = 1s\n", "FILE:3: unknown key \"ttll\""},
	    {"[route x]\nmatch = a\nttll = 1s\n",
		"FILE:3: unknown key \"ttll\" in [route x]"},
	    {"[location x]\nthreads = 1\n",
		"FILE:2: unknown key \"threads\" in [location x]; it belongs "
		"before the first section"},
	    {"Threads = 1\n", "FILE:1: unknown key \"Threads\""},
	    {"threads = 1\n\nthreads = 1\n",
		"FILE:3: threads is already set in line 1"},
	    {"[route a]\nmatch=x\nttl=1s\n[route b]\nmatch=x\nttl=1s\nttl=2s\n",
		"FILE:7: ttl is already set in line 6"},
	    {"[routes x]\n", "FILE:1: unknown section [routes x]"},
	    {"[]\n", "FILE:1: unknown section []"},
	    {"[global]\nthreads=1\n", "FILE:1: unknown section [global]"},
	    {"[route]\n",
		"FILE:1: [route NAME] wants a name of letters, digits, _ - "
		"and ."},
	    {"[route a b]\n",
		"FILE:1: [route NAME] wants a name of letters, digits, _ - "
		"and ."},
	    {"[route a]\nmatch = x\n[route a]\n",
		"FILE:3: [route a] is already in line 1"},
	    {"[location a]\nid = x\n[location a]\n",
		"FILE:3: [location a] is already in line 1"},
	    {"[route a]\nmatch = x\n\n[route b]\n[location c]\nid = y\n",
		"FILE:4: [route b] has no match"},
	    {"[location c]\n", "FILE:1: [location c] has no id"},
	    {"[location c]\nid = x\n[location d]\nid = x\n",
		"FILE:3: [location d] has the id of [location c]"},
	    {"[location c]\nid = a/b\n",
		"FILE:2: id: \"a/b\" is not an id: letters, digits, _ and -"},
	    {"[location c]\ntoken_file = x\n",
		"FILE:2: unknown key \"token_file\" in [location c]"},
	    {"[route a\n", "FILE:1: a section ends with ]"},
	    {"[route a] b\n", "FILE:1: text after the section's ]"},
	    {"[route aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
		"FILE:1: the name of the section is too long"},
	    {"\nthreads\n",
		"FILE:2: is neither NAME = VALUE nor a section nor a comment"},
	    {"threads\nfoo = 1\n",
		"FILE:1: is neither NAME = VALUE nor a section nor a comment"},
	    {"foo = 1\nthreads\n", "FILE:1: unknown key \"foo\""},
	    {"threads = 1\n  2\n",
		"FILE:2: is neither NAME = VALUE nor a section nor a comment"},
	    {"threads = two\n", "FILE:1: threads: \"two\" is not a number"},
	    {"threads = 65\n", "FILE:1: threads: must be at most 64"},
	    {"threads = 4294967297\n",
		"FILE:1: threads: \"4294967297\" is not a number"},
	    {"threads =\n", "FILE:1: threads: \"\" is not a number"},
	    {"drain = 10\n",
		"FILE:1: drain: \"10\" is not a duration such as 500ms, 30s, "
		"5m, 12h or 30d"},
	    {"idle_timeout = 0\n",
		"FILE:1: idle_timeout: must be at least 100ms"},
	    {"drain = 2h\n", "FILE:1: drain: must be at most 1h"},
	    {"cache_max = 4GB\n",
		"FILE:1: cache_max: \"4GB\" is not a size such as 4096, "
		"512KiB, 64MiB or 4GiB"},
	    {"cache_max = 1MiB\n", "FILE:1: cache_max: must be at least 16MiB"},
	    {"direct_write = on\n",
		"FILE:1: direct_write: \"on\" is not yes or no"},
	    {"log_level = verbose\n",
		"FILE:1: log_level: \"verbose\" is not one of error, warn, "
		"info, debug"},
	    {"state =\n", "FILE:1: state: must not be empty"},
	    {"listen = 127.0.0.1\n",
		"FILE:1: listen: \"127.0.0.1\" is not an address like "
		"127.0.0.1:8788 or [::1]:8788, or unix:/PATH"},
	    {"\nlisten =\n", "FILE:2: listen: needs at least one address"},
	    {"listen = 127.0.0.1:80\nlisten = 127.0.0.1:80\n",
		"FILE:2: listen: 127.0.0.1:80 is there twice"},
	    {"\nlisten = 127.0.0.1:80 0.0.0.0:80\n",
		"FILE:2: listen: 0.0.0.0:80 is not on loopback; set "
		"allow_lan_passthrough = yes to serve other machines without "
		"keys of their own"},
	    {"max_body = 4MiB\nmax_body_total = 4MiB\n",
		"FILE:2: max_body_total: has no room for one request with "
		"max_body and max_header"},
	    {"listen = [::ffff:127.0.0.1]:80\n",
		"FILE:1: listen: \"[::ffff:127.0.0.1]:80\" is not an address of "
		"one kind: write the IPv4 address alone"},
	    {"listen = unix:run/x\n",
		"FILE:1: listen: \"unix:run/x\" is not a unix socket with an "
		"absolute path, unix:/PATH"},
	    {"listen = unix:/x unix:/y unix:/x\n",
		"FILE:1: listen: unix:/x is there twice"},
	    {"unix_mode = 0o60\n",
		"FILE:1: unix_mode: \"0o60\" is not a mode in octal, such as "
		"0660"},
	    {"unix_mode = 1777\n",
		"FILE:1: unix_mode: \"1777\" is not a mode in octal, such as "
		"0660"},
	    {"public_url = https://a/b\n",
		"FILE:1: public_url: \"https://a/b\" is not a URL like "
		"https://HOST:PORT, without user, path and query, or "
		"LISTEN=URL"},
	    {"public_url = 127.0.0.1:8789=https://a\n",
		"FILE:1: public_url: 127.0.0.1:8789 is not an item of listen"},
	    {"public_url = https://a\n\npublic_url = https://b\n",
		"FILE:3: public_url: https://b comes after https://a for the "
		"same listener"},
	    {"trusted_proxies = 10.0.0.1/8\n",
		"FILE:1: trusted_proxies: \"10.0.0.1/8\" is not an address, a "
		"network like 10.0.0.0/8 or 2001:db8::/32 with nothing beyond "
		"its prefix, or unix"},
	    {"cors_origins = https://a.example, *\n",
		"FILE:1: cors_origins: has * beside other origins"},
	    {"cors_origins = https://a.example:443\n",
		"FILE:1: cors_origins: \"https://a.example:443\" is not an "
		"origin as browsers send it: without the scheme's own port"},
	    {"hosts = a,b/c\n",
		"FILE:1: hosts: \"b/c\" is not a host name or address, with or "
		"without port"},
	    {"forward_headers = X-A, X:B\n",
		"FILE:1: forward_headers: \"X:B\" is not the name of a header "
		"field"},
	    {"forward_headers = A B C D E F G H I J K L M N O P Q\n",
		"FILE:1: forward_headers: names more than 16 headers"},
	    {"forward_headers = "
	     "X-0123456789012345678901234567890123456789012345678901234567890"
	     "1\n",
		"FILE:1: forward_headers: "
		"X-0123456789012345678901234567890123456789012345678901234567890"
		"1 is longer than 63 characters"},
	    {"user_agent = a\x01z\n",
		"FILE:1: user_agent: \"a\\u0001z\" is not printable text"},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		expect_refused(slice_of_str(rows[i][0]), NULL, rows[i][1]);
	expect_refused(SLICE("a = b\0c\n"), NULL, "FILE:1: holds a NUL byte");
}

static void test_urls(void **state)
{
	static const struct {
		const char *text;
		const char *authority; /* NULL: refused */
		const char *host;
		int port;
		bool is_tls;
	} rows[] = {
	    {"https://a.example", "a.example", "a.example", 443, true},
	    {"https://a.example/", "a.example", "a.example", 443, true},
	    {"http://a.example:8080", "a.example:8080", "a.example", 8080,
		false},
	    {"http://[::1]", "[::1]", "::1", 80, false},
	    {"a.example", NULL, NULL, 0, false},
	    {"HTTPS://a.example", NULL, NULL, 0, false},
	    {"ftp://a.example", NULL, NULL, 0, false},
	    {"https://", NULL, NULL, 0, false},
	    {"https:///", NULL, NULL, 0, false},
	    {"https://a.example//", NULL, NULL, 0, false},
	    {"https://a.example/v2", NULL, NULL, 0, false},
	    {"https://user:pw@a.example", NULL, NULL, 0, false},
	    {"https://a.example?x", NULL, NULL, 0, false},
	    {"https://a.example#x", NULL, NULL, 0, false},
	    {"https://a.example:0", NULL, NULL, 0, false},
	    {"https://a.example:", NULL, NULL, 0, false},
	    {"https://a b", NULL, NULL, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct config_url u;
		bool is_good = config_parse_url(slice_of_str(rows[i].text), &u);

		assert_int_equal(is_good, rows[i].authority != NULL);
		if (!is_good)
			continue;
		assert_true(
		    slice_eq(u.authority, slice_of_str(rows[i].authority)));
		assert_true(slice_eq(u.at.host, slice_of_str(rows[i].host)));
		assert_int_equal(u.at.port, rows[i].port);
		assert_int_equal(u.is_tls, rows[i].is_tls);
	}
}

static void test_listen(void **state)
{
	struct config_listen l;
	char longest[5 + 108 + 1] = "unix:/";

	(void)state;
	assert_true(config_parse_listen(SLICE("[::1]:80"), &l));
	assert_false(l.is_unix);
	assert_int_equal(l.at.port, 80);
	assert_true(config_parse_listen(SLICE("unix:/run/a=b"), &l));
	assert_true(l.is_unix);
	assert_true(slice_eq(l.path, SLICE("/run/a=b")));
	assert_false(config_parse_listen(SLICE("unix:"), &l));
	assert_false(config_parse_listen(SLICE("unix:/"), &l));
	assert_false(config_parse_listen(SLICE("unix:/run/"), &l));
	assert_false(config_parse_listen(SLICE("unix:@name"), &l));
	assert_false(config_parse_listen(SLICE("::1:80"), &l));
	memset(longest + 6, 'x', 107);
	assert_true(config_parse_listen(slice_of(longest, 5 + 107), &l));
	assert_false(config_parse_listen(slice_of(longest, 5 + 108), &l));
}

static void test_public_urls(void **state)
{
	static const struct {
		const char *text, *listen; /* NULL: refused */
		const char *authority;
	} rows[] = {
	    {"https://a.example/", "", "a.example"},
	    {"[::1]:80=http://a:81", "[::1]:80", "a:81"},
	    {"unix:/a=b=https://[::1]", "unix:/a=b", "[::1]"},
	    {"=https://a", NULL, NULL},
	    {"127.0.0.1=https://a", NULL, NULL},
	    {"127.0.0.1:80=", NULL, NULL},
	    {"127.0.0.1:80=https://a/b", NULL, NULL},
	    {"https://a?b=c", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct config_public_url p;
		bool is_good =
		    config_parse_public_url(slice_of_str(rows[i].text), &p);

		if (is_good != (rows[i].listen != NULL))
			fail_msg("%s", rows[i].text);
		if (!is_good)
			continue;
		assert_true(slice_eq(p.listen, slice_of_str(rows[i].listen)));
		assert_true(
		    slice_eq(p.url.authority, slice_of_str(rows[i].authority)));
	}
}

static void test_origins(void **state)
{
	static const char *const good[] = {"https://app.example",
	    "http://localhost:3000", "http://[::1]:8080", "https://a:80",
	    "chrome-extension://abcdefghijklmnop", "capacitor://localhost"};
	static const char *const bad[] = {"null", "app.example", "https://",
	    "https://a/", "https://a/b", "https://A.example", "HTTPS://a",
	    "https://u@a", "https://*.example", "http://a:80",
	    "http://a:", "https:a", "1x://a"};

	(void)state;
	for (size_t i = 0; i < N_OF(good); i++) {
		struct config *c =
		    load(NULL, ARGS((char *)"--cors-origins", (char *)good[i]));

		assert_string_equal(c->cors_origins.v[0], good[i]);
		config_free(c);
	}
	for (size_t i = 0; i < N_OF(bad); i++) {
		char *args[] = {(char *)"--cors-origins", (char *)bad[i], NULL};
		char *why;

		if (load_bytes(SLICE_NONE, args, NULL, &why))
			fail_msg("%s", bad[i]);
		free(why);
	}
}

static void test_insecure_upstream(void **state)
{
	struct config *c;

	(void)state;
	expect_refused(SLICE("\nupstream = http://192.0.2.1\n"), NULL,
	    "FILE:2: upstream: http://192.0.2.1 would carry tokens unencrypted "
	    "over the network; set allow_insecure_upstream = yes to accept "
	    "that");
	expect_refused(SLICE_NONE,
	    ARGS((char *)"--upstream", (char *)"http://a.example"),
	    "--upstream: http://a.example would carry tokens unencrypted over "
	    "the network; set allow_insecure_upstream = yes to accept that");
	expect_refused(SLICE("upstream = ghl\n"), NULL,
	    "FILE:1: upstream: \"ghl\" is not a URL like https://HOST or "
	    "http://HOST:PORT, without user, path and query");
	c = load(
	    "upstream = http://192.0.2.1\nallow_insecure_upstream=yes\n", NULL);
	config_free(c);
	c = load("listen = 0.0.0.0:80\nallow_lan_passthrough = yes\n"
		 "public_url = https://ghl.lan:8443/\n",
	    NULL);
	assert_string_equal(c->public_url.v[0], "https://ghl.lan:8443/");
	config_free(c);
}

static void test_bad_flags(void **state)
{
	static const struct {
		const char *args[3];
		const char *want;
	} rows[] = {
	    {{"--nope", NULL}, "unknown flag --nope"},
	    {{"--nope=1", NULL}, "unknown flag --nope=1"},
	    {{"--cache_max=1GiB", NULL}, "unknown flag --cache_max=1GiB"},
	    {{"-threads=1", NULL}, "unknown flag -threads=1"},
	    {{"--match=x", NULL}, "unknown flag --match=x"},
	    {{"--threads", NULL}, "--threads: needs a value"},
	    {{"--config", NULL}, "--config: needs a value"},
	    {{"--threads", "x", NULL}, "--threads: \"x\" is not a number"},
	    {{"--cache-max=1", NULL}, "--cache-max: must be at least 16MiB"},
	    {{"--allow-lan-passthrough=maybe", NULL},
		"--allow-lan-passthrough: \"maybe\" is not yes or no"},
	    {{"--user-agent=a\r\nb: c", NULL},
		"--user-agent: \"a\\r\\nb: c\" is not printable text"},
	    {{"--listen=", NULL}, "--listen: needs at least one address"},
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		char *args[3];

		memcpy(args, rows[i].args, sizeof(args));
		expect_refused(SLICE_NONE, args, rows[i].want);
	}
}

static void test_long_lines(void **state)
{
	static char text[70000];
	char *why;

	(void)state;
	text[0] = '#';
	memset(text + 1, 'x', sizeof(text) - 2);
	config_free(load(text, NULL)); /* a comment */
	memcpy(text, "hosts = ", 8);
	assert_null(load_bytes(slice_of_str(text), NULL, NULL, &why));
	assert_non_null(strstr(why, ":1: is longer than "));
	assert_non_null(strstr(why, "in another line"));
	free(why);
	/* As a flag it is cut in the message. */
	memcpy(text, "--state=\n", 9);
	expect_refused(SLICE_NONE, ARGS((char *)"--threads", text + 20),
	    "--threads: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxx\" is not a number");
}

static void test_default_state(void **state)
{
	char *s;

	(void)state;
	setenv("XDG_STATE_HOME", "relative", 1);
	s = config_default_state();
	assert_string_equal(s, "/who/.local/state/ghlmirror");
	free(s);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_null(config_default_state());
	expect_refused(
	    SLICE_NONE, NULL, "state: neither XDG_STATE_HOME nor HOME is set");
	config_free(load("state = here\n", NULL));
}

static void test_compare(void **state)
{
	struct config *a = load(NULL, NULL);
	struct config *b = load("threads = 2\nlisten = 127.0.0.1:1\n"
				"log_level = debug\nstale_wait = 2s\n"
				"max_body = 1MiB\ncache_max = 5GiB\n",
	    NULL);
	const char *names[2] = {NULL, NULL};

	(void)state;
	assert_int_equal(config_compare_fixed(a, a, names, 2), 0);
	assert_null(names[0]);
	assert_int_equal(config_compare_fixed(a, b, names, 2), 4);
	assert_string_equal(names[0], "listen");
	assert_string_equal(names[1], "threads");
	config_free(a);
	config_free(b);
}

static char *print(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	if (c)
		config_print(out, c);
	else
		config_describe(out);
	fclose(out);
	return text;
}

/* What is printed can be read back, and prints the same again. */
static void test_print(void **state)
{
	struct config *c = load("listen = 127.0.0.1:0 [::1]:0\n"
				"stale_wait = 1500ms\nsettling = 0\n"
				"keep_stale = 36h\nmax_target = 5000\n"
				"log_level = warn\nhosts = a\n"
				"[route a]\nmatch = GET /x\nttl = 90s\n"
				"[location b]\nid = L1\n",
	    NULL);
	char *one = print(c), *two;

	(void)state;
	config_free(c);
	assert_non_null(strstr(one, "listen = 127.0.0.1:0, [::1]:0\n"));
	assert_non_null(strstr(one, "\nstale_wait = 1500ms\n"));
	assert_non_null(strstr(one, "\nsettling = 0\n"));
	assert_non_null(strstr(one, "\nkeep_stale = 36h\n"));
	assert_non_null(strstr(one, "\nmax_target = 5000\n"));
	assert_non_null(strstr(one, "\ncache_max = 4GiB\n"));
	assert_non_null(strstr(one, "\nlog_level = warn\n"));
	assert_non_null(strstr(one, "\ndirect_write = yes\n"));
	assert_non_null(
	    strstr(one, "\n[route a]\nmatch = GET /x\nttl = 90s\n\n["));
	assert_non_null(strstr(one, "\n[location b]\nid = L1\n"));
	c = load(one, NULL);
	two = print(c);
	assert_string_equal(one, two);
	config_free(c);
	free(one);
	free(two);
}

static void test_describe(void **state)
{
	char *text = print(NULL);

	(void)state;
	assert_non_null(strstr(text, ".Ss Global keys\n"));
	assert_non_null(strstr(text, "\n.It Cm cache_max No = Ar size\n"));
	assert_non_null(strstr(text, "\nDefault: 4GiB.\n"));
	assert_non_null(
	    strstr(text, "\n.It Cm direct_write No = Ar yes | no\n"));
	assert_non_null(strstr(
	    text, "\n.It Cm log_level No = Cm error | warn | info | debug\n"));
	assert_non_null(strstr(text, "\n.Ss Section route\n"));
	assert_non_null(strstr(text, "\n.It Cm ttl No = Ar duration\n"));
	assert_non_null(strstr(text, "\n.Ss Section location\n"));
	free(text);
}

static int setup(void **state)
{
	(void)state;
	setenv("HOME", "/who", 1);
	setenv("XDG_STATE_HOME", "/xdg", 1);
	return 0;
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_defaults),
	    TEST(test_file),
	    TEST(test_sections),
	    TEST(test_flags),
	    TEST(test_rest),
	    TEST(test_config_flag),
	    TEST(test_bad_files),
	    TEST(test_urls),
	    TEST(test_listen),
	    TEST(test_public_urls),
	    TEST(test_origins),
	    TEST(test_insecure_upstream),
	    TEST(test_bad_flags),
	    TEST(test_long_lines),
	    TEST(test_default_state),
	    TEST(test_compare),
	    TEST(test_print),
	    TEST(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
