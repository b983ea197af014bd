/* What a message costs, and what a restart with many of them costs: bench_sqs [messages [body bytes
 * [directory]]]; then the same of a FIFO queue where every message is a group of its own, and what counting
 * adds to a SendMessage. Without a directory the store is ephemeral (no flushes): the figures are of the
 * service and of SQL alone. */
#include "test/sqs/world.h"

#include <time.h>
#include "metric/metric.h"
#include "service/sqs/expire.h"

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
    struct sqs_sent sent;

    for (size_t i = 0; i < n; i++) {
        CHECK(sqs_queue_send(&w.turn, q, &m, -1, &sent) == 0);
        if (i % 100 == 99)
            CHECK(store_commit(w.store) == 0);
    }
    CHECK(store_commit(w.store) == 0);
    told("send", n, since);
}

static void forget_answers(void)
{
    while (w.all != NULL) {
        struct asked *x = w.all;

        w.all = x->next;
        arena_free(x->c.mem);
        free(x);
    }
}

static void receive_and_delete(struct str url, size_t n)
{
    struct sqs_ReceiveMessageRequest in = { .QueueUrl = url, .MaxNumberOfMessages = INT_SET(10) };
    double since = seconds();
    size_t taken = 0;

    for (size_t i = 0; i < n / 10; i++) {
        struct asked *a = say(&w, "ReceiveMessage", &in);
        struct sqs_MessageList *got = &((struct sqs_ReceiveMessageResult *)a->c.output)->Messages;

        for (size_t k = 0; k < got->n; k++, taken++) {
            struct sqs_DeleteMessageRequest d = { in.QueueUrl, got->v[k].ReceiptHandle };
            CHECK(say(&w, "DeleteMessage", &d)->result == 0);
        }
        forget_answers();
    }
    told("receive (10) + delete", taken, since);
}

static void send_groups(struct sqs_queue *q, size_t n, struct str body)
{
    double since = seconds();
    struct sqs_sent sent;
    char id[32];

    for (size_t i = 0; i < n; i++) {
        int len = snprintf(id, sizeof(id), "group-%zu", i);
        struct sqs_msg m = { .body = body,
                             .sender = STR("000000000000"),
                             .group = str_make(id, (size_t)len),
                             .deduplication = str_make(id, (size_t)len) };

        CHECK(sqs_queue_send(&w.turn, q, &m, -1, &sent) == 0);
        if (i % 100 == 99)
            CHECK(store_commit(w.store) == 0);
    }
    CHECK(store_commit(w.store) == 0);
    told("FIFO: send, a group each", n, since);
}

static void fifo(size_t n, struct str body)
{
    struct sqs_QueueAttributeMap_entry e = { STR("FifoQueue"), STR("true") };
    struct sqs_CreateQueueRequest create = { .QueueName = STR("q.fifo"), .Attributes = { true, 1, &e } };
    double since;

    say(&w, "CreateQueue", &create);
    send_groups(sqs_find(w.sqs, w.account, w.region, create.QueueName), n, body);
    since = seconds();
    sqs_load(w.sqs, &w.turn);
    told("FIFO: load", n, since);
    printf("FIFO: ");
    receive_and_delete(STR("http://h/000000000000/q.fifo"), n);
}

/* Counted and uncounted by turns, so that the machine's moods hit both. */
static void counting(size_t n, struct str body)
{
    struct sqs_SendMessageRequest in = { .QueueUrl = STR("http://h/000000000000/q"), .MessageBody = body };
    struct metrics *metrics = metrics_new();
    double took[2] = { 0 };

    w.one_turn = true;
    for (size_t i = 0; i < n / 1000; i++) {
        double since = seconds();

        w.turn.metrics = i % 2 == 0 ? metrics : NULL;
        for (int k = 0; k < 1000; k++)
            say(&w, "SendMessage", &in);
        CHECK(store_commit(w.store) == 0);
        took[i % 2] += seconds() - since;
        forget_answers();
    }
    w.one_turn = false;
    w.turn.metrics = NULL;
    printf("%-28s %6.2f us, uncounted %6.2f us\n", "SendMessage counted", took[0] * 2e6 / (double)n,
           took[1] * 2e6 / (double)n);
    metrics_free(metrics);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000,
           bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    struct sqs_CreateQueueRequest create = { .QueueName = STR("q") };
    char *body = xmalloc(bytes);
    struct sqs_queue *q;
    double since;

    (void)unit_last; /* no unit test here */
    memset(body, 'x', bytes);
    world_open(&w, argc > 3 ? argv[3] : NULL);
    w.unchecked = true;
    say(&w, "CreateQueue", &create);
    q = sqs_find(w.sqs, w.account, w.region, create.QueueName);
    send_many(q, n, str_make(body, bytes));
    since = seconds();
    sqs_load(w.sqs, &w.turn);
    told("load", n, since);
    CHECK(sqs_find(w.sqs, w.account, w.region, create.QueueName)->index.n == n);
    receive_and_delete(STR("http://h/000000000000/q"), MIN(n, (size_t)100000));
    since = seconds();
    CHECK(sqs_queue_empty(&w.turn, sqs_find(w.sqs, w.account, w.region, create.QueueName)) == 0);
    CHECK(store_commit(w.store) == 0);
    told("purge of the rest", MAX((size_t)1, n - MIN(n, (size_t)100000)), since);
    fifo(n, str_make(body, bytes));
    counting(n, str_make(body, bytes));
    world_close(&w);
    free(body);
    return 0;
}
