/* request.h - an exchange together with what only net knows of it.  Internal to net.
 *
 * A request lives in its own arena (x.mem) and is made when its head is complete (or when net must refuse
 * bytes that never became one).  Who owns it:
 *
 *   the connection    from then until its reply was written or the connection closed;
 *   nobody ("orphan") when the connection closed while the owner still owes the reply: exchange_reply() ends
 * it.
 *
 * Its memory is counted in *held (all connections of a server together) until request_free(): the head, the
 * arena's first chunk, the body as it grows.  That sum is what server_limits.total_body_bytes bounds: without
 * the heads, a client with many connections and full pipelines would have gigabytes. */
#ifndef WAYBILL_NET_REQUEST_H
#define WAYBILL_NET_REQUEST_H

#include "base/list.h"
#include "net/pieces.h"

struct connection;
struct server;

#define REQUEST_CHUNKED ((int64_t)-1)
#define CONTINUE_TEXT "HTTP/1.1 100 Continue\r\n\r\n"
#define CONTINUE_BYTES (sizeof CONTINUE_TEXT - 1)

struct request {
    struct exchange x;
    struct link link;      /* in connection.requests, oldest first */
    struct server *server; /* set, and referenced, only while an orphan */

    /* From the head. */
    int64_t content_length; /* REQUEST_CHUNKED, or what was announced; 0 when nothing was */
    bool http10;            /* else HTTP/1.1 */
    bool keep_alive;        /* the client's wish */
    bool head_only;         /* HEAD: the reply has no body */
    size_t continue_left;   /* bytes of "100 Continue" still owed; CONTINUE_BYTES: all */
    bool continue_first;    /* asked for without a body: goes out with the reply, for
                               botocore takes a reply without it for an early refusal
                               and reads the connection's next one wrongly */

    /* The body while it grows; x.body is set when it is whole. */
    char *body;
    size_t body_bytes, body_cap;
    bool body_owned;          /* malloc'ed; else it lies in the arena */
    size_t held_bytes, *held; /* our part of the server's sum, and that sum */

    /* The reply. */
    bool dispatched; /* the owner has it */
    bool replied;
    bool close_after; /* the connection ends with this reply */
    char *reply;      /* whole, as it goes out */
    size_t reply_bytes, sent_bytes;
    bool reply_owned;     /* malloc'ed; else it lies in the arena */
    struct pieces pieces; /* what follows `reply` on the wire */
};

#define REQUEST_OWN_BYTES ((size_t)4096) /* the arena's first chunk */

struct request *request_new(size_t *held);
/* The head's part of the sum; -E_LIMIT when that would pass `held_limit`. */
int request_count_head(struct request *r, size_t head_bytes, size_t held_limit);
struct request *request_free(struct request *r); /* accepts NULL, returns NULL */
static inline struct request *request_of(struct exchange *x) { return CONTAINER_OF(x, struct request, x); }

/* Space for `more` further bytes, in all at most `whole` (0: unknown) and never more than `most`: what is
 * counted must not outgrow what one body may be.  -E_LIMIT when the server's sum of bodies would pass
 * `held_limit`. */
int request_body_reserve(struct request *r, size_t more, size_t whole, size_t most, size_t held_limit);

/* The client no longer needs leave to send the body; what was begun is finished all the same. */
static inline void request_forget_continue(struct request *r)
{
    if (r->continue_left == CONTINUE_BYTES)
        r->continue_left = 0;
}

/* What the owner answers: a body that is there, or a source and how many bytes it will give. */
struct answer {
    int status;
    struct str headers, body;
    struct body_source *source; /* NULL: body is all */
    int64_t source_bytes;
};
/* Builds the reply's bytes; `date` is the value of the Date header.  Copies everything but the source, which
 * it takes over.  *streams counts sources in work. */
void request_set_reply(struct request *r, const struct answer *a, struct str date, unsigned *streams);
/* All of the reply is made and written. */
static inline bool request_sent(const struct request *r)
{
    return r->replied && r->sent_bytes == r->reply_bytes && pieces_done(&r->pieces);
}

const char *status_reason(int status); /* never NULL */

#endif
