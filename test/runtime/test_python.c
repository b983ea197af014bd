/* test_python.c - our python runtime client: how handlers are found, called and answered for. */
#include <signal.h>
#include "runtime/cases.h"

#define PY(src, ...)                                                                               \
    EXPECT_ONE(.runtime = "python3.11", .handler = "app.handler", .file = "app.py", .source = src, \
               __VA_ARGS__)

TEST(python, returns_json)
{
    PY("def handler(event, context):\n  return {'got': event, 'text': 'h\\u00e9'}\n",
       .event = "{\"a\": [1, 2.5, null]}",
       .payload = "{\"got\": {\"a\": [1, 2.5, null]}, \"text\": \"h\\u00e9\"}", .log = "");
}
TEST(python, keeps_characters_from_3_12_on)
{
    EXPECT_ONE(.runtime = "python3.12", .handler = "app.handler", .file = "app.py",
               .source = "def handler(e, c): return 'h\\u00e9'\n", .payload = "\"h\xc3\xa9\"");
}
TEST(python, nothing_returned_is_null) { PY("def handler(e, c): pass\n", .payload = "null"); }
TEST(python, bytes_are_posted_as_they_are)
{
    PY("def handler(e, c): return b'\\x01raw'\n", .payload = "\001raw");
}
TEST(python, decimals_are_numbers)
{
    PY("from decimal import Decimal\ndef handler(e, c): return [Decimal('1.5'), Decimal('2')]\n",
       .payload = "[1.5, 2]");
}
TEST(python, finds_modules_in_folders)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "pkg/sub.fn", .file = "pkg/sub.py",
               .source = "def fn(e, c): return __name__\n", .file2 = "pkg/__init__.py", .source2 = "",
               .payload = "\"pkg.sub\"");
}
TEST(python, exception_has_type_message_and_stack)
{
    PY("class Odd(Exception): pass\ndef inner():\n    raise Odd('too odd')\ndef handler(e, c):\n    "
       "inner()\n",
       .kind = OUTCOME_ERROR,
       .payload = "{\"errorMessage\": \"too odd\", \"errorType\": \"Odd\", \"requestId\": \"<id>\", "
                  "\"stackTrace\": ["
                  "\"  File \\\"/var/task/app.py\\\", line 5, in handler\\n    inner()\\n\", "
                  "\"  File \\\"/var/task/app.py\\\", line 3, in inner\\n    raise Odd('too odd')\\n\"]}",
       .log = "[ERROR] Odd: too odd\nTraceback (most recent call last):\n"
              "\xc2\xa0\xc2\xa0"
              "File \"/var/task/app.py\", line 5, in handler\n\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0inner()\n"
              "\xc2\xa0\xc2\xa0"
              "File \"/var/task/app.py\", line 3, in inner\n\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0raise Odd('too "
              "odd')\n");
}
TEST(python, exception_keeps_the_environment)
{
    struct code *c = bench_code(&b, "python3.11", "app.handler", "app.py",
                                "n = 0\ndef handler(e, c):\n  global n\n  n += 1\n  if e.get('bad'): raise "
                                "ValueError('x')\n  return n\n",
                                NULL);
    struct answer first, second;

    answer_init(&first, &b, c, "{\"bad\": true}");
    bench_run(&first);
    EXPECT_INT(first.kind, OUTCOME_ERROR);
    EXPECT_STR(buf_view(&first.error_type), STR("ValueError"));
    answer_init(&second, &b, c, "{}");
    bench_run(&second);
    EXPECT_STR(buf_view(&second.payload), STR("2"));
    b.executor.retire(b.executor.arg, c);
    answer_done(&first);
    answer_done(&second);
    code_unref(c);
}
/* Whatever the server blocks or ignores: a function starts as the platform starts it. */
TEST(python, starts_with_no_signal_blocked_or_ignored)
{
    PY("import signal\ndef handler(e, c):\n  blocked = [l.split()[1] for l in open('/proc/self/status') if "
       "l.startswith('SigBlk')]\n  return [int(blocked[0], 16), signal.getsignal(signal.SIGUSR2).name]\n",
       .payload = "[0, \"SIG_DFL\"]");
}
/* One that waits for its next event is Ready, and has no start to fail any more. */
TEST(python, is_ready_when_it_waits)
{
    struct code *c = bench_code(&b, "python3.11", "app.handler", "app.py",
                                "import http.client, os, threading, time\n"
                                "def later():\n"
                                "  for i in range(200):\n"
                                "    time.sleep(0.02)\n"
                                "    h = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
                                "    h.request('POST', '/2018-06-01/runtime/init/error', '{}')\n"
                                "    got = h.getresponse().read().decode()\n"
                                "    if 'from Running' not in got:\n"
                                "      print('late:', got)\n"
                                "      return\n"
                                "def handler(e, c):\n"
                                "  threading.Thread(target=later).start()\n",
                                NULL);
    struct answer a;

    answer_init(&a, &b, c, "{}");
    bench_run(&a);
    for (int i = 0; i < 200 && str_find_str(buf_view(&b.log), STR("late:")) < 0; i++)
        bench_wait(&b, &(bool){ false }, 50);
    EXPECT(str_find_str(buf_view(&b.log), STR("late: {\"errorMessage\":\"State transition from Ready to "
                                              "InitError failed for runtime.")) >= 0);
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
}
TEST(python, what_is_no_json_fails)
{
    PY("def handler(e, c): return object()\n", .kind = OUTCOME_ERROR,
       .payload = "{\"errorMessage\": \"Unable to marshal response: Object of type object is not JSON "
                  "serializable\", \"errorType\": \"Runtime.MarshalError\", \"requestId\": \"<id>\", "
                  "\"stackTrace\": []}",
       .log = "[ERROR] Runtime.MarshalError: Unable to marshal response: Object of type object is not JSON "
              "serializable\nTraceback (most recent call last):\n");
}
TEST(python, sys_exit_is_an_exit)
{
    PY("import sys\ndef handler(e, c): sys.exit(4)\n", .kind = OUTCOME_ERROR,
       .payload = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime "
                  "exited with error: exit status 4\"}");
    PY("import sys\ndef handler(e, c): sys.exit()\n", .kind = OUTCOME_ERROR,
       .payload = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime "
                  "exited without providing a reason\"}");
}
TEST(python, timeout)
{
    PY("import time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(e, c):\n  "
       "print('before')\n  time.sleep(9)\n",
       .timeout_ms = 1000, .kind = OUTCOME_ERROR,
       .payload = "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: <id> Error: Task timed "
                  "out after 1.00 seconds\"}",
       .log = "before\n<time> <id> Task timed out after 1.00 seconds\n\n");
}

/* Init errors: the body is the answer, requestId is empty. */
#define INIT_ERROR(type, message, stack)                         \
    "{\"errorMessage\": \"" message "\", \"errorType\": \"" type \
    "\", \"requestId\": \"\", \"stackTrace\": [" stack "]}"

TEST(python_init, handler_without_a_dot)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "app", .file = "app.py", .source = "",
               .kind = OUTCOME_ERROR,
               .payload =
                   INIT_ERROR("Runtime.MalformedHandlerName",
                              "Bad handler 'app': not enough values to unpack (expected 2, got 1)", ""));
}
TEST(python_init, module_missing)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "gone.handler", .file = "app.py", .source = "",
               .kind = OUTCOME_ERROR,
               .payload = INIT_ERROR("Runtime.ImportModuleError",
                                     "Unable to import module 'gone': No module named 'gone'", ""),
               .log = "[ERROR] Runtime.ImportModuleError: Unable to import module 'gone': No module named "
                      "'gone'\nTraceback (most recent call last):\n");
}
TEST(python_init, function_missing)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "app.gone", .file = "app.py", .source = "",
               .kind = OUTCOME_ERROR,
               .payload =
                   INIT_ERROR("Runtime.HandlerNotFound", "Handler 'gone' missing on module 'app'", ""));
}
TEST(python_init, syntax_error)
{
    PY("def handler(e, c)\n  return 1\n", .kind = OUTCOME_ERROR,
       .payload = INIT_ERROR("Runtime.UserCodeSyntaxError",
                             "Syntax error in module 'app': expected ':' (app.py, line 1)",
                             "\"  File \\\"/var/task/app.py\\\" Line 1\\n    def handler(e, c)\\n\""));
}
TEST(python_init, built_in_module)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "sys.exit", .file = "app.py", .source = "",
               .kind = OUTCOME_ERROR,
               .payload = INIT_ERROR("Runtime.BuiltInModuleConflict",
                                     "Cannot use built-in module sys as a handler module", ""));
}
TEST(python_init, exception_shows_the_import_chain)
{
    struct code *c =
        bench_code(&b, "python3.11", "app.handler", "app.py", "raise RuntimeError('no luck')\n", NULL);
    struct answer a;

    answer_init(&a, &b, c, "{}");
    bench_run(&a);
    EXPECT_INT(a.kind, OUTCOME_ERROR);
    EXPECT(str_starts(buf_view(&a.payload),
                      STR("{\"errorMessage\": \"no luck\", \"errorType\": \"RuntimeError\", \"requestId\": "
                          "\"\", \"stackTrace\": [\"  File \\\"/usr/lib/python3")));
    EXPECT(str_ends(buf_view(&a.payload), STR("\"  File \\\"/var/task/app.py\\\", line 1, in <module>\\n    "
                                              "raise RuntimeError('no luck')\\n\"]}")));
    b.executor.retire(b.executor.arg, c);
    answer_done(&a);
    code_unref(c);
}

TEST(python_context, has_what_the_guide_lists)
{
    PY("def handler(e, c):\n  left = c.get_remaining_time_in_millis()\n"
       "  return [c.aws_request_id, c.function_name, c.function_version, c.memory_limit_in_mb, "
       "c.invoked_function_arn, c.log_group_name,\n"
       "    c.log_stream_name[10:20], c.tenant_id, c.identity.cognito_identity_id, c.client_context, 4000 < "
       "left <= 5000]\n",
       .payload = "[\"<id>\", \"thumb\", \"$LATEST\", \"256\", "
                  "\"arn:aws:lambda:us-east-1:000000000000:function:thumb:live\", \"/aws/lambda/thumb\", "
                  "\"/[$LATEST]\", null, null, null, true]");
}
TEST(python_context, client_context_is_unpacked)
{
    PY("def handler(e, c): x = c.client_context; return [x.custom, x.env, x.client.app_title, "
       "x.client.installation_id]\n",
       .client_context =
           "{\"custom\": {\"k\":\n 1}, \"env\": {\"e\": \"\xc3\xa9\"}, \"client\": {\"app_title\": \"t\"}}",
       .payload = "[{\"k\": 1}, {\"e\": \"\\u00e9\"}, \"t\", null]");
}
TEST(python_context, trace_id_is_in_the_environment)
{
    PY("import os\ndef handler(e, c): return os.environ['_X_AMZN_TRACE_ID']\n",
       .payload = "\"Root=1-5f0f0f0f-000000000000000000000000;Parent=0000000000000001;Sampled=0\"");
}

TEST(python_logs, prints_are_lines)
{
    PY("import sys\nprint('at init')\ndef handler(e, c):\n  print('one\\rstill one')\n  print('two', "
       "file=sys.stderr)\n  sys.stdout.write('no end')\n",
       .payload = "null", .log = "one\rstill one\ntwo\nno end\n");
}
TEST(python_logs, logging_has_level_time_and_id)
{
    PY("import logging\nlog = logging.getLogger('x')\nlog.setLevel('INFO')\ndef handler(e, c):\n  "
       "log.info('hi %d', 1)\n  log.debug('not me')\n  logging.warning('two\\nlines')\n",
       .payload = "null", .log = "[INFO]\t<time>\t<id>\thi 1\n[WARNING]\t<time>\t<id>\ttwo\nlines\n");
}
TEST(python_logs, json_format)
{
    PY("import logging\ndef handler(e, c):\n  print('plain')\n  logging.info('hi')\n  logging.debug('not "
       "me')\n  raise KeyError('k')\n",
       .log_format = "JSON", .kind = OUTCOME_ERROR,
       .payload = "{\"errorMessage\": \"'k'\", \"errorType\": \"KeyError\", \"requestId\": \"<id>\", "
                  "\"stackTrace\": [\"  File \\\"/var/task/app.py\\\", line 6, in handler\\n    raise "
                  "KeyError('k')\\n\"]}",
       .log = "plain\n{\"timestamp\": \"<time>\", \"level\": \"INFO\", \"message\": \"hi\", \"logger\": "
              "\"root\", \"requestId\": \"<id>\"}\n"
              "{\"timestamp\": \"<time>\", \"level\": \"ERROR\", \"message\": \"'k'\", \"requestId\": "
              "\"<id>\", \"errorType\": \"KeyError\", \"errorMessage\": \"'k'\", "
              "\"stackTrace\": [\"  File \\\"/var/task/app.py\\\", line 6, in handler\\n    raise "
              "KeyError('k')\\n\"]}\n");
}

TEST(python_environment, user_variables_and_platform_variables)
{
    PY("import os, sys\ndef handler(e, c):\n  v = os.environ\n"
       "  return [v['MINE'], v['AWS_ACCESS_KEY_ID'], v['AWS_ENDPOINT_URL'], v['_HANDLER'], "
       "v['AWS_EXECUTION_ENV'], v['TZ'], sys.path[0], os.getcwd(), v.get('HOME')]\n",
       .env_name = "MINE", .env_value = "is = mine",
       .payload = "[\"is = mine\", \"AKIATEST\", \"http://127.0.0.1:4566\", \"app.handler\", "
                  "\"AWS_Lambda_python3.11\", \":UTC\", \"/var/task\", \"/var/task\", null]");
}
TEST(python_environment, wrapper_script_is_started_instead)
{
    EXPECT_ONE(.runtime = "python3.11", .handler = "app.handler", .file = "app.py",
               .source = "import os\ndef handler(e, c): return os.environ['W']\n", .file2 = "bootstrap_wrap",
               .source2 = "#!/bin/sh\nexport W=wrapped\nexec \"$@\"\n", .env_name = "AWS_LAMBDA_EXEC_WRAPPER",
               .env_value = "/var/task/bootstrap_wrap", .payload = "\"wrapped\"");
}
TEST(python_environment, missing_wrapper_is_exit_status_127)
{
    PY("def handler(e, c): return 1\n", .env_name = "AWS_LAMBDA_EXEC_WRAPPER", .env_value = "/opt/none",
       .kind = OUTCOME_ERROR,
       .payload = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: <id> Error: Runtime "
                  "exited with error: exit status 127\"}");
}
TEST(python_environment, boto3_of_the_machine_comes_here)
{
    PY("def handler(e, c):\n  try:\n    import boto3\n  except ImportError:\n    return "
       "'http://127.0.0.1:4566'\n  return boto3.client('sqs').meta.endpoint_url\n",
       .timeout_ms = 60000, .payload = "\"http://127.0.0.1:4566\"");
}
TEST(python, children_work)
{
    PY("import subprocess\ndef handler(e, c): return subprocess.run(['echo', 'x'], "
       "capture_output=True).stdout.decode()\n",
       .payload = "\"x\\n\"");
}

/* The machine's own python, whatever another stands first on the PATH of who runs this: tracebacks name its
 * files. */
__attribute__((constructor)) static void the_machines_python(void)
{
    CHECK(setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) == 0);
}

__attribute__((constructor)) static void a_server_of_odd_habits(void)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &one, NULL) == 0 && signal(SIGUSR2, SIG_IGN) != SIG_ERR);
}

CASES_MAIN(true)
