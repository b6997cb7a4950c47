/*
 * What a service manager is told, and what it has handed over: the protocols
 * of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3), which are
 * environment variables and datagrams. Without them every call does nothing.
 *
 * Main thread only.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int fd; /* connected datagram socket; -1: nobody listens */
	int64_t watchdog_ms; /* a ping is due within this; 0: none wanted */
};

/* Reads the environment, and removes what it has read from it. A manager that
 * cannot be reached is as good as none: said in the log. */
void notify_open(struct notify *n);
/* n was opened, or is {.fd = -1}. */
void notify_close(struct notify *n);
/*
 * Sends lines ("READY=1\nSTATUS=...") as printf makes them, cut at 1 KiB.
 * Never blocks: a manager that does not read misses it.
 */
void notify_send(const struct notify *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The first descriptor that a manager hands over. */
#define NOTIFY_FIRST_FD 3

/*
 * How many descriptors, from NOTIFY_FIRST_FD on, were handed over to this
 * process; they are its own from now on. Sets close-on-exec. Reads and removes
 * the variables, so the second call returns 0. -1: the variables are
 * malformed.
 */
int notify_take_fds(void);

#endif
