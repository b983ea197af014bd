// SNS through the AWS SDK for JavaScript v3: query protocol and XML, fan-out to a queue, batches, errors by their classes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateTopicCommand, DeleteTopicCommand, GetSubscriptionAttributesCommand, GetTopicAttributesCommand, InvalidParameterException,
  ListSubscriptionsByTopicCommand, ListTagsForResourceCommand, NotFoundException, PublishBatchCommand, PublishCommand, SNSClient,
  SetSubscriptionAttributesCommand, SubscribeCommand, TooManyEntriesInBatchRequestException, UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient, SetQueueAttributesCommand }
  from '@aws-sdk/client-sqs';
import { Server } from './support.mjs';

describe('SNS', () => {
  let server, sns, sqs, names = 0;

  before(async () => {
    server = await Server.start();
    sns = server.client(SNSClient);
    sqs = server.client(SQSClient);
  });
  after(() => server?.end());

  const topic = async (rest = {}) => (await sns.send(new CreateTopicCommand({ Name: `js${++names}`, ...rest }))).TopicArn;
  const queueFor = async (TopicArn) => {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `js${++names}` }));
    const { Attributes: { QueueArn } } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage', Resource: QueueArn, Condition: { ArnEquals: { 'aws:SourceArn': TopicArn } } }] });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
    return { QueueUrl, QueueArn };
  };
  const receive = async (QueueUrl) => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }));
    for (const m of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: m.ReceiptHandle }));
    return Messages;
  };
  const rejects = (promise, Class, message) => assert.rejects(promise, (e) => {
    assert.ok(e instanceof Class, `${e.name}: ${e.message}`);
    assert.equal(e.message, message);
    return true;
  });

  test('fan-out with an envelope, then raw', async () => {
    const TopicArn = await topic();
    const { QueueUrl, QueueArn } = await queueFor(TopicArn);
    const { SubscriptionArn } = await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: QueueArn }));
    const MessageAttributes = { text: { DataType: 'String', StringValue: 'v\u00e9' },
      bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } };
    const Message = 'h\u00e9llo \u{1f600} <&> "quoted"\n';
    const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Message, Subject: 's', MessageAttributes }));
    const [first] = await receive(QueueUrl);
    const body = JSON.parse(first.Body);
    assert.deepEqual([body.Type, body.MessageId, body.TopicArn, body.Subject, body.Message], ['Notification', MessageId, TopicArn, 's', Message]);
    assert.deepEqual(body.MessageAttributes, { text: { Type: 'String', Value: 'v\u00e9' }, bytes: { Type: 'Binary', Value: 'AP8=' } });
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: 'RawMessageDelivery', AttributeValue: 'true' }));
    await sns.send(new PublishCommand({ TopicArn, Message, MessageAttributes }));
    const [raw] = await receive(QueueUrl);
    assert.equal(raw.Body, Message);
    assert.deepEqual([...raw.MessageAttributes.bytes.BinaryValue], [0, 255]);
  });

  test('attributes, tags and lists', async () => {
    const TopicArn = await topic({ Attributes: { DisplayName: '<d&d>' }, Tags: [{ Key: 'k', Value: 'v w' }] });
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    assert.equal(Attributes.DisplayName, '<d&d>');
    assert.equal(JSON.parse(Attributes.Policy).Id, '__default_policy_ID');
    assert.deepEqual((await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }))).Tags, [{ Key: 'k', Value: 'v w' }]);
    const { QueueArn } = await queueFor(TopicArn);
    const { SubscriptionArn } = await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: QueueArn,
      Attributes: { FilterPolicy: '{"a":["b"]}' }, ReturnSubscriptionArn: true }));
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    assert.deepEqual(Subscriptions, [{ SubscriptionArn, Owner: '000000000000', Protocol: 'sqs', Endpoint: QueueArn, TopicArn }]);
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    await rejects(sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn })), NotFoundException, 'Subscription does not exist');
    await sns.send(new DeleteTopicCommand({ TopicArn }));
    await rejects(sns.send(new PublishCommand({ TopicArn, Message: 'm' })), NotFoundException, 'Topic does not exist');
  });

  test('batches and errors', async () => {
    const TopicArn = await topic();
    const { Successful, Failed } = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [
      { Id: 'a', Message: 'm' }, { Id: 'b', Message: 'm', Subject: 'x'.repeat(100) }] }));
    assert.deepEqual([Successful.map((e) => e.Id), Failed], [['a'], [
      { Id: 'b', Code: 'InvalidParameter', Message: 'Invalid parameter: Subject', SenderFault: true }]]);
    const eleven = Array.from({ length: 11 }, (_, i) => ({ Id: `${i}`, Message: 'm' }));
    await rejects(sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: eleven })), TooManyEntriesInBatchRequestException,
      'The batch request contains more entries than permissible.');
    await rejects(sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sms', Endpoint: '+123' })), InvalidParameterException,
      'Invalid parameter: Protocol Reason: Waybill does not deliver to sms');
  });

  test('a FIFO topic counts and knows what it had', async () => {
    const TopicArn = await topic({ Name: 'js.fifo', Attributes: { FifoTopic: 'true' } });
    const publish = (id) => sns.send(new PublishCommand({ TopicArn, Message: 'm', MessageGroupId: 'g', MessageDeduplicationId: id }));
    const first = await publish('1'), again = await publish('1'), second = await publish('2');
    assert.match(first.SequenceNumber, /^\d{20}$/);
    assert.deepEqual([again.MessageId, again.SequenceNumber], [first.MessageId, first.SequenceNumber]);
    assert.ok(second.SequenceNumber > first.SequenceNumber);
  });
});
