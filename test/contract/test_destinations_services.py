#!/usr/bin/python3
"""Records and dead letters to topics, buses and buckets; code from a bucket; what services hand to functions."""
import json
import re

import support
from flows import ARN, FAILED, FAILS, UUID, FlowCase, context

KEEP = 'def handler(event, context):\n    return event\n'
INVALID = 'InvalidParameterValueException'


def policy(effect, action, resource, service=None):
    statement = {'Effect': effect, 'Action': action, 'Resource': resource}
    if service:
        statement['Principal'] = {'Service': service}
    return {'Version': '2012-10-17', 'Statement': [statement]}


class ServicesCase(FlowCase):
    def opened(self, name, service):
        """A queue that this service may send to."""
        url, arn = self.queue(name)
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps(policy('Allow', 'sqs:SendMessage', arn, service))})
        return url, arn

    def topic(self, name='t', raw=False):
        """A topic and the queue that hears it."""
        url, queue = self.opened('heard-' + name, 'sns.amazonaws.com')
        arn = self.client('sns').create_topic(Name=name)['TopicArn']
        self.client('sns').subscribe(TopicArn=arn, Protocol='sqs', Endpoint=queue, Attributes={'RawMessageDelivery': 'true'} if raw else {})
        return arn, url

    def bus(self, name='b'):
        """A bus and the queue that hears all of it."""
        events = self.client('events')
        url, queue = self.opened('heard-' + name, 'events.amazonaws.com')
        arn = events.create_event_bus(Name=name)['EventBusArn']
        events.put_rule(Name='all', EventBusName=name, EventPattern=json.dumps({'source': ['lambda']}))
        self.assertEqual(events.put_targets(Rule='all', EventBusName=name, Targets=[{'Id': '1', 'Arn': queue}])['FailedEntryCount'], 0)
        return arn, url

    def s3(self, **who):
        return self.client('s3', **who)

    def bucket(self, name='lost-records'):
        self.s3().create_bucket(Bucket=name)
        return 'arn:aws:s3:::' + name

    def to(self, name, success=None, failure=None, retries=0):
        routes = {k: {'Destination': v} for k, v in (('OnSuccess', success), ('OnFailure', failure)) if v}
        return self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig=routes, MaximumRetryAttempts=retries)

    def record(self, id, name, condition, request, responses):
        return ('{"version":"1.0","timestamp":"%s","requestContext":{"requestId":"%s","functionArn":"%s%s:$LATEST","condition":"%s",'
                '"approximateInvokeCount":1},"requestPayload":%s,%s}' % (self.journey(id)['endedAt'], id, ARN, name, condition, request, responses))

    def failed_record(self, id, name='f', request='{"a":1}'):
        return self.record(id, name, 'RetriesExhausted', request, '"responseContext":%s,"responsePayload":%s' % (context(error=True), FAILED % id))

    def heard(self, url):
        """The one message of a queue."""
        message, = self.receive(url, 1) or [None]
        self.assertIsNotNone(message, 'nothing was heard')
        self.assertEqual(self.receive(url, 0), [])
        return message


class Topics(ServicesCase):
    def test_records(self):
        """Message is the record, and nothing else: no Subject, no attributes."""
        arn, url = self.topic()
        self.function('f', 'def handler(event, context):\n    if event["a"]: raise ValueError("no")\n    return "text"\n')
        self.to('f', arn, arn)
        for body, expected in (('{"a" : 1}', lambda id: None), ('{"a":0}', lambda id: '"responseContext":%s,"responsePayload":"text"' % context())):
            id = self.event('f', body)
            self.settle()
            envelope = json.loads(self.heard(url)['Body'])
            self.assertEqual((envelope['Type'], envelope['TopicArn'], 'Subject' in envelope, 'MessageAttributes' in envelope),
                             ('Notification', arn, False, False))
            if expected(id):
                self.assertEqual(envelope['Message'], self.record(id, 'f', 'Success', '{"a":0}', expected(id)))
            else:
                record = json.loads(envelope['Message'])
                self.assertEqual((record['requestContext']['condition'], record['requestPayload']), ('RetriesExhausted', {'a': 1}))
            sent = self.journey(id)['steps'][-1]
            self.assertEqual((sent['step'], sent['target'], sent['id']), ('sent', arn, envelope['MessageId']))

    def test_a_dead_letter(self):
        arn, url = self.topic()
        self.function('f', FAILS, DeadLetterConfig={'TargetArn': arn})
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0)
        id = self.event('f', '{"a" : 1}')
        self.settle()
        envelope = json.loads(self.heard(url)['Body'])
        self.assertEqual((envelope['Message'], 'Subject' in envelope), ('{"a" : 1}', False))
        self.assertEqual(envelope['MessageAttributes'], {'RequestID': {'Type': 'String', 'Value': id}, 'ErrorCode': {'Type': 'Number', 'Value': '200'},
                                                         'ErrorMessage': {'Type': 'String', 'Value': 'no'}})

    def test_raw_dead_letter(self):
        """With raw delivery the queue behind the topic gets what a queue would."""
        arn, url = self.topic(raw=True)
        self.function('f', FAILS, DeadLetterConfig={'TargetArn': arn})
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0)
        id = self.event('f', '[ 1 ]')
        self.settle()
        message = self.heard(url)
        self.assertEqual(message['Body'], '[ 1 ]')
        self.assertEqual({k: v['StringValue'] for k, v in message['MessageAttributes'].items()},
                         {'RequestID': id, 'ErrorCode': '200', 'ErrorMessage': 'no'})

    def test_the_topics_limit(self):
        """A topic takes 262,144 bytes: responsePayload goes first, then requestPayload."""
        arn, url = self.topic(raw=True)
        self.function('f', KEEP)
        self.to('f', arn)
        for size, left in ((100000, {'requestPayload', 'responsePayload'}), (200000, {'requestPayload'}), (300000, set())):
            with self.subTest(size):
                self.event('f', json.dumps('x' * size))
                self.settle()
                record = json.loads(self.heard(url)['Body'])
                self.assertEqual({k for k in record if k.endswith('Payload')}, left)

    def test_it_is_gone(self):
        arn, _ = self.topic()
        self.function('f', FAILS, DeadLetterConfig={'TargetArn': arn})
        self.to('f', failure=arn)
        self.client('sns').delete_topic(TopicArn=arn)
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id)[-2:], ['refused', 'refused'])
        self.assertEqual([s['what'] for s in self.journey(id)['steps'][-2:]], ['on-failure record', 'dead letter'])
        self.assertTrue(all(s['reason'] for s in self.journey(id)['steps'][-2:]))


class Buses(ServicesCase):
    def test_whole_events(self):
        """Acceptance 5: source `lambda`, two resources in order, detail equals the record."""
        arn, url = self.bus()
        self.function('f', 'def handler(event, context):\n    if event["a"]: raise ValueError("no")\n    return [1.50]\n')
        self.to('f', arn, arn)
        for body, word in (('{"a" : 1}', 'Failure'), ('{"a" : 0}', 'Success')):
            with self.subTest(word):
                id = self.event('f', body)
                self.settle()
                text = self.heard(url)['Body']
                event = json.loads(text)
                self.assertRegex(event.pop('id'), f'^{UUID}$')
                self.assertRegex(event['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
                self.assertEqual(event.pop('time')[:19], self.journey(id)['endedAt'][:19])
                detail = event.pop('detail')
                self.assertEqual(event, {'version': '0', 'detail-type': f'Lambda Function Invocation Result - {word}', 'source': 'lambda',
                                         'account': support.ACCOUNT, 'region': support.REGION, 'resources': [arn, ARN + 'f:$LATEST']})
                self.assertEqual(detail['requestContext'], {'requestId': id, 'functionArn': ARN + 'f:$LATEST', 'approximateInvokeCount': 1,
                                                            'condition': 'RetriesExhausted' if word == 'Failure' else 'Success'})
                self.assertEqual(list(detail), ['version', 'timestamp', 'requestContext', 'requestPayload', 'responseContext', 'responsePayload'])
                self.assertEqual(detail['timestamp'], self.journey(id)['endedAt'])

    def test_a_bus_that_is_not_there(self):
        """Accepted when it is put, lost when it is used."""
        arn = f'arn:aws:events:{support.REGION}:{support.ACCOUNT}:event-bus/nowhere'
        self.function('f', FAILS)
        self.assertEqual(self.to('f', failure=arn)['DestinationConfig']['OnFailure'], {'Destination': arn})
        id = self.event('f')
        self.settle()
        refused = self.journey(id)['steps'][-1]
        self.assertEqual((refused['step'], refused['target']), ('refused', arn))
        self.assertNotEqual(refused['reason'], '')


class Buckets(ServicesCase):
    KEY = r'^aws/lambda/async/f/(\d{4}/\d\d/\d\d)/(\d{4}-\d\d-\d\d)T\d\d\.\d\d\.\d\d-' + UUID + '$'

    def test_an_object_per_record(self):
        """Acceptance 6."""
        arn = self.bucket()
        self.function('f', FAILS, Publish=True)
        self.to('f', failure=arn)
        id = self.event('f', '{"a" : 1}')
        self.settle()
        listed = self.s3().list_objects_v2(Bucket='lost-records')
        self.assertEqual(listed['KeyCount'], 1)
        key = listed['Contents'][0]['Key']
        at = re.match(self.KEY, key)
        self.assertIsNotNone(at, key)
        self.assertEqual((at[1].replace('/', '-'), at[2]), (self.journey(id)['endedAt'][:10],) * 2)
        object = self.s3().get_object(Bucket='lost-records', Key=key)
        self.assertEqual(self.at_task_root(object['Body'].read().decode()), self.failed_record(id))
        self.assertEqual(object['ContentType'], 'application/octet-stream')

    def test_a_large_record_stays_whole(self):
        arn = self.bucket()
        self.function('f', 'def handler(event, context):\n    raise ValueError(event)\n')
        self.to('f', failure=arn)
        self.event('f', json.dumps('x' * 700000))
        self.settle()
        object, = self.s3().list_objects_v2(Bucket='lost-records')['Contents']
        self.assertGreater(object['Size'], 1400000)

    def test_on_success_is_refused(self):
        arn = self.bucket()
        self.function('f', KEEP)
        self.assertFault(INVALID, self.to, 'f', arn, message=f'The destination ARN {arn} is invalid.')
        self.assertFault(INVALID, self.to, 'f', failure='arn:aws:s3:::nowhere-at-all', message='The destination ARN arn:aws:s3:::nowhere-at-all is invalid.')

    def test_the_bucket_is_gone(self):
        arn = self.bucket()
        self.function('f', FAILS)
        self.to('f', failure=arn)
        self.s3().delete_bucket(Bucket='lost-records')
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id)[-1], 'refused')


class Rights(ServicesCase):
    """What the role needs, asked when the destination is put and again when a record is sent."""

    def test_each_kind(self):
        topic, bus, bucket = self.topic()[0], self.bus()[0], self.bucket()
        texts = {topic: [('sns:Publish', topic, f"The function's execution role does not have permissions to call Publish on {topic}")],
                 bus: [('events:PutEvents', bus, f"The function's execution role does not have permissions to call PutEvents on {bus}")],
                 bucket: [('s3:ListBucket', bucket, 'The function execution role does not have permissions to call ListBucket on S3'),
                          ('s3:PutObject', bucket + '/*', 'The function execution role does not have permissions to call PutObject on S3')]}
        role = self.role('few', False)
        self.function('f', FAILS, Role=role)
        for target, rights in texts.items():
            with self.subTest(target):
                statements = []
                for action, resource, message in rights:
                    self.role('few', statements or [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}])
                    self.assertFault(INVALID, self.to, 'f', failure=target, message=message)
                    statements.append({'Effect': 'Allow', 'Action': action, 'Resource': resource})
                self.role('few', statements)
                self.to('f', failure=target)
                id = self.event('f')
                self.settle()
                self.assertEqual(self.steps(id)[-1], 'sent', self.told(id))
                self.role('few', [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}])
                id = self.event('f')
                self.settle()
                refused = self.journey(id)['steps'][-1]
                self.assertEqual((refused['step'], refused['reason']),
                                 ('refused', f'no identity-based policy allows the {rights[-1][0]} action'))

    def test_the_targets_own_policies(self):
        """A Deny there refuses, whatever the role may; an Allow there is enough where the role itself may nothing."""
        topic, bucket = self.topic()[0], self.bucket()
        few = [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}]
        may = few + [{'Effect': 'Allow', 'Action': ['sns:*', 's3:*'], 'Resource': '*'}]
        role = self.role('few', may)
        self.function('f', FAILS, Role=role)

        def own(effect):
            def document(action, *resources):
                return json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': effect, 'Principal': {'AWS': role}, 'Action': action,
                                                                          'Resource': list(resources)}]})
            self.client('sns').set_topic_attributes(TopicArn=topic, AttributeName='Policy', AttributeValue=document('sns:Publish', topic))
            self.s3().put_bucket_policy(Bucket='lost-records', Policy=document(['s3:PutObject', 's3:ListBucket'], bucket, bucket + '/*'))
        for target in (topic, bucket):
            with self.subTest(target):
                self.role('few', may)
                self.s3().delete_bucket_policy(Bucket='lost-records')
                self.to('f', failure=target)
                own('Deny')
                id = self.event('f')
                self.settle()
                refused = self.journey(id)['steps'][-1]
                self.assertEqual((refused['step'], refused['reason']), ('refused', 'an explicit deny in a resource-based policy'))
                self.assertFault(INVALID, self.to, 'f', failure=target)
                own('Allow')
                self.role('few', few)
                self.to('f', failure=target)
                id = self.event('f')
                self.settle()
                self.assertEqual(self.steps(id)[-1], 'sent', self.told(id))

    def test_a_dead_letter_topic(self):
        arn, _ = self.topic()
        role = self.role('few', [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}])
        self.function('f', FAILS, Role=role)
        self.assertFault(INVALID, self.client('lambda').update_function_configuration, FunctionName='f', DeadLetterConfig={'TargetArn': arn},
                         message='The provided execution role does not have permissions to call Publish on SNS')


class ServicesInvoke(ServicesCase):
    def allow(self, name, service, source, **more):
        self.client('lambda').add_permission(FunctionName=name, StatementId='s', Action='lambda:InvokeFunction', Principal=service, SourceArn=source, **more)

    def test_a_topic_invokes(self):
        """Only with AddPermission, and the event is an ordinary asynchronous one with destinations of its own."""
        sns = self.client('sns')
        topic = sns.create_topic(Name='news')['TopicArn']
        self.function('f', KEEP)
        self.routes('f')
        sns.subscribe(TopicArn=topic, Protocol='lambda', Endpoint=ARN + 'f')
        sns.publish(TopicArn=topic, Message='first')
        self.settle(advance=False)
        self.assertEqual(self.journeys('f'), [])
        self.allow('f', 'sns.amazonaws.com', topic)
        sns.publish(TopicArn=topic, Message='second')
        self.settle()
        record, = self.records(self.ok)
        self.assertEqual(record['requestPayload']['Records'][0]['Sns']['Message'], 'second')
        accepted = self.journeys('f')[0]['steps'][0]
        self.assertEqual((accepted['step'], accepted['type'], accepted['source']), ('accepted', 'Event', topic))

    def test_a_chain_through_a_topic_ends(self):
        """f to the topic to f: sixteen executions."""
        sns = self.client('sns')
        topic = sns.create_topic(Name='ring')['TopicArn']
        self.function('f', 'def handler(event, context):\n    return 1\n')
        self.to('f', topic, self.failed_arn)
        sns.subscribe(TopicArn=topic, Protocol='lambda', Endpoint=ARN + 'f')
        self.allow('f', 'sns.amazonaws.com', topic)
        self.event('f')
        self.settle(advance=True)
        ran = [j for j in self.journeys('f', limit=200) if any(s['step'] == 'started' for s in j['steps'])]
        self.assertEqual(len(ran), 16)
        record, = self.records(self.failed)
        self.assertEqual(record['requestContext']['condition'], 'RecursiveInvocation')

    def test_a_rule_invokes(self):
        events = self.client('events')
        self.function('f', KEEP)
        self.routes('f')
        rule = events.put_rule(Name='r', EventPattern=json.dumps({'source': ['mine']}))['RuleArn']
        events.put_targets(Rule='r', Targets=[{'Id': '1', 'Arn': ARN + 'f'}])
        self.allow('f', 'events.amazonaws.com', rule)
        self.assertEqual(events.put_events(Entries=[{'Source': 'mine', 'DetailType': 'd', 'Detail': '{"n":1}'}])['FailedEntryCount'], 0)
        self.settle()
        record, = self.records(self.ok)
        self.assertEqual((record['requestPayload']['source'], record['requestPayload']['detail']), ('mine', {'n': 1}))
        self.assertEqual(self.journeys('f')[0]['steps'][0]['source'], rule)


class CodeFromBuckets(ServicesCase):
    def zip(self, text):
        return support.make_zip({'index.py': f'def handler(event, context):\n    return {text!r}\n'})

    def make(self, client=None, **code):
        (client or self.client('lambda')).create_function(FunctionName='f', Runtime='python3.11', Handler='index.handler', Role=self.role(), Code=code)
        return self.wait_active('f')

    def test_create_and_update(self):
        self.bucket('code')
        s3 = self.s3()
        s3.put_bucket_versioning(Bucket='code', VersioningConfiguration={'Status': 'Enabled'})
        first = s3.put_object(Bucket='code', Key='a/f.zip', Body=self.zip('one'))['VersionId']
        s3.put_object(Bucket='code', Key='a/f.zip', Body=self.zip('two'))
        made = self.make(S3Bucket='code', S3Key='a/f.zip')
        self.assertEqual(made['CodeSize'], len(self.zip('two')))
        self.assertEqual(self.invoke('f')[1], 'two')
        self.client('lambda').update_function_code(FunctionName='f', S3Bucket='code', S3Key='a/f.zip', S3ObjectVersion=first)
        self.wait_active('f')
        self.assertEqual(self.invoke('f')[1], 'one')
        s3.delete_object(Bucket='code', Key='a/f.zip')      # the function keeps what it has
        self.assertEqual(self.invoke('f')[1], 'one')

    def test_what_is_missing(self):
        self.bucket('code')
        self.s3().put_object(Bucket='code', Key='no.zip', Body=b'text')
        get = 'Error occurred while GetObject. S3 Error Code: '
        for code, message in (({'S3Bucket': 'code', 'S3Key': 'nothing.zip'}, get + 'NoSuchKey. S3 Error Message: The specified key does not exist.'),
                              ({'S3Bucket': 'nowhere', 'S3Key': 'f.zip'}, get + 'NoSuchBucket. S3 Error Message: The specified bucket does not exist'),
                              ({'S3Bucket': 'code', 'S3Key': 'no.zip'}, 'Could not unzip uploaded file. Please check your file, then try to upload again.')):
            with self.subTest(message):
                self.assertFault(INVALID, self.make, message=message, **code)
        self.assertEqual(self.client('lambda').list_functions()['Functions'], [])

    def test_the_caller_must_be_allowed_to_read(self):
        self.bucket('code')
        self.s3().put_object(Bucket='code', Key='f.zip', Body=self.zip('one'))
        root = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sts:AssumeRole', 'Principal': {'AWS': support.ACCOUNT}}]}
        deployer = [{'Effect': 'Allow', 'Action': ['lambda:*', 'iam:*'], 'Resource': '*'}]
        arn = self.role('deployer', deployer, root)

        def client():
            got = self.client('sts').assume_role(RoleArn=arn, RoleSessionName='deploy')['Credentials']
            return self.client('lambda', key=got['AccessKeyId'], secret=got['SecretAccessKey'], token=got['SessionToken'])
        self.assertFault('AccessDeniedException', self.make, client(), S3Bucket='code', S3Key='f.zip', status=403,
                         message='Your access has been denied by S3, please make sure your request credentials have permission to GetObject for'
                         ' code/f.zip. S3 Error Code: AccessDenied. S3 Error Message: Access Denied')
        self.role('deployer', deployer + [{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::code/*'}], root)
        self.assertEqual(self.make(client(), S3Bucket='code', S3Key='f.zip')['State'], 'Active')

    def test_with_the_cli(self):
        self.bucket('code')
        self.s3().put_object(Bucket='code', Key='f.zip', Body=self.zip('one'))
        reply = self.aws('lambda', 'create-function', '--function-name', 'f', '--runtime', 'python3.11', '--handler', 'index.handler', '--role', self.role(),
                         '--code', 'S3Bucket=code,S3Key=f.zip')
        self.assertEqual(reply['CodeSize'], len(self.zip('one')))


if __name__ == '__main__':
    support.main()
