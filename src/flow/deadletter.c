/* deadletter.c - which message a failed event becomes.  The payload is never parsed; only the last answer is
 * read, for its errorMessage. */
#include "flow/deadletter.h"
#include "base/json.h"

/* The typing slip is AWS's. */
#define ZERO_RESERVED_TEXT \
    "Function not invoked. Function isconfigured with zero reserved concurrent executions"
/* UNVERIFIED: nobody has recorded the message of a stopped loop. */
#define RECURSIVE_TEXT "Function not invoked. Lambda detected a recursive loop"
#define REPLACEMENT "\xef\xbf\xbd"

/* How many bytes the character takes that begins with this one. */
static size_t utf8_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Neither queue nor topic carries these in an attribute.  UNVERIFIED what AWS does with them. */
static bool cannot_travel(struct str s, size_t at, size_t n)
{
    const unsigned char *u = (const unsigned char *)s.p + at;

    return (n == 1 && u[0] < 0x20 && u[0] != '\t' && u[0] != '\n' && u[0] != '\r') ||
           (n == 3 && u[0] == 0xef && u[1] == 0xbf && u[2] >= 0xbe);
}

/* The first bytes of a message; what was cut in the middle of a character becomes U+FFFD. */
static struct str cut_message(struct arena *mem, struct str text)
{
    struct str s = str_sub(text, 0, MIN(text.n, (size_t)DEAD_LETTER_MESSAGE_BYTES));
    CLEANUP(buf_done) struct buf b = { 0 };

    for (size_t i = 0, n; i < s.n; i += n) {
        n = utf8_length((unsigned char)s.p[i]);
        if (i + n > s.n) {
            buf_z(&b, REPLACEMENT);
            break;
        }
        if (cannot_travel(s, i, n))
            buf_z(&b, REPLACEMENT);
        else
            buf_add(&b, s.p + i, n);
    }
    return buf_to_arena(&b, mem);
}

static struct str answer_message(struct arena *mem, struct str response)
{
    struct json *doc;

    if (str_empty(response) || json_parse(mem, response, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return STR_NONE;
    return json_get_text(mem, doc, STR("errorMessage"));
}

static struct str message_of(struct arena *mem, const struct dead_letter_facts *f)
{
    switch (f->condition) {
    case CONDITION_ZERO_RESERVED: return STR(ZERO_RESERVED_TEXT);
    case CONDITION_RECURSIVE: return STR(RECURSIVE_TEXT);
    case CONDITION_NONE:
    case CONDITION_SUCCESS:
    case CONDITION_RETRIES_EXHAUSTED:
    case CONDITION_EVENT_AGE_EXCEEDED: break;
    }
    if (f->status == 429)
        return STR("Rate Exceeded.");
    if (f->status == 404)
        return arena_printf(mem, "Function not found: " STR_FMT, STR_ARG(f->function_arn));
    return answer_message(mem, f->response_payload);
}

static void add_attribute(struct parcel *p, const char *name, const char *type, struct str value)
{
    CHECK(p->n_attributes < PARCEL_ATTRIBUTES_MOST);
    p->attributes[p->n_attributes++] = (struct parcel_attribute){ str_of(name), str_of(type), value };
}

void dead_letter_parcel(struct arena *mem, const struct dead_letter_facts *f, struct parcel *p)
{
    struct str message = message_of(mem, f);

    p->body = str_empty(f->request_payload) ? STR("{}") : f->request_payload;
    p->n_attributes = 0;
    add_attribute(p, "RequestID", "String", f->request_id);
    if (f->condition != CONDITION_ZERO_RESERVED)
        add_attribute(p, "ErrorCode", "Number", arena_printf(mem, "%d", f->status));
    if (!str_empty(message)) /* an answer without errorMessage; no attribute may be empty */
        add_attribute(p, "ErrorMessage", "String", cut_message(mem, message));
}

enum delivery dead_letter_deliver(const struct sinks *sinks, struct turn *t,
                                  const struct destination_facts *to, const struct dead_letter_facts *f,
                                  struct buf *story)
{
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct sending x = destination_of(sinks, t, to, "dead letter", story);
    enum delivery may = destination_may(&x);
    struct parcel p = { 0 };

    if (may != DELIVERED)
        return may;
    dead_letter_parcel(mem, f, &p);
    return destination_send(&x, &p);
}
