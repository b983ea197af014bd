// The SDK inside a function: with the keys the function is given, to the server that gave them and nowhere else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateFunctionCommand, GetFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Server, zip } from './support.mjs';

const MODULES = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..', 'node_modules');

// A package and all it needs, as a bundle holds them: what `require` reads, nothing else.
function bundle(name, files = {}, seen = new Set()) {
  if (seen.has(name)) return files;
  seen.add(name);
  const add = (dir, at) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory() && !['dist-es', 'dist-types', 'build-es'].includes(entry.name)) add(path, `${at}/${entry.name}`);
      else if (/\.(js|cjs|json)$/.test(entry.name)) files[`${at}/${entry.name}`] = readFileSync(path);
    }
  };
  const root = join(MODULES, name);
  add(root, `node_modules/${name}`);
  for (const needed of Object.keys(JSON.parse(readFileSync(join(root, 'package.json'))).dependencies ?? {})) {
    if (existsSync(join(MODULES, needed))) bundle(needed, files, seen);
  }
  return files;
}

const SEND = `
const { SQSClient, SendMessageCommand } = require('@aws-sdk/client-sqs');
exports.handler = async (e) => (await new SQSClient({}).send(new SendMessageCommand({ QueueUrl: e.url, MessageBody: 'from inside' }))).MessageId;
`;

// As an SDK does that knows no AWS_ENDPOINT_URL.  \`lookup\` keeps everything on this machine, also where it fails.
const OLD = `
const signed = (key) => ({ authorization: 'AWS4-HMAC-SHA256 Credential=' + key + '/20240101/us-east-1/sqs/aws4_request, '
  + 'SignedHeaders=host;x-amz-date, Signature=' + '0'.repeat(64), 'x-amz-security-token': process.env.AWS_SESSION_TOKEN,
  'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.SendMessage' });
const own = process.env.AWS_ACCESS_KEY_ID;
const left = (host, options, done) => done(new Error('left for ' + host));
const ask = (make, body) => new Promise((resolve) => {
  const request = make((reply) => {
    let text = '';
    reply.on('data', (part) => { text += part; }).on('end', () => resolve([reply.statusCode, text && (JSON.parse(text).MessageId?.length ?? text)]));
  });
  request.on('error', (error) => resolve(error.message));
  request.end(body);
});
const host = 'sqs.us-east-1.amazonaws.com', url = 'https://' + host + '/';
const handler = async (e) => {
  const body = JSON.stringify({ QueueUrl: e.url, MessageBody: 'from an old SDK' });
  const post = (key) => ({ method: 'POST', lookup: left, headers: signed(key) });
  const { 'x-amz-target': target, authorization, ...rest } = signed(own);
  const object = { method: 'PUT', lookup: left, headers: { ...rest, authorization: authorization.replace('/sqs/', '/s3/') } };
  const session = http2.connect(url, { lookup: left });
  session.on('error', () => {});
  return {
    options: await ask((done) => request({ ...post(own), host, port: 443, path: '/', agent: new Agent() }, done), body),
    url: await ask((done) => request(url, post(own), done), body),
    object: await ask((done) => https.request(new URL(url), post(own), done), body),
    stranger: await ask((done) => https.request(url, post('AKIAIOSFODNN7EXAMPLE'), done), body),
    bucket: await ask((done) => https.request('https://buck.s3.us-east-1.amazonaws.com/k', object, done), 'from an old SDK'),
    unsigned: await ask((done) => https.get(url, { lookup: left }, done)),
    elsewhere: await ask((done) => https.request('https://example.invalid/', post(own), done), body),
    fetch: await fetch(url, { method: 'POST', headers: signed(own), body }).then(() => 'sent', (error) => error.message),
    http2: (() => { try { session.request({ ':method': 'POST', ...signed(own) }); return 'sent'; } catch (error) { return error.message; } })(),
  };
};
`;
const REFUSED = /^A request to sqs\.us-east-1\.amazonaws\.com, signed with the function's own credentials, was not sent/;

for (const args of [[], ['--no-sandbox']]) {
  describe(`the SDK inside a function ${args.join(' ')}`, () => {
    let server, lambda, sqs, s3, url, Role;

    before(async () => {
      server = await Server.start(...args);
      lambda = server.client(LambdaClient);
      sqs = server.client(SQSClient);
      s3 = server.client(S3Client, { forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: 'buck' }));
      const iam = server.client(IAMClient);
      const statement = (rest) => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
      Role = (await iam.send(new CreateRoleCommand({ RoleName: 'r',
        AssumeRolePolicyDocument: statement({ Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }) }))).Role.Arn;
      await iam.send(new PutRolePolicyCommand({ RoleName: 'r', PolicyName: 'p', PolicyDocument: statement({ Action: '*', Resource: '*' }) }));
      url = (await sqs.send(new CreateQueueCommand({ QueueName: 'q' }))).QueueUrl;
    });
    after(() => server?.end());

    const run = async (FunctionName, files, failing) => {
      await lambda.send(new CreateFunctionCommand({ FunctionName, Role, Runtime: 'nodejs20.x', Handler: 'index.handler', Timeout: 60,
        MemorySize: 512, Code: { ZipFile: zip(files) } }));
      while ((await lambda.send(new GetFunctionCommand({ FunctionName }))).Configuration.State !== 'Active') await new Promise(setImmediate);
      const reply = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ url }) }));
      const text = Buffer.from(reply.Payload).toString();
      assert.equal(reply.FunctionError, failing ? 'Unhandled' : undefined, text);
      return failing ? JSON.parse(text)[failing] : JSON.parse(text);
    };
    const received = async () => (await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }))).Messages ?? [];

    test('an error while modules load keeps its frames', async () => {
      const trace = await run('frames', { 'index.js': "require('./part');", 'part.js': "throw new Error('in part');" }, 'trace');
      assert.ok(trace.some((line) => line.includes('/part.js')) && trace.some((line) => line.includes('/index.js')), trace.join('\n'));
      assert.ok(!trace.some((line) => line.includes('bootstrap.cjs')), trace.join('\n'));
    });

    test('SQS SendMessage by the SDK in the bundle', async () => {
      const id = await run('send', { 'index.js': SEND, ...bundle('@aws-sdk/client-sqs') });
      const [message] = await received();
      assert.equal(message.MessageId, id);
      assert.equal(message.Body, 'from inside');
    });

    for (const [kind, files] of [
      ['required', { 'index.js': `const https = require('https'), http2 = require('node:http2');\nconst { request, Agent } = https;\n${OLD}exports.handler = handler;` }],
      ['imported', { 'index.mjs': `import https, { request, Agent } from 'node:https';\nimport http2 from 'http2';\n${OLD}export { handler };` }],
    ]) {
      test(`requests for the real AWS, ${kind}`, async () => {
        const got = await run(`old-${kind}`, files);
        for (const way of ['options', 'url', 'object']) assert.deepEqual(got[way], [200, 36], `${way}: ${got[way]}`);
        assert.deepEqual(got.bucket, [200, '']);
        const object = await s3.send(new GetObjectCommand({ Bucket: 'buck', Key: 'k' }));
        assert.equal(await object.Body.transformToString(), 'from an old SDK');
        assert.equal(got.stranger, 'left for sqs.us-east-1.amazonaws.com');
        assert.equal(got.unsigned, 'left for sqs.us-east-1.amazonaws.com');
        assert.equal(got.elsewhere, 'left for example.invalid');
        assert.match(got.fetch, REFUSED);
        assert.match(got.http2, REFUSED);
      });
    }
  });
}
