/* peer.h - whose socket is at the other end of a connection of this machine.
 *
 * Runtime APIs listen on loopback, where every process can reach every port: a function could take its
 * neighbour's invocation by asking the neighbour's port for `next`.  Where each environment runs as a user of
 * its own, the kernel's table of sockets says which environment asks. */
#ifndef WAYBILL_RUNTIME_PEER_H
#define WAYBILL_RUNTIME_PEER_H

#include "base/str.h"

/* peer: "127.0.0.1:40312", as net gives it; port: ours on 127.0.0.1.  The user id of the peer's socket, or
 * -E_NOT_FOUND (it is closed), or -E_SYSTEM (this kernel does not tell).  Cost: one question to the kernel,
 * about 10 us whatever the number of sockets. */
int peer_user(struct str peer, int port, uint32_t *ret_uid);

#endif
