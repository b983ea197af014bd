// SQS through the AWS SDK for JavaScript v3: JSON protocol, and a client that checks every MD5 itself.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  ChangeMessageVisibilityCommand, CreateQueueCommand, DeleteMessageBatchCommand, DeleteMessageCommand, DeleteQueueCommand,
  GetQueueAttributesCommand, GetQueueUrlCommand, ListQueuesCommand, PurgeQueueCommand, ReceiveMessageCommand, SQSClient,
  SendMessageBatchCommand, SendMessageCommand, SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import { Server } from './support.mjs';

const md5 = (data) => createHash('md5').update(data).digest('hex');

describe('SQS', () => {
  let server, sqs, names = 0;

  before(async () => {
    server = await Server.start();
    sqs = server.client(SQSClient);
  });
  after(() => server?.end());

  const queue = async (Attributes = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName: `js${++names}`, Attributes }))).QueueUrl;
  const send = (QueueUrl, MessageBody, rest = {}) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...rest }));
  const receive = async (QueueUrl, rest = {}) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...rest }))).Messages ?? [];
  const rejects = (promise, name, message) => assert.rejects(promise, (e) => {
    assert.equal(e.name, name);
    if (message !== undefined) assert.equal(e.message, message);
    return true;
  });

  test('a message there and back, MD5 checked by the client', async () => {
    const url = await queue();
    const body = 'h\u00e9llo \u{1f600} <&> "quoted"\n';
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'v\u00e9' },
      bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 1, 254, 255]) },
      number: { DataType: 'Number.int', StringValue: '42' },
    };
    const sent = await send(url, body, { MessageAttributes });
    assert.equal(sent.MD5OfMessageBody, md5(body));
    const [message, ...more] = await receive(url, { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] });
    assert.equal(more.length, 0);
    assert.equal(message.MessageId, sent.MessageId);
    assert.equal(message.Body, body);
    assert.equal(message.MD5OfBody, md5(body));
    assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
    assert.deepEqual(Object.keys(message.MessageAttributes).sort(), ['bytes', 'number', 'text']);
    assert.deepEqual([...message.MessageAttributes.bytes.BinaryValue], [0, 1, 254, 255]);
    assert.equal(message.MessageAttributes.text.StringValue, 'v\u00e9');
    assert.equal(message.Attributes.ApproximateReceiveCount, '1');
    assert.match(message.Attributes.SentTimestamp, /^\d{13}$/);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({
      QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] }));
    assert.deepEqual(Attributes, { ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' });
  });

  test('batches', async () => {
    const url = await queue();
    const got = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: [
      { Id: 'a', MessageBody: 'one' }, { Id: 'b', MessageBody: '\u0001' }, { Id: 'c', MessageBody: 'three' }] }));
    assert.deepEqual(got.Successful.map((s) => [s.Id, s.MD5OfMessageBody]), [['a', md5('one')], ['c', md5('three')]]);
    assert.deepEqual(got.Failed.map((f) => [f.Id, f.Code, f.SenderFault]), [['b', 'InvalidMessageContents', true]]);
    const messages = await receive(url);
    assert.deepEqual(messages.map((m) => m.Body), ['one', 'three']);
    const deleted = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: [
      ...messages.map((m, n) => ({ Id: `d${n}`, ReceiptHandle: m.ReceiptHandle })), { Id: 'bad', ReceiptHandle: 'x' }] }));
    assert.deepEqual(deleted.Successful.map((s) => s.Id), ['d0', 'd1']);
    assert.deepEqual(deleted.Failed.map((f) => [f.Id, f.Code]), [['bad', 'ReceiptHandleIsInvalid']]);
  });

  test('a long poll is woken by a send', async () => {
    const url = await queue();
    const began = Date.now();
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await new Promise((done) => setTimeout(done, 200));
    await send(url, 'awake');
    assert.deepEqual((await waiting).map((m) => m.Body), ['awake']);
    assert.ok(Date.now() - began < 5000);
  });

  test('a long poll ends empty', async () => {
    const url = await queue({ ReceiveMessageWaitTimeSeconds: '1' });
    const began = Date.now();
    assert.deepEqual(await receive(url), []);
    assert.ok(Date.now() - began >= 900);
  });

  test('visibility', async () => {
    const url = await queue();
    await send(url, 'x');
    const [message] = await receive(url);
    assert.deepEqual(await receive(url), []);
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 }));
    const [again] = await receive(url, { AttributeNames: ['ApproximateReceiveCount'] });
    assert.equal(again.MessageId, message.MessageId);
    assert.equal(again.Attributes.ApproximateReceiveCount, '2');
  });

  test('errors by name', async () => {
    const url = await queue();
    const none = `${server.endpoint}/000000000000/none`;
    await rejects(sqs.send(new GetQueueUrlCommand({ QueueName: 'none' })), 'QueueDoesNotExist', 'The specified queue does not exist.');
    await rejects(send(none, 'x'), 'QueueDoesNotExist', 'The specified queue does not exist.');
    await rejects(sqs.send(new DeleteQueueCommand({ QueueUrl: none })), 'QueueDoesNotExist');
    await rejects(sqs.send(new CreateQueueCommand({ QueueName: 'x', Attributes: { FifoQueue: 'true' } })),
      'InvalidAttributeName', 'Unknown Attribute FifoQueue.');
    await rejects(sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: 'x' })), 'ReceiptHandleIsInvalid');
    await rejects(send(url, '\u0001'), 'InvalidMessageContents');
    await rejects(sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: '43201' } })),
      'InvalidAttributeValue', 'Invalid value for the parameter VisibilityTimeout.');
    await rejects(sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { Nonsense: '1' } })),
      'InvalidAttributeName', 'Unknown Attribute Nonsense.');
    await rejects(sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: [] })), 'EmptyBatchRequest');
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
    await rejects(sqs.send(new PurgeQueueCommand({ QueueUrl: url })), 'PurgeQueueInProgress');
    // Not in the model: the SDK names it after x-amzn-query-error.
    await rejects(receive(url, { MaxNumberOfMessages: 11 }), 'InvalidParameterValue',
      'Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.');
  });

  test('listing', async () => {
    for (const QueueName of ['pre-b', 'pre-a']) await sqs.send(new CreateQueueCommand({ QueueName }));
    const first = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'pre-', MaxResults: 1 }));
    assert.deepEqual(first.QueueUrls, [`${server.endpoint}/000000000000/pre-a`]);
    const second = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'pre-', MaxResults: 1, NextToken: first.NextToken }));
    assert.deepEqual(second.QueueUrls, [`${server.endpoint}/000000000000/pre-b`]);
  });
});
