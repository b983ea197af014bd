/* load.c - the load generator: N keep-alive connections on one thread, one request at a time on each.
 *
 *   load --port P --mode MODE [--function NAME | --queue URL | --topic ARN] [--connections N] [--seconds S |
 * --requests N]
 *        [--rate R] [--warmup S] [--batch N] [--bytes N] [--kinds N]
 *
 *   event      Invoke Event with a JSON body of --bytes (600) and the headers an SDK sends (some 870 bytes)
 *   sqs-send   SendMessage with a body of --bytes
 *   sqs-drain  ReceiveMessage of up to --batch messages, then DeleteMessage (or DeleteMessageBatch), until
 * empty publish    SNS Publish to --topic, a message of --bytes put-events PutEvents of --batch entries of
 * --bytes each; their detail-types are spread over Kind0 ... Kind(--kinds)
 *
 * Closed loop (no --rate): a connection sends its next request when the reply is there; the latency is that
 * of one request.  Open loop (--rate R): request k is due at k/R seconds, whether or not the server keeps up,
 * and its latency counts from then on, also while it waits here for a connection: a stalled server cannot
 * hide the requests it delayed.  epoll without a library, because due times need a clock finer than a
 * millisecond.
 *
 * Prints one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define IN_BYTES ((size_t)256 << 10)
#define MAX_BATCH 10
#define HANDLE_BYTES 1024
#define GRACE_NS ((int64_t)2000000000) /* for replies under way when the time is over */

enum mode { EVENT, SQS_SEND, SQS_DRAIN, PUBLISH, PUT_EVENTS };

struct message {
    char *p;
    size_t n;
};

struct connection {
    int fd;
    bool busy, over;
    int64_t due_ns;   /* latency counts from here */
    unsigned handles; /* messages the request under way deletes */
    size_t in_n, need;
    char *in;
};

static struct {
    int port, connections, batch, bytes, kinds;
    enum mode mode;
    const char *function, *queue, *topic;
    double seconds, warmup, rate;
    uint64_t requests;
} o = { .connections = 32,
        .batch = 10,
        .bytes = 600,
        .function = "f",
        .queue = "",
        .topic = "",
        .kinds = 1,
        .seconds = 2 };

static struct connection *connections;
static struct connection *idle[MAX_CONNECTIONS];
static int n_idle, n_busy, poll_fd;
static struct message first_request;
static int64_t began_ns, measure_ns, stop_ns;
static uint64_t sent, answered, bad, items, total_sent;
static int first_bad_status;
static bool stopping;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- latencies: 128 steps per power of two, in units of 100 ns ---- */

static uint64_t histogram[64 * 128], max_ns;

static unsigned slot_of(uint64_t v)
{
    int e = v < 256 ? 0 : 56 - __builtin_clzll(v);

    return v < 256 ? (unsigned)v : (unsigned)(e * 128) + (unsigned)(v >> e);
}

static double slot_us(unsigned slot)
{
    unsigned e = slot < 256 ? 0 : slot / 128 - 1;

    return (double)((uint64_t)(slot - e * 128) << e) / 10.0;
}

static void record(int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;

    histogram[slot_of(v / 100)]++;
    max_ns = v > max_ns ? v : max_ns;
}

static double percentile_us(double p)
{
    uint64_t want = (uint64_t)((double)answered * p), seen = 0;

    for (unsigned i = 0; i < sizeof(histogram) / sizeof(histogram[0]); i++) {
        seen += histogram[i];
        if (histogram[i] > 0 && seen > want)
            return slot_us(i);
    }
    return (double)max_ns / 1000.0;
}

/* ---- requests ---- */

static __attribute__((format(printf, 2, 3))) void add(struct message *m, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0 || (m->p = realloc(m->p, m->n + (size_t)n + 1)) == NULL)
        die("memory");
    memcpy(m->p + m->n, text, (size_t)n + 1);
    m->n += (size_t)n;
    free(text);
}

/* What version 3 of the JavaScript SDK sends, signature included. */
static void add_headers(struct message *m, const char *service, size_t body_n)
{
    add(m, "Host: 127.0.0.1:%d\r\nContent-Length: %zu\r\n", o.port, body_n);
    add(m,
        "User-Agent: aws-sdk-js/3.1143.0 ua/2.1 os/linux#6.1.0 lang/js md/nodejs#20.18.0 api/%s#3.1143.0 "
        "m/E,n\r\n"
        "X-Amz-User-Agent: aws-sdk-js/3.1143.0\r\namz-sdk-invocation-id: "
        "2f1e9e0a-5f0e-4a53-8f43-5d1a2a3b4c5d\r\n"
        "amz-sdk-request: attempt=1; max=3\r\nX-Amz-Date: 20261123T080000Z\r\n"
        "X-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n",
        service);
    add(m,
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/%s/aws4_request, "
        "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-"
        "sha256;"
        "x-amz-date;x-amz-invocation-type;x-amz-user-agent, "
        "Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024\r\n",
        service);
}

static void add_sqs(struct message *m, const char *operation, const struct message *body)
{
    add(m, "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.%s\r\n",
        operation);
    add_headers(m, "sqs", body->n);
    add(m, "\r\n%s", body->p);
}

static void add_filler(struct message *m, int n)
{
    char *x = malloc((size_t)n + 1);

    if (x == NULL)
        die("memory");
    memset(x, 'x', (size_t)n);
    x[n] = '\0';
    add(m, "%s", x);
    free(x);
}

/* Each entry is some 720 bytes as a whole event when --bytes is 400. */
static void make_put_events(struct message *body)
{
    add(body, "{\"Entries\":[");
    for (int i = 0; i < o.batch; i++) {
        int kind = (int)((long long)i * o.kinds / o.batch);

        add(body,
            "%s{\"Source\":\"shop.orders\",\"DetailType\":\"Kind%d.placed\",\"Detail\":\"{\\\"amount\\\":%d,"
            "\\\"customer\\\":{\\\"mail\\\":\\\"someone@%d.example\\\"},\\\"text\\\":\\\"",
            i > 0 ? "," : "", kind, kind, kind);
        add_filler(body, o.bytes > 80 ? o.bytes - 80 : 0);
        add(body, "\\\"}\"}");
    }
    add(body, "]}");
}

static void make_first_request(void)
{
    struct message body = { 0 };

    if (o.mode == EVENT) {
        add(&body, "{\"orderId\":\"");
        add_filler(&body, o.bytes > 14 ? o.bytes - 14 : 0);
        add(&body, "\"}");
        add(&first_request,
            "POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nContent-Type: application/json\r\n"
            "X-Amz-Invocation-Type: Event\r\n",
            o.function);
        add_headers(&first_request, "lambda", body.n);
        add(&first_request, "\r\n%s", body.p);
    } else if (o.mode == SQS_SEND) {
        add(&body, "{\"QueueUrl\":\"%s\",\"MessageBody\":\"", o.queue);
        add_filler(&body, o.bytes);
        add(&body, "\"}");
        add_sqs(&first_request, "SendMessage", &body);
    } else if (o.mode == PUBLISH) {
        add(&body, "Action=Publish&Version=2010-03-31&TopicArn=%s&Message=", o.topic);
        add_filler(&body, o.bytes);
        add(&first_request, "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        add_headers(&first_request, "sns", body.n);
        add(&first_request, "\r\n%s", body.p);
    } else if (o.mode == PUT_EVENTS) {
        make_put_events(&body);
        add(&first_request, "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: "
                            "AWSEvents.PutEvents\r\n");
        add_headers(&first_request, "events", body.n);
        add(&first_request, "\r\n%s", body.p);
    } else {
        add(&body, "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":%d}", o.queue, o.batch);
        add_sqs(&first_request, "ReceiveMessage", &body);
    }
    free(body.p);
}

/* The delete that follows a receive; 0 messages: nothing to delete. */
static unsigned make_delete(const char *reply, size_t n, struct message *ret)
{
    static const char key[] = "\"ReceiptHandle\":\"";
    struct message body = { 0 };
    unsigned found = 0;

    for (const char *p = reply, *end = reply + n; found < MAX_BATCH; found++) {
        const char *stop;

        p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1);
        if (p == NULL)
            break;
        p += sizeof(key) - 1;
        stop = memchr(p, '"', (size_t)(end - p));
        if (stop == NULL || stop - p > HANDLE_BYTES)
            break;
        if (o.batch == 1)
            add(&body, "{\"QueueUrl\":\"%s\",\"ReceiptHandle\":\"%.*s\"}", o.queue, (int)(stop - p), p);
        else
            add(&body, "%s{\"Id\":\"%u\",\"ReceiptHandle\":\"%.*s\"}", found == 0 ? "" : ",", found,
                (int)(stop - p), p);
        p = stop;
    }
    if (found > 0 && o.batch == 1) {
        add_sqs(ret, "DeleteMessage", &body);
    } else if (found > 0) {
        struct message whole = { 0 };

        add(&whole, "{\"QueueUrl\":\"%s\",\"Entries\":[%s]}", o.queue, body.p);
        add_sqs(ret, "DeleteMessageBatch", &whole);
        free(whole.p);
    }
    free(body.p);
    return found;
}

/* ---- connections ---- */

static void dial(struct connection *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)o.port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->in = malloc(IN_BYTES);
    if (c->in == NULL || epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

/* One request is under way on a connection, so the kernel has room for it. */
static void send_request(struct connection *c, const struct message *m, int64_t due_ns)
{
    if (write(c->fd, m->p, m->n) != (ssize_t)m->n)
        die("write");
    if (!c->busy)
        n_busy++;
    c->busy = true;
    c->due_ns = due_ns;
    sent++;
    total_sent++;
}

static bool may_send(int64_t now)
{
    return !stopping && now < stop_ns && (o.requests == 0 || total_sent < o.requests);
}

static void rest(struct connection *c)
{
    c->busy = false;
    n_busy--;
    if (o.rate > 0)
        idle[n_idle++] = c;
}

static int status_of(const char *reply)
{
    return (reply[9] - '0') * 100 + (reply[10] - '0') * 10 + (reply[11] - '0');
}

static void on_reply(struct connection *c, size_t n)
{
    int status = status_of(c->in);
    struct message next = { 0 };
    int64_t now = now_ns();
    unsigned deleting = c->handles;

    if (now <= stop_ns) {
        answered++;
        record(now - c->due_ns);
        items += deleting;
    }
    /* PutEvents says 200 and names the entries it did not take. */
    if (o.mode == PUT_EVENTS && memmem(c->in, n, "\"FailedEntryCount\":0", 20) == NULL)
        status = status == 200 ? 0 : status;
    if (status < 200 || status > 299) {
        first_bad_status = bad == 0 ? status : first_bad_status;
        bad++;
    }
    c->handles = 0;
    if (o.mode == SQS_DRAIN && deleting == 0) {
        c->handles = make_delete(c->in, n, &next);
        c->over = c->handles == 0;
    }
    c->in_n -= n;
    memmove(c->in, c->in + n, c->in_n);
    if (c->handles > 0)
        send_request(c, &next, now); /* also when the time is over: nothing stays in flight */
    else if (c->over || o.rate > 0 || !may_send(now))
        rest(c);
    else
        send_request(c, &first_request, now);
    free(next.p);
}

static size_t reply_bytes(struct connection *c)
{
    const char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4), *length;

    if (end == NULL)
        return 0;
    length = memmem(c->in, (size_t)(end - c->in), "Content-Length: ", 16);
    return (size_t)(end + 4 - c->in) + (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
}

static void on_readable(struct connection *c)
{
    ssize_t r = read(c->fd, c->in + c->in_n, IN_BYTES - c->in_n);

    if (r <= 0) {
        fprintf(stderr, "load: the server closed a connection after %llu replies\n",
                (unsigned long long)answered);
        exit(1);
    }
    c->in_n += (size_t)r;
    if (c->need == 0)
        c->need = reply_bytes(c);
    if (c->need == 0 || c->in_n < c->need)
        return;
    r = (ssize_t)c->need;
    c->need = 0;
    on_reply(c, (size_t)r);
}

/* ---- the run ---- */

static int64_t due_ns(uint64_t k) { return began_ns + (int64_t)((double)k * 1e9 / o.rate); }

static void send_due(int64_t now)
{
    while (n_idle > 0 && may_send(now) && due_ns(total_sent) <= now)
        send_request(idle[--n_idle], &first_request, due_ns(total_sent));
}

static void wait_and_read(int64_t now)
{
    struct epoll_event events[512];
    int64_t wait_ns = 100000000;
    struct timespec timeout;
    int n;

    if (o.rate > 0 && n_idle > 0 && may_send(now) && due_ns(total_sent) - now < wait_ns)
        wait_ns = due_ns(total_sent) - now;
    wait_ns = wait_ns > 0 ? wait_ns : 0;
    timeout = (struct timespec){ .tv_nsec = wait_ns };
    n = epoll_pwait2(poll_fd, events, 512, &timeout, NULL);
    for (int i = 0; i < n; i++)
        on_readable(events[i].data.ptr);
}

static void end_warmup(int64_t now)
{
    memset(histogram, 0, sizeof(histogram));
    max_ns = sent = answered = items = 0;
    measure_ns = now;
}

static void run(void)
{
    bool warm = o.warmup <= 0;
    int64_t now = now_ns();

    began_ns = measure_ns = now;
    stop_ns = o.seconds > 0 ? now + (int64_t)((o.seconds + o.warmup) * 1e9) : INT64_MAX;
    for (int i = 0; i < o.connections; i++) {
        if (o.rate > 0)
            idle[n_idle++] = &connections[i];
        else if (may_send(now))
            send_request(&connections[i], &first_request, now);
    }
    for (;;) {
        now = now_ns();
        if (!warm && now >= began_ns + (int64_t)(o.warmup * 1e9)) {
            warm = true;
            end_warmup(now);
        }
        if (o.rate > 0)
            send_due(now);
        stopping = !may_send(now);
        if (stopping && n_busy == 0)
            break;
        if (now > stop_ns && now - stop_ns > GRACE_NS)
            break;
        if (!stopping && o.rate <= 0 && n_busy == 0)
            break; /* drained */
        wait_and_read(now);
    }
    stop_ns = stop_ns < now ? stop_ns : now;
}

static void report(void)
{
    double seconds = (double)(stop_ns - measure_ns) / 1e9;
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    printf("{\"requests\":%llu,\"answered\":%llu,\"unanswered\":%d,\"bad\":%llu,\"bad_status\":%d,\"items\":%"
           "llu,\"seconds\":%.6f,"
           "\"per_s\":%.1f,\"items_per_s\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%"
           ".1f,\"max_us\":%.1f,"
           "\"total\":%llu,\"load_cpu_s\":%.3f}\n",
           (unsigned long long)sent, (unsigned long long)answered, n_busy, (unsigned long long)bad,
           first_bad_status, (unsigned long long)items, seconds, (double)answered / seconds,
           (double)items / seconds, percentile_us(0.5), percentile_us(0.9), percentile_us(0.99),
           percentile_us(0.999), (double)max_ns / 1000.0, (unsigned long long)total_sent,
           (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

static int read_mode(const char *text)
{
    static const char *const names[] = { "event", "sqs-send", "sqs-drain", "publish", "put-events" };

    for (int i = 0; i < 5; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    fprintf(stderr, "load: --mode takes event, sqs-send, sqs-drain, publish or put-events\n");
    exit(2);
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "port", 1, NULL, 'p' },        { "mode", 1, NULL, 'm' },
        { "function", 1, NULL, 'f' },    { "queue", 1, NULL, 'q' },
        { "connections", 1, NULL, 'c' }, { "seconds", 1, NULL, 's' },
        { "requests", 1, NULL, 'n' },    { "rate", 1, NULL, 'r' },
        { "warmup", 1, NULL, 'w' },      { "batch", 1, NULL, 'b' },
        { "bytes", 1, NULL, 'y' },       { "topic", 1, NULL, 't' },
        { "kinds", 1, NULL, 'k' },       { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p': o.port = atoi(optarg); break;
        case 'm': o.mode = (enum mode)read_mode(optarg); break;
        case 'f': o.function = optarg; break;
        case 'q': o.queue = optarg; break;
        case 'c': o.connections = atoi(optarg); break;
        case 's': o.seconds = atof(optarg); break;
        case 'n':
            o.requests = strtoull(optarg, NULL, 10);
            o.seconds = 0;
            break;
        case 'r': o.rate = atof(optarg); break;
        case 'w': o.warmup = atof(optarg); break;
        case 'b': o.batch = atoi(optarg); break;
        case 'y': o.bytes = atoi(optarg); break;
        case 't': o.topic = optarg; break;
        case 'k': o.kinds = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (o.port <= 0 || o.connections < 1 || o.connections > MAX_CONNECTIONS || o.batch < 1 ||
        o.batch > MAX_BATCH || o.bytes < 1 || o.kinds < 1 || (o.rate > 0 && o.mode == SQS_DRAIN)) {
        fprintf(stderr, "load: see the top of bench/load.c\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    make_first_request();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)o.connections, sizeof(*connections));
    if (poll_fd < 0 || connections == NULL)
        die("epoll");
    for (int i = 0; i < o.connections; i++)
        dial(&connections[i]);
    run();
    report();
    return bad > 0;
}
