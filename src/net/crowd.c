/* crowd.c - see crowd.h.
 * True here: a peer stands in by_host and on the list exactly while somebody is seated with it. */
#include <stdlib.h>
#include "net/crowd.h"

struct peer {
    struct link link;
    char *host;
    size_t host_bytes;
    unsigned n;
    struct list at[PLACES_TO_LOSE];
};

void crowd_init(struct crowd *w, unsigned silent_kept)
{
    w->silent_kept = silent_kept;
    list_init(&w->peers);
    list_init(&w->lent);
}

void crowd_done(struct crowd *w)
{
    CHECK(w->n == 0 && list_empty(&w->peers));
    map_done(&w->by_host);
}

static struct peer *peer_new(struct crowd *w, struct str host)
{
    struct peer *p = xcalloc(1, sizeof *p);

    p->host = xmalloc(host.n + 1);
    if (host.n > 0)
        memcpy(p->host, host.p, host.n);
    p->host_bytes = host.n;
    for (size_t i = 0; i < PLACES_TO_LOSE; i++)
        list_init(&p->at[i]);
    list_append(&w->peers, &p->link);
    (void)map_put(&w->by_host, host, p);
    return p;
}

static void peer_free(struct crowd *w, struct peer *p)
{
    (void)map_del(&w->by_host, str_make(p->host, p->host_bytes));
    list_remove(&p->link);
    free(p->host);
    free(p);
}

void crowd_join(struct crowd *w, struct seat *s, struct str host, bool lent)
{
    struct peer *p = map_get(&w->by_host, host);

    CHECK(s->peer == NULL);
    s->peer = p != NULL ? p : peer_new(w, host);
    s->peer->n++;
    s->place = PLACE_BUSY;
    if (lent)
        list_append(&w->lent, &s->lent_link);
    w->n++;
}

void crowd_leave(struct crowd *w, struct seat *s)
{
    struct peer *p = TAKE(s->peer);

    if (p == NULL)
        return;
    list_remove(&s->link);
    list_remove(&s->lent_link);
    w->silent -= s->place == PLACE_SILENT;
    w->n--;
    if (--p->n == 0)
        peer_free(w, p);
}

void crowd_place(struct crowd *w, struct seat *s, enum place place)
{
    if (s->peer == NULL || (place == s->place && place != PLACE_READING && place != PLACE_WRITING))
        return;
    list_remove(&s->link);
    w->silent += (place == PLACE_SILENT) - (s->place == PLACE_SILENT);
    s->place = place;
    if (place != PLACE_BUSY)
        list_append(&s->peer->at[place], &s->link);
}

static struct seat *first_at(const struct crowd *w, enum place place)
{
    struct peer *most = NULL;

    LIST_EACH(&w->peers, k) {
        struct peer *p = CONTAINER_OF(k, struct peer, link);

        if (!list_empty(&p->at[place]) && (most == NULL || p->n > most->n))
            most = p;
    }
    return most != NULL ? CONTAINER_OF(list_first(&most->at[place]), struct seat, link) : NULL;
}

struct seat *crowd_victim(const struct crowd *w)
{
    static const enum place order[] = { PLACE_IDLE, PLACE_SILENT, PLACE_READING, PLACE_WRITING };
    struct seat *seat = w->silent > w->silent_kept ? first_at(w, PLACE_SILENT) : NULL;

    for (size_t i = 0; seat == NULL && i < ARRAY_LEN(order); i++)
        seat = first_at(w, order[i]);
    return seat;
}
