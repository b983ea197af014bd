"""What one request can do to everybody else: the worst we know, sent one by one, while somebody asks for health.

`hold` is the longest time the loop worked between a question for health and its answer: processor time of the loop's
thread, so that a loaded machine does not count as a stall.  Each row has a server of its own, filled by `prepare`.
"""
import base64
import contextlib
import http.client
import io
import json
import multiprocessing
import os
import random
import time
import urllib.parse
import zipfile


def loop_cpu_ms(pid):
    with open(f'/proc/{pid}/task/{pid}/schedstat') as f:
        return int(f.read().split()[0]) / 1e6


def ask(port, pid, end, ready, answer):
    """Asks for health until `end` is set; sends the longest hold of the loop, in ms of its processor time."""
    worst = 0
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    first = True
    while first or not end.is_set():
        before = loop_cpu_ms(pid)
        connection.request('GET', '/_waybill/health')
        connection.getresponse().read()
        if not first:
            worst = max(worst, loop_cpu_ms(pid) - before)
        first = False
        ready.set()
        time.sleep(0.002)
    answer.send(worst)


@contextlib.contextmanager
def holding(s):
    """Yields a list that has the hold in ms at the end."""
    end, ready = multiprocessing.Event(), multiprocessing.Event()
    mine, its = multiprocessing.Pipe()
    asker = multiprocessing.Process(target=ask, args=(s.port, s.pid, end, ready, its))
    result = []
    asker.start()
    ready.wait(60)
    try:
        yield result
    finally:
        end.set()
        result.append(mine.recv() if mine.poll(120) else float('nan'))
        asker.join()


def quietly(fn, *arguments, **more):
    """A refusal is an answer too."""
    try:
        return fn(*arguments, **more)
    except Exception as e:                                   # bench/run's Wrong: status and text
        if os.environ.get('STALL_SAY'):
            print('   ', str(e)[:300])
        return None


def target(s, name, version, service, body):
    return quietly(s.request, 'POST', '/', body if isinstance(body, (str, bytes)) else json.dumps(body), service,
                   {'Content-Type': f'application/x-amz-json-{version}', 'X-Amz-Target': name})


def sqs(s, operation, **body):
    return target(s, 'AmazonSQS.' + operation, '1.0', 'sqs', body)


def logs(s, operation, **body):
    return target(s, 'Logs_20140328.' + operation, '1.1', 'logs', body)


def events(s, operation, **body):
    return target(s, 'AWSEvents.' + operation, '1.1', 'events', body)


def cloudwatch(s, operation, **body):
    return target(s, 'GraniteServiceVersion20100801.' + operation, '1.0', 'monitoring', body)


def form(s, service, action, version, pairs=(), **more):
    return quietly(s.request, 'POST', '/', urllib.parse.urlencode([('Action', action), ('Version', version), *more.items(), *pairs]),
                   service, {'Content-Type': 'application/x-www-form-urlencoded'})


def sns(s, action, pairs=(), **more):
    return form(s, 'sns', action, '2010-03-31', pairs, **more)


def iam(s, action, pairs=(), **more):
    return form(s, 'iam', action, '2010-05-08', pairs, **more)


def s3(s, method, path, body='', headers=()):
    return quietly(s.request, method, path, body, 's3', headers)


def queue_url(s, name='q'):
    return f'http://127.0.0.1:{s.port}/000000000000/{name}'


TOPIC = 'arn:aws:sns:us-east-1:000000000000:t'
MANY = 40000                                                 # names of a few bytes in one request of 1 MiB


# ---- rows: prepare(s) makes what is there before; the other is what is measured ----

def with_queue(s):
    sqs(s, 'CreateQueue', QueueName='q')


def with_topic(s):
    sns(s, 'CreateTopic', Name='t')


def with_function(s):
    s.make_function('f', 'python')


def with_role(s):
    s.make_role()


def with_bucket(s):
    s3(s, 'PUT', '/stall-bucket')


def with_group(s):
    logs(s, 'CreateLogGroup', logGroupName='g')
    logs(s, 'CreateLogStream', logGroupName='g', logStreamName='s')


def many_tags():
    return {f't{i}': '' for i in range(50000)}


def tag_queue(s):
    sqs(s, 'TagQueue', QueueUrl=queue_url(s), Tags=many_tags())


def tag_queue_form(s):
    form(s, 'sqs', 'TagQueue', '2012-11-05', [p for i in range(24000) for p in ((f'Tag.{i}.Key', f'{i}'), (f'Tag.{i}.Value', ''))],
         QueueUrl=queue_url(s))


def create_queue_tags(s):
    sqs(s, 'CreateQueue', QueueName='other', tags=many_tags())


def tag_topic(s):
    sns(s, 'TagResource', [p for i in range(12000) for p in ((f'Tags.member.{i}.Key', f'{i}'), (f'Tags.member.{i}.Value', 'v'))],
        ResourceArn=TOPIC)


def tag_rule(s):
    events(s, 'TagResource', ResourceARN='arn:aws:events:us-east-1:000000000000:event-bus/default',
           Tags=[{'Key': f'{i}', 'Value': ''} for i in range(40000)])


def tag_function(s):
    quietly(s.request, 'POST', '/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:f', json.dumps({'Tags': many_tags()}))


def untag_function(s):
    quietly(s.request, 'DELETE', '/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:f?'
            + '&'.join(f'tagKeys={i}' for i in range(1500)))


def tag_role(s):
    iam(s, 'TagRole', [p for i in range(12000) for p in ((f'Tags.member.{i}.Key', f'{i}'), (f'Tags.member.{i}.Value', 'v'))], RoleName='bench')


def assume_role_tags(s):
    form(s, 'sts', 'AssumeRole', '2011-06-15', [p for i in range(12000) for p in ((f'Tags.member.{i}.Key', f'{i}'), (f'Tags.member.{i}.Value', 'v'))],
         RoleArn='arn:aws:iam::000000000000:role/bench', RoleSessionName='xyz')


def tag_group(s):
    logs(s, 'TagLogGroup', logGroupName='g', tags=many_tags())


def tag_bucket(s):
    s3(s, 'PUT', '/stall-bucket?tagging', '<Tagging><TagSet>' + ''.join(f'<Tag><Key>{i}</Key><Value/></Tag>' for i in range(25000)) + '</TagSet></Tagging>')


def environment_variables(s):
    quietly(s.request, 'PUT', '/2015-03-31/functions/f/configuration', json.dumps({'Environment': {'Variables': {f'v{i}': '' for i in range(50000)}}}))


def queue_attributes(s):
    sqs(s, 'SetQueueAttributes', QueueUrl=queue_url(s), Attributes={f'a{i}': '1' for i in range(50000)})


def message_attributes(s):
    sqs(s, 'SendMessage', QueueUrl=queue_url(s), MessageBody='x', MessageAttributes={f'a{i}': {'DataType': 'String', 'StringValue': 'x'} for i in range(20000)})


def publish_attributes(s):
    sns(s, 'Publish', [p for i in range(8000) for p in ((f'MessageAttributes.entry.{i}.Name', f'n{i}'), (f'MessageAttributes.entry.{i}.Value.DataType', 'String'),
                                                       (f'MessageAttributes.entry.{i}.Value.StringValue', 'x'))], TopicArn=TOPIC, Message='x')


def batch_ids(s):
    sqs(s, 'SendMessageBatch', QueueUrl=queue_url(s), Entries=[{'Id': f'{i}', 'MessageBody': 'x'} for i in range(30000)])


def delete_batch_ids(s):
    sqs(s, 'DeleteMessageBatch', QueueUrl=queue_url(s), Entries=[{'Id': f'{i}', 'ReceiptHandle': 'x'} for i in range(25000)])


def names_prepare(s):
    with_queue(s)
    for _ in range(10):
        sqs(s, 'SendMessage', QueueUrl=queue_url(s), MessageBody='x', MessageAttributes={f'attribute{i}': {'DataType': 'String', 'StringValue': 'x'} for i in range(10)})


def attribute_names(s):
    sqs(s, 'ReceiveMessage', QueueUrl=queue_url(s), MaxNumberOfMessages=10, MessageAttributeNames=[f'{i:x}' for i in range(120000)])


def put_targets(s):
    events(s, 'PutRule', Name='r', EventPattern='{"source":["x"]}')
    events(s, 'PutTargets', Rule='r', Targets=[{'Id': f'{i}', 'Arn': 'arn:aws:sqs:us-east-1:000000000000:q'} for i in range(15000)])


def put_metric_data(s):
    cloudwatch(s, 'PutMetricData', Namespace='n', MetricData=[{'MetricName': 'm', 'Value': 1, 'Dimensions': [{'Name': f'{i}', 'Value': 'v'} for i in range(25000)]}])


def put_metric_values(s):
    cloudwatch(s, 'PutMetricData', Namespace='n', MetricData=[
        {'MetricName': f'm{k}', 'Values': [random.random() for _ in range(150)], 'Counts': [1] * 150} for k in range(300)])


def put_events(s):
    events(s, 'PutEvents', Entries=[{'Source': f'{i}', 'DetailType': 'x', 'Detail': '{}'} for i in range(12000)])


def filter_policy(s):
    sns(s, 'Subscribe', TopicArn=TOPIC, Protocol='sqs', Endpoint='arn:aws:sqs:us-east-1:000000000000:q', **{
        'Attributes.entry.1.key': 'FilterPolicy', 'Attributes.entry.1.value': json.dumps({f'k{i}': ['x'] for i in range(50000)})})


def filter_policy_values(s):
    sns(s, 'Subscribe', TopicArn=TOPIC, Protocol='sqs', Endpoint='arn:aws:sqs:us-east-1:000000000000:q', **{
        'Attributes.entry.1.key': 'FilterPolicy', 'Attributes.entry.1.value': json.dumps({'k': [f'{i}' for i in range(60000)]})})


def topic_policy(n):
    return json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Sid': f's{i}', 'Effect': 'Allow', 'Principal': '*', 'Action': 'sns:Publish', 'Resource': TOPIC} for i in range(n)]})


def policy_of_500(s):
    sns(s, 'SetTopicAttributes', TopicArn=TOPIC, AttributeName='Policy', AttributeValue=topic_policy(499))


def policy_of_8000(s):
    sns(s, 'SetTopicAttributes', TopicArn=TOPIC, AttributeName='Policy', AttributeValue=topic_policy(8000))


def simulate(policy, actions, resources, **more):
    return [('PolicyInputList.member.1', policy), *((f'ActionNames.member.{i + 1}', a) for i, a in enumerate(actions)),
            *((f'ResourceArns.member.{i + 1}', r) for i, r in enumerate(resources)), *more.items()]


def simulate_many(s):
    policy = json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': [f's3:Get{i}*' for i in range(10)], 'Resource': f'arn:aws:s3:::bucket{i}/*'} for i in range(700)]})
    iam(s, 'SimulateCustomPolicy', simulate(policy, [f's3:Get{i}' for i in range(100)], [f'arn:aws:s3:::bucket{i}/x' for i in range(100)], MaxItems='1000'))


def simulate_wildcards(s):
    stars = 'arn:aws:s3:::' + 'a*' * 400 + 'b'
    policy = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': [stars] * 100}]})
    iam(s, 'SimulateCustomPolicy', simulate(policy, [f's3:Get{i}' for i in range(30)], ['arn:aws:s3:::' + 'a' * 1900 + str(i) for i in range(30)]))


def simulate_lists(s):
    policy = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': [f's3:Get{i}*' for i in range(8000)], 'Resource': '*'}]})
    iam(s, 'SimulateCustomPolicy', simulate(policy, [f's3:GetX{i}' for i in range(1000)], [], MaxItems='1000'))


def simulate_conditions(s):
    policy = json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': '*', 'Resource': '*', 'Condition': {'ForAnyValue:StringLike': {'key:a': ['*a*a*a*b'] * 2000}}}]})
    iam(s, 'SimulateCustomPolicy', simulate(policy, [f's3:Get{i}' for i in range(50)], [], **{
        'ContextEntries.member.1.ContextKeyName': 'key:a', 'ContextEntries.member.1.ContextKeyType': 'stringList',
        **{f'ContextEntries.member.1.ContextKeyValues.member.{i + 1}': 'a' * 200 for i in range(500)}}))


def fill_messages(s, n, **options):
    with_queue(s)
    s.load('sqs-send', connections=64, requests=n, queue=queue_url(s), **options)


N_MESSAGES = int(os.environ.get("STALL_MESSAGES", "1000000"))


def million_messages(s):
    fill_messages(s, N_MESSAGES)


def restarted(s):
    million_messages(s)
    s.kill()
    s.start()


def first_receive(s):
    sqs(s, 'ReceiveMessage', QueueUrl=queue_url(s), MaxNumberOfMessages=10)


def purge_queue(s):
    sqs(s, 'PurgeQueue', QueueUrl=queue_url(s))
    time.sleep(3)


def delete_queue(s):
    sqs(s, 'DeleteQueue', QueueUrl=queue_url(s))
    time.sleep(3)


def delayed(s):
    sqs(s, 'CreateQueue', QueueName='q', Attributes={'DelaySeconds': '900'})
    s.load('sqs-send', connections=64, requests=N_MESSAGES, queue=queue_url(s))


def advance(s, seconds):
    s.control('clock', advance_ms=seconds * 1000)


def delay_over(s):
    advance(s, 901)
    sqs(s, 'ReceiveMessage', QueueUrl=queue_url(s), MaxNumberOfMessages=10)


def retention_over(s):
    advance(s, 345601)
    sqs(s, 'ReceiveMessage', QueueUrl=queue_url(s), MaxNumberOfMessages=10)
    time.sleep(3)


def reset(s):
    s.request('POST', '/_waybill/reset')
    time.sleep(1)


def many_queues(s):
    for i in range(60000):
        sqs(s, 'CreateQueue', QueueName=f'queue-{random.getrandbits(50)}')


def list_queues(s):
    sqs(s, 'ListQueues', MaxResults=1000)


def many_topics(s):
    for i in range(60000):
        sns(s, 'CreateTopic', Name=f'topic-{int(random.random() * 1e15)}')


def list_topics(s):
    sns(s, 'ListTopics')


def lines(s, megabytes, stream='s', size=1000, text=None, at=None):
    with_group(s)
    now = at or int(time.time() * 1000)
    message = text or ('word ' * 400)[:size]
    each = 1000000 // (len(message) + 26)
    for _ in range(megabytes):
        logs(s, 'PutLogEvents', logGroupName='g', logStreamName=stream, logEvents=[{'timestamp': now, 'message': message} for _ in range(min(each, 10000))])


def lines_8(s):
    lines(s, 8)


def short_lines(s):
    lines(s, 6, text='ab')


def lines_246(s):
    lines(s, 246)


def filter_terms(s):
    logs(s, 'FilterLogEvents', logGroupName='g', filterPattern=' '.join(f'?"word word{i}"' for i in range(60)))


def filter_json(s):
    logs(s, 'FilterLogEvents', logGroupName='g', filterPattern='{ ' + ' || '.join(f'$.a{i} = "x*y*z"' for i in range(40)) + ' }')


def json_lines(s):
    lines(s, 8, text=json.dumps({f'a{i}': 'xyxyxyxyxyxyxyxyxyx' for i in range(40)}))


def filter_nothing(s):
    logs(s, 'FilterLogEvents', logGroupName='g', filterPattern='zzz')


def get_log_events(s):
    logs(s, 'GetLogEvents', logGroupName='g', logStreamName='s', startFromHead=True)


def put_log_events(s):
    logs(s, 'PutLogEvents', logGroupName='g', logStreamName='s', logEvents=[{'timestamp': int(time.time() * 1000), 'message': 'x' * 70} for _ in range(10000)])


def delete_log_stream(s):
    logs(s, 'DeleteLogStream', logGroupName='g', logStreamName='s')
    time.sleep(2)


def delete_log_group(s):
    logs(s, 'DeleteLogGroup', logGroupName='g')
    time.sleep(2)


def retained_lines(s):
    lines(s, 246)
    logs(s, 'PutRetentionPolicy', logGroupName='g', retentionInDays=1)


def log_retention(s):
    advance(s, 172800)
    time.sleep(2)


def many_streams(s):
    with_group(s)
    for i in range(10000):
        logs(s, 'CreateLogStream', logGroupName='g', logStreamName=f'stream-{random.random()}')


def describe_streams(s):
    logs(s, 'DescribeLogStreams', logGroupName='g', orderBy='LastEventTime')


def big_payload(n=6 << 20):
    return '[' + ','.join('{"a":1}' for _ in range(n // 8 - 1)) + ']'


def invoke_sync(s):
    quietly(s.request, 'POST', '/2015-03-31/functions/f/invocations', '[' + '1,' * ((6 << 19) - 8) + '1]')


def invoke_event(s):
    quietly(s.request, 'POST', '/2015-03-31/functions/f/invocations', '[' + '1,' * ((1 << 19) - 8) + '1]', headers={'X-Amz-Invocation-Type': 'Event'})


def create_function_large(s):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_STORED) as z:
        z.writestr('index.py', 'def handler(event, context):\n    return 1\n')
        z.writestr('blob', random.Random(1).randbytes(49 << 20))
    quietly(s.request, 'POST', '/2015-03-31/functions', json.dumps({
        'FunctionName': 'large', 'Runtime': 'python3.12', 'Handler': 'index.handler', 'Role': 'arn:aws:iam::000000000000:role/bench',
        'Code': {'ZipFile': base64.b64encode(out.getvalue()).decode()}}))
    time.sleep(2)


def escaped_body(s):
    sqs(s, 'SendMessage', QueueUrl=queue_url(s), MessageBody='\n' * 500000)


def objects(s, n, versioned=False):
    with_bucket(s)
    if versioned:
        s3(s, 'PUT', '/stall-bucket?versioning', '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>')
    for i in range(n):
        s3(s, 'PUT', f'/stall-bucket/{i % 10}/{i}', 'x')


def objects_1000(s):
    objects(s, 1000)


def delete_objects(s):
    s3(s, 'POST', '/stall-bucket?delete', '<Delete>' + ''.join(f'<Object><Key>{i % 10}/{i}</Key></Object>' for i in range(1000)) + '</Delete>')


def delete_objects_many(s):
    s3(s, 'POST', '/stall-bucket?delete', '<Delete>' + ''.join(f'<Object><Key>{i}</Key></Object>' for i in range(100000)) + '</Delete>')


def rules_events_prepare(s):
    objects(s, 1000)
    with_queue(s)
    s.sqs('SetQueueAttributes', QueueUrl=queue_url(s), Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Principal': '*', 'Action': 'sqs:SendMessage', 'Resource': '*'}]})})
    s3(s, 'PUT', '/stall-bucket?notification', '<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue>'
       '<Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>')


def large_parts(s):
    with_bucket(s)
    for i in range(1000):
        s3(s, 'PUT', f'/stall-bucket/{i % 10}/{i}', 'x' * 40000)


def deep_keys(s):
    with_bucket(s)
    for i in range(30000):
        s3(s, 'PUT', f'/stall-bucket/{i}/x', 'x')


def deleted_keys(s):
    """Deleted in a bucket with versions: each a marker that a listing passes over."""
    with_bucket(s)
    s3(s, 'PUT', '/stall-bucket?versioning', '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>')
    for k in range(100):
        s3(s, 'POST', '/stall-bucket?delete', '<Delete>' + ''.join(f'<Object><Key>{k}/{i}</Key></Object>' for i in range(1000)) + '</Delete>')


def list_markers(s):
    s3(s, 'GET', '/stall-bucket?list-type=2')


def list_objects(s):
    s3(s, 'GET', '/stall-bucket?list-type=2')


def list_delimited(s):
    s3(s, 'GET', '/stall-bucket?list-type=2&delimiter=/')


def many_parts(s):
    with_bucket(s)
    s.upload = s3(s, 'POST', '/stall-bucket/big?uploads').partition('<UploadId>')[2].partition('<')[0]
    for i in range(1, 10001):
        s3(s, 'PUT', f'/stall-bucket/big?partNumber={i}&uploadId={s.upload}', 'x')


def complete_multipart(s):
    s3(s, 'POST', f'/stall-bucket/big?uploadId={s.upload}', '<CompleteMultipartUpload>' + ''.join(
        f'<Part><PartNumber>{i}</PartNumber><ETag>9dd4e461268c8034f5c8564e155c67a6</ETag></Part>' for i in range(1, 10001)) + '</CompleteMultipartUpload>')
    time.sleep(1)


def abort_multipart(s):
    s3(s, 'DELETE', f'/stall-bucket/big?uploadId={s.upload}')
    time.sleep(1)


def notification_rules(s):
    s3(s, 'PUT', '/stall-bucket?notification', '<NotificationConfiguration>' + ''.join(
        f'<QueueConfiguration><Id>{i}</Id><Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Event>s3:ObjectCreated:Put</Event>'
        f'<Filter><S3Key><FilterRule><Name>prefix</Name><Value>{i}/</Value></FilterRule></S3Key></Filter></QueueConfiguration>' for i in range(3500))
       + '</NotificationConfiguration>')


def wide_xml(s):
    s3(s, 'PUT', '/stall-bucket?tagging', '<Tagging><TagSet>' + '<a/>' * 250000 + '</TagSet></Tagging>')


def attributes_xml(s):
    s3(s, 'PUT', '/stall-bucket?tagging', '<Tagging ' + ' '.join(f'a{i}="1"' for i in range(90000)) + '><TagSet/></Tagging>')


def metrics_prepare(s):
    now = int(time.time())
    for k in range(40):
        cloudwatch(s, 'PutMetricData', Namespace='n', MetricData=[
            {'MetricName': 'm', 'Timestamp': now - 60 * (k * 30 + i), 'Values': [random.random() for _ in range(150)]} for i in range(30)])


def metric_queries(s):
    now = int(time.time())
    cloudwatch(s, 'GetMetricData', StartTime=now - 86400 * 15, EndTime=now, MetricDataQueries=[
        {'Id': f'q{i}', 'MetricStat': {'Metric': {'Namespace': 'n', 'MetricName': 'm'}, 'Period': 60, 'Stat': 'p99.9'}} for i in range(500)])


def metric_expressions(s):
    now = int(time.time())
    cloudwatch(s, 'GetMetricData', StartTime=now - 86400 * 14, EndTime=now, MetricDataQueries=[
        {'Id': 'm', 'MetricStat': {'Metric': {'Namespace': 'n', 'MetricName': 'm'}, 'Period': 60, 'Stat': 'Sum'}},
        *({'Id': f'q{i}', 'Expression': 'FILL(m, 0) + ' * 40 + 'FILL(m, 1)'} for i in range(100))])


def metric_statistics(s):
    now = int(time.time())
    cloudwatch(s, 'GetMetricStatistics', Namespace='n', MetricName='m', StartTime=now - 86400, EndTime=now, Period=60,
               ExtendedStatistics=[f'p{i / 10}' for i in range(1, 1000)][:1000])


def many_metrics(s):
    for k in range(60):
        cloudwatch(s, 'PutMetricData', Namespace='n', MetricData=[{'MetricName': f'm{k}-{i}', 'Value': 1} for i in range(1000)])


def list_metrics(s):
    cloudwatch(s, 'ListMetrics')


def backlog(s):
    s.make_function('f', 'native', 'fail')
    quietly(s.request, 'PUT', '/2017-10-31/functions/f/concurrency', json.dumps({'ReservedConcurrentExecutions': 0}))
    s.load('event', connections=64, requests=500000, function='f')


def delete_function(s):
    quietly(s.request, 'DELETE', '/2015-03-31/functions/f')
    time.sleep(5)


def json_duplicate_keys(s):
    target(s, 'AmazonSQS.SendMessage', '1.0', 'sqs', '{' + ','.join(f'"a{i}":1' for i in range(90000)) + '}')


def json_deep(s):
    target(s, 'AmazonSQS.SendMessage', '1.0', 'sqs', '{"a":' + '[' * 500000 + ']' * 500000 + '}')


def query_parameters(s):
    form(s, 'sqs', 'ListQueues', '2012-11-05', [(f'p{i}', 'x') for i in range(95000)])


def query_nested(s):
    form(s, 'sns', 'Publish', '2010-03-31', [('Tags.member.1' + '.a' * 400, 'x') for _ in range(1200)])


def query_cbor(s):
    keys = b''.join(b'\x65' + f'{i:05}'.encode() + b'\x60' for i in range(80000))
    quietly(s.request, 'POST', '/service/GraniteServiceVersion20100801/operation/PutMetricData', b'\xbf' + keys + b'\xff', 'monitoring',
            {'Content-Type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor'})


def regex_name(s):
    quietly(s.request, 'GET', '/2015-03-31/functions/' + 'a' * 6000 + ':' * 100)
    events(s, 'PutRule', Name='r' * 60, ScheduleExpression='rate(' + ' ' * 200000 + ')')


def role_policy(s):
    iam(s, 'PutRolePolicy', RoleName='bench', PolicyName='p', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': '*' * 1, 'Resource': 'x' * 20} for _ in range(12000)]}))


def journeys(s):
    s.make_function('f', 'native')
    s.load('event', connections=64, requests=150000, function='f')
    end = time.time() + 300
    while time.time() < end and any(s.events()[k] for k in ('queued', 'running', 'waiting')):
        time.sleep(0.2)


def journeys_old(s):
    advance(s, 31 * 86400)
    time.sleep(5)


ROWS = [
    ('TagQueue, 50,000 tags', with_queue, tag_queue), ('TagQueue, query, 24,000 tags', with_queue, tag_queue_form),
    ('CreateQueue, 50,000 tags', None, create_queue_tags), ('TagResource of a topic, 12,000', with_topic, tag_topic),
    ('TagResource of a bus, 40,000', None, tag_rule), ('TagResource of a function, 50,000', with_function, tag_function),
    ('TagRole, 12,000', with_role, tag_role), ('AssumeRole, 12,000 tags', with_role, assume_role_tags),
    ('UntagResource of a function, 1,500', with_function, untag_function),
    ('TagLogGroup, 50,000', with_group, tag_group), ('PutBucketTagging, 25,000', with_bucket, tag_bucket),
    ('Environment of 50,000 variables', with_function, environment_variables), ('SetQueueAttributes, 50,000', with_queue, queue_attributes),
    ('SendMessage, 20,000 attributes', with_queue, message_attributes), ('Publish, 8,000 attributes', with_topic, publish_attributes),
    ('SendMessageBatch, 30,000 entries', with_queue, batch_ids), ('DeleteMessageBatch, 25,000 entries', with_queue, delete_batch_ids),
    ('ReceiveMessage, 120,000 attribute names', names_prepare, attribute_names), ('PutTargets, 15,000', None, put_targets),
    ('PutMetricData, 25,000 dimensions', None, put_metric_data), ('PutMetricData, 45,000 values', None, put_metric_values),
    ('PutEvents, 12,000 entries', None, put_events),
    ('Subscribe, filter policy of 50,000 keys', with_topic, filter_policy),
    ('Subscribe, filter policy of 60,000 values', with_topic, filter_policy_values), ('a policy of 499 statements', with_topic, policy_of_500),
    ('a policy of 8,000 statements', with_topic, policy_of_8000), ('PutRolePolicy of 1 MB', with_role, role_policy),
    ('SimulateCustomPolicy, 700 x 1,000', None, simulate_many), ('SimulateCustomPolicy, wildcards', None, simulate_wildcards),
    ('SimulateCustomPolicy, 8,000 actions x 1,000', None, simulate_lists), ('SimulateCustomPolicy, conditions', None, simulate_conditions),
    ('FilterLogEvents, 60 terms', lines_8, filter_terms), ('FilterLogEvents, short lines', short_lines, filter_nothing),
    ('FilterLogEvents, JSON of 40', json_lines, filter_json),
    ('GetLogEvents, short lines', short_lines, get_log_events), ('PutLogEvents, 10,000', with_group, put_log_events),
    ('DeleteLogStream of 246 MB', lines_246, delete_log_stream), ('DeleteLogGroup of 246 MB', lines_246, delete_log_group),
    ('log retention of 246 MB', retained_lines, log_retention), ('DescribeLogStreams of 10,000', many_streams, describe_streams),
    ('Invoke of 6 MiB', with_function, invoke_sync), ('Invoke, Event, of 1 MiB', with_function, invoke_event),
    ('CreateFunction of 49 MiB', with_role, create_function_large), ('SendMessage of newlines', with_queue, escaped_body),
    ('DeleteObjects of 1,000', objects_1000, delete_objects), ('DeleteObjects of 1,000, notified', rules_events_prepare, delete_objects),
    ('DeleteObjects of 1,000 files', large_parts, delete_objects),
    ('DeleteObjects of 100,000', with_bucket, delete_objects_many), ('ListObjectsV2', deep_keys, list_objects),
    ('ListObjectsV2 with a delimiter', deep_keys, list_delimited), ('ListObjectsV2 over 100,000 markers', deleted_keys, list_markers),
    ('CompleteMultipartUpload of 10,000', many_parts, complete_multipart), ('AbortMultipartUpload of 10,000', many_parts, abort_multipart),
    ('PutBucketNotification, 3,500 rules', with_bucket, notification_rules), ('XML of 250,000 elements', with_bucket, wide_xml),
    ('XML of 90,000 attributes', with_bucket, attributes_xml),
    ('GetMetricData of 500 queries', metrics_prepare, metric_queries), ('GetMetricData, expressions', metrics_prepare, metric_expressions),
    ('GetMetricStatistics, 1,000 percentiles', metrics_prepare, metric_statistics), ('ListMetrics of 60,000', many_metrics, list_metrics),
    ('JSON of 90,000 members', None, json_duplicate_keys), ('JSON of depth 500,000', None, json_deep),
    ('95,000 parameters', None, query_parameters), ('parameters of 400 segments', None, query_nested), ('CBOR of 80,000 members', None, query_cbor),
    ('long names', None, regex_name),
    ('PurgeQueue of a million', million_messages, purge_queue), ('DeleteQueue of a million', million_messages, delete_queue),
    ('first receive of a million', restarted, first_receive), ('a million delays over', delayed, delay_over),
    ('a million messages too old', million_messages, retention_over), ('reset with a million messages', million_messages, reset),
    ('DeleteFunction with 500,000 events', backlog, delete_function), ('reset with 500,000 events', backlog, reset),
    ('journeys of 150,000 events too old', journeys, journeys_old),
    ('ListQueues of 60,000', many_queues, list_queues), ('ListTopics of 60,000', many_topics, list_topics),
]
QUICK_WITHOUT = ('million', '246 MB', '500,000 events', '150,000 events', '60,000', '10,000')


def run(server, figures, say, quick=False, only=None):
    for name, prepare, send in ROWS:
        if only is not None and only not in name or quick and any(text in name for text in QUICK_WITHOUT):
            continue
        with server() as s:
            if prepare is not None:
                prepare(s)
            before = s.control('health').get('stalls', {})
            with holding(s) as hold:
                send(s)
            after = s.control('health').get('stalls', {})
            more = after.get('count', 0) - before.get('count', 0)
            figures.add(f'stall: {name}', hold[0], 'ms')
            say(f'stall: {hold[0]:8.1f} ms  {name}' + (f'  ({more} pieces of 50 ms or more; {after["worst"]} {after["worst_us"] / 1000:.0f} ms)' if more else ''))
