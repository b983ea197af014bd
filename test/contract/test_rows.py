#!/usr/bin/python3
"""Rows that cannot be what this server wrote: another program changed them, or an older and wrong server did.  Read at the
start, they end it with one sentence that names table, row and remedy; met later, they end the server with a line that
names them, or cost one request its answer.  Never an abort, and never a world that is silently smaller.

$WAYBILL_ROWS says how many changes at random places are tried beside those of the table, each time others; without it
there are 40, always the same."""
import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time

import support

RANDOM = int(os.environ.get('WAYBILL_ROWS', '0'))
ALWAYS, ALWAYS_SEED = 40, 1
# What must be refused: table, column, what it becomes, the words of the sentence.
REFUSED = (
    ('sns_topic', 'tags', '[1', 'its tags are no JSON object'),
    ('sns_topic', 'attributes', '{"Policy":"{"}', 'its attributes are no JSON object'),
    ('sns_topic', 'name', 'x' * 5000, 'its name is empty or too long'),
    ('sns_topic', 'region', 'a:b', 'its region is none'),
    ('sns_subscription', 'topic_id', 1, 'its topic is not there'),
    ('sns_subscription', 'protocol', 'pigeon', 'its protocol is none'),
    ('sns_subscription', 'state', 7, 'its state is none'),
    ('sns_subscription', 'attributes', '{"FilterPolicy":"{"}', 'its filter policy is none'),
    ('sns_key', 'private_key', 'nothing', 'its key or certificate cannot be read'),
    ('sns_seen', 'message_id', 'x' * 500, 'its message id is too long'),
    ('sqs_queue', 'attributes', '{"VisibilityTimeout":"soon"}', 'its attributes are none'),
    ('sqs_queue', 'attributes', '{"RedrivePolicy":"{}"}', 'its attributes are none'),
    ('sqs_queue', 'attributes', '{"Policy":"{"}', 'its attributes are none'),
    ('sqs_queue', 'name', 'x' * 300, 'its name is empty or too long'),
    ('sqs_queue', 'tags', '', 'its tags are no JSON object'),
    ('sqs_queue WHERE name = "q.fifo"', 'rows_id', 5, 'its rows_id is of the other kind of queue'),
    ('sqs_message WHERE queue_id > 1 << 50', 'extras', b'', 'its extras hold no group and deduplication id'),
    ('sqs_dedup', 'id', lambda db: db.execute('SELECT max(id) FROM sqs_message WHERE queue_id > 1 << 50').fetchone()[0], "its id is a message's"),
    ('sqs_message', 'id', 1 << 40, 'its number was never given out'),
    ('sqs_queue', 'id', 1 << 40, 'its number was never given out'),
    ('sqs_move_task', 'status', 'SLEEPING', 'its status is none'),
    ('lambda_function', 'account', 'me', 'its account is not twelve digits'),
    ('lambda_function', 'tags', '{', 'its tags are no JSON object'),
    ('lambda_version', 'config', 'x', 'its config is no JSON object'),
    ('lambda_version', 'function_id', 1, 'its function is not there'),
    ('lambda_version WHERE version = "$LATEST"', 'version', '7', 'its version $LATEST is not there'),
    ('lambda_alias', 'function_id', 1, 'its function is not there'),
    ('lambda_policy', 'statements', '{}', 'its statements are no JSON array'),
    ('lambda_event_invoke_config', 'function_id', 1, 'its function is not there'),
    ('events_bus', 'policy', '{', 'its policy is none'),
    ('events_bus', 'id', 0, 'its number is none'),
    ('events_rule WHERE pattern IS NOT NULL', 'pattern', None, 'it listens to nothing'),
    ('events_rule', 'bus_id', 1, 'its bus is not there'),
    ('events_rule', 'pattern', '{"a":', 'its pattern is none'),
    ('events_rule', 'schedule', 'rate(1 fortnight)', 'its schedule is none'),
    ('events_rule', 'targets', '[{"Id":"1"}]', 'its targets are none'),
    ('iam_role', 'account', '', 'its account is not twelve digits'),
    ('iam_role_policy', 'role', 1, 'its role is not there'),
    ('iam_attachment', 'role', 1, 'its role is not there'),
    ('iam_policy_version', 'policy', 1, 'its policy is not there'),
    ('iam_policy', 'default_version', 99, 'its default version is not there'),
    ('log_policy', 'document', '{}', 'is no policy'),
    ('s3_bucket', 'versioning', 9, 'its versioning is none'),
    ('s3_object WHERE files IS NOT NULL', 'files', 'lost', 'its files are none'),
    ('outbox', 'kind', 'pigeon', 'its kind is none'),
    ('outbox', 'due_ms', 1 << 62, 'a time of it is none'),
    ('outbox', 'attempts', 1 << 40, 'a count of it is none'),
    ('sqs_message', 'visible_ms', -1 << 63, 'a time of it is none'),
    ('sqs_queue', 'created_ms', (1 << 63) - 1, 'a time of it is none'),
    ('sqs_queue WHERE name = "q.fifo"', 'rows_id', 5 << 50 | 1 << 60, 'a number of it is none'),
    ('events_rule', 'anchor_ms', -1, 'a time of it is none'),
    ('event', 'retries', 256, 'a count of it is none'),
)
VALUES = ('', 'x', '{', '[]', '{}', 'null', '[1,"a"]', 'x' * 5000, -1, 0, 7, 1 << 40, (1 << 63) - 1, -1 << 63, 1 << 53, 253402300799999, b'', b'\xff\x01\x80', b'\x00' * 300, 0.5, None)
CHECKED_EACH = 12                                            # of the table above, in an ordinary run
ALLOW_SEND = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*', 'Principal': '*'}]}


class Rows(support.DataCase):
    server_args = ('--no-sandbox',)

    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.mkdtemp(prefix='waybill-kept-')
        cls.addClassCleanup(shutil.rmtree, cls.kept, ignore_errors=True)
        super().setUpClass()

    # ---- a world with a row in every table ----

    def fill(self):
        self.fill_lambda(*self.fill_sqs())
        self.fill_sns_and_events()
        self.fill_rest()
        self.settle()
        time.sleep(1.2)                                      # log lines and metrics are written within a second
        wrong = self.server.stop(signal.SIGTERM)
        self.assertEqual(wrong, 0, self.server.stderr())
        shutil.copytree(self.data, self.kept, dirs_exist_ok=True, symlinks=True)

    def fill_sqs(self):
        sqs = self.client('sqs')
        dead, dead_arn = self.queue('dead')
        self.url, arn = self.queue('q', RedrivePolicy=json.dumps({'deadLetterTargetArn': dead_arn, 'maxReceiveCount': 3}),
                                   Policy=json.dumps(ALLOW_SEND))
        fifo, _ = self.queue('q.fifo', FifoQueue='true')
        sqs.tag_queue(QueueUrl=self.url, Tags={'a': 'b'})
        for n in range(3):
            sqs.send_message(QueueUrl=self.url, MessageBody=f'm{n}', MessageAttributes={'k': {'DataType': 'String', 'StringValue': 'v'}})
            sqs.send_message(QueueUrl=fifo, MessageBody=f'm{n}', MessageGroupId='g', MessageDeduplicationId=f'd{n}')
        self.receive(fifo, 1)
        sqs.send_message(QueueUrl=dead, MessageBody='dead')
        self.json('AmazonSQS.StartMessageMoveTask', {'SourceArn': dead_arn, 'DestinationArn': arn})
        return self.url, arn

    def fill_lambda(self, url, arn):
        awslambda = self.client('lambda')
        self.client('iam').create_policy(PolicyName='p', PolicyDocument=json.dumps(support.ALLOW_ALL))
        self.role('r')
        self.client('iam').attach_role_policy(RoleName='r', PolicyArn=f'arn:aws:iam::{support.ACCOUNT}:policy/p')
        self.function('f', 'def handler(e, c):\n    print("line")\n    raise ValueError(e)\n', Publish=True, Tags={'a': 'b'})
        awslambda.create_alias(FunctionName='f', Name='live', FunctionVersion='1')
        awslambda.put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnFailure': {'Destination': arn}})
        awslambda.put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=1, DestinationConfig={'OnFailure': {'Destination': arn}})
        awslambda.add_permission(FunctionName='f', StatementId='s', Action='lambda:InvokeFunction', Principal='sns.amazonaws.com')
        self.event('f', {'n': 1})
        self.settle(advance=True)                            # one at its end: a journey, and a record in the queue
        self.event('f', {'n': 2})                            # and one that waits for its retry
        self.settle()

    def fill_sns_and_events(self):
        sns, events = self.client('sns'), self.client('events')
        queue = f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q'
        topic = sns.create_topic(Name='t', Tags=[{'Key': 'k', 'Value': 'v'}])['TopicArn']
        sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=queue, Attributes={'FilterPolicy': '{"a":["b"]}'})
        sns.subscribe(TopicArn=topic, Protocol='http', Endpoint='http://127.0.0.1:1/')       # nobody is there: it waits
        line = sns.create_topic(Name='t.fifo', Attributes={'FifoTopic': 'true'})['TopicArn']
        sns.publish(TopicArn=line, Message='m', MessageGroupId='g', MessageDeduplicationId='d')
        events.create_event_bus(Name='b')
        events.put_permission(EventBusName='b', StatementId='s', Action='events:PutEvents', Principal='123456789012')
        events.put_rule(Name='r', EventBusName='b', EventPattern='{"source":["app"]}')
        events.put_targets(Rule='r', EventBusName='b', Targets=[{'Id': '1', 'Arn': queue}])
        events.put_rule(Name='every', ScheduleExpression='rate(1 hour)')
        events.put_targets(Rule='every', Targets=[{'Id': '1', 'Arn': queue}])

    def fill_rest(self):
        s3, logs = self.client('s3'), self.client('logs')
        s3.create_bucket(Bucket='bucket')
        s3.put_bucket_notification_configuration(Bucket='bucket', NotificationConfiguration={'QueueConfigurations': [
            {'QueueArn': f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q', 'Events': ['s3:ObjectCreated:*']}]})
        s3.put_object(Bucket='bucket', Key='small', Body=b's', Tagging='a=b', Metadata={'m': 'n'})
        s3.put_object(Bucket='bucket', Key='large', Body=b'l' * 100000)
        upload = s3.create_multipart_upload(Bucket='bucket', Key='parts')['UploadId']
        s3.upload_part(Bucket='bucket', Key='parts', UploadId=upload, PartNumber=1, Body=b'p' * 1000)
        self.upload = upload
        logs.create_log_group(logGroupName='g', tags={'a': 'b'})
        logs.create_log_stream(logGroupName='g', logStreamName='s')
        logs.put_log_events(logGroupName='g', logStreamName='s', logEvents=[{'timestamp': int(time.time() * 1000), 'message': 'm'}])
        logs.put_resource_policy(policyName='p', policyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'}, 'Action': 'logs:PutLogEvents', 'Resource': '*'}]}))
        self.client('cloudwatch').put_metric_data(Namespace='N', MetricData=[
            {'MetricName': 'm', 'Values': [1.0, 2.0, 5.5], 'Counts': [1, 2, 3], 'Dimensions': [{'Name': 'd', 'Value': 'v'}]}])

    # ---- one change ----

    def change(self, where, column, value):
        """Changes one row of a fresh copy -> False: the database itself forbids it."""
        shutil.rmtree(self.data)
        shutil.copytree(self.kept, self.data, symlinks=True)
        path = os.path.join(self.data, 'waybill.db')
        db = sqlite3.connect(path)
        try:
            table = where.split()[0]
            condition = where[len(table):].strip() or 'WHERE 1'
            key = [c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[5]][0]
            at = db.execute(f'SELECT {key} FROM {table} {condition} LIMIT 1').fetchone()
            self.assertIsNotNone(at, f'no row in {where}')
            value = value(db) if callable(value) else value
            db.execute(f'UPDATE {table} SET {column} = ? WHERE {key} = ?', (value, at[0]))
            db.commit()
        except (sqlite3.IntegrityError, OverflowError):
            return False
        finally:
            db.close()
        support.reseal(path)
        return True

    def test_what_must_be_refused(self):
        self.fill()
        chosen = REFUSED if RANDOM > 100 else random.sample(REFUSED, CHECKED_EACH)
        for where, column, value, words in chosen:
            with self.subTest(where=where, column=column, value=str(value)[:60]):
                self.refused(where, column, value, words)
        self.at_random()
        shutil.rmtree(self.data)
        shutil.copytree(self.kept, self.data, symlinks=True)
        self.start_server()
        self.assertEqual(self.use(self.server), None)

    def refused(self, where, column, value, words):
        self.assertTrue(self.change(where, column, value))
        server = self.started()
        said = server.stderr()
        self.assertEqual(server.process.poll(), 1, said[-6000:])
        self.assertRegex(said, r'^waybill: the data directory cannot be used: [^\n]*\n$')
        self.assertIn(words, said)
        self.assertRegex(said, rf'row -?\d+ of table {"lambda_function" if "LATEST" in where else where.split()[0]}:')
        self.assertIn('Put back a copy of the data directory', said)
        self.assertIn(self.data, said)
        self.assertEqual(self.files(), self.files(self.kept), 'files went')
        server.remove()

    def files(self, place=None):
        place = place or self.data
        return sorted(name for _, _, names in os.walk(os.path.join(place, 'objects')) for name in names)

    def at_random(self):
        db = sqlite3.connect(os.path.join(self.kept, 'waybill.db'))
        tables = [t for t, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        columns = [(t, c[1]) for t in tables if t not in ('settings', 'schema_version', 'waybill')
                   and db.execute(f'SELECT count(*) FROM {t}').fetchone()[0] > 0 for c in db.execute(f'PRAGMA table_info({t})')]
        empty = [t for t in tables if db.execute(f'SELECT count(*) FROM {t}').fetchone()[0] == 0]
        db.close()
        seed = int.from_bytes(os.urandom(4), 'big') if RANDOM else ALWAYS_SEED
        chance, counts = random.Random(seed), {}
        for _ in range(RANDOM or ALWAYS):
            table, column = chance.choice(columns)
            value = chance.choice(VALUES)
            note = f'seed {seed}: {table}.{column} = {value!r:.60}'
            if not self.change(table, column, value):
                counts['forbidden'] = counts.get('forbidden', 0) + 1
                continue
            end = self.outcome(note)
            counts[end] = counts.get(end, 0) + 1
        print(f'{RANDOM or ALWAYS} rows changed at random: {counts}; tables without a row: {empty}', flush=True)

    def started(self):
        """A server on what stands there now, which is ready or has ended."""
        server = support.Server(['--data', self.data, *self.server_args], wait=False)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        support.wait_until(lambda: server.process.poll() is not None or 'ready on' in server.stdout(), 60, what='started or refused')
        return server

    def outcome(self, note):
        server = self.started()
        if server.process.poll() is None:
            server.wait_ready()
            self.use(server)
        ended = server.process.poll()
        said = server.stderr()
        self.assertIsNone(support.SANITIZER.search(said), f'{note}: {said[-6000:]}')
        if ended is None:
            server.kill()
        else:
            self.assertEqual(ended, 1, f'{note}: {said[-6000:]}')
            self.assertRegex(said, 'the data directory cannot be used|event=store_failed', note)
        server.remove()
        return 'served' if ended is None else 'refused' if 'cannot be used' in said else 'stopped'

    def use(self, server):
        """Looks at everything -> None, or what the first call that was not answered with 2xx said.  Ends where the server ends."""
        wrong = None
        for ask in self.questions():
            try:
                status, _, body = support.raw_http(server.port, *ask, timeout=60)
            except OSError:
                if server.process.poll() is None:
                    time.sleep(0.2)
                if server.process.poll() is not None:
                    return 'ended'
                continue
            if status // 100 != 2 and wrong is None:
                wrong = (ask[:2], status, body[:300])
        return wrong

    def questions(self):
        def target(service, name, version='1.1', **members):
            return 'POST', '/', {'Content-Type': f'application/x-amz-json-{version}', 'X-Amz-Target': name,
                                 'Authorization': support.authorization(service)}, json.dumps(members)

        def query(service, action, version, **params):
            from urllib.parse import urlencode
            return 'POST', '/', {'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': support.authorization(service)}, \
                urlencode({'Action': action, 'Version': version, **params})

        def rest(service, method, path, body=''):
            return method, path, {'Authorization': support.authorization(service)}, body
        account = support.ACCOUNT
        for queue in ('q', 'q.fifo', 'dead'):
            url = f'http://127.0.0.1/{account}/{queue}'
            yield target('sqs', 'AmazonSQS.GetQueueAttributes', '1.0', QueueUrl=url, AttributeNames=['All'])
            yield target('sqs', 'AmazonSQS.ReceiveMessage', '1.0', QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=['All'],
                         MessageAttributeNames=['All'])
        yield target('sqs', 'AmazonSQS.SendMessage', '1.0', QueueUrl=f'http://127.0.0.1/{account}/q.fifo', MessageBody='m0', MessageGroupId='g',
                     MessageDeduplicationId='d0')
        yield target('sqs', 'AmazonSQS.AddPermission', '1.0', QueueUrl=f'http://127.0.0.1/{account}/q', Label='l', AWSAccountIds=['123456789012'],
                     Actions=['SendMessage'])
        yield target('sqs', 'AmazonSQS.ListMessageMoveTasks', '1.0', SourceArn=f'arn:aws:sqs:{support.REGION}:{account}:dead')
        for path in ('', '/f', '/f/versions', '/f/aliases', '/f/policy', '/f/event-invoke-config'):
            yield rest('lambda', 'GET', ('/2019-09-25' if 'event' in path else '/2015-03-31') + '/functions' + (path or '/'))
        topic = f'arn:aws:sns:{support.REGION}:{account}:t'
        for action in ('ListTopics', 'ListSubscriptions'):
            yield query('sns', action, '2010-03-31')
        yield query('sns', 'GetTopicAttributes', '2010-03-31', TopicArn=topic)
        yield query('sns', 'Publish', '2010-03-31', TopicArn=topic, Message='m')
        yield query('sns', 'Publish', '2010-03-31', TopicArn=topic + '.fifo', Message='m', MessageGroupId='g', MessageDeduplicationId='d')
        yield target('events', 'AWSEvents.ListRules', EventBusName='b')
        yield target('events', 'AWSEvents.DescribeEventBus', Name='b')
        yield target('events', 'AWSEvents.ListTargetsByRule', Rule='r', EventBusName='b')
        yield target('events', 'AWSEvents.PutEvents', Entries=[{'Source': 'app', 'DetailType': 't', 'Detail': '{}', 'EventBusName': 'b'}])
        for action in ('ListRoles', 'ListPolicies'):
            yield query('iam', action, '2010-05-08')
        yield query('iam', 'GetRole', '2010-05-08', RoleName='r')
        yield query('iam', 'GetRolePolicy', '2010-05-08', RoleName='r', PolicyName='inline')
        for path in ('/', '/bucket?versions', '/bucket?uploads', '/bucket?notification', '/bucket/small', '/bucket/large', '/bucket/small?tagging',
                     f'/bucket/parts?uploadId={self.upload}'):
            yield rest('s3', 'GET', path)
        yield rest('s3', 'PUT', '/bucket/new', 'n')
        yield target('logs', 'Logs_20140328.DescribeLogGroups')
        yield target('logs', 'Logs_20140328.DescribeResourcePolicies')
        for group in ('g', '/aws/lambda/f'):
            yield target('logs', 'Logs_20140328.DescribeLogStreams', logGroupName=group)
            yield target('logs', 'Logs_20140328.FilterLogEvents', logGroupName=group)
        yield query('monitoring', 'ListMetrics', '2010-08-01')
        for how in ('Statistics.member.1=Sum', 'ExtendedStatistics.member.1=p90'):
            name, value = how.split('=')
            yield query('monitoring', 'GetMetricStatistics', '2010-08-01', Namespace='N', MetricName='m', StartTime='2020-01-01T00:00:00Z',
                        EndTime='2020-01-01T10:00:00Z', Period=60, **{name: value, 'Dimensions.member.1.Name': 'd', 'Dimensions.member.1.Value': 'v'})
        for path in ('journeys?limit=100', 'health', 'explain?function=f'):
            yield 'GET', '/_waybill/' + path, {}, ''
        yield 'POST', '/_waybill/settle', {'Content-Type': 'application/json'}, json.dumps({'advance': True, 'timeout_ms': 20000})
        yield 'POST', '/_waybill/clock', {'Content-Type': 'application/json'}, json.dumps({'advance_ms': 3700_000})
        yield 'POST', '/_waybill/settle', {'Content-Type': 'application/json'}, json.dumps({'advance': False, 'timeout_ms': 20000})


if __name__ == '__main__':
    support.main()
