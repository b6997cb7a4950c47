/*
 * Who is at the other end, and under which name it calls us: by its connection
 * and, where trusted_proxies says so, by what the proxy there tells.
 *
 * Front thread only.
 */
#ifndef FRONT_PEER_H
#define FRONT_PEER_H

#include "front/request.h"
#include "http/gate.h"

/* Fills r->forwarded, and puts the client's address into r->client. */
void peer_read(struct request *r);
/* Sets what the rules say about Host. */
void peer_host_rules(struct request *r, struct gate_rules *rules);
/* Where this client finds us, for URLs in answers. False: not known. */
bool peer_base(
    struct request *r, struct slice *scheme, struct slice *authority);
/*
 * The client is on this machine, and names it by a name that means nothing
 * else. A proxy that says nothing of the sort cannot be told from a client;
 * ghlmirror(1) tells operators so.
 */
bool peer_is_this_machine(struct request *r);

#endif
