/* check.c - is the memory of this service as its files say?  Asked by tests after their steps; never by the
 * server. */
#include "service/sqs/expire.h"
#include "service/sqs/move.h"
#include "service/sqs/wait.h"
#include "service/sqs/waste.h"

static void check_tags(const struct sqs_queue *q)
{
    for (size_t i = 1; i < q->n_tags; i++)
        CHECK(str_cmp(q->tags[i - 1].key, q->tags[i].key) < 0);
}

static void check_queue(const struct sqs *s, const struct sqs_queue *q)
{
    CHECK_IS(q, SQS_QUEUE_MAGIC);
    CHECK(q->owner == s && sqs_find(s, q->account, q->region, q->name) == q);
    CHECK(sqs_find_arn(s, q->arn) == q);
    CHECK(q->fifo == str_ends(q->name, STR(".fifo")) && q->fifo == ((q->rows_id & SQS_FIFO_ROWS) != 0));
    CHECK(q->index.pool == (q->fifo ? &s->fifo_pool : &s->pool));
    CHECK((q->max_receives > 0) == !str_absent(q->dead_letter_arn));
    check_tags(q);
    sqs_index_check(&q->index);
    sqs_wait_check(q);
}

void sqs_check(const struct sqs *s)
{
    size_t nodes = 0;
    struct str key;
    void *value;

    CHECK_IS(s, SQS_MAGIC);
    CHECK(s->round >= 1 && s->round <= 15);
    for (size_t i = 0; map_next(&s->queues, &i, &key, &value);) {
        const struct sqs_queue *q = CAST(struct sqs_queue, SQS_QUEUE_MAGIC, value);

        check_queue(s, q);
        nodes += q->index.n;
    }
    nodes += sqs_waste_check(s);
    CHECK(nodes == s->pool.live + s->fifo_pool.live);
    CHECK(s->expire_step != NULL || list_empty(&s->expiring));
    CHECK(list_empty(&s->to_wake)); /* between turns everybody was woken */
    sqs_tasks_check(s);
    sqs_dedup_check(&s->dedup);
    sqs_attempts_check(&s->attempts);
}
