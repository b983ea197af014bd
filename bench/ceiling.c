/* ceiling.c - the most that our HTTP server can do: the same loop and the same server as the program,
 * answering every request at once with the reply of an accepted Event invocation and storing nothing.  A
 * durable accept cannot be faster than this; how much slower it is, is what the rest of the program costs.
 *
 *   ceiling [port [turn]]      with "turn": replies are held and given together once per loop iteration, as
 * the engine does it after its commit wrk -t1 -c32 -d5 -s post600.lua
 * http://127.0.0.1:9100/2015-03-31/functions/f/invocations */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "net/server.h"

static struct server *server;
static struct exchange **held;
static size_t n_held, cap_held;

static void answer(struct exchange *x)
{
    exchange_reply(x, 202,
                   STR("x-amzn-RequestId: 7a1d3f52-3c9e-4a4e-9a51-0d3c1e1f9b77\r\nX-Amzn-Trace-Id: "
                       "Root=1-65fb3c8a-0123456789abcdef01234567\r\n"),
                   STR(""));
}

static void on_request(struct exchange *x, void *arg)
{
    (void)arg;
    answer(x);
}

static void on_request_held(struct exchange *x, void *arg)
{
    (void)arg;
    if (n_held == cap_held)
        held = xrealloc(held, (cap_held = MAX(cap_held * 2, (size_t)1024)) * sizeof(struct exchange *));
    held[n_held++] = x;
}

static void on_turn(uv_check_t *check)
{
    (void)check;
    for (size_t i = 0; i < n_held; i++)
        answer(held[i]);
    n_held = 0;
    server_flush(server);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    bool turn = argc > 2;
    struct server_stats stats;
    uv_signal_t interrupt;
    uv_check_t check;

    signal(SIGPIPE, SIG_IGN);
    if (server_listen(loop, "127.0.0.1", argc > 1 ? atoi(argv[1]) : 9100, NULL,
                      turn ? on_request_held : on_request, NULL, NULL, &server) < 0) {
        fprintf(stderr, "ceiling: cannot listen\n");
        return 1;
    }
    uv_signal_init(loop, &interrupt);
    uv_signal_start(&interrupt, on_signal, SIGINT);
    uv_check_init(loop, &check);
    if (turn)
        uv_check_start(&check, on_turn);
    printf("port %d\n", server_port(server));
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    server_stats(server, &stats);
    printf("%llu requests, %llu refused\n", (unsigned long long)stats.requests_total,
           (unsigned long long)stats.bad_requests_total);
    return 0;
}
