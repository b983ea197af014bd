/* route.c - from a request to the row of its operation.
 *
 * True here: all tables are made once, in router_new(); finding an operation allocates only when a name must
 * be decoded.  Targets and actions are found by hash; rest paths walk a tree of segments, literal before
 * label before greedy label.  A slash at the end of a path is no segment: old clients send one.  S3 alone has
 * paths that could be anybody's, so it is asked first where the signature or the host names it and last
 * otherwise. */
#include "base/map.h"
#include "wire/codec.h"
#include "wire/route.h"
#include "wire/route_s3.h"

#include <stdlib.h>

#define SQS_VERSION "2012-11-05" /* the one service whose URLs people type in */

struct entry {
    const struct service *service;
    const struct op *op;
    const struct handler *handler;
};

struct node {
    struct str literal;        /* segment that leads here; unused below a label */
    struct node *first, *next; /* literal children; siblings */
    struct node *label, *greedy;
    struct leaf {
        const char *method;
        struct str query;
        const struct entry *entry;
        struct leaf *next;
    } * leaves;
};

struct router {
    struct arena *mem;
    struct entry *entries;
    size_t n_entries;
    struct map targets;  /* "AmazonSQS.SendMessage" -> entry */
    struct map prefixes; /* "AmazonSQS" -> model */
    struct map actions;  /* "sqs SendMessage", "2012-11-05 SendMessage" -> entry */
    struct map names;    /* "ConfirmSubscription" -> entry, or &ambiguous */
    struct map rpcs;     /* "GraniteServiceVersion20100801.PutMetricData" -> entry */
    struct map scopes;   /* "sqs" -> model */
    struct node root;
    struct s3_table *s3; /* NULL: S3 is not served */
    const struct service *s3_service;
    const struct entry *s3_entries; /* by op->index */
};

static const struct entry ambiguous; /* an action name several services have */

/* A path nobody knows is a 404 where there are paths. */
static const struct error_row unknown_path = {
    .name = "UnknownOperationException", .status = 404, .sender = true, .message_member = "message"
};
static const struct error_row method_not_allowed = {
    .name = "MethodNotAllowed", .status = 405, .sender = true, .message_member = "Message"
};
static const struct error_row invalid_uri = {
    .name = "InvalidURI", .status = 400, .sender = true, .message_member = "Message"
};

/* ---- making the tables ---- */

static const struct handler *handler_of(const struct service *s, const char *op)
{
    for (size_t i = 0; i < s->n_handlers; i++)
        if (strcmp(s->handlers[i].op, op) == 0)
            return &s->handlers[i];
    return NULL;
}

static struct str take_segment(struct str *path)
{
    size_t i = 1;

    while (i < path->n && path->p[i] != '/')
        i++;
    struct str segment = str_sub(*path, 1, i);
    *path = str_sub(*path, i, path->n);
    return segment;
}

static struct str trim_path(struct str path)
{
    return path.n > 0 && path.p[path.n - 1] == '/' ? str_sub(path, 0, path.n - 1) : path;
}

static struct node *literal_child(struct router *r, struct node *node, struct str segment)
{
    struct node **at = &node->first;

    while (*at != NULL && !str_eq((*at)->literal, segment))
        at = &(*at)->next;
    if (*at == NULL) {
        *at = ARENA_NEW(r->mem, struct node);
        (*at)->literal = segment;
    }
    return *at;
}

static struct node *child_for(struct router *r, struct node *node, struct str segment)
{
    if (segment.n < 2 || segment.p[0] != '{')
        return literal_child(r, node, segment);
    struct node **at = segment.p[segment.n - 2] == '+' ? &node->greedy : &node->label;
    if (*at == NULL)
        *at = ARENA_NEW(r->mem, struct node);
    return *at;
}

/* Leaves that want something in the query string stand before those that do not. */
static void add_leaf(struct router *r, struct node *node, const struct entry *e, struct str query)
{
    struct leaf **at = &node->leaves, *leaf = ARENA_NEW(r->mem, struct leaf);

    for (struct leaf *l = node->leaves; l != NULL; l = l->next)
        CHECK(strcmp(l->method, e->op->method) != 0 || !str_eq(l->query, query));
    while (str_empty(query) && *at != NULL && !str_empty((*at)->query))
        at = &(*at)->next;
    *leaf = (struct leaf){ e->op->method, query, e, *at };
    *at = leaf;
}

static void add_path(struct router *r, const struct entry *e)
{
    struct str query = str_of(e->op->uri), uri;
    struct node *node = &r->root;

    str_cut(&query, '?', &uri);
    uri = trim_path(uri);
    while (!str_empty(uri))
        node = child_for(r, node, take_segment(&uri));
    add_leaf(r, node, e, str_absent(query) ? STR("") : query);
}

static void put_first(struct map *m, struct str key, const void *value)
{
    if (map_get(m, key) == NULL)
        map_put(m, key, (void *)(uintptr_t)value);
}

static bool is_s3(const struct service_model *m)
{
    return m->protocols[PROTO_REST_XML] && strcmp(m->scope, "s3") == 0;
}

static void add_name(struct map *names, const char *op, const struct entry *e)
{
    map_put(names, str_of(op), (void *)(uintptr_t)(map_get(names, str_of(op)) == NULL ? e : &ambiguous));
}

static void add_op(struct router *r, struct entry *e)
{
    const struct service_model *m = e->service->model;

    if (m->protocols[PROTO_JSON] && m->target_prefix != NULL)
        put_first(&r->targets, arena_printf(r->mem, "%s.%s", m->target_prefix, e->op->name), e);
    if (m->protocols[PROTO_QUERY]) {
        put_first(&r->actions, arena_printf(r->mem, "%s %s", m->scope, e->op->name), e);
        put_first(&r->actions, arena_printf(r->mem, "%s %s", m->api_version, e->op->name), e);
        add_name(&r->names, e->op->name, e);
    }
    if (m->protocols[PROTO_CBOR] && m->target_prefix != NULL)
        put_first(&r->rpcs, arena_printf(r->mem, "%s.%s", m->target_prefix, e->op->name), e);
    if (m->protocols[PROTO_REST_JSON] || (m->protocols[PROTO_REST_XML] && !is_s3(m)))
        add_path(r, e);
}

static void check_handlers(const struct service *s)
{
    for (size_t i = 0; i < s->n_handlers; i++) {
        bool known = false;
        for (uint32_t k = 0; k < s->model->n_ops && !known; k++)
            known = strcmp(s->model->ops[k].name, s->handlers[i].op) == 0;
        CHECK(known);
    }
}

struct router *router_new(const struct service *const *services, size_t n)
{
    struct router *r = xcalloc(1, sizeof(*r));
    size_t ops = 0;

    r->mem = arena_new(0);
    for (size_t i = 0; i < n; i++)
        ops += services[i]->model->n_ops;
    r->entries = arena_calloc(r->mem, ops + 1, sizeof(*r->entries));
    for (size_t i = 0; i < n; i++) {
        const struct service_model *m = services[i]->model;
        check_handlers(services[i]);
        put_first(&r->scopes, str_of(m->scope), m);
        if (m->target_prefix != NULL)
            put_first(&r->prefixes, str_of(m->target_prefix), m);
        if (is_s3(m)) {
            r->s3 = s3_table_new(r->mem, m);
            r->s3_service = services[i];
            r->s3_entries = &r->entries[r->n_entries];
        }
        for (uint32_t k = 0; k < m->n_ops; k++) {
            struct entry *e = &r->entries[r->n_entries++];
            *e = (struct entry){ services[i], &m->ops[k], handler_of(services[i], m->ops[k].name) };
            add_op(r, e);
        }
    }
    return r;
}

struct router *router_free(struct router *r)
{
    if (r == NULL)
        return NULL;
    map_done(&r->targets);
    map_done(&r->prefixes);
    map_done(&r->actions);
    map_done(&r->names);
    map_done(&r->rpcs);
    map_done(&r->scopes);
    arena_free(r->mem);
    free(r);
    return NULL;
}

static enum protocol first_protocol(const struct service_model *m)
{
    for (int p = 0; p <= PROTO_CBOR; p++)
        if (m->protocols[p])
            return (enum protocol)p;
    return PROTO_REST_JSON;
}

bool router_next(const struct router *r, size_t *at, struct route *ret)
{
    if (*at >= r->n_entries)
        return false;
    const struct entry *e = &r->entries[(*at)++];
    *ret = (struct route){ .service = e->service->model,
                           .op = e->op,
                           .handler = e->handler,
                           .protocol = first_protocol(e->service->model),
                           .state = e->service->state,
                           .checks_itself = e->service->checks_itself };
    return true;
}

/* ---- finding ---- */

struct search {
    const struct router *r;
    struct arena *a;
    struct str method;
    const struct request_parts *parts;
    struct signature_scope signature;
    struct route *ret;
    struct fault *fault;
};

static int found(struct search *s, const struct entry *e, enum protocol protocol)
{
    *s->ret = (struct route){ .service = e->service->model,
                              .op = e->op,
                              .handler = e->handler,
                              .protocol = protocol,
                              .state = e->service->state,
                              .checks_itself = e->service->checks_itself };
    return 0;
}

static int refuse(struct search *s, const struct service_model *service, enum protocol protocol)
{
    *s->ret = (struct route){ .service = service, .protocol = protocol };
    return -E_FAULT;
}

/* The last four segments of ".../service/NAME/operation/OP"; both absent when they are others. */
static void cbor_names(struct str path, struct str *ret_service, struct str *ret_op)
{
    struct str part[4];

    for (size_t i = ARRAY_LEN(part); i-- > 0;) {
        ptrdiff_t slash = str_rfind(path, '/');
        if (slash < 0)
            return;
        part[i] = str_sub(path, (size_t)slash + 1, path.n);
        path = str_sub(path, 0, (size_t)slash);
    }
    if (str_is(part[0], "service") && str_is(part[2], "operation")) {
        *ret_service = part[1];
        *ret_op = part[3];
    }
}

static int find_cbor(struct search *s)
{
    struct str name = STR_NONE, op = STR_NONE;
    const struct service_model *service;
    const struct entry *e = NULL;

    cbor_names(s->parts->path, &name, &op);
    if (!str_absent(name) && str_is(s->method, "POST"))
        e = map_get(&s->r->rpcs, arena_printf(s->a, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(op)));
    if (e != NULL)
        return found(s, e, PROTO_CBOR);
    service = str_absent(name) ? NULL : map_get(&s->r->prefixes, name);
    if (service != NULL && !service->protocols[PROTO_CBOR])
        fault_set(s->a, s->fault, &error_not_implemented, "%s does not speak rpc-v2-cbor here",
                  service->name);
    else if (service != NULL || str_absent(name))
        fault_set(s->a, s->fault, &error_unknown_operation, "Unknown operation: " STR_FMT " " STR_FMT,
                  STR_ARG(s->method), STR_ARG(s->parts->path));
    else
        fault_set(s->a, s->fault, &error_not_implemented, "No service here answers rpc-v2-cbor as " STR_FMT,
                  STR_ARG(name));
    return refuse(s, service, PROTO_CBOR);
}

static int find_target(struct search *s, struct str target)
{
    const struct entry *e = map_get(&s->r->targets, target);
    ptrdiff_t dot = str_rfind(target, '.');
    const struct service_model *service;

    if (e != NULL)
        return found(s, e, PROTO_JSON);
    service = dot < 0 ? NULL : map_get(&s->r->prefixes, str_sub(target, 0, (size_t)dot));
    if (service != NULL)
        fault_set(s->a, s->fault, &error_unknown_operation, "Unknown operation: " STR_FMT, STR_ARG(target));
    else
        fault_set(s->a, s->fault, &error_not_implemented, "No service here answers X-Amz-Target " STR_FMT,
                  STR_ARG(target));
    return refuse(s, service, PROTO_JSON);
}

/* Does the query string hold every pair of `wanted`, as "find=LayerVersion"? */
static bool has_query(struct str query, struct str wanted)
{
    struct str name, value, n, v;

    while (form_next(&wanted, &name, &value)) {
        struct str rest = query;
        bool there = false;
        while (!there && form_next(&rest, &n, &v))
            there = str_eq(n, name) && (str_empty(value) || str_eq(v, value));
        if (!there)
            return false;
    }
    return true;
}

static const struct entry *match_path(struct search *s, const struct node *node, struct str path);

/* Tries the longest run of segments first, so that what follows a greedy label can still match. */
static const struct entry *match_greedy(struct search *s, const struct node *node, struct str path)
{
    const struct entry *e;

    for (size_t end = path.n; end > 1; end--) {
        if (end < path.n && path.p[end] != '/')
            continue;
        e = match_path(s, node, str_sub(path, end, path.n));
        if (e != NULL)
            return e;
    }
    return NULL;
}

static const struct entry *match_leaf(struct search *s, const struct node *node)
{
    for (const struct leaf *l = node->leaves; l != NULL; l = l->next)
        if (str_is(s->method, l->method) && (str_empty(l->query) || has_query(s->parts->query, l->query)))
            return l->entry;
    return NULL;
}

static const struct entry *match_path(struct search *s, const struct node *node, struct str path)
{
    const struct entry *e = NULL;
    struct str rest = path;

    if (str_empty(path))
        return match_leaf(s, node);
    struct str segment = take_segment(&rest);
    for (const struct node *child = node->first; child != NULL && e == NULL; child = child->next)
        if (str_eq(child->literal, segment))
            e = match_path(s, child, rest);
    if (e == NULL && node->label != NULL)
        e = match_path(s, node->label, rest);
    if (e == NULL && node->greedy != NULL)
        e = match_greedy(s, node->greedy, path);
    return e;
}

static const struct entry *find_path(struct search *s)
{
    struct str path = trim_path(s->parts->path);

    if (str_empty(path) || path.p[0] != '/')
        return NULL;
    return match_path(s, &s->r->root, path);
}

/* The last values of Action and Version, in the URL or the form. */
static void find_action(struct search *s, struct str form, struct str *action, struct str *version)
{
    struct str name, value;

    while (form_next(&form, &name, &value)) {
        if (str_is(name, "Action"))
            *action = percent_decode(s->a, value, true);
        else if (str_is(name, "Version"))
            *version = percent_decode(s->a, value, true);
    }
}

static const struct entry *entry_of_action(struct search *s, struct str space, struct str action)
{
    char key[160];

    if (str_empty(space) || space.n + action.n + 1 > sizeof(key))
        return NULL;
    memcpy(key, space.p, space.n);
    key[space.n] = ' ';
    memcpy(key + space.n + 1, action.p, action.n);
    return map_get(&s->r->actions, str_make(key, space.n + 1 + action.n));
}

static int find_query(struct search *s, struct str action, struct str version)
{
    const struct service_model *service =
        str_empty(s->signature.scope) ? NULL : map_get(&s->r->scopes, s->signature.scope);
    const struct entry *e = NULL;

    if (service == NULL && !str_empty(s->signature.scope)) {
        fault_set(s->a, s->fault, &error_not_implemented,
                  "The service " STR_FMT " is not served here (Action=" STR_FMT ")",
                  STR_ARG(s->signature.scope), STR_ARG(action));
        return refuse(s, NULL, PROTO_QUERY);
    }
    /* An unsigned URL with an Action and no Version is somebody reading a queue by hand, or following a link.
     */
    if (service == NULL && str_empty(version)) {
        version = STR(SQS_VERSION);
        e = map_get(&s->r->names, action);
    }
    if (e == NULL || e == &ambiguous)
        e = service != NULL ? entry_of_action(s, s->signature.scope, action)
                            : entry_of_action(s, version, action);
    if (e != NULL)
        return found(s, e, PROTO_QUERY);
    if (str_empty(version))
        version = STR("NO_VERSION_SPECIFIED");
    fault_set(s->a, s->fault, &error_unknown_operation,
              "Could not find operation " STR_FMT " for version " STR_FMT, STR_ARG(action), STR_ARG(version));
    return refuse(s, service, PROTO_QUERY);
}

/* ---- S3 ---- */

static int refuse_s3(struct search *s, enum s3_level level)
{
    static const char *const types[] = {
        [S3_SERVICE] = "SERVICE", [S3_BUCKET] = "BUCKET", [S3_OBJECT] = "OBJECT"
    };

    fault_set(s->a, s->fault, &method_not_allowed,
              "The specified method is not allowed against this resource.");
    fault_element(s->a, s->fault, "Method", s->method);
    fault_element(s->a, s->fault, "ResourceType", str_of(types[level]));
    return refuse(s, s->r->s3_service->model, PROTO_REST_XML);
}

static int find_s3(struct search *s)
{
    const struct op *op;
    struct s3_name name;

    if (s3_name_of(s->a, part_header(s->parts, "Host"), s->parts->path, &name) < 0) {
        fault_set(s->a, s->fault, &invalid_uri, "Couldn't parse the specified URI.");
        fault_element(s->a, s->fault, "URI", s->parts->path);
        return refuse(s, s->r->s3_service->model, PROTO_REST_XML);
    }
    /* A stranger at the front door; AWS sends people to a web page and programs away. */
    if (name.level == S3_SERVICE && str_empty(s->signature.access_key)) {
        fault_set(s->a, s->fault, &error_access_denied, "Access Denied");
        return refuse(s, s->r->s3_service->model, PROTO_REST_XML);
    }
    op = s3_table_find(s->r->s3, s->method, name.level, s->parts);
    if (op == NULL)
        return refuse_s3(s, name.level);
    found(s, &s->r->s3_entries[op->index], PROTO_REST_XML);
    s->ret->path = name.path;
    return 0;
}

/* Does signature or host say S3, so that nobody else need be asked? */
static bool surely_s3(const struct search *s)
{
    bool named = false;

    if (s->r->s3 == NULL)
        return false;
    if (!str_empty(s->signature.scope))
        return str_is(s->signature.scope, "s3");
    s3_bucket_of_host(part_header(s->parts, "Host"), &named);
    return named;
}

static int find_nothing(struct search *s)
{
    const struct service_model *service =
        str_empty(s->signature.scope) ? NULL : map_get(&s->r->scopes, s->signature.scope);

    if (service != NULL && service->protocols[PROTO_REST_JSON]) {
        fault_set(s->a, s->fault, &unknown_path, "Unknown operation: " STR_FMT " " STR_FMT,
                  STR_ARG(s->method), STR_ARG(s->parts->path));
        s->fault->bare = true;
        return refuse(s, service, PROTO_REST_JSON);
    }
    if (service != NULL) {
        fault_set(s->a, s->fault, &error_unknown_operation, "The request names no operation of %s",
                  service->name);
        return refuse(s, service, first_protocol(service));
    }
    if (!str_empty(s->signature.scope) && !str_is(s->signature.scope, "s3")) {
        fault_set(s->a, s->fault, &error_not_implemented,
                  "The service " STR_FMT " is not served here (" STR_FMT " " STR_FMT ")",
                  STR_ARG(s->signature.scope), STR_ARG(s->method), STR_ARG(s->parts->path));
        return refuse(s, NULL, PROTO_REST_XML);
    }
    if (s->r->s3 != NULL)
        return find_s3(s);
    fault_set(s->a, s->fault, &error_not_implemented, "S3 is not served here (" STR_FMT " " STR_FMT ")",
              STR_ARG(s->method), STR_ARG(s->parts->path));
    return refuse(s, NULL, PROTO_REST_XML);
}

int router_find(const struct router *r, struct arena *a, const char *method,
                const struct request_parts *parts, struct route *ret, struct fault *ret_fault)
{
    struct search s = {
        .r = r, .a = a, .method = str_of(method), .parts = parts, .ret = ret, .fault = ret_fault
    };
    struct str action = STR_NONE, version = STR_NONE, target;
    const struct entry *e;

    if (str_is(part_header(parts, "smithy-protocol"), "rpc-v2-cbor"))
        return find_cbor(&s);
    target = part_header(parts, "X-Amz-Target");
    if (!str_empty(target))
        return find_target(&s, target);
    s.signature = signature_scope(a, parts);
    if (surely_s3(&s))
        return find_s3(&s);
    e = find_path(&s);
    if (e != NULL)
        return found(&s, e, e->service->model->protocols[PROTO_REST_JSON] ? PROTO_REST_JSON : PROTO_REST_XML);
    find_action(&s, parts->query, &action, &version);
    if (has_form(parts) && str_is(s.method, "POST"))
        find_action(&s, parts->body, &action, &version);
    return !str_empty(action) ? find_query(&s, action, version) : find_nothing(&s);
}

/* ---- who signed ---- */

/* "AKID/20260914/eu-west-1/sqs/aws4_request"; SigV4A has no region. */
static void split_credential(struct str credential, struct signature_scope *ret)
{
    struct str part[5];
    size_t n = 0;

    while (n < ARRAY_LEN(part) && str_cut(&credential, '/', &part[n]))
        n++;
    if (n < 4)
        return;
    ret->access_key = part[0];
    ret->date = part[1];
    ret->region = n == 5 ? part[2] : STR_NONE;
    ret->scope = part[n - 2];
}

static struct str credential_of(struct str authorization)
{
    ptrdiff_t at = str_find_str(authorization, STR("Credential="));
    size_t end;

    if (at < 0)
        return STR_NONE;
    authorization = str_sub(authorization, (size_t)at + sizeof("Credential=") - 1, authorization.n);
    for (end = 0; end < authorization.n && authorization.p[end] != ',' && authorization.p[end] != ' '; end++)
        continue;
    return str_sub(authorization, 0, end);
}

static void presigned(struct arena *a, struct str query, struct signature_scope *ret)
{
    struct str name, value;

    while (form_next(&query, &name, &value)) {
        if (str_eq_nocase(name, STR("X-Amz-Credential")))
            split_credential(percent_decode(a, value, true), ret);
        else if (str_eq_nocase(name, STR("X-Amz-Security-Token")))
            ret->token = percent_decode(a, value, true);
        else if (str_is(name, "AWSAccessKeyId")) /* version 2, which S3 alone still reads */
            *ret = (struct signature_scope){ .access_key = percent_decode(a, value, true),
                                             .scope = STR("s3"),
                                             .token = ret->token };
    }
}

/* "AWS AKID:signature" */
static void split_version_2(struct str authorization, struct signature_scope *ret)
{
    struct str key, rest = str_sub(authorization, 4, authorization.n);

    if (!str_starts(authorization, STR("AWS ")) || str_find(rest, ':') < 0)
        return;
    str_cut(&rest, ':', &key);
    ret->access_key = key;
    ret->scope = STR("s3");
}

struct signature_scope signature_scope(struct arena *a, const struct request_parts *parts)
{
    struct signature_scope ret = { .token = part_header(parts, "X-Amz-Security-Token") };
    struct str authorization = part_header(parts, "Authorization");

    if (!str_absent(authorization))
        split_credential(credential_of(authorization), &ret);
    if (str_empty(ret.access_key) && !str_absent(authorization))
        split_version_2(authorization, &ret);
    if (str_absent(authorization) && !str_empty(parts->query))
        presigned(a, parts->query, &ret);
    return ret;
}
