/* native.c - the fastest function we can write: the Runtime API's least, on one raw keep-alive socket,
 * statically linked.  What is left of an event's time with it is the server's.  Deployed as the `bootstrap`
 * of a provided.al2023 function; the handler's name says what it does with every event:
 *
 *   ok     answers {"ok":true}
 *   fail   reports an error, so that the event waits for its retry
 *   block  never answers: takes a place, so that other events stay in the queue */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEXT "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n"
#define ROOM ((size_t)8 << 20)
#define ID_TEXT 36

static int sock;
static char *in;
static size_t in_n;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void dial(char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    char *colon = strrchr(address, ':');
    int on = 1;

    if (colon == NULL)
        die("AWS_LAMBDA_RUNTIME_API");
    *colon = '\0';
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        die("address");
    sock = socket(AF_INET, SOCK_STREAM, 0);
    if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void say(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = write(sock, p, n);

        if (r <= 0)
            die("write");
        p += r;
        n -= (size_t)r;
    }
}

/* Bytes of the first reply in `in`, read until it is whole.  The server writes "Content-Length". */
static size_t reply(void)
{
    size_t need = 0;

    for (;;) {
        char *end = in_n > 0 ? memmem(in, in_n, "\r\n\r\n", 4) : NULL;

        if (end != NULL && need == 0) {
            char *length = memmem(in, (size_t)(end - in), "Content-Length: ", 16);

            need = (size_t)(end + 4 - in) + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
        }
        if (need > 0 && in_n >= need)
            return need;
        ssize_t r = in_n < ROOM ? read(sock, in + in_n, ROOM - in_n) : 0;

        if (r <= 0)
            exit(0); /* the environment is over */
        in_n += (size_t)r;
    }
}

static void drop(size_t n)
{
    in_n -= n;
    memmove(in, in + n, in_n);
}

int main(void)
{
    static const char id_header[] = "Lambda-Runtime-Aws-Request-Id: ";
    const char *what = getenv("_HANDLER"), *body = "{\"ok\":true}", *kind = "response";
    char *api = getenv("AWS_LAMBDA_RUNTIME_API"), out[1024];

    if (api == NULL || what == NULL || (in = malloc(ROOM)) == NULL)
        return 1;
    if (strcmp(what, "fail") == 0) {
        body = "{\"errorType\":\"Bench\",\"errorMessage\":\"as asked\"}";
        kind = "error";
    }
    dial(api);
    say(NEXT, sizeof(NEXT) - 1);
    for (;;) {
        size_t n = reply();
        char *id = memmem(in, n, id_header, sizeof(id_header) - 1);

        if (id == NULL)
            return 1;
        if (strcmp(what, "block") == 0)
            pause();
        /* The answer and the question for the next event leave in one write, as the shipped bootstraps do it.
         */
        int m = snprintf(out, sizeof(out),
                         "POST /2018-06-01/runtime/invocation/%.*s/%s HTTP/1.1\r\nHost: api\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s" NEXT,
                         ID_TEXT, id + sizeof(id_header) - 1, kind, strlen(body), body);
        say(out, (size_t)m);
        drop(n);
        drop(reply()); /* 202 */
    }
}
