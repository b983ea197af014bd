// EventBridge through the AWS SDK for JavaScript v3: what its newer members need, and one event from door to queue.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateEventBusCommand, DeleteEventBusCommand, DeleteRuleCommand, DescribeEventBusCommand, DescribeRuleCommand, EventBridgeClient,
  ListEventBusesCommand, ListRulesCommand, ListTagsForResourceCommand, ListTargetsByRuleCommand, PutEventsCommand,
  PutPermissionCommand, PutRuleCommand, PutTargetsCommand, RemoveTargetsCommand, TestEventPatternCommand, UpdateEventBusCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Server } from './support.mjs';

const ARN = 'arn:aws:events:us-east-1:000000000000:';
const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:';
const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage', Resource: '*' }] });

describe('EventBridge', () => {
  let server, events, sqs;

  before(async () => {
    server = await Server.start();
    events = server.client(EventBridgeClient);
    sqs = server.client(SQSClient);
  });
  after(() => server?.end());

  const say = (command) => events.send(command);
  const queue = async (QueueName) => (await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }))).QueueUrl;
  const receive = async (QueueUrl) => {
    const got = (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }))).Messages ?? [];
    for (const m of got) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: m.ReceiptHandle }));
    return got;
  };
  const rejects = (promise, name, message) => assert.rejects(promise, (e) => {
    assert.equal(e.name, name);
    if (message instanceof RegExp) assert.match(e.message, message);
    else assert.equal(e.message, message);
    return true;
  });
  const bare = ({ $metadata, ...rest }) => rest;

  test('a bus with a description, its times, and its end', async () => {
    const made = bare(await say(new CreateEventBusCommand({ Name: 'js', Description: 'mine', LogConfig: { Level: 'OFF' }, Tags: [{ Key: 'a', Value: 'b' }] })));
    assert.deepEqual(made, { EventBusArn: `${ARN}event-bus/js`, Description: 'mine' });
    const { CreationTime, LastModifiedTime, ...got } = bare(await say(new DescribeEventBusCommand({ Name: 'js' })));
    assert.deepEqual(got, { Name: 'js', Arn: `${ARN}event-bus/js`, Description: 'mine' });
    assert.ok(CreationTime instanceof Date && Math.abs(CreationTime - Date.now()) < 60_000);
    assert.deepEqual(LastModifiedTime, CreationTime);
    assert.deepEqual(bare(await say(new UpdateEventBusCommand({ Name: 'js', Description: 'yours' }))),
      { Arn: `${ARN}event-bus/js`, Name: 'js', Description: 'yours' });
    assert.deepEqual((await say(new ListEventBusesCommand({}))).EventBuses.map((b) => [b.Name, b.Description]), [['default', undefined], ['js', 'yours']]);
    assert.deepEqual((await say(new ListTagsForResourceCommand({ ResourceARN: `${ARN}event-bus/js` }))).Tags, [{ Key: 'a', Value: 'b' }]);
    await say(new DeleteEventBusCommand({ Name: 'js' }));
    await rejects(say(new DescribeEventBusCommand({ Name: 'js' })), 'ResourceNotFoundException', 'Event bus js does not exist.');
  });

  test('what asks for what we do not do is refused by name', async () => {
    const refused = (command, word) => rejects(say(command), 'ValidationException', new RegExp(`^Parameter ${word} is not supported`));
    await refused(new CreateEventBusCommand({ Name: 'x', KmsKeyIdentifier: 'alias/k' }), 'KmsKeyIdentifier');
    await refused(new CreateEventBusCommand({ Name: 'x', DeadLetterConfig: { Arn: `${QUEUE}q` } }), 'DeadLetterConfig');
    await refused(new CreateEventBusCommand({ Name: 'x', LogConfig: { Level: 'TRACE', IncludeDetail: 'FULL' } }), 'LogConfig');
    await refused(new UpdateEventBusCommand({ Name: 'default', KmsKeyIdentifier: 'alias/k' }), 'KmsKeyIdentifier');
    await refused(new CreateEventBusCommand({ Name: 'x', EventSourceName: 'aws.partner/a/b' }), 'EventSourceName');
  });

  test('an event to a queue, transformed, and the dead letters of one that is closed', async () => {
    const url = await queue('open'), dead = await queue('dead');
    const { RuleArn } = await say(new PutRuleCommand({ Name: 'r', EventPattern: JSON.stringify({ source: ['app'], detail: { n: [{ numeric: ['>=', 2] }] } }) }));
    assert.equal(RuleArn, `${ARN}rule/r`);
    const Targets = [
      { Id: 'open', Arn: `${QUEUE}open`, InputTransformer: { InputPathsMap: { n: '$.detail.n' }, InputTemplate: '{"n": <n>, "rule": "<aws.events.rule-name>"}' } },
      { Id: 'gone', Arn: `${QUEUE}gone`, DeadLetterConfig: { Arn: `${QUEUE}dead` }, RetryPolicy: { MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60 } },
    ];
    assert.deepEqual(bare(await say(new PutTargetsCommand({ Rule: 'r', Targets }))), { FailedEntryCount: 0, FailedEntries: [] });
    assert.deepEqual((await say(new ListTargetsByRuleCommand({ Rule: 'r' }))).Targets, Targets);
    const put = await say(new PutEventsCommand({ Entries: [1, 2].map((n) => ({ Source: 'app', DetailType: 'd', Detail: JSON.stringify({ n }), Resources: ['r'] })) }));
    assert.equal(put.FailedEntryCount, 0);
    assert.deepEqual((await receive(url)).map((m) => m.Body), ['{"n":2,"rule":"r"}']);
    const [message, ...rest] = await receive(dead);
    assert.equal(rest.length, 0);
    const { time, ...event } = JSON.parse(message.Body);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(event, { version: '0', id: put.Entries[1].EventId, 'detail-type': 'd', source: 'app', account: '000000000000', region: 'us-east-1',
      resources: ['r'], detail: { n: 2 } });
    assert.deepEqual(Object.fromEntries(Object.entries(message.MessageAttributes).map(([k, v]) => [k, v.StringValue])), {
      RULE_ARN: RuleArn, TARGET_ARN: `${QUEUE}gone`, ERROR_CODE: 'NO_RESOURCE', ERROR_MESSAGE: 'the target does not exist', RETRY_ATTEMPTS: '0' });
    await rejects(say(new DeleteRuleCommand({ Name: 'r' })), 'ValidationException', "Rule can't be deleted since it has targets.");
    await say(new RemoveTargetsCommand({ Rule: 'r', Ids: ['open', 'gone'] }));
    await say(new DeleteRuleCommand({ Name: 'r' }));
    assert.deepEqual((await say(new ListRulesCommand({}))).Rules, []);
    await rejects(say(new DescribeRuleCommand({ Name: 'r' })), 'ResourceNotFoundException', 'Rule r does not exist on EventBus default.');
  });

  test('a permission makes a statement', async () => {
    await say(new PutPermissionCommand({ Action: 'events:PutEvents', Principal: '*', StatementId: 'org',
      Condition: { Type: 'StringEquals', Key: 'aws:PrincipalOrgID', Value: 'o-1' } }));
    assert.deepEqual(JSON.parse((await say(new DescribeEventBusCommand({}))).Policy), { Version: '2012-10-17', Statement: [{ Sid: 'org', Effect: 'Allow',
      Principal: '*', Action: 'events:PutEvents', Resource: `${ARN}event-bus/default`, Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }] });
  });

  test('a pattern is tried', async () => {
    const Event = JSON.stringify({ id: '1', account: '1', source: 'a', time: '2026-01-01T00:00:00Z', region: 'r', resources: [], 'detail-type': 'x' });
    assert.equal((await say(new TestEventPatternCommand({ EventPattern: '{"source":[{"prefix":"a"}]}', Event }))).Result, true);
    await rejects(say(new TestEventPatternCommand({ EventPattern: '{"source":"a"}', Event })), 'InvalidEventPatternException',
      /^Event pattern is not valid. Reason: "source" must be an object or an array/);
  });
});
