// What every JavaScript contract test stands on: a server of its own, and clients of the AWS SDK v3 for it.
//
//   const server = await Server.start();      one `waybill serve --ephemeral --port 0`
//   const lambda = server.client(LambdaClient);
//   after(() => server.end());                SIGTERM; exit status 0 and a clean stderr, or the test file fails
//
// The program is $WAYBILL_BINARY, otherwise the newest of the build directories.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const SANITIZER = /AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:|CHECK failed/;
// What any server may say, on a busy machine or in a wide directory.
const ORDINARY = ['data_directory_open', 'system_clock_stepped', 'loop_held', 'reset', 'stopping', 'stopped'];

// Nothing of the caller's AWS set-up may reach a client.
for (const name of Object.keys(process.env))
  if (name.startsWith('AWS_') || /^(https?|all|no)_proxy$/i.test(name)) delete process.env[name];

function binary() {
  if (process.env.WAYBILL_BINARY) return process.env.WAYBILL_BINARY;
  const places = ['build-check/gcc/src/cli/waybill', 'build/src/cli/waybill'].map((p) => join(ROOT, p));
  const age = (p) => statSync(p, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = places.sort((a, b) => age(b) - age(a))[0];
  assert.ok(age(newest) > 0, 'no waybill binary: build it, or set WAYBILL_BINARY');
  return newest;
}

export class Server {
  static async start(...args) {
    const server = new Server();
    server.home = mkdtempSync(join(tmpdir(), 'waybill-js-'));
    server.stdout = server.stderr = '';
    const env = { PATH: process.env.PATH, HOME: server.home, ASAN_OPTIONS: 'exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1' };
    server.process = spawn(binary(), ['serve', '--ephemeral', '--port', '0', ...args],
      { env, cwd: server.home, stdio: ['ignore', 'pipe', 'pipe'] });
    server.exit = once(server.process, 'exit');
    server.process.stderr.on('data', (data) => { server.stderr += data; });
    server.process.stdout.on('data', (data) => { server.stdout += data; });
    await until(() => {
      assert.equal(server.process.exitCode, null, `waybill serve ended:\n${server.stdout}${server.stderr}`);
      server.endpoint = / ready on (http:\/\/\S+)/.exec(server.stdout)?.[1];
      return server.endpoint;
    }, 'the ready line', 20_000);
    server.clients = [];
    server.pair = { accessKeyId: 'test', secretAccessKey: 'test' };
    if (args.includes('verify')) {                            // the root pair, from where its owner may read it
      const kept = readFileSync(join(/; data: (\S+)/.exec(server.stdout)[1], 'credentials'), 'utf8');
      server.pair = { accessKeyId: /access_key_id = (\S+)/.exec(kept)[1], secretAccessKey: /secret_access_key = (\S+)/.exec(kept)[1] };
    }
    return server;
  }

  client(Class, options = {}) {
    const client = new Class({
      endpoint: this.endpoint, region: 'us-east-1', maxAttempts: 1,
      credentials: this.pair, ...options,
    });
    this.clients.push(client);
    return client;
  }

  async control(method, path, params) {
    const reply = await fetch(`${this.endpoint}/_waybill/${path}`, {
      method, body: params === undefined ? undefined : JSON.stringify(params), headers: { 'content-type': 'application/json' },
    });
    const body = await reply.json();
    assert.equal(reply.status, 200, JSON.stringify(body));
    return body;
  }

  advance(ms) { return this.control('POST', 'clock', { advance_ms: ms }); }
  reset() { return this.control('POST', 'reset'); }

  async settle(advance = false) {
    const reply = await this.control('POST', 'settle', { advance, timeout_ms: 30_000 });
    assert.equal(reply.settled, true, JSON.stringify(reply));
    return reply;
  }

  async end(expected = []) {
    for (const client of this.clients) client.destroy();
    this.process.kill('SIGTERM');
    const watchdog = setTimeout(() => this.process.kill('SIGKILL'), 30_000);
    const [status, signal] = await this.exit;
    clearTimeout(watchdog);
    rmSync(this.home, { recursive: true, force: true });
    assert.ok(!SANITIZER.test(this.stderr), this.stderr);
    const events = [...this.stderr.matchAll(/\bevent=(\w+).*/g)].filter((m) => ![...ORDINARY, ...expected].includes(m[1]));
    assert.deepEqual(events.map((m) => m[0]), []);
    assert.equal(status, 0, `exit ${status ?? signal}:\n${this.stderr}`);
  }
}

// Asks until the answer is true and returns it.
export async function until(question, what = 'the condition', ms = 10_000) {
  for (const end = Date.now() + ms; ;) {
    const answer = await question();
    if (answer) return answer;
    assert.ok(Date.now() < end, `${what}: not within ${ms} ms`);
    await sleep(20);
  }
}

// zlib.crc32 came with Node 22; Debian's Node has none.
function crc32(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// {name: text} -> the bytes of a zip file, stored; `bootstrap` is executable.
export function zip(files) {
  const parts = [], central = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text), label = Buffer.from(name), local = Buffer.alloc(30), entry = Buffer.alloc(46);
    const mode = name === 'bootstrap' ? 0o100755 : 0o100644;
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(0x21, 12);                           // 1 January 1980
    local.writeUInt32LE(crc32(data), 14);
    local.writeUInt32LE(data.length, 18);
    local.writeUInt32LE(data.length, 22);
    local.writeUInt16LE(label.length, 26);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(0x0314, 4);                          // made on Unix: the mode below counts
    local.copy(entry, 6, 4, 30);
    entry.writeUInt32LE(mode * 65536, 38);
    entry.writeUInt32LE(offset, 42);
    parts.push(local, label, data);
    central.push(entry, label);
    offset += 30 + label.length + data.length;
  }
  const directory = Buffer.concat(central), end = Buffer.alloc(22), n = Object.keys(files).length;
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(n, 8);
  end.writeUInt16LE(n, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

// The error a command must end in: its name and, when given, its message (text or pattern).
export async function fault(promise, name, message, status) {
  const error = await promise.then(() => assert.fail(`no error; wanted ${name}`), (e) => e);
  assert.equal(error.name, name, `${error.name}: ${error.message}`);
  if (message instanceof RegExp) assert.match(error.message, message);
  else if (message !== undefined) assert.equal(error.message, message);
  if (status !== undefined) assert.equal(error.$metadata.httpStatusCode, status);
  return error;
}
