/* bench_store.c - what a turn costs: B inserts of 600 bytes and B deletes, one commit, for some B.
 * Prints rows per second, the median and the 99th percentile of a turn, and CPU per row.
 * Usage: bench_store [seconds per row of the table]; data under $TMPDIR. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store.h"

#define BACKLOG 10000
#define TURNS_MOST 400000

static struct sql q_in = SQL(
    "INSERT INTO event (seq, request_id, account, region, name, type, trace, enqueued_ms, due_ms, retries, "
    "executions, last_status, payload) VALUES ($1, $2, '000000000000', 'us-east-1', 'thumb', 'Event', "
    "'', $3, $3, 0, 0, 0, $4)");
static struct sql q_out = SQL("DELETE FROM event WHERE seq = $1");

static int64_t cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static int rising(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The events that wait, oldest first. */
static uint64_t ring[BACKLOG];
static size_t at;

static void turn(struct store *s, int batch)
{
    static char payload[600];

    for (int i = 0; i < batch; i++) {
        size_t slot = at++ % BACKLOG;
        uint64_t id = store_next_id(s);

        store_exec(s, &q_in, V_INT(id), V_TEXT(STR("8a4ff8b0-9a5e-4b7c-a9a0-3d5b4c1f2e77")),
                   V_INT(1789400786443), V_BLOB(str_make(payload, sizeof(payload))));
        if (ring[slot] != 0)
            store_exec(s, &q_out, V_INT(ring[slot]));
        ring[slot] = id;
    }
    CHECK(store_commit(s) == 0);
}

static void measure(struct store *s, int batch, int64_t for_ns, const char *what)
{
    static int64_t took[TURNS_MOST];
    int64_t begin, last, cpu;
    size_t n = 0;

    while (at < BACKLOG)
        turn(s, 256);
    store_checkpoint(s);
    begin = last = clock_mono_ns();
    cpu = cpu_us();
    while (last - begin < for_ns && n < TURNS_MOST) {
        turn(s, batch);
        took[n] = clock_mono_ns() - last;
        last += took[n++];
    }
    cpu = cpu_us() - cpu;
    qsort(took, n, sizeof(took[0]), rising);
    printf("%-10s B=%-4d %9.0f rows/s   turn p50 %6.0f us  p99 %6.0f us  max %6.0f us   CPU %5.2f us/row\n",
           what, batch, (double)n * batch * 1e9 / (double)(last - begin), (double)took[n / 2] / 1e3,
           (double)took[n * 99 / 100] / 1e3, (double)took[n - 1] / 1e3, (double)cpu / (double)n / batch);
}

int main(int argc, char **argv)
{
    static const int batches[] = { 1, 16, 64, 256 };
    int64_t for_ns = (int64_t)((argc > 1 ? atof(argv[1]) : 1.0) * 1e9);
    const char *tmp = getenv("TMPDIR");
    char dir[300], cmd[400];

    snprintf(dir, sizeof(dir), "%s/waybill-bench-%d", tmp != NULL ? tmp : "/tmp", (int)getpid());
    for (int ephemeral = 0; ephemeral < 2; ephemeral++) {
        struct store *s = NULL;

        CHECK(store_open(&(struct store_options){ .dir = dir, .ephemeral = ephemeral }, &s, NULL) == 0);
        memset(ring, 0, sizeof(ring));
        at = 0;
        for (size_t i = 0; i < ARRAY_LEN(batches); i++)
            measure(s, batches[i], for_ns, ephemeral ? "ephemeral" : "durable");
        store_close(s);
    }
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
    return system(cmd);
}
