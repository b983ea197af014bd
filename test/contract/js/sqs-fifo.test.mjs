// SQS FIFO queues and message move tasks through the AWS SDK for JavaScript v3.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CancelMessageMoveTaskCommand, CreateQueueCommand, DeleteMessageBatchCommand, ListMessageMoveTasksCommand, ReceiveMessageCommand,
  SendMessageBatchCommand, SendMessageCommand, SQSClient, StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { Server } from './support.mjs';

const arn = (name) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

describe('SQS FIFO', () => {
  let server, sqs;

  before(async () => {
    server = await Server.start();
    sqs = server.client(SQSClient);
  });
  after(() => server?.end());

  const queue = async (QueueName, Attributes = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true', ...Attributes } }))).QueueUrl;
  const receive = async (QueueUrl, rest = {}) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'], ...rest }))).Messages ?? [];

  test('a batch in order, groups locked until their messages are deleted', async () => {
    const QueueUrl = await queue('order.fifo', { ContentBasedDeduplication: 'true' });
    const Entries = ['a', 'b', 'c', 'a'].map((MessageBody, i) => ({ Id: `${i}`, MessageBody, MessageGroupId: 'g' }));
    const { Successful } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    assert.equal(Successful.length, 4);
    assert.equal(Successful[3].MessageId, Successful[0].MessageId);
    assert.ok(Successful[0].SequenceNumber < Successful[1].SequenceNumber);
    assert.match(Successful[0].SequenceNumber, /^\d{20}$/);
    const first = await receive(QueueUrl, { MaxNumberOfMessages: 2 });
    assert.deepEqual(first.map((m) => m.Body), ['a', 'b']);
    assert.equal(first[1].Attributes.SequenceNumber, Successful[1].SequenceNumber);
    assert.deepEqual(await receive(QueueUrl), []);
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl,
      Entries: first.map((m, i) => ({ Id: `${i}`, ReceiptHandle: m.ReceiptHandle })) }));
    assert.deepEqual((await receive(QueueUrl)).map((m) => m.Body), ['c']);
  });

  test('what a FIFO queue asks for', async () => {
    const QueueUrl = await queue('asks.fifo');
    await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'm', MessageDeduplicationId: 'd' })),
      { name: 'MissingParameter', message: 'The request must contain the parameter MessageGroupId.' });
    await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'm', MessageGroupId: 'g' })),
      { name: 'InvalidParameterValue' });
  });

  test('move tasks', async () => {
    const dead = await queue('dead.fifo');
    const QueueUrl = await queue('source.fifo', { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn('dead.fifo'), maxReceiveCount: 1 }) });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'm', MessageGroupId: 'g', MessageDeduplicationId: 'd' }));
    assert.equal((await receive(QueueUrl, { VisibilityTimeout: 0 })).length, 1);
    assert.deepEqual(await receive(QueueUrl), []);
    const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn('dead.fifo') }));
    const [back] = await receive(QueueUrl, { WaitTimeSeconds: 5 });
    assert.equal(back.Body, 'm');
    assert.equal(back.Attributes.MessageGroupId, 'g');
    assert.deepEqual(await receive(dead), []);
    let Results;
    for (let i = 0; i < 100 && Results?.[0].Status !== 'COMPLETED'; i++)
      ({ Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: arn('dead.fifo') })));
    assert.equal(Results[0].Status, 'COMPLETED');
    assert.equal(Results[0].ApproximateNumberOfMessagesMoved, 1);
    await assert.rejects(sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle })), { name: 'UnsupportedOperation' });
  });
});
