#include "base/notify.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES 1024
/* More is no listening socket of ours any more, but a mistake. */
#define FDS_MAX 64

/* Variables for another process, whose child we are, are not for us. */
static bool is_for_us(const char *variable)
{
	const char *text = getenv(variable);
	uint64_t pid;

	return text && num_parse_u64(slice_of_str(text), 0, INT32_MAX, &pid) &&
	       pid == (uint64_t)getpid();
}

/* A path, or an abstract name spelt with '@'. Its length, 0 when it is none. */
static socklen_t address_of(const char *text, struct sockaddr_un *sun)
{
	size_t n = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || n < 2 ||
	    n >= sizeof(sun->sun_path))
		return 0;
	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(sun->sun_path, text, n);
	if (text[0] == '@')
		sun->sun_path[0] = '\0';
	/* The length counts: bytes after an abstract name are part of it. */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			   (text[0] == '/'));
}

static int connect_to(const char *text)
{
	struct sockaddr_un sun;
	socklen_t n = address_of(text, &sun);
	int fd;

	if (n == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, n) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* As sd_watchdog_enabled(3): without a process id it is for anybody. */
static int64_t watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t us = 0;

	if (!text || !num_parse_u64(slice_of_str(text), 0, INT64_MAX, &us))
		return 0;
	if (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID"))
		return 0;
	return (int64_t)((us + 999) / 1000);
}

void notify_open(struct notify *n)
{
	const char *text = getenv("NOTIFY_SOCKET");

	n->fd = -1;
	n->watchdog_ms = 0;
	if (text && text[0]) {
		n->fd = connect_to(text);
		if (n->fd < 0)
			log_event(LOG_WARN, "notify-unusable",
			    LOG_STR("socket", text),
			    LOG_STR("reason", strerror(errno)), LOG_END);
	}
	if (n->fd >= 0)
		n->watchdog_ms = watchdog_ms();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
	char text[MESSAGE_MAX_BYTES];
	va_list args;
	int len;

	if (n->fd < 0)
		return;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	/* Its queue is full, or it is gone: nothing to be done about either. */
	if (send(n->fd, text, (size_t)len, MSG_NOSIGNAL) < 0)
		log_event(LOG_DEBUG, "notify-lost",
		    LOG_STR("reason", strerror(errno)), LOG_END);
}

static int fds_told(void)
{
	const char *text = getenv("LISTEN_FDS");
	uint64_t n;

	if (!text || !is_for_us("LISTEN_PID"))
		return 0;
	if (!num_parse_u64(slice_of_str(text), 0, FDS_MAX, &n))
		return -1;
	for (int i = 0; i < (int)n; i++)
		if (fcntl(NOTIFY_FIRST_FD + i, F_SETFD, FD_CLOEXEC) != 0)
			return -1;
	return (int)n;
}

int notify_take_fds(void)
{
	int n = fds_told();

	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return n;
}
