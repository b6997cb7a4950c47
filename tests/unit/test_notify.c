/* base/notify: what reaches a service manager, and what is taken from it. */
#include "base/notify.h"

#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A manager that listens at name; '@' stands for NUL. */
static int manager_new(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, name, n);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
	    0);
	return fd;
}

static void expect(int manager, const char *want)
{
	char got[2048];
	ssize_t n = recv(manager, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void check_manager(const char *name)
{
	struct notify n;
	int manager = manager_new(name);

	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "2500000", 1);
	notify_open(&n);
	assert_true(n.fd >= 0);
	assert_int_equal(n.watchdog_ms, 2500);
	assert_int_equal(fcntl(n.fd, F_GETFD), FD_CLOEXEC);
	notify_send(&n, "READY=1\nSTATUS=%s %d", "threads", 3);
	expect(manager, "READY=1\nSTATUS=threads 3");
	/* Nobody takes it: that must not hold us up. */
	for (int i = 0; i < 10000; i++)
		notify_send(&n, "WATCHDOG=1");
	/* Nobody is there any more. */
	close(manager);
	notify_send(&n, "STOPPING=1");
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_close(&n);
	notify_send(&n, "STOPPING=1");
}

static void test_managers(void **state)
{
	char dir[] = "notify-XXXXXX", path[4096], cwd[2048];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	snprintf(path, sizeof(path), "@ghlmirror/%d/%s", (int)getpid(), dir);
	check_manager(path);
	snprintf(path, sizeof(path), "%s/%s/s", cwd, dir);
	/* Deep build directories leave no room for a socket's path. */
	if (strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
		check_manager(path);
		unlink(path);
	}
	assert_int_equal(chdir(cwd), 0);
	rmdir(dir);
}

static void test_no_manager(void **state)
{
	static const char *const names[] = {
	    "", "relative", "@", "/", "/nonexistent/notify"};
	char too_long[300];
	struct notify n;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_open(&n);
	assert_int_equal(n.fd, -1);
	notify_send(&n, "READY=1");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		notify_open(&n);
		assert_int_equal(n.fd, -1);
		assert_int_equal(n.watchdog_ms, 0);
	}
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	setenv("NOTIFY_SOCKET", too_long, 1);
	notify_open(&n);
	assert_int_equal(n.fd, -1);
}

static void set_pid(const char *variable, int pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	setenv(variable, text, 1);
}

static void test_watchdog_of_another_process(void **state)
{
	struct notify n;
	char name[64];
	int manager;

	(void)state;
	snprintf(name, sizeof(name), "@ghlmirror/%d/other", (int)getpid());
	manager = manager_new(name);
	for (int i = 0; i < 2; i++) {
		setenv("NOTIFY_SOCKET", name, 1);
		setenv("WATCHDOG_USEC", "1", 1);
		set_pid("WATCHDOG_PID", (int)getpid() + i);
		notify_open(&n);
		assert_int_equal(n.watchdog_ms, i == 0 ? 1 : 0);
		notify_close(&n);
	}
	close(manager);
}

static void test_taking_descriptors(void **state)
{
	(void)state;
	unsetenv("LISTEN_FDS");
	assert_int_equal(notify_take_fds(), 0);
	/* Somebody else's. */
	setenv("LISTEN_FDS", "1", 1);
	set_pid("LISTEN_PID", (int)getpid() + 1);
	assert_int_equal(notify_take_fds(), 0);
	assert_null(getenv("LISTEN_FDS"));
	/* Ours: the first one after standard error. */
	assert_true(dup2(STDERR_FILENO, NOTIFY_FIRST_FD) >= 0);
	setenv("LISTEN_FDS", "1", 1);
	set_pid("LISTEN_PID", (int)getpid());
	assert_int_equal(notify_take_fds(), 1);
	assert_int_equal(fcntl(NOTIFY_FIRST_FD, F_GETFD), FD_CLOEXEC);
	assert_int_equal(notify_take_fds(), 0);
	close(NOTIFY_FIRST_FD);
	/* More than there are, and no number. */
	setenv("LISTEN_FDS", "64", 1);
	set_pid("LISTEN_PID", (int)getpid());
	assert_int_equal(notify_take_fds(), -1);
	setenv("LISTEN_FDS", "many", 1);
	set_pid("LISTEN_PID", (int)getpid());
	assert_int_equal(notify_take_fds(), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_managers),
	    cmocka_unit_test(test_no_manager),
	    cmocka_unit_test(test_watchdog_of_another_process),
	    cmocka_unit_test(test_taking_descriptors),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
