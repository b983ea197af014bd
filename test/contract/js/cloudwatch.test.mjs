// CloudWatch through the AWS SDK for JavaScript v3: the client (query protocol in this version, gzip above 10 KiB), and
// the SDK's own CBOR codec for the protocol newer clients choose.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CloudWatchClient, GetMetricDataCommand, GetMetricStatisticsCommand, ListMetricsCommand, PutMetricDataCommand, paginateListMetrics,
} from '@aws-sdk/client-cloudwatch';
import { cbor, tag } from '@smithy/core/cbor';
import { Server } from './support.mjs';

describe('CloudWatch', () => {
  let server, cw;
  const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 300_000);
  const around = { StartTime: minute, EndTime: new Date(+minute + 60_000) };
  const Dimensions = [{ Name: 'Queue', Value: 'q <&> é' }];

  before(async () => {
    server = await Server.start();
    cw = server.client(CloudWatchClient);
  });
  after(() => server?.end());

  test('put, statistics, data, list', async () => {
    const MetricData = [{ MetricName: 'm', Dimensions, Timestamp: minute, Unit: 'Seconds', Values: [1, 2.5, 0.25], Counts: [1, 2, 1] }];
    await cw.send(new PutMetricDataCommand({ Namespace: 'Js', MetricData }));
    const { Label, Datapoints } = await cw.send(new GetMetricStatisticsCommand({
      Namespace: 'Js', MetricName: 'm', Dimensions, ...around, Period: 60, Statistics: ['Sum', 'SampleCount', 'Minimum'] }));
    assert.equal(Label, 'm');
    assert.deepEqual(Datapoints, [{ Timestamp: minute, SampleCount: 4, Sum: 6.25, Minimum: 0.25, Unit: 'Seconds' }]);
    const extended = await cw.send(new GetMetricStatisticsCommand({
      Namespace: 'Js', MetricName: 'm', Dimensions, ...around, Period: 60, ExtendedStatistics: ['p50', 'tm75'] }));
    assert.deepEqual(extended.Datapoints, [{ Timestamp: minute, Unit: 'Seconds', ExtendedStatistics: { p50: 1, tm75: 1.25 } }]);
    const { MetricDataResults, Messages } = await cw.send(new GetMetricDataCommand({ ...around, MetricDataQueries: [
      { Id: 'm1', MetricStat: { Metric: { Namespace: 'Js', MetricName: 'm', Dimensions }, Period: 60, Stat: 'Sum' }, ReturnData: false },
      { Id: 'e1', Expression: 'm1 * 2', Label: 'twice' }] }));
    assert.deepEqual(MetricDataResults, [{ Id: 'e1', Label: 'twice', Timestamps: [minute], Values: [12.5], StatusCode: 'Complete' }]);
    const { Metrics } = await cw.send(new ListMetricsCommand({ Namespace: 'Js' }));
    assert.deepEqual(Metrics, [{ Namespace: 'Js', MetricName: 'm', Dimensions }]);
  });

  test('a large request comes compressed', async () => {
    const MetricData = Array.from({ length: 600 }, (_, i) => ({ MetricName: `big${i}`, Value: i }));
    await cw.send(new PutMetricDataCommand({ Namespace: 'Big', MetricData }));
    let n = 0;
    for await (const page of paginateListMetrics({ client: cw }, { Namespace: 'Big' })) n += page.Metrics.length;
    assert.equal(n, 600);
  });

  test('errors carry the names of the protocol', async () => {
    await assert.rejects(cw.send(new PutMetricDataCommand({ Namespace: 'AWS/X', MetricData: [{ MetricName: 'm', Value: 1 }] })), (e) => {
      assert.equal(e.name, 'InvalidParameterValueException');
      assert.equal(e.message, 'The value AWS/X for parameter Namespace is invalid.');
      assert.equal(e.$metadata.httpStatusCode, 400);
      return true;
    });
  });

  const rpc = async (operation, input) => {
    const reply = await fetch(`${server.endpoint}/service/GraniteServiceVersion20100801/operation/${operation}`, {
      method: 'POST', body: cbor.serialize(input), headers: {
        'content-type': 'application/cbor', accept: 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor', 'x-amzn-query-mode': 'true',
        authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0' } });
    const bytes = new Uint8Array(await reply.arrayBuffer());
    assert.equal(reply.headers.get('smithy-protocol'), 'rpc-v2-cbor');
    return { status: reply.status, headers: reply.headers, body: bytes.length ? cbor.deserialize(bytes) : undefined };
  };
  const when = (date) => tag({ tag: 1, value: +date / 1000 });

  test('CBOR says the same', async () => {
    const put = await rpc('PutMetricData', { Namespace: 'Cbor', MetricData: [
      { MetricName: 'm', Value: 1.5, Timestamp: when(minute) }, { MetricName: 'm', Value: 3, Timestamp: when(minute) }] });
    assert.equal(put.status, 200);
    const got = await rpc('GetMetricStatistics', { Namespace: 'Cbor', MetricName: 'm', Period: 60, Statistics: ['Sum', 'Maximum'],
      StartTime: when(minute), EndTime: when(+minute + 60_000) });
    assert.equal(got.status, 200);
    const [point] = got.body.Datapoints;
    assert.deepEqual([point.Sum, point.Maximum, point.Unit], [4.5, 3, 'None']);
    assert.deepEqual([point.Timestamp.tag, point.Timestamp.value], [1, +minute / 1000]);
    const wrong = await rpc('PutMetricData', { Namespace: 'AWS/X', MetricData: [{ MetricName: 'm', Value: 1 }] });
    assert.equal(wrong.status, 400);
    assert.match(wrong.body.__type, /InvalidParameterValueException$/);
    assert.equal(wrong.headers.get('x-amzn-query-error'), 'InvalidParameterValue;Sender');
  });
});
