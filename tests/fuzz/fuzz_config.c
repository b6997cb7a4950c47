/*
 * The configuration file: any bytes are either refused with the file and a
 * line of it, or taken; what is taken and printed is taken again and prints
 * the same.
 */
#include "base/config.h"
#include "base/num.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int file_fd = -1;
static char file_name[32];

static void files_open(void)
{
	if (file_fd >= 0)
		return;
	/* The default of state comes from there. */
	setenv("HOME", "/nonexistent", 1);
	unsetenv("XDG_STATE_HOME");
	file_fd = memfd_create("config", MFD_CLOEXEC);
	assert(file_fd >= 0);
	snprintf(file_name, sizeof(file_name), "/proc/self/fd/%d", file_fd);
}

static struct config *load(const char *text, size_t n, char **why)
{
	static char program[] = "ghlmirror";
	char *argv[] = {program, NULL};
	int rest;

	if (ftruncate(file_fd, 0) != 0 ||
	    pwrite(file_fd, text, n, 0) != (ssize_t)n)
		abort();
	return config_load(file_name, 1, argv, &rest, why);
}

/* FILE:LINE: and one line of text. */
static void check_why(struct slice why, struct slice text)
{
	size_t name_n = strlen(file_name), end;
	uint64_t line, lines = 1;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	assert(slice_starts(why, slice_of(file_name, name_n)));
	assert(why.p[name_n] == ':');
	end = slice_find(why, name_n + 1, ':');
	assert(num_parse_u64(slice_sub(why, name_n + 1, end), 1, lines, &line));
	assert(end + 2 < why.n && why.p[end + 1] == ' ');
	assert(slice_find(why, 0, '\n') == why.n);
}

static char *print(const struct config *c, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);

	assert(out);
	config_print(out, c);
	fclose(out);
	assert(text);
	return text;
}

/* A list that has got values from several lines may not fit one. */
static bool fits(const char *text, size_t n)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		length = text[i] == '\n' ? 0 : length + 1;
		if (length > 180)
			return false;
	}
	return true;
}

static void check_printed(const struct config *c)
{
	size_t n, n2;
	char *text = print(c, &n), *text2, *why;
	struct config *again;

	if (fits(text, n)) {
		again = load(text, n, &why);
		if (!again) {
			fprintf(stderr, "%s\nof\n%s", why, text);
			abort();
		}
		text2 = print(again, &n2);
		assert(n == n2 && memcmp(text, text2, n) == 0);
		free(text2);
		config_free(again);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config *c;
	char *why;

	files_open();
	c = load((const char *)data, n, &why);
	if (c) {
		assert(!why);
		check_printed(c);
	} else {
		assert(why);
		check_why(slice_of_str(why), slice_of((const char *)data, n));
	}
	config_free(c);
	free(why);
	return 0;
}
