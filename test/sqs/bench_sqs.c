/* What a message costs, and what a restart with many of them costs: bench_sqs [messages [body bytes [directory]]].
 * Without a directory the store is ephemeral (no flushes): the figures are of the service and of SQL alone. */
#include "test/sqs/world.h"

#include <time.h>

static struct world w;

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void told(const char *what, size_t n, double since)
{
    double took = seconds() - since;

    printf("%-28s %9zu in %7.3f s  %8.2f us each\n", what, n, took, took * 1e6 / (double)n);
}

static void send_many(struct sqs_queue *q, size_t n, struct str body)
{
    struct sqs_msg m = { .body = body, .sender = STR("000000000000") };
    double since = seconds();
    char id[64];

    for (size_t i = 0; i < n; i++) {
        CHECK(sqs_queue_send(&w.turn, q, &m, -1, id) == 0);
        if (i % 100 == 99)
            CHECK(store_commit(w.store) == 0);
    }
    CHECK(store_commit(w.store) == 0);
    told("send", n, since);
}

static void receive_and_delete(size_t n)
{
    struct sqs_ReceiveMessageRequest in = { .QueueUrl = STR("http://h/000000000000/q"), .MaxNumberOfMessages = INT_SET(10) };
    double since = seconds();
    size_t taken = 0;

    for (size_t i = 0; i < n / 10; i++) {
        struct asked *a = say(&w, "ReceiveMessage", &in);
        struct sqs_MessageList *got = &((struct sqs_ReceiveMessageResult *)a->c.output)->Messages;

        for (size_t k = 0; k < got->n; k++, taken++) {
            struct sqs_DeleteMessageRequest d = { in.QueueUrl, got->v[k].ReceiptHandle };
            CHECK(say(&w, "DeleteMessage", &d)->result == 0);
        }
        while (w.all != NULL) {
            struct asked *x = w.all;

            w.all = x->next;
            arena_free(x->c.mem);
            free(x);
        }
    }
    told("receive (10) + delete", taken, since);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    struct sqs_CreateQueueRequest create = { .QueueName = STR("q") };
    char *body = xmalloc(bytes);
    struct sqs_queue *q;
    double since;

    (void)unit_last;                                         /* no unit test here */
    memset(body, 'x', bytes);
    world_open(&w, argc > 3 ? argv[3] : NULL);
    say(&w, "CreateQueue", &create);
    q = sqs_find(w.sqs, w.account, w.region, create.QueueName);
    send_many(q, n, str_make(body, bytes));
    since = seconds();
    sqs_load(w.sqs, &w.turn);
    told("load", n, since);
    CHECK(sqs_find(w.sqs, w.account, w.region, create.QueueName)->index.n == n);
    receive_and_delete(MIN(n, (size_t)100000));
    since = seconds();
    CHECK(sqs_queue_empty(&w.turn, sqs_find(w.sqs, w.account, w.region, create.QueueName)) == 0);
    CHECK(store_commit(w.store) == 0);
    told("purge of the rest", MAX((size_t)1, n - MIN(n, (size_t)100000)), since);
    world_close(&w);
    free(body);
    return 0;
}
