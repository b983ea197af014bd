// `--auth verify` through the AWS SDK for JavaScript v3: what it signs is believed, in the header, in the query, with a stream as body.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { CloudWatchClient, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { EventBridgeClient, ListRulesCommand, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, InvokeCommand, LambdaClient, ListFunctionsCommand, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Server, zip } from './support.mjs';

const DIFFERS = 'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing '
  + 'method. Consult the service documentation for details.';

describe('auth', () => {
  let server;

  before(async () => { server = await Server.start('--auth', 'verify'); });
  after(() => server?.end(['signature_refused']));

  const wrong = () => ({ credentials: { ...server.pair, secretAccessKey: 'wrong' } });
  const role = async (RoleName, principal) => {
    const iam = server.client(IAMClient), Statement = [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }];
    const made = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] });
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument }));
    return made.Role.Arn;
  };

  test('every service believes the root pair, and no other secret', async () => {
    const rows = [
      [LambdaClient, new ListFunctionsCommand({}), 'InvalidSignatureException', 403],
      [SQSClient, new CreateQueueCommand({ QueueName: 'q' }), 'SignatureDoesNotMatch', 400],
      [SNSClient, new CreateTopicCommand({ Name: 't' }), 'SignatureDoesNotMatch', 403],
      [EventBridgeClient, new ListRulesCommand({}), 'InvalidSignatureException', 400],
      [S3Client, new ListBucketsCommand({}), 'SignatureDoesNotMatch', 403],
      [STSClient, new GetCallerIdentityCommand({}), 'SignatureDoesNotMatch', 403],
      [CloudWatchLogsClient, new DescribeLogGroupsCommand({}), 'InvalidSignatureException', 400],
      [CloudWatchClient, new ListMetricsCommand({}), undefined, undefined],
    ];
    for (const [Client, command, name, status] of rows) {
      await server.client(Client).send(command);
      await assert.rejects(server.client(Client, wrong()).send(command), (e) => {
        if (name === undefined) return true;                 // the version of the SDK chooses the protocol
        assert.deepEqual([e.name, e.$metadata.httpStatusCode], [name, status], Client.name);
        if (Client !== S3Client) assert.equal(e.message, DIFFERS);
        return true;
      });
    }
  });

  test('S3: buffers, streams with trailing checksums, and names that need escapes', async () => {
    const s3 = server.client(S3Client, { forcePathStyle: true }), Bucket = 'js-auth';
    await s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['plain', 'a b/c+d', 'x//y/./z', "ä!'()*~"]) {
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(Key), Metadata: { one: 'two  three' } }));
      const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
      assert.equal(await got.Body.transformToString(), Key);
    }
    const large = Buffer.alloc(3 << 20, 'stream');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'stream', Body: Readable.from([large]), ContentLength: large.length }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'stream' }));
    assert.equal(Buffer.compare(Buffer.from(await got.Body.transformToByteArray()), large), 0);
  });

  test('messages, notifications and events', async () => {
    const sqs = server.client(SQSClient);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'messages' }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'ä' }));
    assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages[0].Body, 'ä');
    const sns = server.client(SNSClient);
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'notifications' }));
    assert.ok((await sns.send(new PublishCommand({ TopicArn, Message: 'a + b = 100%' }))).MessageId);
    const put = await server.client(EventBridgeClient).send(new PutEventsCommand({ Entries: [{ Source: 's', DetailType: 'd', Detail: '{}' }] }));
    assert.equal(put.FailedEntryCount, 0);
  });

  test('a session signs with its own secret and its token', async () => {
    const RoleArn = await role('js-session', { AWS: 'arn:aws:iam::000000000000:root' });
    const { Credentials: c } = await server.client(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'js' }));
    const credentials = { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken };
    const who = await server.client(STSClient, { credentials }).send(new GetCallerIdentityCommand({}));
    assert.match(who.Arn, /assumed-role\/js-session\/js$/);
    await assert.rejects(server.client(SQSClient, { credentials: { ...credentials, sessionToken: undefined } }).send(new CreateQueueCommand({ QueueName: 'x' })),
      { name: 'InvalidClientTokenId' });
  });

  test('a function calls the server with its role’s credentials', async () => {
    const lambda = server.client(LambdaClient), Role = await role('js-function', { Service: 'lambda.amazonaws.com' });
    const code = `const http = require('http');
exports.handler = () => new Promise((resolve) => http.get(process.env.AWS_ENDPOINT_URL + '/_waybill/journeys', (r) => resolve(r.statusCode)));`;
    await lambda.send(new CreateFunctionCommand({ FunctionName: 'f', Runtime: 'nodejs20.x', Handler: 'index.handler', Role, Timeout: 30,
      Code: { ZipFile: zip({ 'index.js': code }) } }));
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName: 'f' });
    const reply = await lambda.send(new InvokeCommand({ FunctionName: 'f' }));
    assert.equal(Buffer.from(reply.Payload).toString(), '403');              // the control API is the root pair's
  });
});
