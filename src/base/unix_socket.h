/*
 * A listening unix socket: made in place of one that a dead process left, with
 * its mode from the first moment, and taken away again only while it is still
 * the same.
 *
 * Main thread, at start and at the end.
 */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

struct unix_socket {
	int fd; /* listening, non-blocking, close-on-exec; -1: closed */
	char *path; /* owned; NULL: nothing to take away */
	dev_t dev; /* of the file at path */
	ino_t ino;
};

/* False when path can certainly not become a socket, with a message like that
 * of unix_socket_open. Changes nothing. */
bool unix_socket_may_be(const char *path, char **why);
/*
 * What is at path is replaced if it is a socket of ours that nobody answers
 * on. False with a message, beginning with the path, in why (caller frees;
 * NULL when memory is exhausted); u then holds nothing.
 */
bool unix_socket_open(
    struct unix_socket *u, const char *path, mode_t mode, char **why);
/* Takes the file away, so that clients find nobody, and closes. To be called
 * while duplicates of the descriptor are open, if there are any; may be called
 * again. */
void unix_socket_close(struct unix_socket *u);

#endif
