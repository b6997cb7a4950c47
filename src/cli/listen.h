/*
 * What the daemon listens on: from the items of listen to sockets that the
 * fronts accept on, and the addresses for the ready line.
 *
 * Main thread, before the fronts start and after they ended.
 */
#ifndef CLI_LISTEN_H
#define CLI_LISTEN_H

#include "base/buf.h"
#include "base/config.h"
#include "base/unix_socket.h"
#include "front/front.h"

struct listening {
	struct buf ready; /* " http=HOST:PORT" or " unix=PATH" per socket */
	struct unix_socket *unixes; /* owned */
	size_t unixes_n;
};

void listening_init(struct listening *l);
/*
 * Binds everything, on each front. Names are looked up, so this may block.
 * False with a message in why (caller frees).
 */
bool listening_open(struct listening *l, const struct config *config,
    struct front *const *fronts, unsigned fronts_n, char **why);
/* Unix sockets are no longer found; what is connected stays. Before the fronts
 * drain; may be called again. */
void listening_withdraw(struct listening *l);
void listening_fini(struct listening *l);

#endif
