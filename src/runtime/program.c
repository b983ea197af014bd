/* program.c - see program.h.
 *
 * An interpreter must be an ELF program: the scripts that version managers put on PATH (pyenv, asdf) only
 * find the real one with the help of a home directory, which a private root does not show. */
#include "runtime/program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum runtime_kind runtime_kind(struct str runtime)
{
    if (str_starts(runtime, STR("nodejs")))
        return RUNTIME_NODE;
    if (str_starts(runtime, STR("python3.")))
        return RUNTIME_PYTHON;
    if (str_starts(runtime, STR("provided")))
        return RUNTIME_PROVIDED;
    return RUNTIME_NOT_HERE;
}

/* ---- finding interpreters ---- */

static bool is_elf(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char head[4] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

    if (fd >= 0)
        close(fd);
    return n == 4 && memcmp(head, "\177ELF", 4) == 0;
}

/* The program's real path, or absent. */
static struct str find_on_path(struct arena *a, struct str name)
{
    struct str rest = str_of(getenv("PATH")), dir;
    char real[PATH_MAX];

    if (str_absent(rest))
        rest = STR("/usr/local/bin:/usr/bin:/bin");
    while (str_cut(&rest, ':', &dir)) {
        struct str path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(name));

        if (dir.n > 0 && dir.p[0] == '/' && access(path.p, X_OK) == 0 && realpath(path.p, real) != NULL &&
            is_elf(real))
            return arena_str(a, str_of(real));
    }
    return STR_NONE;
}

static struct str find_interpreter(struct arena *a, struct str runtime, enum runtime_kind kind)
{
    struct str found;

    if (kind == RUNTIME_NODE)
        return find_on_path(a, STR("node"));
    found = find_on_path(a, runtime); /* the runtime's name is the program's: python3.12 */
    return str_absent(found) ? find_on_path(a, STR("python3")) : found;
}

/* /home/u/.nvm/versions/node/v20/bin/node -> /home/u/.nvm/versions/node/v20 */
static const char *prefix_of(struct arena *a, struct str program)
{
    struct str dir = str_sub(program, 0, (size_t)MAX(str_rfind(program, '/'), 0));

    if (str_starts(program, STR("/usr/")) || str_starts(program, STR("/bin/")))
        return NULL;
    if (str_ends(dir, STR("/bin")))
        dir.n -= 4;
    return dir.n > 1 ? arena_z(a, dir) : NULL;
}

/* ---- the command ---- */

static struct str user_variable(const struct code *code, const char *name)
{
    for (size_t i = 0; i < code->n_env; i++)
        if (str_is(code->env[i].name, name))
            return code->env[i].value;
    return STR_NONE;
}

static void add_item(struct buf *b, struct str s)
{
    buf_str(b, s);
    buf_char(b, '\0');
}

static void interpreter_command(const struct program_place *place, const struct code *code, struct arena *a,
                                struct program *p)
{
    bool node = runtime_kind(code->runtime) == RUNTIME_NODE;
    struct str interpreter = find_interpreter(a, code->runtime, node ? RUNTIME_NODE : RUNTIME_PYTHON);
    struct str wrapper = user_variable(code, "AWS_LAMBDA_EXEC_WRAPPER");
    const char *const bootstraps = place->private_root ? "/var/runtime" : place->bootstrap_dir;
    CLEANUP(buf_done) struct buf argv = { 0 };

    if (str_absent(interpreter)) {
        p->why = arena_printf(a, "%s is not installed on this machine: install the Debian package %s",
                              node ? "node" : "python3", node ? "nodejs" : "python3");
        return;
    }
    p->wrapped = wrapper.n > 0;
    if (p->wrapped)
        add_item(&argv, wrapper);
    add_item(&argv, interpreter);
    if (node) {
        add_item(&argv, arena_printf(a, "%s/node/bootstrap.cjs", bootstraps));
    } else {
        add_item(&argv, STR("-u"));
        add_item(&argv, arena_printf(a, "%s/python/bootstrap.py", bootstraps));
    }
    p->argv = buf_to_arena(&argv, a);
    p->prefix = prefix_of(a, interpreter);
}

static void provided_command(const struct program_place *place, struct arena *a, struct program *p)
{
    struct str seen =
        place->private_root ? STR("/var/task/bootstrap") : arena_printf(a, "%s/bootstrap", p->task_dir);
    struct str host = arena_printf(a, "%s/bootstrap", p->task_dir);

    p->bootstrap = STR("/var/task/bootstrap");
    if (access(host.p, F_OK) < 0) {
        p->why = STR("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
        return;
    }
    p->argv = str_make(seen.p, seen.n + 1); /* with its NUL */
}

void program_find(const struct program_place *place, const struct code *code, struct arena *a,
                  struct program *ret)
{
    struct str task =
        arena_printf(a, "%s/" STR_FMT "/task", place->code_dir, STR_ARG(code->package_sha256_hex));

    *ret = (struct program){ .task_dir = task.p, .cwd = place->private_root ? "/var/task" : task.p };
    switch (runtime_kind(code->runtime)) {
    case RUNTIME_NODE:
    case RUNTIME_PYTHON: interpreter_command(place, code, a, ret); break;
    case RUNTIME_PROVIDED: provided_command(place, a, ret); break;
    case RUNTIME_NOT_HERE:
        ret->why = arena_printf(a,
                                "the runtime " STR_FMT
                                " cannot run on this machine: nodejs*, python3.* and provided.* can",
                                STR_ARG(code->runtime));
    }
}

/* ---- the environment ---- */

struct variables {
    struct arena *a;
    const struct code *code;
    struct buf out;
};

static void set(struct variables *v, const char *name, struct str value)
{
    buf_printf(&v->out, "%s=" STR_FMT, name, STR_ARG(value));
    buf_char(&v->out, '\0');
}

/* The platform's value, unless the user set the variable: for the few names "configuration-envvars" of the
 * developer guide leaves to the user, and the two that are ours (AWS_ENDPOINT_URL, TMPDIR). */
static void set_default(struct variables *v, const char *name, struct str value)
{
    struct str user = user_variable(v->code, name);

    set(v, name, str_absent(user) ? value : user);
}

static bool was_set(struct variables *v, struct str name)
{
    const char *at = v->out.p, *end = at + v->out.n;

    for (; at < end; at += strlen(at) + 1)
        if (strncmp(at, name.p, name.n) == 0 && at[name.n] == '=')
            return true;
    return false;
}

static void set_function(struct variables *v, const struct program_facts *f)
{
    const struct code *c = v->code;

    set(v, "_HANDLER", c->handler);
    set(v, "AWS_LAMBDA_RUNTIME_API", arena_printf(v->a, "127.0.0.1:%d", f->api_port));
    set(v, "AWS_LAMBDA_FUNCTION_NAME", c->name);
    set(v, "AWS_LAMBDA_FUNCTION_VERSION", c->version);
    set(v, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", arena_printf(v->a, "%lld", (long long)c->memory_mb));
    set(v, "AWS_LAMBDA_LOG_GROUP_NAME", c->log_group);
    set(v, "AWS_LAMBDA_LOG_STREAM_NAME", f->log_stream);
    set(v, "AWS_LAMBDA_INITIALIZATION_TYPE", STR("on-demand"));
    set(v, "AWS_REGION", c->region);
    set(v, "AWS_DEFAULT_REGION", c->region);
    set(v, "AWS_ACCESS_KEY_ID", f->credentials.access_key_id);
    set(v, "AWS_SECRET_ACCESS_KEY", f->credentials.secret_access_key);
    set(v, "AWS_SESSION_TOKEN", f->credentials.session_token);
    set(v, "AWS_LAMBDA_LOG_FORMAT", c->log_json ? STR("JSON") : STR("Text"));
    if (c->log_json)
        set(v, "AWS_LAMBDA_LOG_LEVEL", str_absent(c->app_log_level) ? STR("INFO") : c->app_log_level);
    if (runtime_kind(c->runtime) != RUNTIME_PROVIDED)
        set(v, "AWS_EXECUTION_ENV", arena_printf(v->a, "AWS_Lambda_" STR_FMT, STR_ARG(c->runtime)));
}

static void set_xray(struct variables *v)
{
    set_default(v, "AWS_XRAY_CONTEXT_MISSING", STR("LOG_ERROR"));
    set(v, "AWS_XRAY_DAEMON_ADDRESS", STR("169.254.100.1:2000"));
    set(v, "_AWS_XRAY_DAEMON_ADDRESS", STR("169.254.100.1"));
    set(v, "_AWS_XRAY_DAEMON_PORT", STR("2000"));
}

/* "nodejs20.x" -> "20" */
static struct str node_major(struct str runtime)
{
    struct str rest = str_sub(runtime, 6, runtime.n), major = STR("");

    str_cut(&rest, '.', &major);
    return major;
}

static void set_paths(struct variables *v, struct str task, struct str runtime, const struct program *p)
{
    struct str path = STR("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
    enum runtime_kind kind = runtime_kind(v->code->runtime);

    if (p->prefix != NULL)
        path = arena_printf(v->a, STR_FMT ":%s/bin", STR_ARG(path), p->prefix);
    set(v, "LAMBDA_TASK_ROOT", task);
    set(v, "LAMBDA_RUNTIME_DIR", runtime);
    set_default(v, "PATH", path);
    set_default(v, "LD_LIBRARY_PATH",
                arena_printf(v->a,
                             "/var/lang/lib:/lib64:/usr/lib64:" STR_FMT ":" STR_FMT "/lib:" STR_FMT
                             ":" STR_FMT "/lib:/opt/lib",
                             STR_ARG(runtime), STR_ARG(runtime), STR_ARG(task), STR_ARG(task)));
    if (kind == RUNTIME_PYTHON)
        set_default(v, "PYTHONPATH", runtime);
    if (kind == RUNTIME_NODE)
        set_default(v, "NODE_PATH",
                    arena_printf(v->a,
                                 "/opt/nodejs/node" STR_FMT "/node_modules:/opt/nodejs/node_modules:" STR_FMT
                                 "/node_modules:" STR_FMT ":" STR_FMT,
                                 STR_ARG(node_major(v->code->runtime)), STR_ARG(runtime), STR_ARG(runtime),
                                 STR_ARG(task)));
    set_default(v, "TZ", STR(":UTC"));
    set_default(v, "LANG", STR("en_US.UTF-8"));
}

static void set_users(struct variables *v)
{
    for (size_t i = 0; i < v->code->n_env; i++) {
        const struct env_var *e = &v->code->env[i];

        if (e->name.n > 0 && memchr(e->name.p, '\0', e->name.n) == NULL && !was_set(v, e->name))
            set(v, arena_z(v->a, e->name),
                str_sub(e->value, 0, strnlen(e->value.p != NULL ? e->value.p : "", e->value.n)));
    }
}

struct str program_environment(const struct program_place *place, const struct code *code,
                               const struct program_facts *f, const struct program *p, struct arena *a)
{
    struct variables v = { .a = a, .code = code };
    struct str env;

    set_function(&v, f);
    set_xray(&v);
    set_paths(&v, str_of(place->private_root ? "/var/task" : p->task_dir),
              str_of(place->private_root ? "/var/runtime" : place->bootstrap_dir), p);
    set_default(&v, "AWS_ENDPOINT_URL", str_of(place->endpoint));
    if (f->tmp_dir != NULL)
        set_default(&v, "TMPDIR", str_of(f->tmp_dir));
    set_users(&v);
    env = buf_to_arena(&v.out, a);
    buf_done(&v.out);
    return env;
}
