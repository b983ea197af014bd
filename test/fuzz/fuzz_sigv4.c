/* fuzz_sigv4.c - requests of any bytes: query, headers and body parted by empty lines.
 *
 * Whatever is read, nobody who does not know the secret is believed; a canonical request can be made of all
 * that is read; and what is signed here is believed here. */
#include "wire/sigv4.h"

#define MOST_HEADERS 32
#define NOW 1789400698000LL

static struct str take_line(struct str *rest)
{
    struct str line;

    return str_cut(rest, '\n', &line) ? line : STR("");
}

static size_t take_headers(struct str *rest, struct header v[MOST_HEADERS])
{
    size_t n = 0;

    while (!str_absent(*rest) && n < MOST_HEADERS) {
        struct str value = take_line(rest), name;

        if (str_empty(value))
            break;
        str_cut(&value, ':', &name);
        v[n++] = (struct header){ name, str_absent(value) ? STR("") : str_trim(value) };
    }
    return n;
}

static void believe(struct arena *a, const struct sigv4_request *q, const struct sigv4 *s, bool s3,
                    struct str body)
{
    CLEANUP(buf_done) struct buf canonical = { 0 };
    CLEANUP(buf_done) struct buf to_sign = { 0 };
    struct digest key = sigv4_key(STR("secret"), s->date, s->region, s->service);
    struct sigv4_body b = { .bytes = body,
                            .payload = s->payload,
                            .key = key,
                            .time = s->time,
                            .scope = s->scope,
                            .seed = s->signature };
    struct sigv4_signature ours;

    sigv4_body_run(&b);
    sigv4_canonical(a, q, s, s3, str_absent(s->payload_hash) ? str_of(b.hash) : s->payload_hash, &canonical);
    sigv4_to_sign(s, buf_view(&canonical), &to_sign);
    CHECK(!sigv4_signed_by(&key, buf_view(&to_sign), s->signature));
    ours = sigv4_sign(&key, buf_view(&to_sign));
    CHECK(sigv4_signed_by(&key, buf_view(&to_sign), str_of(ours.hex)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct header headers[MOST_HEADERS];
    struct str rest = str_make((const char *)data, size);
    struct sigv4_request q = {
        .method = take_line(&rest), .path = take_line(&rest), .query = take_line(&rest), .headers = headers
    };
    struct str body;

    q.n_headers = take_headers(&rest, headers);
    body = str_absent(rest) ? STR("") : rest;
    for (int s3 = 0; s3 < 2; s3++) {
        struct sigv4 s;

        if (sigv4_read(a, &q, s3 != 0, &s) != SIGV4_OK)
            continue;
        (void)sigv4_check(a, &q, s3 != 0 ? "s3" : "sqs", NOW, &s);
        believe(a, &q, &s, s3 != 0, body);
    }
    return 0;
}
