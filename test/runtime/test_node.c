/* test_node.c - our nodejs runtime client: how handlers are found, called and answered for. */
#include "runtime/cases.h"

#define NODE(src, ...)                                                                                 \
    EXPECT_ONE(.runtime = "nodejs20.x", .handler = "index.handler", .file = "index.js", .source = src, \
               __VA_ARGS__)

TEST(node, async_handler)
{
    NODE("exports.handler = async (e) => ({ got: e });", .event = "{\"a\":[1,null]}",
         .payload = "{\"got\":{\"a\":[1,null]}}", .log = "");
}
TEST(node, es_module_with_top_level_await)
{
    EXPECT_ONE(.runtime = "nodejs20.x", .handler = "index.handler", .file = "index.mjs",
               .source = "import path from 'path';\nconst x = await Promise.resolve(path.sep);\nexport const "
                         "handler = async () => x;",
               .payload = "\"/\"");
}
TEST(node, js_is_a_module_when_the_package_says_so)
{
    NODE("export const handler = async () => 1;", .file2 = "package.json", .source2 = "{\"type\":\"module\"}",
         .payload = "1");
}
TEST(node, finds_files_in_folders_and_nested_exports)
{
    EXPECT_ONE(.runtime = "nodejs20.x", .handler = "src/deep/mod.a.b", .file = "src/deep/mod.cjs",
               .source = "exports.a = { b: async () => 'nested' };", .payload = "\"nested\"");
}
TEST(node, finds_node_modules)
{
    NODE("exports.handler = async () => require('thing');", .file2 = "node_modules/thing/index.js",
         .source2 = "module.exports = 'found';", .payload = "\"found\"");
}
TEST(node, undefined_is_null) { NODE("exports.handler = async () => {};", .payload = "null"); }
TEST(node, callback)
{
    NODE("exports.handler = (e, c, cb) => setTimeout(() => cb(null, { ok: 1 }), 5);",
         .payload = "{\"ok\":1}");
}
TEST(node, callback_with_an_error)
{
    NODE("exports.handler = (e, c, cb) => cb(new TypeError('no'));", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"TypeError\",\"errorMessage\":\"no\",\"trace\":[\"TypeError: no\",\"    "
                    "at exports.handler (/var/task/index.js:1:36)\"]}",
         .log = "<time>\t<id>\tERROR\tInvoke Error "
                "\t{\"errorType\":\"TypeError\",\"errorMessage\":\"no\",\"stack\":[\"TypeError: no\",\"    "
                "at exports.handler (/var/task/index.js:1:36)\"]}\n");
}
TEST(node, callback_waits_for_the_empty_loop)
{
    NODE("exports.handler = (e, c, cb) => { setTimeout(() => console.log('late'), 50); cb(null, 1); };",
         .payload = "1", .log = "<time>\t<id>\tINFO\tlate\n");
}
TEST(node, callback_need_not_wait)
{
    NODE("exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, "
         "60000); cb(null, 1); };",
         .payload = "1", .log = "");
}
TEST(node, neither_promise_nor_callback_is_null)
{
    NODE("exports.handler = () => { setTimeout(() => {}, 5); };", .payload = "null");
}
TEST(node, legacy_context_methods)
{
    NODE("exports.handler = (e, c) => c.succeed('s');", .payload = "\"s\"");
    NODE("exports.handler = (e, c) => c.done(null, 'd');", .payload = "\"d\"");
    NODE("exports.handler = (e, c) => c.fail('f');", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"string\",\"errorMessage\":\"f\",\"trace\":[]}");
}
TEST(node, streamed_response_is_put_together)
{
    NODE("exports.handler = awslambda.streamifyResponse(async (e, out) => { "
         "out.setContentType('text/plain'); out.write('a'); out.write('b'); out.end(); });",
         .payload = "ab");
}
TEST(node, streamed_response_that_breaks_off_is_what_was_sent)
{
    NODE("exports.handler = awslambda.streamifyResponse(async (e, out) => { out.write('a'); throw new "
         "Error('late'); });",
         .payload = "a");
}
TEST(node, rejection)
{
    NODE("exports.handler = async () => {\n  throw new RangeError('far');\n};", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"RangeError\",\"errorMessage\":\"far\",\"trace\":[\"RangeError: "
                    "far\",\"    at exports.handler (/var/task/index.js:2:9)\"]}");
}
TEST(node, rejection_with_something_else)
{
    NODE("exports.handler = async () => { throw 42; };", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"number\",\"errorMessage\":\"42\",\"trace\":[]}");
}
TEST(node, thrown_at_once)
{
    NODE("exports.handler = () => { throw new Error('now'); };", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"Error\",\"errorMessage\":\"now\",\"trace\":[\"Error: now\",\"    at "
                    "exports.handler (/var/task/index.js:1:33)\"]}");
}
TEST(node, circular_result_fails)
{
    NODE("exports.handler = async () => { const a = {}; a.a = a; return a; };", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"Error\",\"errorMessage\":\"Unable to stringify response "
                    "body\",\"trace\":[\"Error: Unable to stringify response body\"]}");
}
TEST(node, promise_that_never_settles)
{
    struct code *c = bench_code(&b, "nodejs20.x", "index.handler", "index.js",
                                "exports.handler = async () => new Promise(() => {});", NULL);
    struct answer a;

    answer_init(&a, &b, c, "{}");
    bench_run(&a);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT_STR(buf_view(&a.error_type), STR("Runtime.NodeJsExit"));
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
}
TEST(node, unhandled_rejection_ends_the_process)
{
    NODE("exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => "
         "setTimeout(r, 500)); };",
         .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"Runtime.UnhandledPromiseRejection\",\"errorMessage\":\"Error: "
                    "lost\",\"trace\":[\"Runtime.UnhandledPromiseRejection: Error: lost\","
                    "\"    at exports.handler (/var/task/index.js:1:48)\"]}");
}
TEST(node, uncaught_exception_ends_the_process)
{
    struct code *c =
        bench_code(&b, "nodejs20.x", "index.handler", "index.js",
                   "let n = 0; exports.handler = async (e) => { n++; if (e.bad) { setTimeout(() => { throw "
                   "new Error('late'); }, 1); await new Promise((r) => setTimeout(r, 500)); } return n; };",
                   NULL);
    struct answer first, second;

    answer_init(&first, &b, c, "{\"bad\":true}");
    bench_run(&first);
    EXPECT_INT(first.kind, OUTCOME_ERROR);
    EXPECT(str_starts(buf_view(&first.payload),
                      STR("{\"errorType\":\"Error\",\"errorMessage\":\"late\",\"trace\":[\"Error: late\",\"  "
                          "  at Timeout._onTimeout (/var/task/index.js:1:")));
    answer_init(&second, &b, c, "{}");
    bench_run(&second);
    EXPECT_STR(buf_view(&second.payload), STR("1")); /* a new process */
    b.executor.retire(b.executor.arg, c);
    answer_done(&first);
    answer_done(&second);
    code_unref(c);
}
TEST(node, process_exit)
{
    NODE("exports.handler = async () => process.exit(3);", .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime "
                    "exited with error: exit status 3\"}");
}
TEST(node, timeout)
{
    NODE("process.on('SIGTERM', () => {}); exports.handler = async () => { console.log('x'); for (;;); };",
         .timeout_ms = 1000, .kind = OUTCOME_ERROR,
         .payload = "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: <id> Error: Task "
                    "timed out after 1.00 seconds\"}",
         .log = "<time>\t<id>\tINFO\tx\n<time> <id> Task timed out after 1.00 seconds\n\n");
}

static void expect_init(const char *handler, const char *file, const char *source, const char *type,
                        const char *message)
{
    struct code *c = bench_code(&b, "nodejs20.x", handler, file, source, NULL);
    struct str start = arena_printf(m, "{\"errorType\":\"%s\",\"errorMessage\":\"%s", type, message);
    struct answer a;

    answer_init(&a, &b, c, "{}");
    bench_run(&a);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT_STR(str_sub(buf_view(&a.payload), 0, start.n), start);
    EXPECT_STR(buf_view(&a.error_type), str_of(type));
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
}
TEST(node_init, module_missing)
{
    expect_init("gone.handler", "index.js", "", "Runtime.ImportModuleError",
                "Error: Cannot find module 'gone'\\nRequire stack:\\n");
}
TEST(node_init, required_module_missing)
{
    expect_init("index.handler", "index.js", "require('nowhere');", "Runtime.ImportModuleError",
                "Error: Cannot find module 'nowhere'\\nRequire stack:\\n- /var/task/index.js");
}
TEST(node_init, imported_module_missing)
{
    expect_init("index.handler", "index.mjs", "import x from 'nowhere';", "Runtime.ImportModuleError",
                "Error");
}
TEST(node_init, syntax_error)
{
    expect_init("index.handler", "index.js", "exports.handler = async (", "Runtime.UserCodeSyntaxError",
                "SyntaxError: ");
}
TEST(node_init, export_missing)
{
    expect_init("index.gone", "index.js", "exports.handler = 1;", "Runtime.HandlerNotFound",
                "index.gone is undefined or not exported\"");
}
TEST(node_init, no_function)
{
    expect_init("index.handler", "index.js", "exports.handler = 1;", "Runtime.HandlerNotFound",
                "index.handler is not a function\"");
}
TEST(node_init, no_dot)
{
    expect_init("index", "index.js", "", "Runtime.MalformedHandlerName", "Bad handler\"");
}
TEST(node_init, leaving_the_package)
{
    expect_init("../x.handler", "index.js", "", "Runtime.MalformedHandlerName",
                "'../x.handler' is not a valid handler name. Use absolute paths when specifying root "
                "directories in handler names.\"");
}
TEST(node_init, thrown_at_load)
{
    expect_init("index.handler", "index.js", "throw new TypeError('at load');", "TypeError",
                "at load\",\"trace\":[\"TypeError: at load\"");
}
TEST(node_init, callbacks_end_with_24)
{
    EXPECT_ONE(.runtime = "nodejs24.x", .handler = "index.handler", .file = "index.js",
               .source = "exports.handler = async (e, c) => 24;", .payload = "24");
}

TEST(node_context, has_what_the_guide_lists)
{
    NODE("exports.handler = async (e, c) => { const left = c.getRemainingTimeInMillis(); return "
         "[c.awsRequestId, c.functionName, c.functionVersion, c.memoryLimitInMB,"
         " c.invokedFunctionArn, c.logGroupName, c.logStreamName.slice(10, 20), "
         "c.callbackWaitsForEmptyEventLoop, c.clientContext, left > 4000 && left <= 5000,"
         " process.env._X_AMZN_TRACE_ID, process.cwd()]; };",
         .client_context = "{\"custom\":{\"k\":1}}",
         .payload = "[\"<id>\",\"thumb\",\"$LATEST\",\"256\",\"arn:aws:lambda:us-east-1:000000000000:"
                    "function:thumb:live\",\"/aws/lambda/thumb\",\"/[$LATEST]\",true,"
                    "{\"custom\":{\"k\":1}},true,\"Root=1-5f0f0f0f-000000000000000000000000;Parent="
                    "0000000000000001;Sampled=0\",\"/var/task\"]");
}
TEST(node_logs, console)
{
    NODE("exports.handler = async () => { console.log('a %d', 1); console.warn('b\\nc'); console.error('d'); "
         "process.stdout.write('raw\\n'); };",
         .payload = "null",
         .log = "<time>\t<id>\tINFO\ta 1\n<time>\t<id>\tWARN\tb\nc\n<time>\t<id>\tERROR\td\nraw\n");
}
TEST(node_logs, json_format)
{
    NODE("exports.handler = async () => { console.log('a'); console.debug('not me'); console.log({ k: 1 }); "
         "};",
         .log_format = "JSON", .payload = "null",
         .log =
             "{\"timestamp\":\"<time>\",\"level\":\"INFO\",\"requestId\":\"<id>\",\"message\":\"a\"}\n"
             "{\"timestamp\":\"<time>\",\"level\":\"INFO\",\"requestId\":\"<id>\",\"message\":{\"k\":1}}\n");
}
TEST(node, large_events_and_answers)
{
    size_t n = 1 << 20;
    char *event = malloc(n + 1);
    struct code *c = bench_code(&b, "nodejs20.x", "index.handler", "index.js",
                                "exports.handler = async (e) => e + e;", NULL);
    struct answer a;

    memset(event, 'x', n);
    event[0] = event[n - 1] = '"';
    event[n] = '\0';
    answer_init(&a, &b, c, event);
    bench_run(&a);
    EXPECT_INT(a.payload.n, 2 * (n - 2) + 2);
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
    free(event);
}

CASES_MAIN(true)
