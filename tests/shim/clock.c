/*
 * For LD_PRELOAD: a wall clock that a test sets. The file named by
 * TEST_CLOCK_FILE holds seconds, a 64-bit integer as the machine has it, which
 * are added to CLOCK_REALTIME; a test may change them at any time. Other
 * clocks are as they are.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real_gettime)(clockid_t, struct timespec *);
static const volatile int64_t *offset_s;

__attribute__((constructor)) static void clock_shim_init(void)
{
	const char *path = getenv("TEST_CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	/* The object pointer to function conversion of POSIX. */
	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (fd >= 0)
		p = mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED || !real_gettime)
		abort();
	close(fd);
	offset_s = p;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc;

	if (!real_gettime)
		*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real_gettime(id, ts);
	if (rc == 0 && offset_s && id == CLOCK_REALTIME)
		ts->tv_sec += (time_t)*offset_s;
	return rc;
}
