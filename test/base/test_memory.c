/* test_memory.c - arena, buf, list, heap, map, least.  The containers are compared with slow obvious models.
 */
#include "base/heap.h"
#include "base/least.h"
#include "base/list.h"
#include "base/map.h"
#include "test/unit.h"

TEST(arena, zeroed_aligned_and_apart)
{
    struct arena *a = arena_new(0);
    char *last = NULL;

    for (int round = 0; round < 2; round++) {
        for (size_t n = 0; n < 3000; n += 37) {
            char *p = arena_alloc(a, n);

            EXPECT(p != NULL && p != last && (uintptr_t)p % 16 == 0);
            for (size_t i = 0; i < n; i++)
                if (p[i] != 0) {
                    UNIT_FAIL("byte %zu of %zu is not zero", i, n);
                    break;
                }
            memset(p, 0xee, n);
            last = p;
        }
        EXPECT(!arena_overflowed(a));
        EXPECT(arena_used_bytes(a) > 100000);
        arena_reset(a);
        EXPECT_INT(arena_used_bytes(a), 0);
    }
    EXPECT(arena_free(a) == NULL);
    EXPECT(arena_free(NULL) == NULL);
}

TEST(arena, recycled_arena_is_like_new)
{
    struct arena *a = arena_new(100);
    char *p;

    memset(arena_alloc(a, 300), 1, 300);
    EXPECT(arena_overflowed(a));
    arena_freep(&a);
    EXPECT(a == NULL);
    a = arena_new(1000);
    EXPECT(!arena_overflowed(a));
    EXPECT_INT(arena_used_bytes(a), 0);
    p = arena_alloc(a, 900);
    EXPECT(p[0] == 0 && p[899] == 0);
    EXPECT(!arena_overflowed(a));
    arena_free(a);
}

TEST(arena, overflow_is_sticky_and_harmless)
{
    struct arena *a = arena_new(1 << 16);
    struct str s;

    arena_alloc(a, 60000);
    EXPECT(!arena_overflowed(a));
    memset(arena_alloc(a, 10000), 7, 10000);
    EXPECT(arena_overflowed(a));
    memset(arena_alloc(a, 1 << 20), 7, 1 << 20); /* alone more than the limit */
    memset(arena_alloc(a, 1 << 21), 7, 1 << 21);
    for (int i = 0; i < 100000; i++)
        memset(arena_alloc(a, 100), 7, 100);
    /* The memory it takes stays near twice the limit. */
    EXPECT(arena_used_bytes(a) <= 2 * (1 << 16));
    s = arena_printf(a, "%d", 5);
    EXPECT_STR(s, STR("5"));
    EXPECT(arena_overflowed(a));
    arena_reset(a);
    EXPECT(!arena_overflowed(a));
    arena_free(a);
}

TEST(arena, limit_is_exact)
{
    struct arena *a = arena_new(2048); /* within the first chunk */

    for (int i = 0; i < 128; i++)
        arena_alloc(a, 16);
    EXPECT(!arena_overflowed(a));
    arena_alloc(a, 1);
    EXPECT(arena_overflowed(a));
    arena_free(a);
}

TEST(arena, text)
{
    struct arena *a = arena_new(0);
    struct str s = arena_str(a, STR("abc")), big;

    EXPECT_STR(s, STR("abc"));
    EXPECT(s.p[3] == '\0');
    EXPECT_STR(arena_str(a, STR_NONE), STR_NONE);
    EXPECT_STR(arena_str(a, STR("")), STR(""));
    EXPECT_Z(arena_z(a, STR_NONE), "");
    EXPECT_Z(arena_z(a, STR("x")), "x");
    EXPECT_STR(arena_printf(a, "%s-%d", "a", 7), STR("a-7"));
    big = arena_printf(a, "%1000d", 7);
    EXPECT_INT(big.n, 1000);
    EXPECT(big.p[999] == '7' && big.p[1000] == '\0');
    arena_free(a);
}

TEST(buf, adds_and_stays_terminated)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    EXPECT_STR(buf_view(&b), STR(""));
    buf_add(&b, NULL, 0);
    EXPECT(b.p != NULL && b.p[0] == '\0');
    buf_z(&b, "ab");
    buf_char(&b, 'c');
    buf_str(&b, STR_NONE);
    buf_i64(&b, -12);
    buf_printf(&b, "%s|%d", "x", 3);
    EXPECT_STR(buf_view(&b), STR("abc-12x|3"));
    EXPECT(b.p[b.n] == '\0');
    buf_drop(&b, 3);
    EXPECT_STR(buf_view(&b), STR("-12x|3"));
    EXPECT(b.p[b.n] == '\0');
    buf_drop(&b, 0);
    buf_drop(&b, b.n);
    EXPECT_STR(buf_view(&b), STR(""));
    buf_clear(&b);
    buf_printf(&b, "%500d", 1);
    EXPECT_INT(b.n, 500);
    EXPECT_INT(strlen(b.p), 500);
}

TEST(buf, whole_numbers)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    buf_i64(&b, INT64_MIN);
    buf_char(&b, ' ');
    buf_i64(&b, INT64_MAX);
    buf_char(&b, ' ');
    buf_i64(&b, 0);
    EXPECT_STR(buf_view(&b), STR("-9223372036854775808 9223372036854775807 0"));
}

TEST(buf, grows_through_every_size)
{
    CLEANUP(buf_done) struct buf b = { 0 };
    struct arena *a = arena_new(0);

    for (int i = 0; i < 5000; i++) {
        buf_char(&b, (char)('a' + i % 26));
        if (b.p[b.n] != '\0' || b.n >= b.cap)
            UNIT_FAIL("not terminated at %d", i);
    }
    EXPECT_INT(b.n, 5000);
    EXPECT_STR(buf_to_arena(&b, a), buf_view(&b));
    buf_reserve(&b, 10000);
    EXPECT(b.cap - b.n > 10000);
    arena_free(a);
}

struct item {
    int number;
    struct link link;
    struct heap_node due;
};

TEST(list, order_and_removal)
{
    struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 } };
    struct list l;
    int seen = 0;

    list_init(&l);
    EXPECT(list_empty(&l) && list_first(&l) == NULL && list_pop(&l) == NULL);
    list_append(&l, &items[1].link);
    list_append(&l, &items[2].link);
    list_prepend(&l, &items[0].link);
    list_insert_before(&items[2].link, &items[3].link); /* 0 1 3 2 */
    LIST_EACH(&l, k)
        seen = seen * 10 + CONTAINER_OF(k, struct item, link)->number;
    EXPECT_INT(seen, 132);
    LIST_EACH_SAFE(&l, k, next)
        if (CONTAINER_OF(k, struct item, link)->number % 2 == 1)
            list_remove(k);
    EXPECT(!link_on(&items[1].link) && link_on(&items[0].link));
    list_remove(&items[1].link); /* again: harmless */
    EXPECT(list_pop(&l) == &items[0].link && list_pop(&l) == &items[2].link && list_empty(&l));
}

TEST(heap, leaves_in_order_with_ties_by_seq)
{
    enum { N = 2000 };
    static struct heap_node nodes[N];
    struct heap h = { 0 };
    int64_t key = INT64_MIN;
    uint64_t seq = 0;
    unsigned x = 12345;

    for (size_t i = 0; i < N; i++) {
        x = x * 1103515245u + 12345u;
        nodes[i] = (struct heap_node){ .key = (int64_t)(x >> 16) % 50 - 25, .seq = i };
        heap_add(&h, &nodes[i]);
    }
    for (size_t i = 0; i < N; i += 3)
        heap_remove(&h, &nodes[i]);
    for (size_t i = 1; i < N; i += 5)
        heap_set(&h, &nodes[i], (int64_t)(i % 70));
    for (size_t n = h.n; n > 0; n--) {
        struct heap_node *first = heap_first(&h);

        EXPECT_INT(h.n, n);
        if (first->key < key || (first->key == key && first->seq < seq))
            UNIT_FAIL("%lld/%llu after %lld/%llu", (long long)first->key, (unsigned long long)first->seq,
                      (long long)key, (unsigned long long)seq);
        key = first->key;
        seq = first->seq;
        heap_remove(&h, first);
        EXPECT(!heap_has(first));
    }
    EXPECT(heap_first(&h) == NULL);
    heap_done(&h);
}

TEST(heap, removal_and_end)
{
    struct heap h = { 0 };
    struct heap_node a = { .key = 5 }, b = { .key = 6 };

    heap_remove(&h, &a); /* in none: harmless */
    heap_set(&h, &a, 7); /* adds */
    heap_add(&h, &b);
    EXPECT(heap_first(&h) == &b);
    heap_set(&h, &a, 1);
    EXPECT(heap_first(&h) == &a);
    heap_done(&h);
    EXPECT(!heap_has(&a) && !heap_has(&b) && h.v == NULL);
}

TEST(map, small)
{
    struct map m = { 0 };
    int one, two;

    EXPECT(map_get(&m, STR("a")) == NULL && map_del(&m, STR("a")) == NULL);
    EXPECT(map_put(&m, STR("a"), &one) == NULL);
    EXPECT(map_put(&m, STR("a"), &two) == &one);
    EXPECT(map_put(&m, STR(""), &one) == NULL);
    EXPECT(map_get(&m, STR("a")) == &two && map_get(&m, STR("")) == &one && map_get(&m, STR("b")) == NULL);
    EXPECT_INT(m.n, 2);
    EXPECT(map_del(&m, STR("a")) == &two && map_get(&m, STR("a")) == NULL);
    map_done(&m);
    EXPECT(m.slots == NULL && m.n == 0);
    map_done(&m);
}

/* Random puts and deletes against an array indexed by the key's number. */
TEST(map, agrees_with_a_plain_array)
{
    enum { KEYS = 500, STEPS = 60000 };
    static char values[KEYS];
    bool in[KEYS] = { false };
    struct map m = { 0 };
    size_t count = 0, at = 0, seen = 0;
    unsigned x = 1;
    struct str key;
    void *value;

    for (int i = 0; i < STEPS; i++) {
        char text[32];
        unsigned k, put;
        void *was;

        x = x * 1664525u + 1013904223u;
        k = (x >> 8) % KEYS;
        /* Waves: mostly growing, then mostly shrinking, so graves pile up and are swept. */
        put = (x >> 24) % 10 < (i / 5000 % 2 == 0 ? 7u : 3u);
        snprintf(text, sizeof(text), "key-%u", k);
        was = put ? map_put(&m, str_of(text), &values[k]) : map_del(&m, str_of(text));
        EXPECT((was != NULL) == in[k] && (was == NULL || was == &values[k]));
        count += put && !in[k];
        count -= !put && in[k];
        in[k] = put;
        if (m.n != count || m.used > m.cap) {
            UNIT_FAIL("step %d: n %zu, want %zu", i, m.n, count);
            break;
        }
    }
    EXPECT(m.cap <= 2048);
    while (map_next(&m, &at, &key, &value)) {
        seen++;
        EXPECT(map_get(&m, key) == value && in[(char *)value - values]);
    }
    EXPECT_INT(seen, count);
    map_done(&m);
}

TEST(map, the_last_of_a_probe_leaves_no_grave)
{
    struct map m = { 0 };
    char text[32];

    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof(text), "%d", i);
        map_put(&m, str_of(text), &m);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof(text), "%d", i);
        map_del(&m, str_of(text));
    }
    EXPECT_INT(m.n, 0);
    EXPECT_INT(m.used, 0); /* swept as the probes emptied */
    map_done(&m);
}

TEST(map, queue_like_use_does_not_grow)
{
    struct map m = { 0 };
    char text[32];

    for (int i = 0; i < 100000; i++) {
        snprintf(text, sizeof(text), "%d", i);
        map_put(&m, str_of(text), &m);
        if (i >= 8) {
            snprintf(text, sizeof(text), "%d", i - 8);
            EXPECT(map_del(&m, str_of(text)) == &m);
        }
    }
    EXPECT_INT(m.n, 8);
    EXPECT(m.cap <= 64);
    map_done(&m);
}

TEST(map, hash_depends_on_every_byte_and_the_length)
{
    uint8_t b[80] = { 0 };

    EXPECT(hash_bytes(NULL, 0) == hash_bytes(b, 0));
    for (size_t n = 1; n <= sizeof(b); n++) {
        uint64_t h = hash_bytes(b, n);

        EXPECT(h == hash_bytes(b, n));
        EXPECT(h != hash_bytes(b, n - 1));
        for (size_t i = 0; i < n; i++) {
            b[i] = 1;
            if (hash_bytes(b, n) == h)
                UNIT_FAIL("byte %zu of %zu does not count", i, n);
            b[i] = 0;
        }
    }
}

UNIT_MAIN

/* ---- the first few of many ---- */

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

TEST(least, the_first_of_many_in_any_order)
{
    enum { MANY = 20000, FEW = 100 };
    static int v[MANY];

    for (int way = 0; way < 3; way++)
        for (size_t most = 1; most <= FEW; most += 33) {
            CLEANUP(arena_freep) struct arena *a = arena_new(0);
            struct least l;

            least_init(&l, a, most, by_number);
            for (int i = 0; i < MANY; i++) {
                int k = way == 0 ? i : way == 1 ? MANY - 1 - i : (int)((i * (int64_t)7919) % MANY);

                v[i] = k;
                least_offer(&l, &v[i]);
            }
            if (way != 1)
                EXPECT(l.compared < MANY + 20 * FEW * 7); /* seldom more than one each */
            least_sort(&l);
            EXPECT_INT(l.n, most);
            for (size_t i = 0; i < l.n; i++)
                EXPECT_INT(*(int *)l.v[i], i);
        }
}

TEST(least, fewer_than_asked_for)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    int v[] = { 3, 1, 2 };
    struct least l;

    least_init(&l, a, 10, by_number);
    least_sort(&l);
    EXPECT_INT(l.n, 0);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        least_offer(&l, &v[i]);
    least_sort(&l);
    EXPECT_INT(l.n, 3);
    for (size_t i = 0; i < l.n; i++)
        EXPECT_INT(*(int *)l.v[i], i + 1);
}
