"""SNS: topics, subscriptions, publishing, and what arrives at queues and functions."""
import base64
import json
import re
import subprocess
import tempfile
import unittest
import urllib.request

import support
from support import ACCOUNT, REGION

UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'


def topic_arn(name):
    return f'arn:aws:sns:{REGION}:{ACCOUNT}:{name}'


class SnsCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.sns, self.sqs = self.client('sns'), self.client('sqs')

    def freeze(self):
        """From here on the server's clock moves only by advance()."""
        self._control_ok('POST', 'clock', {'freeze': True})
        self.addCleanup(self._control_ok, 'POST', 'clock', {'resume': True})

    def topic(self, name='t', **attributes):
        return self.sns.create_topic(Name=name, Attributes=attributes)['TopicArn']

    def open_queue(self, name, topic, **attributes):
        """A queue SNS may send to for that topic -> (url, arn)."""
        url, arn = self.queue(name, **attributes)
        self.allow(url, arn, topic)
        return url, arn

    def allow(self, url, arn, topic):
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({
            'Version': '2012-10-17', 'Statement': [{
                'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage',
                'Resource': arn, 'Condition': {'ArnEquals': {'aws:SourceArn': topic}}}]})})

    def subscribe(self, topic, protocol, endpoint, **attributes):
        return self.sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes,
                                  ReturnSubscriptionArn=True)['SubscriptionArn']

    def invalid(self, message, call, *args, **kw):
        self.assertFault('InvalidParameter', call, *args, message=message, status=400, **kw)


class Topics(SnsCase):
    def test_life(self):
        arn = self.topic('one')
        self.assertEqual(arn, topic_arn('one'))
        self.assertEqual(self.topic('one'), arn)
        self.assertEqual(self.sns.list_topics()['Topics'], [{'TopicArn': arn}])
        self.sns.delete_topic(TopicArn=arn)
        self.sns.delete_topic(TopicArn=arn)
        self.assertEqual(self.sns.list_topics()['Topics'], [])
        self.assertFault('NotFound', self.sns.get_topic_attributes, TopicArn=arn, message='Topic does not exist', status=404)

    def test_attributes_by_default(self):
        got = self.sns.get_topic_attributes(TopicArn=self.topic())['Attributes']
        arn = topic_arn('t')
        self.assertEqual(json.loads(got.pop('Policy')), {
            'Version': '2008-10-17', 'Id': '__default_policy_ID', 'Statement': [{
                'Sid': '__default_statement_ID', 'Effect': 'Allow', 'Principal': {'AWS': '*'},
                'Action': ['SNS:GetTopicAttributes', 'SNS:SetTopicAttributes', 'SNS:AddPermission', 'SNS:RemovePermission',
                           'SNS:DeleteTopic', 'SNS:Subscribe', 'SNS:ListSubscriptionsByTopic', 'SNS:Publish'],
                'Resource': arn, 'Condition': {'StringEquals': {'AWS:SourceOwner': ACCOUNT}}}]})
        self.assertEqual(json.loads(got.pop('EffectiveDeliveryPolicy')), {'http': {
            'defaultHealthyRetryPolicy': {'minDelayTarget': 20, 'maxDelayTarget': 20, 'numRetries': 3, 'numMaxDelayRetries': 0,
                                          'numNoDelayRetries': 0, 'numMinDelayRetries': 0, 'backoffFunction': 'linear'},
            'disableSubscriptionOverrides': False,
            'defaultRequestPolicy': {'headerContentType': 'text/plain; charset=UTF-8'}}})
        self.assertEqual(got, {'Owner': ACCOUNT, 'TopicArn': arn, 'DisplayName': '', 'SubscriptionsConfirmed': '0',
                               'SubscriptionsPending': '0', 'SubscriptionsDeleted': '0'})

    def test_fifo_attributes(self):
        arn = self.topic('f.fifo', FifoTopic='true')
        got = self.sns.get_topic_attributes(TopicArn=arn)['Attributes']
        self.assertEqual({k: got[k] for k in ('FifoTopic', 'ContentBasedDeduplication', 'SignatureVersion', 'FifoThroughputScope')},
                         {'FifoTopic': 'true', 'ContentBasedDeduplication': 'false', 'SignatureVersion': '2',
                          'FifoThroughputScope': 'Topic'})
        self.sns.set_topic_attributes(TopicArn=arn, AttributeName='ContentBasedDeduplication', AttributeValue='true')
        self.assertEqual(self.sns.get_topic_attributes(TopicArn=arn)['Attributes']['ContentBasedDeduplication'], 'true')

    def test_names(self):
        for name, attributes in (('a b', {}), ('a.fifo', {}), ('', {}), ('a', {'FifoTopic': 'true'}), ('x' * 257, {}), ('a:b', {})):
            self.invalid('Invalid parameter: Topic Name', self.sns.create_topic, Name=name, Attributes=attributes)
        self.assertEqual(self.topic('x' * 256), topic_arn('x' * 256))

    def test_created_again(self):
        self.sns.create_topic(Name='a', Attributes={'DisplayName': 'd'}, Tags=[{'Key': 'k', 'Value': 'v'}])
        self.sns.create_topic(Name='a', Attributes={'DisplayName': 'd'}, Tags=[{'Key': 'k', 'Value': 'v'}])
        self.sns.create_topic(Name='a')
        self.invalid('Invalid parameter: Attributes Reason: Topic already exists with different attributes',
                     self.sns.create_topic, Name='a', Attributes={'DisplayName': 'e'})
        self.invalid('Invalid parameter: Tags Reason: Topic already exists with different tags',
                     self.sns.create_topic, Name='a', Tags=[{'Key': 'k', 'Value': 'w'}])

    def test_arns(self):
        self.invalid('Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1',
                     self.sns.get_topic_attributes, TopicArn='nonsense')
        self.invalid('Invalid parameter: TopicArn', self.sns.get_topic_attributes, TopicArn=f'arn:aws:sns:eu-west-1:{ACCOUNT}:t')
        self.invalid('Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 3', self.sns.publish,
                     TopicArn='a:b:c', Message='m')

    def test_pages(self):
        for i in range(150):
            self.topic(f't{i}')
        first = self.sns.list_topics()
        second = self.sns.list_topics(NextToken=first['NextToken'])
        self.assertEqual((len(first['Topics']), len(second['Topics'])), (100, 50))
        self.assertNotIn('NextToken', second)
        self.assertEqual(len({t['TopicArn'] for t in first['Topics'] + second['Topics']}), 150)

    def test_what_is_refused_by_name(self):
        arn = self.topic()
        for name in ('HTTPSuccessFeedbackRoleArn', 'SQSFailureFeedbackRoleArn', 'LambdaSuccessFeedbackSampleRate', 'ArchivePolicy'):
            self.invalid(f'Invalid parameter: Waybill does not support the attribute {name}', self.sns.set_topic_attributes,
                         TopicArn=arn, AttributeName=name, AttributeValue='x')
            self.invalid(f'Invalid parameter: Attributes Reason: Waybill does not support the attribute {name}',
                         self.sns.create_topic, Name='n', Attributes={name: 'x'})
        self.invalid(re.compile('^Invalid parameter: TracingConfig: Waybill'), self.sns.set_topic_attributes, TopicArn=arn,
                     AttributeName='TracingConfig', AttributeValue='Active')
        self.invalid('Invalid parameter: Waybill does not support the attribute DataProtectionPolicy', self.sns.create_topic,
                     Name='n', DataProtectionPolicy='{}')
        self.invalid('Invalid parameter: AttributeName', self.sns.set_topic_attributes, TopicArn=arn, AttributeName='Nonsense',
                     AttributeValue='x')
        self.invalid('Invalid parameter: AttributeName', self.sns.set_topic_attributes, TopicArn=arn, AttributeName='FifoTopic',
                     AttributeValue='true')

    def test_policies_refused(self):
        arn = self.topic()
        statement = {'Effect': 'Allow', 'Principal': '*', 'Action': ['sns:Publish', 'sqs:SendMessage'], 'Resource': arn}
        for policy, why in (('{', 'Policy Error: null'), ('{"Statement":[{}]}', 'Policy Error: null'),
                            (json.dumps({'Version': '2012-10-17', 'Statement': statement}), 'Policy statement action out of service scope!')):
            self.invalid(f'Invalid parameter: {why}', self.sns.set_topic_attributes, TopicArn=arn, AttributeName='Policy', AttributeValue=policy)

    def test_tags(self):
        arn = self.sns.create_topic(Name='t', Tags=[{'Key': 'a', 'Value': '1'}])['TopicArn']
        self.sns.tag_resource(ResourceArn=arn, Tags=[{'Key': 'b', 'Value': '2'}, {'Key': 'a', 'Value': '3'}])
        self.assertEqual(self.sns.list_tags_for_resource(ResourceArn=arn)['Tags'],
                         [{'Key': 'a', 'Value': '3'}, {'Key': 'b', 'Value': '2'}])
        self.sns.untag_resource(ResourceArn=arn, TagKeys=['a', 'zzz'])
        self.assertEqual(self.sns.list_tags_for_resource(ResourceArn=arn)['Tags'], [{'Key': 'b', 'Value': '2'}])
        self.assertFault('ResourceNotFound', self.sns.tag_resource, ResourceArn=topic_arn('x'), Tags=[], status=404,
                         message='Resource does not exist')
        self.invalid('Invalid parameter: Duplicated keys are not allowed.', self.sns.tag_resource, ResourceArn=arn,
                     Tags=[{'Key': 'c', 'Value': '1'}, {'Key': 'c', 'Value': '2'}])

    def test_permissions(self):
        arn = self.topic()
        self.sns.add_permission(TopicArn=arn, Label='l', AWSAccountId=['111111111111'], ActionName=['Publish', 'Subscribe'])
        policy = json.loads(self.sns.get_topic_attributes(TopicArn=arn)['Attributes']['Policy'])
        self.assertEqual(policy['Statement'][1], {
            'Sid': 'l', 'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111111111111:root'},
            'Action': ['SNS:Publish', 'SNS:Subscribe'], 'Resource': arn})
        self.invalid('Invalid parameter: Statement already exists', self.sns.add_permission, TopicArn=arn, Label='l',
                     AWSAccountId=['111111111111'], ActionName=['Publish'])
        self.invalid('Invalid parameter: Policy statement action out of service scope!', self.sns.add_permission, TopicArn=arn,
                     Label='m', AWSAccountId=['111111111111'], ActionName=['SendMessage'])
        stranger = self.client('sns', key='111111111111')
        stranger.publish(TopicArn=arn, Message='from elsewhere')
        self.assertFault('AuthorizationError', stranger.delete_topic, TopicArn=arn, status=403)
        self.sns.remove_permission(TopicArn=arn, Label='l')
        self.assertFault('AuthorizationError', stranger.publish, TopicArn=arn, Message='m', status=403)


class Subscriptions(SnsCase):
    def test_life(self):
        topic = self.topic()
        _, queue = self.queue('q')
        arn = self.subscribe(topic, 'sqs', queue)
        self.assertRegex(arn, f'^{topic}:{UUID}$')
        self.assertEqual(self.subscribe(topic, 'sqs', queue), arn)
        self.assertEqual(self.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes'], {
            'SubscriptionArn': arn, 'TopicArn': topic, 'Owner': ACCOUNT, 'Protocol': 'sqs', 'Endpoint': queue,
            'ConfirmationWasAuthenticated': 'true', 'PendingConfirmation': 'false', 'RawMessageDelivery': 'false',
            'SubscriptionPrincipal': f'arn:aws:iam::{ACCOUNT}:root'})
        row = {'SubscriptionArn': arn, 'Owner': ACCOUNT, 'Protocol': 'sqs', 'Endpoint': queue, 'TopicArn': topic}
        self.assertEqual(self.sns.list_subscriptions()['Subscriptions'], [row])
        self.assertEqual(self.sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions'], [row])
        self.assertEqual(self.sns.get_topic_attributes(TopicArn=topic)['Attributes']['SubscriptionsConfirmed'], '1')
        self.sns.unsubscribe(SubscriptionArn=arn)
        self.sns.unsubscribe(SubscriptionArn=arn)
        self.assertFault('NotFound', self.sns.get_subscription_attributes, SubscriptionArn=arn, status=404,
                         message='Subscription does not exist')
        got = self.sns.get_topic_attributes(TopicArn=topic)['Attributes']
        self.assertEqual((got['SubscriptionsConfirmed'], got['SubscriptionsDeleted']), ('0', '1'))

    def test_topic_gone(self):
        topic = self.topic()
        arn = self.subscribe(topic, 'sqs', self.queue('q')[1])
        self.sns.delete_topic(TopicArn=topic)
        self.assertFault('NotFound', self.sns.get_subscription_attributes, SubscriptionArn=arn,
                         message='Subscription does not exist')
        self.assertEqual(self.sns.list_subscriptions()['Subscriptions'], [])

    def test_refused(self):
        topic, (url, queue) = self.topic(), self.queue('q')
        subscribe = self.sns.subscribe
        self.invalid('Invalid parameter: SQS endpoint ARN', subscribe, TopicArn=topic, Protocol='sqs', Endpoint=url)
        self.invalid('Invalid parameter: Lambda endpoint ARN', subscribe, TopicArn=topic, Protocol='lambda', Endpoint=queue)
        self.invalid('Invalid parameter: Amazon SNS does not support this protocol string: pigeon', subscribe, TopicArn=topic,
                     Protocol='pigeon', Endpoint='x')
        for protocol in ('email', 'email-json', 'sms', 'application', 'firehose'):
            self.invalid(f'Invalid parameter: Protocol Reason: Waybill does not deliver to {protocol}', subscribe, TopicArn=topic,
                         Protocol=protocol, Endpoint='x@y.z')
        self.invalid('Invalid parameter: Endpoint must match the specified protocol', subscribe, TopicArn=topic, Protocol='http',
                     Endpoint='https://127.0.0.1/')
        self.invalid('Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard '
                     'SNS topics', subscribe, TopicArn=topic, Protocol='sqs', Endpoint=queue + '.fifo')
        self.assertFault('NotFound', subscribe, TopicArn=topic_arn('x'), Protocol='sqs', Endpoint=queue, message='Topic does not exist')

    def test_attributes(self):
        topic, (_, queue) = self.topic(), self.queue('q')
        arn = self.subscribe(topic, 'sqs', queue, RawMessageDelivery='true', FilterPolicy='{"a":["b"]}')
        self.assertEqual(self.subscribe(topic, 'sqs', queue), arn)
        self.invalid('Invalid parameter: Attributes Reason: Subscription already exists with different attributes',
                     self.subscribe, topic, 'sqs', queue, RawMessageDelivery='false')
        self.invalid('Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [x]. Must be true or false.',
                     self.subscribe, topic, 'sqs', queue + '2', RawMessageDelivery='x')
        put = self.sns.set_subscription_attributes
        self.invalid('Invalid parameter: RawMessageDelivery: Invalid value [x]. Must be true or false.', put, SubscriptionArn=arn,
                     AttributeName='RawMessageDelivery', AttributeValue='x')
        self.invalid('Invalid parameter: FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes',
                     put, SubscriptionArn=arn, AttributeName='FilterPolicyScope', AttributeValue='x')
        self.invalid('Invalid parameter: AttributeName', put, SubscriptionArn=arn, AttributeName='x', AttributeValue='x')
        self.invalid('Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn', put, SubscriptionArn=arn,
                     AttributeName='RedrivePolicy', AttributeValue='{"deadLetterTargetArn":"x"}')
        for name in ('ReplayPolicy', 'SubscriptionRoleArn'):
            self.invalid(f'Invalid parameter: Waybill does not support the attribute {name}', put, SubscriptionArn=arn,
                         AttributeName=name, AttributeValue='x')
        put(SubscriptionArn=arn, AttributeName='FilterPolicyScope', AttributeValue='MessageBody')
        put(SubscriptionArn=arn, AttributeName='FilterPolicy', AttributeValue='{"a":{"b":["c"]}}')
        got = self.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']
        self.assertEqual((got['FilterPolicy'], got['FilterPolicyScope']), ('{"a":{"b":["c"]}}', 'MessageBody'))
        self.invalid(re.compile('Filter policy scope MessageAttributes does not support nested filter policy'), put,
                     SubscriptionArn=arn, AttributeName='FilterPolicyScope', AttributeValue='MessageAttributes')
        put(SubscriptionArn=arn, AttributeName='FilterPolicy', AttributeValue='')
        self.assertNotIn('FilterPolicy', self.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes'])

    def test_filter_policy_errors(self):
        topic, (_, queue) = self.topic(), self.queue('q')
        six = json.dumps({k: ['x'] for k in 'abcdef'})
        self.invalid('Invalid parameter: Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys',
                     self.subscribe, topic, 'sqs', queue, FilterPolicy=six)
        self.invalid('Invalid parameter: Attributes Reason: FilterPolicy: "a" must be an object or an array\n at [Source: (String)"{"a":"b"}"; line: 1, column: 7]',
                     self.subscribe, topic, 'sqs', queue, FilterPolicy='{"a":"b"}')

    def test_arns(self):
        self.invalid('Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1', self.sns.unsubscribe,
                     SubscriptionArn='x')
        self.invalid('Invalid parameter: SubscriptionId', self.sns.unsubscribe, SubscriptionArn=topic_arn('t:x'))

    def test_pages(self):
        topic = self.topic()
        for i in range(120):
            self.subscribe(topic, 'sqs', f'arn:aws:sqs:{REGION}:{ACCOUNT}:q{i}')
        for call in (self.sns.list_subscriptions, lambda **kw: self.sns.list_subscriptions_by_topic(TopicArn=topic, **kw)):
            first = call()
            second = call(NextToken=first['NextToken'])
            self.assertEqual((len(first['Subscriptions']), len(second['Subscriptions'])), (100, 20))


class Delivery(SnsCase):
    def fan(self, **attributes):
        self.arn = self.topic()
        self.url, self.queue_arn = self.open_queue('q', self.arn)
        return self.subscribe(self.arn, 'sqs', self.queue_arn, **attributes)

    def test_envelope(self):
        sub = self.fan()
        sent = self.sns.publish(TopicArn=self.arn, Message='hello "you"', Subject='s', MessageAttributes={
            'a': {'DataType': 'String', 'StringValue': 'x'}, 'b': {'DataType': 'Binary', 'BinaryValue': b'\x00\xff'}})
        self.assertRegex(sent['MessageId'], f'^{UUID}$')
        got, = self.receive(self.url)
        self.assertNotIn('MessageAttributes', got)
        body = json.loads(got['Body'])
        self.assertEqual(list(body), ['Type', 'MessageId', 'TopicArn', 'Subject', 'Message', 'Timestamp', 'SignatureVersion',
                                      'Signature', 'SigningCertURL', 'UnsubscribeURL', 'MessageAttributes'])
        self.assertRegex(body.pop('Timestamp'), f'^{TIME}$')
        self.assertEqual(len(base64.b64decode(body.pop('Signature'))), 256)
        self.assertRegex(body.pop('SigningCertURL'), f'^{self.endpoint}/SimpleNotificationService-[0-9a-f]{{32}}.pem$')
        self.assertEqual(body, {
            'Type': 'Notification', 'MessageId': sent['MessageId'], 'TopicArn': self.arn, 'Subject': 's', 'Message': 'hello "you"',
            'SignatureVersion': '1', 'UnsubscribeURL': f'{self.endpoint}/?Action=Unsubscribe&SubscriptionArn={sub}',
            'MessageAttributes': {'a': {'Type': 'String', 'Value': 'x'}, 'b': {'Type': 'Binary', 'Value': 'AP8='}}})

    def verify(self, body):
        """The signature, by openssl and the certificate the message names."""
        names = ('Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type')
        text = ''.join(f'{n}\n{body[n]}\n' for n in names if n in body)
        def keep(path, data):
            with open(path, 'wb') as f:
                f.write(data)
        with tempfile.TemporaryDirectory() as d:
            with urllib.request.urlopen(body['SigningCertURL']) as r:
                keep(f'{d}/c.pem', r.read())
            keep(f'{d}/text', text.encode())
            keep(f'{d}/sig', base64.b64decode(body['Signature']))
            keep(f'{d}/k.pem', subprocess.run(['openssl', 'x509', '-in', f'{d}/c.pem', '-pubkey', '-noout'], capture_output=True,
                                              check=True).stdout)
            digest = '-sha1' if body['SignatureVersion'] == '1' else '-sha256'
            return subprocess.run(['openssl', 'dgst', digest, '-verify', f'{d}/k.pem', '-signature', f'{d}/sig', f'{d}/text'],
                                  capture_output=True).returncode == 0

    def test_signature(self):
        self.fan()
        self.sns.publish(TopicArn=self.arn, Message='m\nn', Subject='s')
        self.sns.set_topic_attributes(TopicArn=self.arn, AttributeName='SignatureVersion', AttributeValue='2')
        self.sns.publish(TopicArn=self.arn, Message='m2')
        bodies = [json.loads(m['Body']) for m in self.receive(self.url, 2)]
        self.assertEqual([b['SignatureVersion'] for b in bodies], ['1', '2'])
        for body in bodies:
            self.assertTrue(self.verify(body))
            self.assertFalse(self.verify({**body, 'Message': 'other'}))

    def test_raw(self):
        self.fan(RawMessageDelivery='true')
        self.sns.publish(TopicArn=self.arn, Message='plain', MessageAttributes={
            'n': {'DataType': 'Number', 'StringValue': '5'}, 'b': {'DataType': 'Binary', 'BinaryValue': b'\x00'}})
        got, = self.receive(self.url)
        self.assertEqual(got['Body'], 'plain')
        self.assertEqual(got['MessageAttributes'], {'n': {'StringValue': '5', 'DataType': 'Number'},
                                                    'b': {'BinaryValue': b'\x00', 'DataType': 'Binary'}})

    def test_raw_with_too_many_attributes_is_not_delivered(self):
        self.fan(RawMessageDelivery='true')
        eleven = {f'a{i}': {'DataType': 'String', 'StringValue': 'x'} for i in range(11)}
        self.sns.publish(TopicArn=self.arn, Message='lost', MessageAttributes=eleven)
        self.sns.publish(TopicArn=self.arn, Message='kept')
        self.assertEqual([m['Body'] for m in self.receive(self.url, 2, seconds=0.3)], ['kept'])

    def test_structure(self):
        self.fan()
        self.sns.publish(TopicArn=self.arn, MessageStructure='json', Message=json.dumps({'default': 'd', 'sqs': 'for a queue'}))
        self.sns.publish(TopicArn=self.arn, MessageStructure='json', Message=json.dumps({'default': 'd', 'http': 'h'}))
        self.assertEqual([json.loads(m['Body'])['Message'] for m in self.receive(self.url, 2)], ['for a queue', 'd'])
        for text, why in (('{}', 'No default entry in JSON message body'), ('{"default":1}', 'No default entry in JSON message body'),
                          ('[', 'JSON message body failed to parse')):
            self.invalid(f'Invalid parameter: Message Structure - {why}', self.sns.publish, TopicArn=self.arn, Message=text,
                         MessageStructure='json')

    def test_without_queue_policy_nothing_arrives_but_in_the_dead_letter_queue(self):
        arn = self.topic()
        url, queue = self.queue('q')
        dead_url, dead = self.open_queue('dead', arn)
        sub = self.subscribe(arn, 'sqs', queue)
        self.sns.publish(TopicArn=arn, Message='lost')
        self.sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName='RedrivePolicy',
                                             AttributeValue=json.dumps({'deadLetterTargetArn': dead}))
        self.sns.publish(TopicArn=arn, Message='dead')
        got, = self.receive(dead_url)
        self.assertEqual(json.loads(got['Body'])['Message'], 'dead')
        self.sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName='RawMessageDelivery', AttributeValue='true')
        self.sns.publish(TopicArn=arn, Message='raw', MessageAttributes={'a': {'DataType': 'String', 'StringValue': 'x'}})
        got, = self.receive(dead_url)
        self.assertEqual((got['Body'], got['MessageAttributes']['a']['StringValue']), ('raw', 'x'))
        self.assertEqual(self.receive(url, 0), [])
        self.sqs.delete_queue(QueueUrl=url)
        self.sns.publish(TopicArn=arn, Message='no queue')
        self.assertEqual(self.receive(dead_url)[0]['Body'], 'no queue')

    def test_dead_letter_queue_needs_a_policy_as_well(self):
        arn = self.topic()
        dead_url, dead = self.queue('dead')
        self.subscribe(arn, 'sqs', self.queue('q')[1], RedrivePolicy=json.dumps({'deadLetterTargetArn': dead}))
        self.sns.publish(TopicArn=arn, Message='m')
        self.assertEqual(self.receive(dead_url, 0), [])

    def test_filters(self):
        sub = self.fan(RawMessageDelivery='true', FilterPolicy=json.dumps({'kind': ['a', {'prefix': 'b'}], 'n': [{'numeric': ['>', 3]}]}))

        def say(text, **attributes):
            self.sns.publish(TopicArn=self.arn, Message=text, MessageAttributes={
                k: {'DataType': 'Number' if k == 'n' else 'String', 'StringValue': v} for k, v in attributes.items()})
        say('1', kind='a', n='4')
        say('2', kind='bcd', n='100')
        say('3', kind='c', n='4')
        say('4', kind='a', n='3')
        say('5')
        self.assertEqual([m['Body'] for m in self.receive(self.url, 3, seconds=0.3)], ['1', '2'])
        self.sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName='FilterPolicyScope', AttributeValue='MessageBody')
        say('{"kind":"a","n":5}')
        say('{"kind":"a","n":1}')
        say('not json')
        self.assertEqual([m['Body'] for m in self.receive(self.url, 2, seconds=0.3)], ['{"kind":"a","n":5}'])

    def test_lambda(self):
        arn = self.topic()
        url, _ = self.queue('out')
        function = self.function('f', 'import json, boto3, os\n'
                                 'def handler(e, c):\n'
                                 f"    boto3.client('sqs', endpoint_url='{self.endpoint}').send_message("
                                 f"QueueUrl='{url}', MessageBody=json.dumps(e))\n")['FunctionArn']
        sub = self.subscribe(arn, 'lambda', function)
        self.sns.publish(TopicArn=arn, Message='not allowed yet')
        self.client('lambda').add_permission(FunctionName='f', StatementId='s', Action='lambda:InvokeFunction',
                                             Principal='sns.amazonaws.com', SourceArn=arn)
        sent = self.sns.publish(TopicArn=arn, Message='m', MessageAttributes={'a': {'DataType': 'String', 'StringValue': 'x'}})
        event, = self.records(url, seconds=20)
        record, = event['Records']
        self.assertEqual(list(record), ['EventSource', 'EventVersion', 'EventSubscriptionArn', 'Sns'])
        self.assertEqual(list(record['Sns']), ['Type', 'MessageId', 'TopicArn', 'Subject', 'Message', 'Timestamp', 'SignatureVersion',
                                               'Signature', 'SigningCertUrl', 'UnsubscribeUrl', 'MessageAttributes'])
        self.assertEqual((record['EventSource'], record['EventVersion'], record['EventSubscriptionArn']), ('aws:sns', '1.0', sub))
        got = record['Sns']
        self.assertEqual((got['Message'], got['MessageId'], got['Subject'], got['MessageAttributes']),
                         ('m', sent['MessageId'], None, {'a': {'Type': 'String', 'Value': 'x'}}))
        self.assertTrue(self.verify({k: v for k, v in got.items() if v is not None} | {'SigningCertURL': got['SigningCertUrl']}))

    def test_many_subscriptions(self):
        arn = self.topic()
        url, queue = self.open_queue('last', arn)
        for i in range(1100):
            self.subscribe(arn, 'sqs', f'arn:aws:sqs:{REGION}:{ACCOUNT}:missing{i}')
        self.subscribe(arn, 'sqs', queue, RawMessageDelivery='true')
        self.sns.publish(TopicArn=arn, Message='far')
        self.settle()
        self.assertEqual([m['Body'] for m in self.receive(url, 2, seconds=0.3)], ['far'])


class Publishing(SnsCase):
    def test_refused(self):
        arn = self.topic()
        publish = self.sns.publish
        for message, kw in (
                ('Invalid parameter: Empty message', {'Message': ''}),
                ('Invalid parameter: Message too long', {'Message': 'x' * 262145}),
                ('Invalid parameter: Subject', {'Message': 'm', 'Subject': ''}),
                ('Invalid parameter: Subject', {'Message': 'm', 'Subject': 'x' * 100}),
                ('Invalid parameter: Subject', {'Message': 'm', 'Subject': 'a\nb'}),
                ('Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is '
                 'not valid for this topic type', {'Message': 'm', 'MessageDeduplicationId': 'd'})):
            self.invalid(message, publish, TopicArn=arn, **kw)
        self.invalid('Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter', publish, Message='m')
        self.invalid('Invalid parameter: PhoneNumber Reason: Waybill does not deliver to sms', publish, PhoneNumber='+123', Message='m')
        self.assertFault('NotFound', publish, TopicArn=topic_arn('x'), Message='m', message='Topic does not exist')
        publish(TargetArn=arn, Message='x' * 262144)

    def test_attributes_count_as_size(self):
        self.invalid('Invalid parameter: Message too long', self.sns.publish, TopicArn=self.topic(), Message='x' * 262140,
                     MessageAttributes={'a': {'DataType': 'String', 'StringValue': 'x'}})

    def test_attributes(self):
        arn = self.topic()
        for attribute, message in (
                ({'DataType': 'String', 'StringValue': ''}, "The message attribute 'A' must contain non-empty message attribute value "
                                                            "for message attribute type 'String'."),
                ({'DataType': 'Binary', 'StringValue': 'x'}, "The message attribute 'A' with type 'Binary' must use field 'Binary'."),
                ({'DataType': 'String', 'BinaryValue': b'x'}, "The message attribute 'A' with type 'String' must use field 'String'."),
                ({'DataType': 'Text', 'StringValue': 'x'}, "The message attribute 'A' has an invalid message attribute type, the set of "
                                                           "supported type prefixes is Binary, Number, and String."),
                ({'DataType': 'Number', 'StringValue': 'x'}, "Could not cast message attribute 'A' value to number.")):
            self.assertFault('ParameterValueInvalid', self.sns.publish, TopicArn=arn, Message='m', MessageAttributes={'A': attribute},
                             message=message, status=400)

    def test_batch(self):
        arn = self.topic()
        url, queue = self.open_queue('q', arn)
        self.subscribe(arn, 'sqs', queue, RawMessageDelivery='true')
        got = self.sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[
            {'Id': 'a', 'Message': '1'}, {'Id': 'b', 'Message': ''},
            {'Id': 'c', 'Message': '3', 'MessageAttributes': {'A': {'DataType': 'Text', 'StringValue': 'x'}}}, {'Id': 'd', 'Message': '4'}])
        self.assertEqual([e['Id'] for e in got['Successful']], ['a', 'd'])
        self.assertEqual(got['Failed'], [
            {'Id': 'b', 'Code': 'InvalidParameter', 'Message': 'Invalid parameter: Empty message', 'SenderFault': True},
            {'Id': 'c', 'Code': 'ParameterValueInvalid', 'SenderFault': True,
             'Message': "The message attribute 'A' has an invalid message attribute type, the set of supported type prefixes is Binary, "
                        "Number, and String."}])
        self.assertEqual([m['Body'] for m in self.receive(url, 2)], ['1', '4'])

    def test_batch_refused(self):
        arn = self.topic()

        def batch(code, *entries):
            self.assertFault(code, self.sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=list(entries), status=400)
        batch('TooManyEntriesInBatchRequest', *({'Id': str(i), 'Message': 'm'} for i in range(11)))
        batch('BatchEntryIdsNotDistinct', {'Id': 'a', 'Message': 'm'}, {'Id': 'a', 'Message': 'm'})
        batch('EmptyBatchRequest')
        batch('InvalidBatchEntryId', {'Id': 'a b', 'Message': 'm'})
        batch('BatchRequestTooLong', {'Id': 'a', 'Message': 'x' * 200000}, {'Id': 'b', 'Message': 'x' * 100000})

    def test_role(self):
        self.role('weak', policy=False)
        arn = self.topic()
        self.client('iam').update_assume_role_policy(RoleName='weak', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{ACCOUNT}:root'}, 'Action': 'sts:AssumeRole'}]}))
        c = self.client('sts').assume_role(RoleArn=f'arn:aws:iam::{ACCOUNT}:role/weak', RoleSessionName='ses')['Credentials']
        sns = self.client('sns', key=c['AccessKeyId'], secret=c['SecretAccessKey'], token=c['SessionToken'])
        self.assertFault('AuthorizationError', sns.publish, TopicArn=arn, Message='m', status=403, message=re.compile(
            f'^User: arn:aws:sts::{ACCOUNT}:assumed-role/weak/ses is not authorized to perform: .*ublish on resource: {arn}'))
        self.role('weak', policy=[{'Effect': 'Allow', 'Action': 'sns:publish', 'Resource': arn}])
        sns.publish(TopicArn=arn, Message='m')

    def test_metrics(self):
        arn = self.topic('counted')
        url, queue = self.open_queue('q', arn)
        self.subscribe(arn, 'sqs', queue)
        self.subscribe(arn, 'sqs', self.queue('closed')[1])
        self.subscribe(arn, 'sqs', self.queue('filtered')[1], FilterPolicy='{"a":["b"]}')
        for _ in range(3):
            self.sns.publish(TopicArn=arn, Message='four')
        seen = {m['MetricName'] for m in self.client('cloudwatch').list_metrics(
            Namespace='AWS/SNS', Dimensions=[{'Name': 'TopicName', 'Value': 'counted'}])['Metrics']}
        self.assertEqual(seen, {'NumberOfMessagesPublished', 'PublishSize', 'NumberOfNotificationsDelivered',
                                'NumberOfNotificationsFailed', 'NumberOfNotificationsFilteredOut',
                                'NumberOfNotificationsFilteredOut-NoMessageAttributes'})


class Fifo(SnsCase):
    def test_refused(self):
        arn = self.topic('t.fifo', FifoTopic='true')
        self.invalid('Invalid parameter: The MessageGroupId parameter is required for FIFO topics', self.sns.publish, TopicArn=arn,
                     Message='m')
        self.invalid('Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId '
                     'provided explicitly', self.sns.publish, TopicArn=arn, Message='m', MessageGroupId='g')

    def test_sequence_and_repetition(self):
        arn = self.topic('t.fifo', FifoTopic='true', ContentBasedDeduplication='true')
        url, queue = self.open_queue('q', arn)
        self.subscribe(arn, 'sqs', queue)
        self.freeze()
        first = self.sns.publish(TopicArn=arn, Message='m', MessageGroupId='g')
        self.assertRegex(first['SequenceNumber'], r'^\d{20}$')
        again = self.sns.publish(TopicArn=arn, Message='m', MessageGroupId='g')
        self.assertEqual((again['MessageId'], again['SequenceNumber']), (first['MessageId'], first['SequenceNumber']))
        second = self.sns.publish(TopicArn=arn, Message='m', MessageGroupId='g', MessageDeduplicationId='other')
        self.assertGreater(second['SequenceNumber'], first['SequenceNumber'])
        bodies = [json.loads(m['Body']) for m in self.receive(url, 3, seconds=0.3)]
        self.assertEqual([b['SequenceNumber'] for b in bodies], [first['SequenceNumber'], second['SequenceNumber']])
        self.assertEqual(list(bodies[0])[:4], ['Type', 'MessageId', 'SequenceNumber', 'TopicArn'])
        self.advance(299_999)
        self.assertEqual(self.sns.publish(TopicArn=arn, Message='m', MessageGroupId='g')['MessageId'], first['MessageId'])
        self.advance(1)
        self.assertNotEqual(self.sns.publish(TopicArn=arn, Message='m', MessageGroupId='g')['MessageId'], first['MessageId'])

    def test_group_scope(self):
        arn = self.topic('t.fifo', FifoTopic='true', FifoThroughputScope='MessageGroup')
        say = lambda group: self.sns.publish(TopicArn=arn, Message='m', MessageGroupId=group, MessageDeduplicationId='d')['MessageId']
        self.assertNotEqual(say('a'), say('b'))
        self.assertEqual(say('a'), say('a'))

    def test_to_a_fifo_queue(self):
        arn = self.topic('t.fifo', FifoTopic='true')
        url, queue = self.open_queue('q.fifo', arn, FifoQueue='true')
        self.subscribe(arn, 'sqs', queue, RawMessageDelivery='true')
        for i in range(3):
            self.sns.publish(TopicArn=arn, Message=str(i), MessageGroupId='g', MessageDeduplicationId=f'd{i}')
        got = self.receive(url, 3)
        self.assertEqual([m['Body'] for m in got], ['0', '1', '2'])
        self.assertEqual((got[0]['Attributes']['MessageGroupId'], got[0]['Attributes']['MessageDeduplicationId']), ('g', 'd0'))
        self.invalid('Invalid parameter: Invalid parameter: Endpoint Reason: Please use FIFO SQS queue', self.subscribe, arn, 'lambda',
                     f'arn:aws:lambda:{REGION}:{ACCOUNT}:function:f')


class CommandLine(SnsCase):
    def test_fan_out(self):
        arn = self.aws('sns', 'create-topic', '--name', 'cli', '--attributes', 'DisplayName=d', '--tags', 'Key=k,Value=v')['TopicArn']
        url, queue = self.open_queue('q', arn)
        sub = self.aws('sns', 'subscribe', '--topic-arn', arn, '--protocol', 'sqs', '--notification-endpoint', queue, '--attributes',
                       'RawMessageDelivery=true')['SubscriptionArn']
        self.aws('sns', 'publish', '--topic-arn', arn, '--message', 'from the command line', '--message-attributes',
                 '{"a":{"DataType":"String","StringValue":"x"}}')
        self.aws('sns', 'publish-batch', '--topic-arn', arn, '--publish-batch-request-entries', 'Id=1,Message=one', 'Id=2,Message=two')
        self.assertEqual([m['Body'] for m in self.receive(url, 3)], ['from the command line', 'one', 'two'])
        self.assertEqual(self.aws('sns', 'list-subscriptions-by-topic', '--topic-arn', arn)['Subscriptions'][0]['SubscriptionArn'], sub)
        self.aws('sns', 'unsubscribe', '--subscription-arn', sub)
        self.aws('sns', 'delete-topic', '--topic-arn', arn)
        self.assertEqual(self.aws('sns', 'list-topics')['Topics'], [])


class Restart(SnsCase):
    reset_between_tests = False

    @classmethod
    def start_server(cls, *args):
        cls.server = support.Server(['--data', cls.scratch + '/data', *args])
        cls.endpoint = cls.server.endpoint
        cls._clients.clear()
        return cls.server

    def test_everything_is_there_again(self):
        arn = self.sns.create_topic(Name='t', Attributes={'DisplayName': 'd'}, Tags=[{'Key': 'k', 'Value': 'v'}])['TopicArn']
        fifo = self.topic('t.fifo', FifoTopic='true', ContentBasedDeduplication='true')
        url, queue = self.open_queue('q', arn)
        sub = self.subscribe(arn, 'sqs', queue, FilterPolicy='{"a":["b"]}')
        first = self.sns.publish(TopicArn=fifo, Message='m', MessageGroupId='g')
        say = lambda: self.sns.publish(TopicArn=arn, Message='m', MessageAttributes={'a': {'DataType': 'String', 'StringValue': 'b'}})
        say()
        before = json.loads(self.receive(url)[0]['Body'])
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=sub)['Attributes']
        self.server.kill()
        self.start_server()
        self.sns = self.client('sns')
        self.sqs = self.client('sqs')
        self.assertEqual(self.sns.get_subscription_attributes(SubscriptionArn=sub)['Attributes'], attributes)
        self.assertEqual(self.sns.get_topic_attributes(TopicArn=arn)['Attributes']['DisplayName'], 'd')
        self.assertEqual(self.sns.list_tags_for_resource(ResourceArn=arn)['Tags'], [{'Key': 'k', 'Value': 'v'}])
        self.assertEqual(self.sns.publish(TopicArn=fifo, Message='m', MessageGroupId='g')['MessageId'], first['MessageId'])
        say()
        url = self.sqs.get_queue_url(QueueName='q')['QueueUrl']
        after = json.loads(self.receive(url)[0]['Body'])
        self.assertEqual(after['SigningCertURL'].split('/')[-1], before['SigningCertURL'].split('/')[-1])


if __name__ == '__main__':
    unittest.main()
