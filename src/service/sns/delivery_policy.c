/* delivery_policy.c - DeliveryPolicy texts of topics and HTTP subscriptions.
 * UNVERIFIED: the sentences about single members; their limits are those of the developer guide's page on
 * retries. */
#include "service/sns/attribute.h"
#include "service/sns/retry.h"

#define RETRIES_MOST 100
#define DELAY_MOST_S 3600
#define TOTAL_MOST_MS 3600000
#define DEFAULT_TYPE "text/plain; charset=UTF-8"

const struct sns_retry sns_retry_default = { .min_s = 20, .max_s = 20, .retries = 3, .backoff = SNS_LINEAR };

static const char *const backoffs[] = { [SNS_LINEAR] = "linear",
                                        [SNS_ARITHMETIC] = "arithmetic",
                                        [SNS_GEOMETRIC] = "geometric",
                                        [SNS_EXPONENTIAL] = "exponential" };

/* What headerContentType may say (developer guide, "HTTP/S request policy"). */
static const char *const content_types[] = {
    DEFAULT_TYPE,
    "text/plain",
    "text/css",
    "text/csv",
    "text/html",
    "text/xml",
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css; charset=UTF-8",
    "text/csv; charset=UTF-8",
    "text/html; charset=UTF-8",
    "text/xml; charset=UTF-8",
    "application/json; charset=UTF-8",
    "application/xml; charset=UTF-8",
};

struct reading {
    struct arena *a;
    struct buf *why;
    const char *place; /* "http.defaultHealthyRetryPolicy", ... */
};

static int no(struct reading *r, const char *member, const char *what)
{
    if (r->why != NULL)
        buf_printf(r->why, "DeliveryPolicy: %s%s%s%s%s", r->place, *r->place != 0 && *member != 0 ? "." : "",
                   member, *r->place != 0 || *member != 0 ? " " : "", what);
    return -E_INVALID;
}

/* Missing members are left as they are. */
static int take_number(struct reading *r, const struct json *o, const char *name, int64_t most, int64_t *ret)
{
    const struct json *v = json_get(o, str_of(name));
    int64_t n;

    if (v == NULL || v->type == JSON_NULL)
        return 0;
    if (v->type != JSON_NUMBER || json_i64(v, &n) != 0 || n < 0)
        return no(r, name, "must be a whole number greater than or equal to 0");
    if (n > most)
        return no(r, name, "is too large");
    *ret = n;
    return 0;
}

static int take_backoff(struct reading *r, const struct json *o, enum sns_backoff *ret)
{
    struct str name = json_get_text(r->a, o, STR("backoffFunction"));

    if (json_get(o, STR("backoffFunction")) == NULL)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(backoffs); i++)
        if (str_is(name, backoffs[i])) {
            *ret = (enum sns_backoff)i;
            return 0;
        }
    return no(r, "backoffFunction", "must be one of arithmetic, exponential, geometric or linear");
}

static int check_retry(struct reading *r, const struct sns_retry *p)
{
    if (p->min_s < 1)
        return no(r, "minDelayTarget", "must be greater than or equal to 1");
    if (p->max_s < p->min_s)
        return no(r, "maxDelayTarget", "must be greater than or equal to minDelayTarget");
    if (p->no_delays + p->min_delays + p->max_delays > p->retries)
        return no(r, "numRetries",
                  "must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and"
                  " numMaxDelayRetries");
    if (sns_retry_total_ms(p) > TOTAL_MOST_MS)
        return no(r, "", "would retry for more than 3600 seconds");
    return 0;
}

static int only(struct reading *r, const struct json *o, const char *const *names, size_t n)
{
    if (o->type != JSON_OBJECT)
        return no(r, "", "must be a JSON object");
    JSON_EACH(o, member) {
        struct str key = json_key(r->a, member);
        size_t i = 0;

        while (i < n && !str_is(key, names[i]))
            i++;
        if (i == n)
            return no(r, arena_z(r->a, key), "is not a property Waybill knows here");
    }
    return 0;
}

static int take_retry(struct reading *r, const struct json *o, struct sns_delivery_policy *ret)
{
    static const char *const names[] = { "minDelayTarget",     "maxDelayTarget",    "numRetries",
                                         "numMaxDelayRetries", "numNoDelayRetries", "numMinDelayRetries",
                                         "backoffFunction" };
    struct sns_retry p = sns_retry_default;

    if (only(r, o, names, ARRAY_LEN(names)) != 0 ||
        take_number(r, o, "minDelayTarget", DELAY_MOST_S, &p.min_s) != 0 ||
        take_number(r, o, "maxDelayTarget", DELAY_MOST_S, &p.max_s) != 0 ||
        take_number(r, o, "numRetries", RETRIES_MOST, &p.retries) != 0 ||
        take_number(r, o, "numMaxDelayRetries", RETRIES_MOST, &p.max_delays) != 0 ||
        take_number(r, o, "numNoDelayRetries", RETRIES_MOST, &p.no_delays) != 0 ||
        take_number(r, o, "numMinDelayRetries", RETRIES_MOST, &p.min_delays) != 0 ||
        take_backoff(r, o, &p.backoff) != 0 || check_retry(r, &p) != 0)
        return -E_INVALID;
    ret->has_retry = true;
    ret->retry = p;
    return 0;
}

static int take_request(struct reading *r, const struct json *o, struct sns_delivery_policy *ret)
{
    static const char *const names[] = { "headerContentType" };
    struct str type;

    if (only(r, o, names, 1) != 0)
        return -E_INVALID;
    type = json_get_text(r->a, o, STR("headerContentType"));
    for (size_t i = 0; i < ARRAY_LEN(content_types); i++)
        if (str_eq_nocase(type, str_of(content_types[i]))) {
            ret->content_type = content_types[i];
            return 0;
        }
    return no(r, "headerContentType", "is not a content type SNS sends");
}

static bool is_null(const struct json *v) { return v == NULL || v->type == JSON_NULL; }

/* What we do not do may stand there as null, as the console writes it. */
static int refuse(struct reading *r, const struct json *o, const char *name)
{
    return is_null(json_get(o, str_of(name)))
               ? 0
               : no(r, name, "is not supported: Waybill does not throttle deliveries");
}

static int take_topic(struct reading *r, const struct json *doc, struct sns_delivery_policy *ret)
{
    static const char *const outer[] = { "http" }, *const names[] = {
        "defaultHealthyRetryPolicy", "disableSubscriptionOverrides", "defaultRequestPolicy",
        "defaultThrottlePolicy", "defaultSicklyRetryPolicy"
    };
    const struct json *http, *v;

    if (only(r, doc, outer, 1) != 0)
        return -E_INVALID;
    http = json_get(doc, STR("http"));
    if (is_null(http))
        return 0;
    r->place = "http";
    if (only(r, http, names, ARRAY_LEN(names)) != 0 || refuse(r, http, "defaultThrottlePolicy") != 0 ||
        refuse(r, http, "defaultSicklyRetryPolicy") != 0)
        return -E_INVALID;
    v = json_get(http, STR("disableSubscriptionOverrides"));
    if (!is_null(v) && v->type != JSON_TRUE && v->type != JSON_FALSE)
        return no(r, "disableSubscriptionOverrides", "must be true or false");
    ret->no_overrides = v != NULL && v->type == JSON_TRUE;
    r->place = "http.defaultRequestPolicy";
    v = json_get(http, STR("defaultRequestPolicy"));
    if (!is_null(v) && take_request(r, v, ret) != 0)
        return -E_INVALID;
    r->place = "http.defaultHealthyRetryPolicy";
    v = json_get(http, STR("defaultHealthyRetryPolicy"));
    return is_null(v) ? 0 : take_retry(r, v, ret);
}

static int take_subscription(struct reading *r, const struct json *doc, struct sns_delivery_policy *ret)
{
    static const char *const names[] = { "healthyRetryPolicy", "requestPolicy", "throttlePolicy",
                                         "sicklyRetryPolicy", "guaranteed" };
    const struct json *v;

    if (only(r, doc, names, ARRAY_LEN(names)) != 0 || refuse(r, doc, "throttlePolicy") != 0 ||
        refuse(r, doc, "sicklyRetryPolicy") != 0)
        return -E_INVALID;
    v = json_get(doc, STR("guaranteed"));
    if (!is_null(v) && v->type != JSON_FALSE)
        return no(r, "guaranteed", "is not supported");
    r->place = "requestPolicy";
    v = json_get(doc, STR("requestPolicy"));
    if (!is_null(v) && take_request(r, v, ret) != 0)
        return -E_INVALID;
    r->place = "healthyRetryPolicy";
    v = json_get(doc, STR("healthyRetryPolicy"));
    return is_null(v) ? 0 : take_retry(r, v, ret);
}

int sns_delivery_policy_parse(struct str json, bool of_topic, struct sns_delivery_policy *ret,
                              struct buf *why)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct reading r = { .a = a, .why = why, .place = "" };
    struct sns_delivery_policy p = { 0 };
    struct json *doc;

    if (json_parse(a, json, &doc, NULL) != 0)
        return no(&r, "", "failed to parse JSON");
    if ((of_topic ? take_topic(&r, doc, &p) : take_subscription(&r, doc, &p)) != 0)
        return -E_INVALID;
    *ret = p;
    return 0;
}

void sns_delivery_policy_merge(const struct sns_delivery_policy *topic, const struct sns_delivery_policy *sub,
                               struct sns_delivery_policy *ret)
{
    const struct sns_delivery_policy *first = topic->no_overrides ? topic : sub;

    *ret = (struct sns_delivery_policy){ .has_retry = true,
                                         .retry = sns_retry_default,
                                         .content_type = DEFAULT_TYPE,
                                         .no_overrides = topic->no_overrides };
    if (first->has_retry || topic->has_retry)
        ret->retry = first->has_retry ? first->retry : topic->retry;
    if (first->content_type != NULL || topic->content_type != NULL)
        ret->content_type = first->content_type != NULL ? first->content_type : topic->content_type;
}

static void show_retry(struct json_writer *w, const struct sns_retry *p)
{
    CHECK(p->backoff < ARRAY_LEN(backoffs));
    jw_object(w);
    jw_ki64(w, "minDelayTarget", p->min_s);
    jw_ki64(w, "maxDelayTarget", p->max_s);
    jw_ki64(w, "numRetries", p->retries);
    jw_ki64(w, "numMaxDelayRetries", p->max_delays);
    jw_ki64(w, "numNoDelayRetries", p->no_delays);
    jw_ki64(w, "numMinDelayRetries", p->min_delays);
    jw_kstr(w, "backoffFunction", str_of(backoffs[p->backoff]));
    jw_object_end(w);
}

static void show_request(struct json_writer *w, const char *content_type)
{
    jw_object(w);
    jw_kstr(w, "headerContentType", str_of(content_type));
    jw_object_end(w);
}

void sns_delivery_policy_show(struct buf *b, const struct sns_delivery_policy *p, bool of_topic)
{
    struct json_writer w;

    CHECK(p->has_retry && p->content_type != NULL); /* merged: it says all */
    jw_init(&w, b);
    jw_object(&w);
    if (of_topic) {
        jw_key(&w, STR("http"));
        jw_object(&w);
    }
    jw_key(&w, of_topic ? STR("defaultHealthyRetryPolicy") : STR("healthyRetryPolicy"));
    show_retry(&w, &p->retry);
    if (of_topic)
        jw_kbool(&w, "disableSubscriptionOverrides", p->no_overrides);
    jw_key(&w, of_topic ? STR("defaultRequestPolicy") : STR("requestPolicy"));
    show_request(&w, p->content_type);
    if (of_topic)
        jw_object_end(&w);
    jw_object_end(&w);
}
