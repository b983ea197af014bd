"""A function written in C for the tests that need many events or an exact end: compiled once, run as the `bootstrap`
of a provided.al2023 function.  Without a C compiler the tests that want it are skipped by name.

What it does with an event is written in the event, as "do":

  (nothing)  answers {"ran":<the event>}         hang     never answers
  fail       reports an error                    exit0    leaves with status 0
  empty      answers with no bytes at all        exit7    leaves with status 7
  text       answers with what is not JSON       segv     dies of SIGSEGV
  count      answers with how many bytes the event had
             null     answers null
  large      answers with 6 MiB + 101 bytes      kill     dies of SIGKILL, as the kernel does it for want of memory
  slow       answers after half a second         wide     answers with 2 MiB
"""
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = r'''
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#define ROOM ((size_t)9 << 20)
#define LARGE ((size_t)6291557)
static int s;
static char *in, *big;
static size_t n;
static void say(const char *p, size_t m)
{
    for (ssize_t r; m > 0; p += r, m -= (size_t)r)
        if ((r = write(s, p, m)) <= 0) exit(1);
}
static size_t reply(size_t *head)                            /* its bytes; *head: where the body begins */
{
    for (;;) {
        char *end = n > 0 ? memmem(in, n, "\r\n\r\n", 4) : NULL;
        if (end != NULL) {
            char *length = memmem(in, (size_t)(end - in), "Content-Length: ", 16);
            size_t all = (size_t)(end + 4 - in) + (length ? strtoul(length + 16, NULL, 10) : 0);
            *head = (size_t)(end + 4 - in);
            if (n >= all) return all;
        }
        ssize_t r = read(s, in + n, ROOM - n);
        if (r <= 0) exit(0);
        n += (size_t)r;
    }
}
static void drop(size_t m) { n -= m; memmove(in, in + m, n); }
static int is(const char *body, size_t m, const char *what)
{
    char want[64];
    int w = snprintf(want, sizeof want, "\"do\":\"%s\"", what);
    return memmem(body, m, want, (size_t)w) != NULL;
}
int main(void)
{
    char *api = getenv("AWS_LAMBDA_RUNTIME_API"), *colon = strrchr(api, ':');
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(colon + 1)) };
    int on = 1;
    *colon = 0;
    inet_pton(AF_INET, api, &to.sin_addr);
    in = malloc(ROOM);
    big = malloc(ROOM);
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) return 1;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (;;) {
        static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n";
        char id[37] = "", head[512];
        const char *kind = "response";
        size_t at, all, m;
        say(next, sizeof next - 1);
        all = reply(&at);
        char *where = memmem(in, at, "Lambda-Runtime-Aws-Request-Id: ", 31), *body = in + at;
        if (where == NULL) return 1;
        memcpy(id, where + 31, 36);
        m = all - at;
        if (is(body, m, "hang")) for (;;) pause();
        if (is(body, m, "exit0")) _exit(0);
        if (is(body, m, "exit7")) _exit(7);
        if (is(body, m, "segv")) { signal(SIGSEGV, SIG_DFL); raise(SIGSEGV); *(volatile int *)8 = 1; }
        if (is(body, m, "kill")) raise(SIGKILL);
        if (is(body, m, "slow")) usleep(500000);
        memcpy(big, "{\"ran\":", 7);
        memcpy(big + 7, body, m);
        big[7 + m] = '}';
        size_t out = m + 8;
        if (is(body, m, "fail")) { kind = "error"; out = (size_t)sprintf(big, "{\"errorType\":\"Asked\",\"errorMessage\":\"as asked\"}"); }
        if (is(body, m, "empty")) out = 0;
        if (is(body, m, "text")) out = (size_t)sprintf(big, "this is not JSON");
        if (is(body, m, "count")) out = (size_t)sprintf(big, "%zu", m);
        if (is(body, m, "null")) out = (size_t)sprintf(big, "null");
        if (is(body, m, "large")) { out = LARGE; memset(big, 'x', out); big[0] = big[out - 1] = '"'; }
        if (is(body, m, "wide")) { out = (size_t)2 << 20; memset(big, 'x', out); big[0] = big[out - 1] = '"'; }
        int h = snprintf(head, sizeof head, "POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nHost: api\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", id, kind, out);
        say(head, (size_t)h);
        say(big, out);
        drop(all);
        drop(reply(&at));
    }
}
'''

_made = {}


def bootstrap():
    """{'bootstrap': the program's bytes}, for ServerCase.function(code=...)."""
    if 'bytes' not in _made:
        compiler = next((c for c in ('cc', 'gcc', 'clang') if shutil.which(c)), None)
        if compiler is None:
            raise unittest.SkipTest('no C compiler for the native function')
        with tempfile.TemporaryDirectory() as d:
            source, program = os.path.join(d, 'f.c'), os.path.join(d, 'bootstrap')
            with open(source, 'w') as f:
                f.write(SOURCE)
            subprocess.run([compiler, '-D_GNU_SOURCE', '-w', '-O1', '-static', '-o', program, source], check=True)
            with open(program, 'rb') as f:
                _made['bytes'] = f.read()
    return {'bootstrap': _made['bytes']}
