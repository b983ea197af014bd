/* credentials.c - `waybill credentials`: shows, makes or replaces the root pair of a data directory. */
#include "cli/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

#define FILE_NAME "credentials"
#define MOST_BYTES 4096

/* ---- the file ---- */

static int write_all(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -E_IO;
        s = str_sub(s, (size_t)n, s.n);
    }
    return 0;
}

int credentials_write(const char *dir, const struct iam_pair *pair)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    CLEANUP(buf_done) struct buf fresh = { 0 };
    CLEANUP(buf_done) struct buf text = { 0 };
    int fd, r;

    buf_printf(&path, "%s/" FILE_NAME, dir);
    buf_printf(&fresh, "%s/" FILE_NAME ".new", dir);
    buf_printf(&text,
               "# The root pair of this data directory (see: waybill credentials --help).\n[default]\n"
               "aws_access_key_id = " STR_FMT "\naws_secret_access_key = " STR_FMT "\n",
               STR_ARG(pair->key), STR_ARG(pair->secret));
    unlink(fresh.p); /* what stood there may have been made for others to read */
    fd = open(fresh.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -E_IO;
    r = write_all(fd, buf_view(&text));
    if (fsync(fd) < 0)
        r = -E_IO;
    close(fd);
    return r == 0 && rename(fresh.p, path.p) == 0 ? 0 : -E_IO;
}

static struct str value_of(struct str line, const char *name)
{
    struct str key;

    str_cut(&line, '=', &key);
    return !str_absent(line) && str_is(str_trim(key), name) ? str_trim(line) : STR_NONE;
}

bool credentials_read(struct arena *a, const char *dir, struct iam_pair *ret)
{
    CLEANUP(buf_done) struct buf path = { 0 };
    char *bytes = arena_alloc(a, MOST_BYTES);
    struct str rest, line;
    ssize_t n;
    int fd;

    *ret = (struct iam_pair){ STR_NONE, STR_NONE };
    buf_printf(&path, "%s/" FILE_NAME, dir);
    fd = open(path.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, bytes, MOST_BYTES);
    close(fd);
    rest = str_make(bytes, n > 0 ? (size_t)n : 0);
    while (str_cut(&rest, '\n', &line)) {
        struct str key = value_of(line, "aws_access_key_id"),
                   secret = value_of(line, "aws_secret_access_key");

        ret->key = str_absent(key) ? ret->key : key;
        ret->secret = str_absent(secret) ? ret->secret : secret;
    }
    return !str_empty(ret->key) && !str_empty(ret->secret);
}

/* ---- the command ---- */

enum wish { SHOW, MAKE, ROTATE };

static void print_pair(const struct iam_pair *p, bool export)
{
    const char *before = export ? "export " : "";

    printf("%sAWS_ACCESS_KEY_ID=" STR_FMT "\n%sAWS_SECRET_ACCESS_KEY=" STR_FMT "\n", before, STR_ARG(p->key),
           before, STR_ARG(p->secret));
}

/* The pair of a store nobody else has open, made or replaced where that is wished; in a. */
static int change(struct arena *a, struct store *s, enum wish wish, struct iam_pair *ret)
{
    struct iam_options options = { 0 };
    struct iam *i = iam_new(&options);
    struct turn t = { .magic = TURN_MAGIC, .store = s, .now = { .wall_ms = clock_real_ms() } };
    struct iam_pair pair;
    bool had;
    int r;

    iam_load(i, &t);
    had = iam_root_pair(i, &pair);
    if (!had || wish == ROTATE)
        iam_root_make(i, &t);
    iam_root_pair(i, &pair);
    *ret = (struct iam_pair){ arena_str(a, pair.key), arena_str(a, pair.secret) };
    r = store_commit(s);
    iam_free(i);
    return r;
}

static int make(struct arena *a, const char *dir, enum wish wish, struct iam_pair *ret)
{
    CLEANUP(buf_done) struct buf why = { 0 };
    struct store_options so = { .dir = dir };
    struct store *s;
    int r = store_open(&so, &s, &why);

    if (r == -E_BUSY) {
        fprintf(stderr,
                "waybill: a server is running on %s. Stop it, run this again, and start it: the new pair "
                "counts from then on\n",
                dir);
        return 1;
    }
    if (r < 0) {
        fprintf(stderr, "waybill: the data directory cannot be used: " STR_FMT "\n",
                STR_ARG(why.n > 0 ? buf_view(&why) : str_of(error_text(r))));
        return 1;
    }
    r = change(a, s, wish, ret);
    store_close(s);
    if (r == 0)
        r = credentials_write(dir, ret);
    if (r < 0)
        fprintf(stderr, "waybill: the pair could not be written to %s: %s\n", dir, error_text(r));
    return r < 0 ? 1 : 0;
}

static int run_credentials(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    CLEANUP(buf_done) struct buf place = { 0 };
    enum wish wish = SHOW;
    const char *dir = NULL;
    bool export = false;
    struct iam_pair pair;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(command_credentials.help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            dir = argv[++i];
        else if (strncmp(argv[i], "--data=", 7) == 0)
            dir = argv[i] + 7;
        else if (strcmp(argv[i], "--make") == 0 && wish != ROTATE)
            wish = MAKE;
        else if (strcmp(argv[i], "--rotate") == 0 && wish != MAKE)
            wish = ROTATE;
        else if (strcmp(argv[i], "--export") == 0)
            export = true;
        else
            return cli_usage(&command_credentials, "%s is not understood", argv[i]);
    }
    dir = dir != NULL ? dir : cli_default_data(&place);
    if (wish != ROTATE && credentials_read(a, dir, &pair)) {
        print_pair(&pair, export);
        return 0;
    }
    if (wish == SHOW) {
        fprintf(stderr,
                "waybill: %s has no root pair that can be read here. waybill credentials --make makes one, "
                "and so does the first "
                "start of waybill serve --auth verify\n",
                dir);
        return 1;
    }
    if (make(a, dir, wish, &pair) != 0)
        return 1;
    print_pair(&pair, export);
    return 0;
}

const struct command command_credentials = {
    .name = "credentials",
    .summary = "show or make the root pair of --auth verify",
    .run = run_credentials,
    .help = "Usage: waybill credentials [--data DIR] [--make | --rotate] [--export]\n\n"
            "A server started with --auth verify believes only signed requests. The root pair, an access key "
            "and its secret,\n"
            "acts for the operator of the server's account: it makes roles and functions, and signs what "
            "this program asks of\n"
            "the server. It is kept in the data directory, and in DIR/credentials for its owner alone, in "
            "the form that\n"
            "AWS_SHARED_CREDENTIALS_FILE wants.\n\n"
            "  --data DIR   default $WAYBILL_DATA, $XDG_DATA_HOME/waybill or ~/.local/share/waybill\n"
            "  --make       make a pair where there is none yet\n"
            "  --rotate     replace the pair; the old one is worthless from the server's next start on. A "
            "running server\n"
            "               must be stopped for it\n"
            "  --export     as lines for a shell: eval \"$(waybill credentials --export)\"\n"
            "  --help       this text\n",
};
