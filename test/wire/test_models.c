/* test_models.c - every shape of every served model, filled, written and read back: the rows fit the
 * structures.
 *
 * Values are made from the shape alone, each with its own number, so a wrong offset or element size shows as
 * a difference (or to the sanitizers). */
#include "base/clock.h"
#include "model/iam.h"
#include "model/lambda.h"
#include "model/logs.h"
#include "model/sqs.h"
#include "model/sts.h"
#include "unit.h"
#include "wire/codec.h"
#include "wire/request.h"

static const struct service_model *const models[] = { &lambda_model, &sqs_model, &iam_model, &sts_model,
                                                      &logs_model };

#define DEEP 6

static void make(struct arena *a, const struct shape *shape, int depth, int *n, void *target);

static void make_items(struct arena *a, const struct shape *shape, int depth, int *n, struct any_list *list)
{
    bool map = shape->kind == KIND_MAP;
    size_t size = map ? entry_size(shape) : element_size(shape->element);

    *list = (struct any_list){ true, depth > DEEP ? 0 : 2, arena_calloc(a, 2, size) };
    for (size_t i = 0; i < list->n; i++) {
        char *item = list->v + i * size;
        if (map)
            *(struct str *)(void *)item = arena_printf(a, "key%d", ++*n);
        make(a, shape->element, depth + 1, n, item + (map ? MAP_VALUE_OFFSET : 0));
    }
}

static void make_members(struct arena *a, const struct shape *shape, int depth, int *n, void *target)
{
    for (uint32_t i = 0; i < shape->n_members; i++)
        if (shape->members[i].shape->kind != KIND_STRUCT || depth <= DEEP)
            make(a, shape->members[i].shape, depth + 1, n, member_target(a, &shape->members[i], target));
}

static void make(struct arena *a, const struct shape *shape, int depth, int *n, void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRING:
    case KIND_BLOB: *(struct str *)target = arena_printf(a, "v%d <&> \xc3\xa9", ++*n); break;
    case KIND_DOCUMENT: *(struct str *)target = arena_printf(a, "{\"d\":%d}", ++*n); break;
    case KIND_INT: *(struct opt_int *)target = INT_SET(++*n); break;
    case KIND_REAL: *(struct opt_real *)target = REAL_SET(++*n + 0.5); break;
    case KIND_BOOL: *(struct opt_bool *)target = BOOL_SET(++*n % 2); break;
    case KIND_TIME: *(struct opt_time *)target = TIME_SET(1789400786000 + ++*n); break;
    case KIND_STRUCT: make_members(a, shape, depth, n, target); break;
    case KIND_LIST:
    case KIND_MAP: make_items(a, shape, depth, n, target); break;
    }
}

static void check_shape(const struct service_model *m, const struct shape *shape)
{
    CLEANUP(buf_done) struct buf first = { 0 }, second = { 0 };
    struct arena *a = arena_new(0);
    void *value = arena_alloc(a, shape->struct_size), *back = arena_alloc(a, shape->struct_size);
    struct fault fault = { 0 };
    struct json *doc = NULL;
    int n = 0;

    make(a, shape, 0, &n, value);
    shape_json(&first, shape, value);
    EXPECT_INT(json_parse(a, buf_view(&first), &doc, NULL), 0);
    EXPECT_INT(doc == NULL ? -1 : shape_from_json(a, shape, doc, back, &fault), 0);
    shape_json(&second, shape, back);
    if (!str_eq(buf_view(&first), buf_view(&second)))
        UNIT_FAIL("%s %s:\n   %s\n   %s", m->name, shape->name, first.p, second.p);
    EXPECT(!arena_overflowed(a));
    arena_free(a);
}

TEST(models, read_back)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        for (uint32_t k = 0; k < models[i]->n_ops; k++) {
            if (models[i]->ops[k].input != NULL)
                check_shape(models[i], models[i]->ops[k].input);
            if (models[i]->ops[k].output != NULL)
                check_shape(models[i], models[i]->ops[k].output);
        }
        for (uint32_t k = 0; k < models[i]->n_errors; k++)
            check_shape(models[i], models[i]->errors[k]->shape);
    }
}

/* Is every opened element closed in its turn?  Good enough for text of our own making. */
static bool balanced(struct str xml)
{
    struct str open[64];
    size_t depth = 0;

    for (ptrdiff_t at; (at = str_find(xml, '<')) >= 0;) {
        struct str tag = str_sub(xml, (size_t)at + 1, xml.n), name;
        xml = str_sub(xml, (size_t)at + 1 + (size_t)str_find(tag, '>'), xml.n);
        str_cut(&tag, '>', &name);
        if (name.p[0] == '/') {
            if (depth == 0 || !str_eq(open[--depth], str_sub(name, 1, name.n)))
                return false;
        } else {
            struct str attributes = name;
            str_cut(&attributes, ' ', &open[depth++]);
        }
    }
    return depth == 0;
}

static void check_reply(const struct service_model *m, const struct op *op, enum protocol protocol)
{
    struct arena *a = arena_new(0);
    void *value = op->output == NULL ? NULL : arena_alloc(a, op->output->struct_size);
    struct reply r;
    int n = 0;

    if (value != NULL)
        make(a, op->output, 0, &n, value);
    shape_encode(a, m, op, protocol, value, STR("id"), &r);
    if (protocol == PROTO_QUERY && !balanced(buf_view(&r.body)))
        UNIT_FAIL("%s %s: %s", m->name, op->name, r.body.p);
    if (protocol != PROTO_QUERY && r.body.n > 0 && (op->output->payload == NULL || r.body.p[0] == '{'))
        EXPECT_INT(json_check(buf_view(&r.body), NULL), 0);
    EXPECT(str_starts(buf_view(&r.headers), STR("x-amzn-RequestId: id\r\n")));
    buf_done(&r.headers);
    buf_done(&r.body);
    arena_free(a);
}

TEST(models, replies)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        for (uint32_t k = 0; k < models[i]->n_ops; k++)
            for (int p = 0; p <= PROTO_CBOR; p++)
                if (models[i]->protocols[p])
                    check_reply(models[i], &models[i]->ops[k], (enum protocol)p);
}

/* What the rows promise: indices, statuses, wrappers, errors with their shapes. */
TEST(models, rows)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        const struct service_model *m = models[i];
        for (uint32_t k = 0; k < m->n_ops; k++) {
            EXPECT_INT(m->ops[k].index, k);
            EXPECT(m->ops[k].status >= 200 && m->ops[k].status < 300);
            if (m->protocols[PROTO_QUERY])
                EXPECT((m->ops[k].output == NULL) == (m->ops[k].result_wrapper == NULL));
        }
        for (uint32_t k = 0; k < m->n_errors; k++) {
            EXPECT(m->errors[k]->status >= 400 && m->errors[k]->shape != NULL);
            EXPECT(m->errors[k]->sender == (m->errors[k]->status < 500));
        }
        EXPECT(m->errors[m->n_errors] == NULL);
    }
    EXPECT_INT(lambda_op_Invoke, lambda_model.ops[lambda_op_Invoke].index);
    EXPECT_Z(lambda_model.ops[lambda_op_Invoke].name, "Invoke");
    EXPECT_Z(sqs_model.error_namespace, "com.amazonaws.sqs");
    EXPECT(sqs_model.query_compatible && sqs_model.protocols[PROTO_JSON] && sqs_model.protocols[PROTO_QUERY]);
}

UNIT_MAIN
