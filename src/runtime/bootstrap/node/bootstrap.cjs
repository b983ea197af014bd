'use strict';
// Waybill's runtime client for nodejs functions, started as `node bootstrap.cjs`.
//
// Takes events from the Runtime API, calls the handler, posts what it gave.  Behaves as the Lambda developer guide
// describes AWS's client.  One raw keep-alive socket; a result and the question for the next event leave in one
// write.  While the handler runs the socket is unreferenced, so "the event loop is empty" means the function's.

const net = require('net');
const fs = require('fs');
const path = require('path');
const util = require('util');
const Module = require('module');
const { Writable } = require('stream');

const env = process.env;
const JSON_LOG = env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const LEAST = JSON_LOG ? Math.max(LEVELS.indexOf(env.AWS_LAMBDA_LOG_LEVEL || 'INFO'), 0) : 0;
const FRAME = Buffer.from([0xa5, 0x5a, 0x00, 0x03]);       // one log event of several lines; see runtime/output.h
const FRAME_MOST = 256 * 1024;
const API = '/2018-06-01/runtime/';
const RUNTIME_MAJOR = Number(/nodejs(\d+)/.exec(env.AWS_EXECUTION_ENV || '')?.[1] ?? 0);

let requestId;                                              // of the event in work, for log lines

// ---- log lines ----

function writeAll(data) {
  for (let at = 0; at < data.length;) {
    try {
      at += fs.writeSync(1, data, at);
    } catch (e) {
      if (e.code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function writeEvent(text) {
  let data = Buffer.from(text);
  if (data.length > FRAME_MOST) data = data.subarray(0, FRAME_MOST);
  if (!data.includes(10)) return writeAll(Buffer.concat([data, Buffer.from('\n')]));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  writeAll(Buffer.concat([FRAME, length, data]));
}

function jsonLine(level, args) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  const error = args.find((a) => a instanceof Error);
  line.message = args.length === 1 && typeof args[0] === 'object' && !error ? args[0] : util.format(...args);
  if (error) Object.assign(line, { errorType: error.name, errorMessage: error.message, stackTrace: frames(error) });
  try {
    return JSON.stringify(line);
  } catch {
    return JSON.stringify({ ...line, message: util.format(...args) });
  }
}

function log(level, args) {
  if (LEVELS.indexOf(level) < LEAST) return;
  writeEvent(JSON_LOG ? jsonLine(level, args) : `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...args)}`);
}

for (const [method, level] of [['log', 'INFO'], ['info', 'INFO'], ['debug', 'DEBUG'], ['warn', 'WARN'], ['error', 'ERROR'],
  ['trace', 'TRACE'], ['fatal', 'FATAL']]) {
  console[method] = (...args) => log(level, args);
}

function logError(title, error) {
  const all = { errorType: error?.name ?? typeof error, errorMessage: error?.message ?? String(error), ...error, stack: frames(error) };
  if (JSON_LOG) {
    writeEvent(JSON.stringify({ timestamp: new Date().toISOString(), level: 'ERROR', requestId, message: all.errorMessage,
      errorType: all.errorType, errorMessage: all.errorMessage, stackTrace: all.stack }));
  } else {
    writeEvent(`${new Date().toISOString()}\t${requestId}\tERROR\t${title} \t${safeStringify(all)}`);
  }
}

function safeStringify(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify({ errorType: value.errorType, errorMessage: value.errorMessage, stack: value.stack });
  }
}

// ---- SDKs that would leave for the real AWS ----

// endpoint.cjs costs what node's http modules cost: it waits until the function asks for one of them.
const guard = {
  wanted: env.AWS_ENDPOINT_URL && env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS !== 'true',
  modules: new Set(['http', 'https', 'http2', 'node:http', 'node:https', 'node:http2']),

  load() {
    if (!this.wanted) return undefined;
    this.modules.clear();
    try {
      return require('./endpoint.cjs');
    } catch {
      return undefined;                                     // AWS_ENDPOINT_URL is the function's own, and no address
    }
  },

  install() {
    if (!this.wanted) return;
    const { modules } = this;
    const load = Module._load;
    Module._load = function loadGuarded(request, ...rest) {
      if (modules.has(request)) guard.load();
      return load.call(this, request, ...rest);
    };
    const { fetch } = globalThis;
    if (fetch === undefined) return;
    globalThis.fetch = async function (input, init) {
      const refused = /amazonaws|api\.aws/i.test(String(input?.url ?? input)) ? guard.load()?.refuses(input, init) : undefined;
      if (refused) throw refused;
      return fetch(input, init);
    };
  },
};

// ---- errors ----

class PlatformError extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
    this.stack = `${type}: ${message}`;
  }
}

// The stack's lines down to our own frames: what stands below called us, not the function.
function frames(error) {
  if (typeof error?.stack !== 'string') return [];
  const lines = error.stack.split('\n').filter((line) => !line.includes('.loadGuarded [as _load]'));
  const ours = lines.findIndex((line) => line.startsWith('    at ') && line.includes(__filename));
  return ours < 0 ? lines : lines.slice(0, ours);
}

function isError(value) {
  return value instanceof Error || util.types.isNativeError(value);
}

function describe(error) {
  if (!isError(error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: String(error.name), errorMessage: String(error.message), trace: frames(error) };
}

// ---- the Runtime API ----

// The environment is over.  Nobody may be left to read it, but whoever looks for a cause must find one.
function giveUp(why) {
  try {
    fs.writeSync(2, `waybill runtime client: ${why}; ending\n`);
  } finally {
    process.reallyExit(1);
  }
}

const api = {
  socket: null,
  common: `Host: ${env.AWS_LAMBDA_RUNTIME_API}\r\nUser-Agent: aws-lambda-nodejs/${process.version}-waybill\r\n`,
  waiting: [],                                              // what to do with the replies to come, in order
  data: Buffer.alloc(0),

  connect(then) {
    const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
    this.socket = net.connect({ host, port: Number(port), noDelay: true }, then);
    this.socket.on('data', (part) => this.read(part));
    let why = 'closed the connection';
    this.socket.on('error', (error) => { why = `cannot be reached: ${error.message}`; });
    this.socket.on('close', () => giveUp(`the Runtime API ${why}`));
    this.nextRequest = `GET ${API}invocation/next HTTP/1.1\r\n${this.common}\r\n`;
  },

  read(part) {
    let data = this.data.length > 0 ? Buffer.concat([this.data, part]) : part;
    for (;;) {
      const end = this.needed > data.length ? -1 : data.indexOf('\r\n\r\n');
      if (end < 0) break;
      const head = data.toString('utf8', 0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      this.needed = end + 4 + length;
      if (data.length < this.needed) break;
      const body = data.subarray(end + 4, this.needed);
      data = data.subarray(this.needed);
      this.needed = 0;
      this.waiting.shift()(Number(head.substring(9, 12)), head, body);
    }
    this.data = data;
  },
  needed: 0,

  next() {
    this.waiting.push(onEvent);
    this.socket.ref();
  },

  askNext() {
    this.next();
    this.socket.write(this.nextRequest);
  },

  // Posts; with `more`, asks for the next event in the same write; else calls then().
  post(where, body, headers, more, then) {
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const head = `POST ${API}${where} HTTP/1.1\r\n${this.common}Content-Length: ${bytes}\r\n${headers}\r\n`;
    this.waiting.push(then ?? (() => {}));
    if (more) this.next();
    if (typeof body === 'string') {
      this.socket.write(head + body + (more ? this.nextRequest : ''));
    } else {
      this.socket.write(head);
      this.socket.write(body);
      if (more) this.socket.write(this.nextRequest);
    }
  },

  postError(where, error, more, then) {
    const e = describe(error);
    const type = e.errorType.replace(/[^\x20-\x7e]/g, '');
    this.post(where, JSON.stringify(e), `Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: ${type}\r\n`, more, then);
  },
};

// ---- streaming handlers ----

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = options ?? true;
    return handler;
  },
  HttpResponseStream: class {
    static from(stream, metadata) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(metadata));
      stream.write(Buffer.alloc(8));
      return stream;
    }
  },
};

class ResponseStream extends Writable {
  parts = [];
  contentType = 'application/octet-stream';
  _write(chunk, encoding, done) {
    this.parts.push(chunk);
    done();
  }
  write(chunk, ...rest) {
    const plain = typeof chunk === 'string' || Buffer.isBuffer(chunk) || chunk instanceof Uint8Array;
    return super.write(plain ? chunk : JSON.stringify(chunk), ...rest);
  }
  setContentType(type) {
    this.contentType = String(type).replace(/[\r\n]/g, '');
  }
}

// ---- the function ----

let handler;

function loadAsFile(file) {
  return fs.existsSync(file) && fs.statSync(file).isFile();
}

function isModulePackage(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    const manifest = path.join(dir, 'package.json');
    if (fs.existsSync(manifest)) {
      try {
        return JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (dir === path.dirname(dir)) return false;
  }
}

// An import of node's own modules passes no hook: what they export has to be changed before.
function importFile(file) {
  guard.load();
  return import(require('url').pathToFileURL(file).href);
}

async function loadModule(root, dir, name) {
  const file = path.resolve(root, dir, name);
  if (loadAsFile(file)) return require(file);
  if (loadAsFile(`${file}.js`)) return isModulePackage(`${file}.js`) ? importFile(`${file}.js`) : require(`${file}.js`);
  if (loadAsFile(`${file}.mjs`)) return importFile(`${file}.mjs`);
  if (loadAsFile(`${file}.cjs`)) return require(`${file}.cjs`);
  return require(require.resolve(path.join(dir, name), { paths: [root, path.resolve(root, dir)] }));
}

function loadError(error) {
  if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
    return new PlatformError('Runtime.ImportModuleError', String(error));
  }
  if (error instanceof SyntaxError) return new PlatformError('Runtime.UserCodeSyntaxError', String(error));
  return error;
}

async function loadHandler(text) {
  if (text.includes('..')) {
    throw new PlatformError('Runtime.MalformedHandlerName',
      `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const base = path.basename(text);
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (!match) throw new PlatformError('Runtime.MalformedHandlerName', 'Bad handler');
  let found;
  try {
    found = await loadModule(env.LAMBDA_TASK_ROOT, text.substring(0, text.lastIndexOf(base)), match[1]);
  } catch (e) {
    throw loadError(e);
  }
  let at = found;
  for (const name of match[2].split('.')) at = at?.[name];
  if (at === undefined) at = match[2].split('.').reduce((o, name) => o?.[name], found?.default);
  if (at === undefined || at === null) throw new PlatformError('Runtime.HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof at !== 'function') throw new PlatformError('Runtime.HandlerNotFound', `${text} is not a function`);
  // UNVERIFIED: the exact words.
  if (RUNTIME_MAJOR >= 24 && at.length >= 3 && !at[STREAMING]) {
    throw new PlatformError('Runtime.CallbackHandlerDeprecated', 'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. '
      + 'You need to modify this function to use a supported handler signature to use Node.js 24 or later. '
      + 'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.');
  }
  return at;
}

// ---- one invocation ----

let current = null;                                         // the invocation in work, until it is answered

function headerOf(head, name) {
  const at = head.indexOf(`\r\n${name}: `);
  if (at < 0) return undefined;
  const from = at + name.length + 4;
  const end = head.indexOf('\r\n', from);
  return end < 0 ? head.substring(from) : head.substring(from, end);
}

class Invocation {
  constructor(id) {
    this.id = id;
    this.answered = false;
    this.async = false;
    this.result = undefined;                                // a callback's, waiting for the loop to be empty
  }

  where(what) {
    return `invocation/${this.id}/${what}`;
  }

  settle() {
    if (this.answered) return false;
    this.answered = true;
    current = null;
    return true;
  }

  succeed(value) {
    let body;
    try {
      body = JSON.stringify(value === undefined ? null : value) ?? 'null';
    } catch {
      this.fail(new Error('Unable to stringify response body'));
      return;
    }
    if (this.settle()) api.post(this.where('response'), body, 'Content-Type: application/json\r\n', true);
  }

  fail(error) {
    if (!this.settle()) return;
    logError('Invoke Error', error);
    api.postError(this.where('error'), error, true);
  }

  succeedStream(stream, error) {
    if (!this.settle()) return;
    let headers = `Content-Type: ${stream.contentType}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n`;
    if (error) {
      logError('Invoke Error', error);
      headers += `Lambda-Runtime-Function-Error-Type: ${describe(error).errorType.replace(/[^\x20-\x7e]/g, '')}\r\n`;
    }
    api.post(this.where('response'), Buffer.concat(stream.parts), headers, true);
  }

  // The event loop is empty and nothing was answered.
  drained() {
    if (this.result !== undefined) this.result();
    else if (this.async) this.fail(new PlatformError('Runtime.NodeJsExit', NEVER_SETTLED));
    else this.succeed(null);
  }
}

// UNVERIFIED: the exact words.
const NEVER_SETTLED = 'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that never settled. '
  + 'For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes';

function makeContext(head, invocation, callback) {
  const deadline = Number(headerOf(head, 'Lambda-Runtime-Deadline-Ms'));
  const client = headerOf(head, 'Lambda-Runtime-Client-Context');
  const identity = headerOf(head, 'Lambda-Runtime-Cognito-Identity');
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client && JSON.parse(client),
    identity: identity && JSON.parse(identity),
    invokedFunctionArn: headerOf(head, 'Lambda-Runtime-Invoked-Function-Arn'),
    awsRequestId: invocation.id,
    tenantId: headerOf(head, 'Lambda-Runtime-Aws-Tenant-Id'),
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
    done: (error, value) => callback(error, value),
    succeed: (value) => callback(null, value),
    fail: (error) => callback(error ?? null),
  };
}

function callStreaming(invocation, event, context) {
  const stream = new ResponseStream();
  stream.on('finish', () => invocation.succeedStream(stream));
  const failed = (e) => (stream.parts.length > 0 ? invocation.succeedStream(stream, e) : invocation.fail(e));
  stream.on('error', failed);
  invocation.async = true;
  Promise.resolve(handler(event, stream, context)).catch(failed);
}

function callPlain(invocation, event, head) {
  const callback = (error, value) => {
    const answer = error === null || error === undefined ? () => invocation.succeed(value) : () => invocation.fail(error);
    if (invocation.answered || invocation.result) return;
    if (error !== null && error !== undefined) answer();
    else if (context.callbackWaitsForEmptyEventLoop) invocation.result = answer;
    else answer();
  };
  const context = makeContext(head, invocation, callback);
  if (handler[STREAMING]) {
    callStreaming(invocation, event, context);
    return;
  }
  const returned = RUNTIME_MAJOR >= 24 ? handler(event, context) : handler(event, context, callback);
  if (typeof returned?.then === 'function') {
    invocation.async = true;
    returned.then((value) => invocation.succeed(value), (error) => invocation.fail(error));
  } else if (RUNTIME_MAJOR >= 24) {
    invocation.succeed(returned);
  }
}

function onEvent(status, head, body) {
  if (status !== 200) giveUp(`the question for the next event was refused: ${status} ${body.toString().trim()}`);
  requestId = headerOf(head, 'Lambda-Runtime-Aws-Request-Id');
  const invocation = current = new Invocation(requestId);
  const trace = headerOf(head, 'Lambda-Runtime-Trace-Id');
  if (trace) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  api.socket.unref();
  try {
    callPlain(invocation, JSON.parse(body.toString()), head);
  } catch (e) {
    invocation.fail(e);
  }
}

process.on('beforeExit', () => {
  if (current) current.drained();
  else if (!handler) failInit(new PlatformError('Runtime.NodeJsExit', NEVER_SETTLED), 1);
});

// ---- errors nobody caught ----

let dying = false;

function failInit(error, code) {
  if (dying) return;
  dying = true;
  api.socket.ref();
  api.postError('init/error', error, false, () => process.exit(code));
}

function die(title, error, code) {
  if (dying) return;
  logError(title, error);
  if (!handler) {
    failInit(error, code);
    return;
  }
  dying = true;
  if (!current) process.exit(code);
  const where = current.where('error');
  current.settle();
  api.socket.ref();
  api.postError(where, error, false, () => process.exit(code));
}

process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
process.on('unhandledRejection', (reason) => {
  const error = new PlatformError('Runtime.UnhandledPromiseRejection', String(reason));
  if (isError(reason)) error.stack = [`${error.name}: ${error.message}`, ...frames(reason).slice(1)].join('\n');
  die('Unhandled Promise Rejection', error, 128);
});

// ---- start ----

guard.install();
api.connect(() => {
  api.socket.unref();
  loadHandler(env._HANDLER).then((found) => {
    handler = found;
    api.askNext();
  }, (error) => {
    logError('Uncaught Exception', error);
    failInit(error, 1);
  });
});
