#include "store/crash.h"

#include "store/env.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT_MAX 9

/* SIGFPE: a page size of 0 is divided by. */
static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
#define SIGNALS_N (sizeof(signals) / sizeof(signals[0]))

static int counter_fd = -1;
/* What the handler writes; the count before lies with the kernel. */
static volatile sig_atomic_t next_digit;
static struct sigaction before[SIGNALS_N];

static void write_digit(char digit)
{
	/* Nobody is there to be told of a failure. */
	if (pwrite(counter_fd, &digit, 1, 0) == 1 && fdatasync(counter_fd) == 0)
		return;
}

/*
 * Then the signal once more, whoever sent it, which comes when this returns:
 * to the handler that was there before, for a core or a sanitizer's report.
 */
static void on_crash(int number)
{
	write_digit((char)next_digit);
	for (size_t i = 0; i < SIGNALS_N; i++)
		if (signals[i] == number)
			sigaction(number, &before[i], NULL);
	raise(number);
}

static void set_handlers(void)
{
	struct sigaction action = {.sa_handler = on_crash};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SIGNALS_N; i++)
		sigaction(signals[i], &action, &before[i]);
}

static unsigned read_count(void)
{
	char digit = '0';

	if (pread(counter_fd, &digit, 1, 0) != 1 || digit < '0' || digit > '9')
		return 0;
	return (unsigned)(digit - '0');
}

unsigned crash_watch(const char *dir)
{
	char *path;
	unsigned count;

	if (counter_fd >= 0)
		return 0; /* another cache of this process does */
	path = env_path(dir, "crashes");
	if (path)
		counter_fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (counter_fd < 0)
		return 0;
	count = read_count();
	next_digit = '0' + (int)(count < COUNT_MAX ? count + 1 : COUNT_MAX);
	set_handlers();
	return count;
}

void crash_forget(void)
{
	if (counter_fd < 0 || next_digit == '1')
		return;
	next_digit = '1';
	write_digit('0');
}

void crash_unwatch(void)
{
	if (counter_fd < 0)
		return;
	crash_forget();
	for (size_t i = 0; i < SIGNALS_N; i++)
		sigaction(signals[i], &before[i], NULL);
	close(counter_fd);
	counter_fd = -1;
}
