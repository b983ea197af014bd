/* native_bootstrap.c - a runtime of the smallest kind, as a custom runtime would be written, for tests and
 * benchmarks.
 *
 * The event decides what it does: {"do":"echo"} answers the event; see `acts`.  _HANDLER names what to do at
 * init. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int sock;
static char data[1 << 16], id[64], event[1 << 15];
static size_t have;

static void must(int ok)
{
    if (!ok)
        _exit(99);
}

static void send_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = send(sock, p, n, MSG_NOSIGNAL);

        must(w > 0);
        p += w;
        n -= (size_t)w;
    }
}

/* One reply into event[]; returns its status. */
static int reply(void)
{
    char *end, *at;
    size_t length = 0, whole;
    int status;

    for (;;) {
        data[have] = '\0';
        end = strstr(data, "\r\n\r\n");
        if (end != NULL) {
            at = strcasestr(data, "\r\nContent-Length: ");
            length = at != NULL ? (size_t)atol(at + 18) : 0;
            whole = (size_t)(end + 4 - data) + length;
            if (have >= whole)
                break;
        }
        ssize_t n = recv(sock, data + have, sizeof(data) - 1 - have, 0);

        must(n > 0);
        have += (size_t)n;
    }
    status = atoi(data + 9);
    at = strcasestr(data, "Lambda-Runtime-Aws-Request-Id: ");
    if (at != NULL && at < end)
        snprintf(id, sizeof(id), "%.36s", at + 31);
    memcpy(event, end + 4, length);
    event[length] = '\0';
    memmove(data, data + whole, have - whole);
    have -= whole;
    return status;
}

static void post(const char *where, const char *headers, const char *body, size_t n)
{
    char head[512];
    int m = snprintf(head, sizeof(head),
                     "POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
                     where, headers, n);

    send_all(head, (size_t)m);
    send_all(body, n);
}

static void ask(void)
{
    static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

    send_all(next, sizeof(next) - 1);
}

static int respond(const char *what, const char *headers, const char *body, size_t n)
{
    char where[128];

    snprintf(where, sizeof(where), "invocation/%s/%s", id, what);
    post(where, headers, body, n);
    return reply();
}

static void echo(void) { respond("response", "", event, strlen(event)); }
static void say_error(void)
{
    respond("error", "Lambda-Runtime-Function-Error-Type: Function.Bad\r\n",
            "{\"errorType\":\"Odd\",\"errorMessage\":\"m\"}", 38);
}
static void error_cause(void)
{
    const char *body =
        "{\"errorMessage\":\"m\",\"working_directory\":\"/x\",\"errorType\":\"T\",\"stackTrace\":[]}";

    respond("error", "Content-Type: application/vnd.aws.lambda.error.cause+json\r\n", body, strlen(body));
}
static void exit_0(void) { exit(0); }
static void exit_7(void) { exit(7); }
static void segfault(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}
static void aborted(void) { abort(); }
static void silent(void)
{
    for (;;)
        pause();
}
static void deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;)
        pause();
}
static void eat(void)
{
    for (;;) {
        char *p = malloc(8 << 20);

        must(p != NULL);
        memset(p, 1, 8 << 20);
        usleep(10000);
    }
}
/* A child of a child, with a session of its own, that ignores everything: then behave. */
static void leave_child(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGHUP, SIG_IGN);
            close(0), close(1), close(2);
            execl("/bin/sleep", "sleep", getenv("MARK"), NULL);
            _exit(1);
        }
        _exit(0);
    }
    wait(NULL);
    usleep(100000);
    echo();
}
static void leave_child_and_exit(void)
{
    leave_child();
    exit(3);
}
static void leave_child_and_hang(void)
{
    if (fork() == 0) {
        setsid();
        execl("/bin/sleep", "sleep", getenv("MARK"), NULL);
    }
    silent();
}
static void closed_output(void)
{
    close(1);
    close(2);
    echo();
}
static void flood(void)
{
    static char line[1001];

    memset(line, 'x', 1000);
    line[1000] = '\n';
    for (int i = 0; i < 20000; i++)
        must(write(1, line, 1001) == 1001);
    echo();
}
static void flood_for_ever(void)
{
    static char line[1001];

    memset(line, 'x', 1000);
    line[1000] = '\n';
    for (;;)
        must(write(1, line, 1001) == 1001);
}
static void long_line(void)
{
    static char line[600 * 1024];

    memset(line, 'y', sizeof(line));
    must(write(1, line, sizeof(line)) == (ssize_t)sizeof(line));
    echo();
}
static void big_answer(void)
{
    size_t n = 6291556 + 1;
    char *p = malloc(n), text[64];

    memset(p, '1', n);
    snprintf(text, sizeof(text), "status %d\n", respond("response", "", p, n));
    must(write(1, text, strlen(text)) > 0);
    free(p);
}
static void largest_answer(void)
{
    size_t n = 6291556;
    char *p = malloc(n);

    memset(p, '1', n);
    must(respond("response", "", p, n) == 202);
    free(p);
}
static void wrong_id(void)
{
    char first[256], second[512], text[1024];
    int status;

    post("invocation/00000000-0000-0000-0000-000000000000/response", "", "1", 1);
    status = reply();
    snprintf(first, sizeof(first), "%d %.200s", status, event);
    post("init/error", "", "{}", 2);
    status = reply();
    snprintf(second, sizeof(second), "%d %.300s", status, event);
    post("restore/error", "", "{}", 2);
    snprintf(text, sizeof(text), "%s%s%d ", first, second, reply());
    respond("response", "", text, strlen(text));
}
static void twice(void)
{
    char text[300];

    respond("response", "", "1", 1);
    snprintf(text, sizeof(text), "second: %d\n", respond("response", "", "2", 1));
    must(write(1, text, strlen(text)) > 0);
}
static void bad_mode(void)
{
    respond("response", "Lambda-Runtime-Function-Response-Mode: quick\r\n", "1", 1);
}
static void streaming(void)
{
    char where[256];
    int m = snprintf(where, sizeof(where),
                     "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\n"
                     "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n",
                     id);
    static const char body[] =
        "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.Late\r\n\r\n";

    send_all(where, (size_t)m);
    send_all(body, sizeof(body) - 1);
    must(reply() == 202);
}
static void extension(void)
{
    char text[300];
    static const char request[] = "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: "
                                  "x\r\nLambda-Extension-Name: e\r\nContent-Length: 2\r\n\r\n{}";
    int status;

    send_all(request, sizeof(request) - 1);
    status = reply();
    snprintf(text, sizeof(text), "%d %.200s", status, event);
    respond("response", "", text, strlen(text));
}
static void nap(void)
{
    usleep(100000);
    echo();
}
static void next_again(void)
{
    ask();
    silent();
}
static void look_around(void)
{
    char text[512];
    struct stat home; /* as at AWS: there, and no folder in it */
    bool homes = stat("/home", &home) < 0 || home.st_nlink > 2;
    int n = snprintf(text, sizeof(text),
                     "{\"pid1\":%s,\"root\":%s,\"home\":%s,\"task_writable\":%s,\"usr_writable\":%s,\"tmp_"
                     "writable\":%s,\"root_user\":%s}",
                     getpid() == 1 ? "true" : "false", access("/root", F_OK) == 0 ? "true" : "false",
                     homes ? "true" : "false", access("/var/task", W_OK) == 0 ? "true" : "false",
                     access("/usr", W_OK) == 0 ? "true" : "false",
                     access("/tmp", W_OK) == 0 ? "true" : "false", getuid() == 0 ? "true" : "false");

    respond("response", "", text, (size_t)n);
}

static const struct {
    const char *name;
    void (*fn)(void);
} acts[] = {
    { "echo", echo },
    { "error", say_error },
    { "error_cause", error_cause },
    { "exit_0", exit_0 },
    { "exit_7", exit_7 },
    { "segfault", segfault },
    { "abort", aborted },
    { "silent", silent },
    { "deaf", deaf },
    { "eat", eat },
    { "leave_child", leave_child },
    { "leave_child_and_exit", leave_child_and_exit },
    { "leave_child_and_hang", leave_child_and_hang },
    { "closed_output", closed_output },
    { "flood", flood },
    { "flood_for_ever", flood_for_ever },
    { "long_line", long_line },
    { "big_answer", big_answer },
    { "largest_answer", largest_answer },
    { "wrong_id", wrong_id },
    { "twice", twice },
    { "bad_mode", bad_mode },
    { "streaming", streaming },
    { "extension", extension },
    { "next_again", next_again },
    { "nap", nap },
    { "look_around", look_around },
};

static void act(void)
{
    char want[64];

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        snprintf(want, sizeof(want), "{\"do\":\"%s\"}", acts[i].name);
        if (strcmp(event, want) == 0) {
            acts[i].fn();
            return;
        }
    }
    echo();
}

static void at_init(const char *handler)
{
    const char *body = "{\"errorMessage\":\"no\",\"errorType\":\"Init.Bad\"}";

    if (strcmp(handler, "init_error") == 0) {
        post("init/error", "", body, strlen(body));
        reply();
        exit(1);
    }
    if (strcmp(handler, "init_error_stays") == 0) {
        post("init/error", "", body, strlen(body));
        reply();
        silent();
    }
    if (strcmp(handler, "init_exit") == 0)
        exit(5);
    if (strcmp(handler, "init_hang") == 0)
        silent();
    if (strcmp(handler, "init_slow") == 0)
        usleep(300000);
    if (strcmp(handler, "init_crash_once") == 0 && access("/tmp/once", F_OK) < 0)
        exit(5);
}

int main(void)
{
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API"), *handler = getenv("_HANDLER");
    struct sockaddr_in to = { .sin_family = AF_INET };
    int one = 1;

    must(api != NULL && strchr(api, ':') != NULL);
    to.sin_port = htons((uint16_t)atoi(strchr(api, ':') + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sock = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(sock, (struct sockaddr *)&to, sizeof(to)) == 0);
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    at_init(handler != NULL ? handler : "");
    for (;;) {
        ask();
        must(reply() == 200);
        act();
    }
}
