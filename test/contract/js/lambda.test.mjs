// The AWS SDK for JavaScript v3 through the main job: functions, the three kinds of invocation, log tail,
// destinations on SQS, and errors by their names.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as L from '@aws-sdk/client-lambda';
import { CreateRoleCommand, GetRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Server, fault, until, zip } from './support.mjs';

let server, lambda, sqs, iam, role;

const ECHO = `export const handler = async (event, context) => {
  console.log('event is', JSON.stringify(event));
  return event;
};`;
const FAIL = `export const handler = async () => { throw new Error('failure example'); };`;

before(async () => {
  server = await Server.start();
  lambda = server.client(L.LambdaClient);
  sqs = server.client(SQSClient);
  iam = server.client(IAMClient);
  const trust = { Version: '2012-10-17', Statement: [{
    Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }] };
  const created = await iam.send(new CreateRoleCommand({ RoleName: 'js', AssumeRolePolicyDocument: JSON.stringify(trust) }));
  role = created.Role.Arn;
  await iam.send(new PutRolePolicyCommand({ RoleName: 'js', PolicyName: 'send', PolicyDocument: JSON.stringify({
    Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' }] }) }));
});
after(() => server?.end());

async function create(name, code, options = {}) {
  const reply = await lambda.send(new L.CreateFunctionCommand({
    FunctionName: name, Runtime: 'nodejs20.x', Handler: 'index.handler', Role: role, Timeout: 10,
    Code: { ZipFile: zip({ 'index.mjs': code }) }, ...options }));
  await until(async () =>                                    // the SDK's own waiter sleeps a second between questions
    (await lambda.send(new L.GetFunctionConfigurationCommand({ FunctionName: name }))).State === 'Active', `${name} Active`);
  return reply;
}

async function queue(name) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  return { url: QueueUrl, arn: Attributes.QueueArn };
}

async function record(url) {
  const message = await until(async () => {
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    return Messages?.[0];
  }, 'a message');
  return JSON.parse(message.Body);
}

const text = (payload) => Buffer.from(payload ?? []).toString();

test('a function is created, found, listed, and deleted', async () => {
  const made = await create('lifecycle', ECHO, { Description: 'by the SDK', Environment: { Variables: { COLOUR: 'blue' } } });
  assert.equal(made.State, 'Pending');
  const { state } = await L.waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 20 }, { FunctionName: 'lifecycle' });
  assert.equal(state, 'SUCCESS');
  assert.equal(made.FunctionArn, 'arn:aws:lambda:us-east-1:000000000000:function:lifecycle');
  const { Configuration, Code } = await lambda.send(new L.GetFunctionCommand({ FunctionName: 'lifecycle' }));
  assert.equal(Configuration.State, 'Active');
  assert.equal(Configuration.Description, 'by the SDK');
  assert.deepEqual(Configuration.Environment.Variables, { COLOUR: 'blue' });
  assert.equal(Configuration.Handler, 'index.handler');
  const stored = Buffer.from(await (await fetch(Code.Location)).arrayBuffer());
  assert.equal(stored.length, Configuration.CodeSize);
  const { Functions } = await lambda.send(new L.ListFunctionsCommand({}));
  assert.ok(Functions.some((f) => f.FunctionName === 'lifecycle'));
  await lambda.send(new L.DeleteFunctionCommand({ FunctionName: 'lifecycle' }));
  await fault(lambda.send(new L.GetFunctionCommand({ FunctionName: 'lifecycle' })), 'ResourceNotFoundException',
    'Function not found: arn:aws:lambda:us-east-1:000000000000:function:lifecycle', 404);
});

test('RequestResponse returns what the handler returned', async () => {
  await create('sync', ECHO);
  const event = { text: 'größer', list: [1, 2.5, null, true], nested: { deep: {} } };
  const reply = await lambda.send(new L.InvokeCommand({ FunctionName: 'sync', Payload: JSON.stringify(event) }));
  assert.equal(reply.StatusCode, 200);
  assert.equal(reply.ExecutedVersion, '$LATEST');
  assert.equal(reply.FunctionError, undefined);
  assert.deepEqual(JSON.parse(text(reply.Payload)), event);
});

test('a log tail is the log of this invocation', async () => {
  await create('tail', ECHO);
  const reply = await lambda.send(new L.InvokeCommand({ FunctionName: 'tail', LogType: 'Tail', Payload: '{"n":41}' }));
  const log = Buffer.from(reply.LogResult, 'base64').toString();
  const id = reply.$metadata.requestId;
  assert.match(log, new RegExp(`START RequestId: ${id} Version: \\$LATEST`));
  assert.match(log, /event is \{"n":41\}/);
  assert.match(log, new RegExp(`END RequestId: ${id}`));
  assert.match(log, new RegExp(`REPORT RequestId: ${id}\\tDuration: [0-9.]+ ms\\tBilled Duration: \\d+ ms\\tMemory Size: 128 MB`));
  const logs = server.client(CloudWatchLogsClient);
  const found = await until(async () => {
    const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/tail', filterPattern: '"event is"' }));
    return events.length > 0 && events;
  }, 'the log event');
  assert.match(found[0].message, /event is \{"n":41\}/);
});

test('a failing handler is a function error, not an error of the call', async () => {
  await create('throws', FAIL);
  const reply = await lambda.send(new L.InvokeCommand({ FunctionName: 'throws' }));
  assert.equal(reply.StatusCode, 200);
  assert.equal(reply.FunctionError, 'Unhandled');
  const error = JSON.parse(text(reply.Payload));
  assert.equal(error.errorType, 'Error');
  assert.equal(error.errorMessage, 'failure example');
  assert.ok(Array.isArray(error.trace) && error.trace[0] === 'Error: failure example', JSON.stringify(error));
});

test('DryRun answers 204 and runs nothing', async () => {
  await create('dry', `let n = 0; export const handler = async () => ++n;`);
  const reply = await lambda.send(new L.InvokeCommand({ FunctionName: 'dry', InvocationType: 'DryRun' }));
  assert.equal(reply.StatusCode, 204);
  assert.equal(text(reply.Payload), '');
  const first = await lambda.send(new L.InvokeCommand({ FunctionName: 'dry' }));
  assert.equal(text(first.Payload), '1');
});

test('Event: the record of a success and of a failure reach their queues', async () => {
  const good = await queue('good'), bad = await queue('bad');
  await create('event-echo', ECHO);
  await create('event-fail', FAIL);
  for (const name of ['event-echo', 'event-fail']) {
    const config = await lambda.send(new L.PutFunctionEventInvokeConfigCommand({ FunctionName: name, DestinationConfig: {
      OnSuccess: { Destination: good.arn }, OnFailure: { Destination: bad.arn } } }));
    assert.ok(config.LastModified instanceof Date, 'LastModified is a number on the wire');
    assert.equal(config.DestinationConfig.OnFailure.Destination, bad.arn);
  }
  const ids = {};
  for (const name of ['event-echo', 'event-fail']) {
    const reply = await lambda.send(new L.InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: '{"k":"v"}' }));
    assert.equal(reply.StatusCode, 202);
    assert.equal(text(reply.Payload), '');
    ids[name] = reply.$metadata.requestId;
  }
  const { advanced_ms } = await server.settle(true);
  assert.ok(advanced_ms >= 179_000, `two retries lie 180 s apart, not ${advanced_ms} ms`);

  const success = await record(good.url);
  assert.equal(success.version, '1.0');
  assert.deepEqual(success.requestContext, {
    requestId: ids['event-echo'], functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:event-echo:$LATEST',
    condition: 'Success', approximateInvokeCount: 1 });
  assert.deepEqual(success.requestPayload, { k: 'v' });
  assert.deepEqual(success.responseContext, { statusCode: 200, executedVersion: '$LATEST' });
  assert.deepEqual(success.responsePayload, { k: 'v' });

  const failure = await record(bad.url);
  assert.equal(failure.requestContext.requestId, ids['event-fail']);
  assert.equal(failure.requestContext.condition, 'RetriesExhausted');
  assert.equal(failure.requestContext.approximateInvokeCount, 3);
  assert.deepEqual(failure.responseContext, { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' });
  assert.equal(failure.responsePayload.errorMessage, 'failure example');
});

test('versions and aliases are invoked by name', async () => {
  await create('versioned', `export const handler = async (e, c) => [c.functionVersion, c.invokedFunctionArn];`);
  const { Version } = await lambda.send(new L.PublishVersionCommand({ FunctionName: 'versioned' }));
  assert.equal(Version, '1');
  const alias = await lambda.send(new L.CreateAliasCommand({ FunctionName: 'versioned', Name: 'live', FunctionVersion: '1' }));
  const reply = await until(async () => {
    try {
      return await lambda.send(new L.InvokeCommand({ FunctionName: 'versioned', Qualifier: 'live' }));
    } catch (e) {
      if (e.name !== 'ResourceConflictException') throw e;   // a new version is Pending for a moment
      return null;
    }
  });
  assert.equal(reply.ExecutedVersion, '1');
  assert.deepEqual(JSON.parse(text(reply.Payload)), ['1', alias.AliasArn]);
});

test('errors carry AWS\'s names', async () => {
  const code = { ZipFile: zip({ 'index.mjs': ECHO }) };
  const params = { FunctionName: 'errors', Runtime: 'nodejs20.x', Handler: 'index.handler', Role: role, Code: code };
  await create('errors', ECHO);
  await fault(lambda.send(new L.CreateFunctionCommand(params)), 'ResourceConflictException', 'Function already exist: errors', 409);
  await fault(lambda.send(new L.CreateFunctionCommand({ ...params, FunctionName: 'e2', Code: { ZipFile: Buffer.from('no zip') } })),
    'InvalidParameterValueException', 'Could not unzip uploaded file. Please check your file, then try to upload again.', 400);
  await fault(lambda.send(new L.CreateFunctionCommand({ ...params, FunctionName: 'e3', Runtime: 'nodejs12.x' })),
    'InvalidParameterValueException', /^The runtime parameter of nodejs12\.x is no longer supported/, 400);
  await fault(lambda.send(new L.InvokeCommand({ FunctionName: 'nobody' })), 'ResourceNotFoundException',
    'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST', 404);
  const bad = await fault(lambda.send(new L.InvokeCommand({ FunctionName: 'errors', Payload: 'no json' })),
    'InvalidRequestContentException', /^Could not parse request body into json/, 400);
  assert.ok(bad instanceof L.InvalidRequestContentException);
  await fault(lambda.send(new L.GetFunctionEventInvokeConfigCommand({ FunctionName: 'errors' })), 'ResourceNotFoundException',
    undefined, 404);
  await fault(iam.send(new GetRoleCommand({ RoleName: 'nobody' })), 'NoSuchEntityException',
    'The role with name nobody cannot be found.', 404);
});

test('an event that is too large is refused by name', async () => {
  await create('large', ECHO);
  await fault(lambda.send(new L.InvokeCommand({ FunctionName: 'large', InvocationType: 'Event',
    Payload: JSON.stringify('x'.repeat(1_048_576)) })), 'RequestEntityTooLargeException', /1048578 byte payload is too large/, 413);
});

test('the caller has an identity, and a session of the role another', async () => {
  const sts = server.client(STSClient);
  const me = await sts.send(new GetCallerIdentityCommand({}));
  assert.equal(me.Account, '000000000000');
  const other = await server.client(STSClient, { credentials: { accessKeyId: '111122223333', secretAccessKey: 'x' } })
    .send(new GetCallerIdentityCommand({}));
  assert.equal(other.Account, '111122223333');
  const trust = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }] };
  const made = await iam.send(new CreateRoleCommand({ RoleName: 'open', AssumeRolePolicyDocument: JSON.stringify(trust) }));
  const { Credentials: c, AssumedRoleUser } = await sts.send(new AssumeRoleCommand({ RoleArn: made.Role.Arn, RoleSessionName: 'js' }));
  assert.ok(c.Expiration instanceof Date);
  const session = server.client(STSClient, { credentials: {
    accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken } });
  const it = await session.send(new GetCallerIdentityCommand({}));
  assert.equal(it.Arn, AssumedRoleUser.Arn);
  assert.match(it.Arn, /:assumed-role\/open\/js$/);
});
