/* config.c - configurations copied, written and read back.  Copy and JSON cover every member: a member added
 * to struct config must be added to both, the test config.round_trip compares them. */
#include "service/lambda/config.h"

#include "base/crypt.h"
#include "base/json.h"

void config_copy(struct arena *a, const struct config *from, struct config *ret)
{
    struct env_var *env = from->n_env > 0 ? arena_calloc(a, from->n_env, sizeof *env) : NULL;

    for (size_t i = 0; i < from->n_env; i++)
        env[i] = (struct env_var){ arena_str(a, from->env[i].name), arena_str(a, from->env[i].value) };
    *ret = (struct config){
        .runtime = arena_str(a, from->runtime),
        .role = arena_str(a, from->role),
        .handler = arena_str(a, from->handler),
        .description = arena_str(a, from->description),
        .architecture = arena_str(a, from->architecture),
        .timeout_s = from->timeout_s,
        .memory_mb = from->memory_mb,
        .tmp_mb = from->tmp_mb,
        .has_env = from->has_env,
        .env = env,
        .n_env = from->n_env,
        .log_json = from->log_json,
        .log_group = arena_str(a, from->log_group),
        .app_log_level = arena_str(a, from->app_log_level),
        .system_log_level = arena_str(a, from->system_log_level),
        .dead_letter = arena_str(a, from->dead_letter),
        .code_sha256 = arena_str(a, from->code_sha256),
        .package_sha256_hex = arena_str(a, from->package_sha256_hex),
        .code_bytes = from->code_bytes,
    };
}

void env_json(struct buf *b, const struct env_var *v, size_t n)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    for (size_t i = 0; i < n; i++) {
        jw_key(&w, v[i].name);
        jw_str(&w, v[i].value);
    }
    jw_object_end(&w);
}

void config_json(struct buf *b, const struct config *c)
{
    struct json_writer w;

    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "runtime", c->runtime);
    jw_kstr(&w, "role", c->role);
    jw_kstr(&w, "handler", c->handler);
    jw_kstr(&w, "description", c->description);
    jw_kstr(&w, "architecture", c->architecture);
    jw_ki64(&w, "timeout_s", c->timeout_s);
    jw_ki64(&w, "memory_mb", c->memory_mb);
    jw_ki64(&w, "tmp_mb", c->tmp_mb);
    if (c->has_env) {
        struct buf env CLEANUP(buf_done) = { 0 };

        env_json(&env, c->env, c->n_env);
        jw_kraw(&w, "env", buf_view(&env));
    }
    jw_kbool(&w, "log_json", c->log_json);
    jw_kstr(&w, "log_group", c->log_group);
    jw_kstr(&w, "app_log_level", c->app_log_level);
    jw_kstr(&w, "system_log_level", c->system_log_level);
    jw_kstr(&w, "dead_letter", c->dead_letter); /* absent: no member, and the digest stays what it was */
    jw_kstr(&w, "code_sha256", c->code_sha256);
    jw_kstr(&w, "package", c->package_sha256_hex);
    jw_ki64(&w, "code_bytes", c->code_bytes);
    jw_object_end(&w);
}

static int64_t number(const struct json *doc, const char *key)
{
    const struct json *n = json_get(doc, str_of(key));
    int64_t v = 0;

    return n != NULL && n->type == JSON_NUMBER && json_i64(n, &v) == 0 ? v : 0;
}

static void read_env(struct arena *a, const struct json *env, struct config *ret)
{
    ret->has_env = true;
    ret->n_env = env->n;
    ret->env = arena_calloc(a, env->n > 0 ? env->n : 1, sizeof *ret->env);
    size_t i = 0;
    JSON_EACH(env, m)
        ret->env[i++] = (struct env_var){ arena_str(a, json_key(a, m)), arena_str(a, json_text(a, m)) };
}

int config_from_json(struct arena *a, struct str json, struct config *ret)
{
    struct json *doc;

    json = arena_str(a, json);
    if (json_parse(a, json, &doc, NULL) != 0 || doc->type != JSON_OBJECT)
        return -E_INVALID;
    const struct json *log_json = json_get(doc, STR("log_json"));
    const struct json *env = json_get(doc, STR("env"));
    *ret = (struct config){
        .runtime = json_get_text(a, doc, STR("runtime")),
        .role = json_get_text(a, doc, STR("role")),
        .handler = json_get_text(a, doc, STR("handler")),
        .description = json_get_text(a, doc, STR("description")),
        .architecture = json_get_text(a, doc, STR("architecture")),
        .timeout_s = number(doc, "timeout_s"),
        .memory_mb = number(doc, "memory_mb"),
        .tmp_mb = number(doc, "tmp_mb"),
        .log_json = log_json != NULL && log_json->type == JSON_TRUE,
        .log_group = json_get_text(a, doc, STR("log_group")),
        .app_log_level = json_get_text(a, doc, STR("app_log_level")),
        .system_log_level = json_get_text(a, doc, STR("system_log_level")),
        .dead_letter = json_get_text(a, doc, STR("dead_letter")),
        .code_sha256 = json_get_text(a, doc, STR("code_sha256")),
        .package_sha256_hex = json_get_text(a, doc, STR("package")),
        .code_bytes = number(doc, "code_bytes"),
    };
    if (env != NULL && env->type == JSON_OBJECT)
        read_env(a, env, ret);
    return 0;
}

struct str config_digest(struct arena *a, const struct config *c)
{
    struct buf b CLEANUP(buf_done) = { 0 };

    config_json(&b, c);
    struct digest d = sha256_of(buf_view(&b));
    return hex_str(a, &d);
}
