/*
 * Replays the corpus of a fuzz target as an ordinary test: every file of
 * $top_srcdir/tests/fuzz/corpus/NAME, whole and cut off after each byte, for
 * a program called fuzz_NAME. With arguments, those files instead.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer files are replayed whole and cut at these many first bytes. */
#define CUTS_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A copy of exactly n bytes, so that a sanitizer sees a read past the end. */
static void replay_bytes(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int replay_file(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n, cut;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	n = fread(data, 1, sizeof(data), f);
	if (ferror(f) || !feof(f)) {
		fprintf(stderr, "%s: unreadable or too long\n", path);
		fclose(f);
		return -1;
	}
	fclose(f);
	printf("%s\n", path);
	fflush(stdout);
	for (cut = 0; cut < n && cut < CUTS_MAX; cut++)
		replay_bytes(data, cut);
	replay_bytes(data, n);
	return 0;
}

/* dir/name, whole; ends the program when that is longer than a path may be. */
static void join(char path[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX)
		abort();
}

/* Number of files replayed, -1 on a file that could not be. */
static int replay_corpus(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	if (d == NULL) {
		perror(dir);
		return -1;
	}
	while (n >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		join(path, dir, e->d_name);
		n = replay_file(path) < 0 ? -1 : n + 1;
	}
	closedir(d);
	return n;
}

static int replay_own_corpus(const char *program)
{
	const char *top = getenv("top_srcdir");
	const char *name = strstr(program, "fuzz_");
	char corpus[PATH_MAX], dir[PATH_MAX];
	int n;

	/* the last one: the path may hold the word too */
	while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
		name = strstr(name + 1, "fuzz_");
	if (top == NULL || name == NULL) {
		fprintf(stderr, "set top_srcdir, or name the files\n");
		return -1;
	}
	join(corpus, top, "tests/fuzz/corpus");
	join(dir, corpus, name + strlen("fuzz_"));
	n = replay_corpus(dir);
	if (n == 0)
		fprintf(stderr, "%s: empty\n", dir);
	return n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 2)
		return replay_own_corpus(argv[0]) < 0;
	for (i = 1; i < argc; i++) {
		if (replay_file(argv[i]) < 0)
			return 1;
	}
	return 0;
}
