/* peer.c - sock_diag(7) asked for exactly one socket.
 *
 * A kernel without the diagnosis of TCP sockets answers ENOENT as it does for a socket that is not there; so
 * -E_SYSTEM is what ENOENT means until the first socket was found. */
#include "runtime/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static bool found_any;

static int read_address(struct str peer, struct inet_diag_sockid *id)
{
    ptrdiff_t colon = str_rfind(peer, ':');
    char address[INET_ADDRSTRLEN];
    uint64_t port;

    if (colon < 0 || (size_t)colon >= sizeof(address) ||
        str_to_u64(str_sub(peer, (size_t)colon + 1, peer.n), &port) < 0)
        return -E_INVALID;
    memcpy(address, peer.p, (size_t)colon);
    address[colon] = '\0';
    id->idiag_sport = htons((uint16_t)port);
    return inet_pton(AF_INET, address, id->idiag_src) == 1 ? 0 : -E_INVALID;
}

static int ask(int fd, const struct question *q, uint32_t *ret_uid)
{
    union {
        struct nlmsghdr head;
        char room[1024];
    } answer;
    ssize_t n;
    int error;

    if (send(fd, q, sizeof(*q), 0) != (ssize_t)sizeof(*q))
        return -E_SYSTEM;
    do
        n = recv(fd, &answer, sizeof(answer), 0);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof(answer.head))
        return -E_SYSTEM;
    if (answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
        n >= (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
        *ret_uid = ((const struct inet_diag_msg *)NLMSG_DATA(&answer.head))->idiag_uid;
        found_any = true;
        return 0;
    }
    error = answer.head.nlmsg_type == NLMSG_ERROR ? ((const struct nlmsgerr *)NLMSG_DATA(&answer.head))->error
                                                  : -ENOENT;
    if (error != -ENOENT) /* no memory, no time: that says nothing about the socket */
        return -E_BUSY;
    return found_any ? -E_NOT_FOUND : -E_SYSTEM;
}

int peer_user(struct str peer, int port, uint32_t *ret_uid)
{
    struct question q = {
        .head = { .nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
        .body = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u },
    };
    struct inet_diag_sockid *id = &q.body.id;
    int fd, r;

    if (read_address(peer, id) < 0)
        return -E_NOT_FOUND;
    id->idiag_dport = htons((uint16_t)port);
    id->idiag_dst[0] = htonl(INADDR_LOOPBACK);
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -E_SYSTEM;
    /* The kernel's table may be in motion (ENOENT) or the kernel short of memory: not at the first no. */
    for (int tries = 0; (r = ask(fd, &q, ret_uid)) < 0 && tries < 3;)
        tries++;
    close(fd);
    if (r == -E_BUSY)
        r = -E_NOT_FOUND;
    return r;
}
