#!/usr/bin/python3
"""SNS: every member of a request and every attribute of a topic or subscription shows an effect, or is refused by its name."""
import base64
import json
import os
import re

import support
from noop import NoOpCase, shows
from test_sns_http import Endpoint

INVALID = 'InvalidParameter'
VALUE = 'ParameterValueInvalid'
GONE = ('NotFound', 'Topic does not exist')
STRANGER = '1' * 12


def arn(service, name):
    return f'arn:aws:{service}:{support.REGION}:{support.ACCOUNT}:{name}'


def text(value):
    return {'DataType': 'String', 'StringValue': value}


def blob(value):
    return base64.b64encode(value).decode()


def known(table):
    """The attribute names of a table in attribute.c."""
    with open(os.path.join(support.ROOT, 'src/service/sns/attribute.c')) as f:
        rows = re.search(r'\b%s\[\w+\] = \{(.*?)\n\};' % table, f.read(), re.S).group(1)
    return set(re.findall(r'\[\w+\] = "(\w+)"', rows))


class SnsCase(NoOpCase):
    def sns(self, name, **params):
        return self.call('sns', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'sns', name, **params)

    def one(self, element, reply):
        return re.search(f'<{element}>(.*?)</{element}>', reply).group(1)

    def pairs(self, reply, key='key', value='value'):
        """A map, or a list of tags, of an XML reply."""
        found = re.findall(f'<{key}>(.*?)</{key}><{value}>(.*?)</{value}>', reply, re.S)
        return {k: v.replace('&quot;', '"').replace('&gt;', '>').replace('&amp;', '&') for k, v in found}

    def topic(self, topic='t', **attributes):
        return self.one('TopicArn', self.sns('CreateTopic', Name=topic, **({'Attributes': attributes} if attributes else {})))

    def topics(self):
        return re.findall('<TopicArn>(.*?)</TopicArn>', self.sns('ListTopics'))

    def of_topic(self, topic):
        return self.pairs(self.sns('GetTopicAttributes', TopicArn=topic))

    def of_subscription(self, sub):
        return self.pairs(self.sns('GetSubscriptionAttributes', SubscriptionArn=sub))

    def open_queue(self, name, **attributes):
        """A queue that takes what SNS sends -> (url, arn)."""
        url, queue = self.queue(name, **attributes)
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage', 'Resource': queue}]})})
        return url, queue

    def subscribe(self, topic, endpoint, protocol='sqs', **attributes):
        return self.one('SubscriptionArn', self.sns('Subscribe', TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True,
                                                    **({'Attributes': attributes} if attributes else {})))

    def hook(self, *statuses):
        e = Endpoint(statuses)
        self.addCleanup(e.close)
        return e

    def confirm(self, topic, endpoint, **more):
        """The endpoint's subscription, confirmed; the endpoint has heard nothing."""
        self.settle()
        sub = self.one('SubscriptionArn', self.sns('ConfirmSubscription', TopicArn=topic, Token=endpoint.bodies()[0]['Token'], **more))
        endpoint.posts.clear()
        return sub

    def publish(self, topic, message='m', **more):
        return self.sns('Publish', TopicArn=topic, Message=message, **more)

    def bodies(self, url, n=1):
        """n bodies, and nothing behind them."""
        got = [m['Body'] for m in self.receive(url, n, seconds=5)]
        return got + [m['Body'] for m in self.receive(url, 0)]


class Topics(SnsCase):
    @shows('sns CreateTopic', 'Name', 'Attributes', 'Tags', 'Tags.Key', 'Tags.Value', 'DataProtectionPolicy', 'sns TagResource', 'ResourceArn', 'Tags',
           'Tags.Key', 'Tags.Value', 'sns UntagResource', 'ResourceArn', 'TagKeys', 'sns ListTagsForResource', 'ResourceArn')
    def test_made_and_tagged(self):
        topic = self.one('TopicArn', self.sns('CreateTopic', Name='one', Attributes={'DisplayName': 'd'}, Tags=[{'Key': 'a', 'Value': '1'}]))
        other = self.topic('other')
        self.assertEqual((topic, self.topics()), (arn('sns', 'one'), [topic, other]))
        self.assertEqual((self.of_topic(topic)['DisplayName'], self.of_topic(other)['DisplayName']), ('d', ''))
        self.no(INVALID, 'DataProtectionPolicy', 'CreateTopic', Name='n', DataProtectionPolicy='{}')
        self.sns('TagResource', ResourceArn=topic, Tags=[{'Key': 'b', 'Value': '2'}, {'Key': 'c', 'Value': '3'}])
        self.sns('UntagResource', ResourceArn=topic, TagKeys=['b'])
        tags = lambda arn: self.pairs(self.sns('ListTagsForResource', ResourceArn=arn), 'Key', 'Value')      # noqa: E731
        self.assertEqual((tags(topic), tags(other)), ({'a': '1', 'c': '3'}, {}))
        for name, more in (('TagResource', {'Tags': [{'Key': 'a', 'Value': 'b'}]}), ('UntagResource', {'TagKeys': ['a']}), ('ListTagsForResource', {})):
            self.no('ResourceNotFound', 'Resource', name, ResourceArn=topic + 'x', **more)

    @shows('sns DeleteTopic|GetTopicAttributes|SetTopicAttributes|AddPermission|RemovePermission|ListSubscriptionsByTopic', 'TopicArn',
           'sns Subscribe|ConfirmSubscription|Publish|PublishBatch', 'TopicArn', 'sns Publish', 'TargetArn')
    def test_the_arn_chooses(self):
        topic, other = self.topic(), self.topic('other')
        more = {'GetTopicAttributes': {}, 'SetTopicAttributes': {'AttributeName': 'DisplayName', 'AttributeValue': 'd'},
                'AddPermission': {'Label': 'l', 'AWSAccountId': [STRANGER], 'ActionName': ['Publish']}, 'RemovePermission': {'Label': 'l'},
                'ListSubscriptionsByTopic': {}, 'Subscribe': {'Protocol': 'sqs', 'Endpoint': arn('sqs', 'q')}, 'ConfirmSubscription': {'Token': 'x'},
                'Publish': {'Message': 'm'}, 'PublishBatch': {'PublishBatchRequestEntries': [{'Id': 'a', 'Message': 'm'}]}}
        for name, params in more.items():
            with self.subTest(name):
                self.no(*GONE, name, TopicArn=topic + 'x', **params)
        self.no(*GONE, 'Publish', TargetArn=topic + 'x', Message='m')
        self.sns('Publish', TargetArn=topic, Message='m')
        self.no(INVALID, 'TargetArn', 'Publish', TargetArn=topic, TopicArn=topic, Message='m')
        self.sns('DeleteTopic', TopicArn=topic)
        self.assertEqual(self.topics(), [other])

    @shows('sns ListTopics|ListSubscriptions|ListSubscriptionsByTopic', 'NextToken')
    def test_pages(self):
        arns = [self.topic(f't{i}') for i in range(101)]
        subs = [self.subscribe(arns[0], arn('sqs', f'q{i}')) for i in range(101)]
        for name, more, element, all_of_them in (('ListTopics', {}, 'TopicArn', arns), ('ListSubscriptions', {}, 'SubscriptionArn', subs),
                                                 ('ListSubscriptionsByTopic', {'TopicArn': arns[0]}, 'SubscriptionArn', subs)):
            with self.subTest(name):
                first = self.sns(name, **more)
                second = self.sns(name, NextToken=self.one('NextToken', first), **more)
                self.assertEqual(re.findall(f'<{element}>(.*?)</{element}>', second), all_of_them[100:])
                self.no(INVALID, 'NextToken', name, NextToken='nonsense', **more)

    @shows('sns AddPermission', 'Label', 'AWSAccountId', 'ActionName', 'sns RemovePermission', 'Label')
    def test_permissions(self):
        topic = self.topic()
        stranger, third = self.client('sns', key=STRANGER), self.client('sns', key='2' * 12)
        self.assertFault('AuthorizationError', stranger.publish, TopicArn=topic, Message='m')
        self.sns('AddPermission', TopicArn=topic, Label='l', AWSAccountId=[STRANGER], ActionName=['Publish'])
        self.sns('AddPermission', TopicArn=topic, Label='k', AWSAccountId=[STRANGER], ActionName=['ListSubscriptionsByTopic'])
        stranger.publish(TopicArn=topic, Message='m')
        self.assertFault('AuthorizationError', stranger.get_topic_attributes, TopicArn=topic)
        self.assertFault('AuthorizationError', third.publish, TopicArn=topic, Message='m')
        self.sns('RemovePermission', TopicArn=topic, Label='l')
        self.assertFault('AuthorizationError', stranger.publish, TopicArn=topic, Message='m')
        stranger.list_subscriptions_by_topic(TopicArn=topic)
        self.assertEqual([s['Sid'] for s in json.loads(self.of_topic(topic)['Policy'])['Statement']], ['__default_statement_ID', 'k'])


class TopicAttributes(SnsCase):
    """Every attribute a topic can be given, by CreateTopic and by SetTopicAttributes."""
    READ_ONLY = ('Owner', 'TopicArn', 'EffectiveDeliveryPolicy', 'SubscriptionsConfirmed', 'SubscriptionsPending', 'SubscriptionsDeleted')
    REFUSED = (*(f'{kind}{what}' for kind in ('HTTP', 'Firehose', 'Lambda', 'Application', 'SQS')
                 for what in ('SuccessFeedbackRoleArn', 'SuccessFeedbackSampleRate', 'FailureFeedbackRoleArn')), 'ArchivePolicy', 'DataProtectionPolicy')

    @shows('sns SetTopicAttributes', 'AttributeName', 'AttributeValue')
    def test_each_has_its_effect(self):
        no_retries = json.dumps({'http': {'defaultHealthyRetryPolicy': {'numRetries': 0}, 'defaultRequestPolicy': {'headerContentType': 'text/csv'}}})
        effects = {
            'Policy': (json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': STRANGER}, 'Action': 'SNS:Publish',
                                                                           'Resource': '*'}]}), self.policy),
            'DisplayName': ('shown', self.shown),            # AWS puts it into e-mails and text messages, which are refused
            'DeliveryPolicy': (no_retries, self.delivery), 'KmsMasterKeyId': ('alias/k', self.shown), 'SignatureVersion': ('2', self.signature),
            'TracingConfig': ('PassThrough', self.tracing), 'ContentBasedDeduplication': ('true', self.content),
            'FifoThroughputScope': ('MessageGroup', self.scope), 'FifoTopic': ('true', None),
        }
        self.assertEqual(known('topic_names'), set(effects))
        for i, (name, (value, look)) in enumerate(effects.items()):
            fifo = name in ('ContentBasedDeduplication', 'FifoThroughputScope')
            if fifo:
                self.no(INVALID, name, 'CreateTopic', Name='standard', Attributes={name: value})
                self.no(INVALID, name, 'SetTopicAttributes', TopicArn=self.topic('standard'), AttributeName=name, AttributeValue=value)
            for way in ('create', 'set') if look is not None else ():
                with self.subTest(name, way=way):
                    made = {'FifoTopic': 'true'} if fifo else {}
                    topic = self.topic(f'{way}{i}' + ('.fifo' if fifo else ''), **made, **({name: value} if way == 'create' else {}))
                    if way == 'set':
                        self.assertNotEqual(self.of_topic(topic).get(name), value)
                        self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue=value)
                    self.assertEqual(self.of_topic(topic)[name], value)
                    look(topic, name)

    def test_refused(self):
        topic = self.topic()
        for name in self.REFUSED:
            self.no(INVALID, name, 'SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='x')
            self.no(INVALID, name, 'CreateTopic', Name='n', Attributes={name: 'x'})
        for name in (*self.READ_ONLY, 'FifoTopic', 'Nonsense'):
            self.no(INVALID, 'AttributeName', 'SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='true')
        for name in (*self.READ_ONLY, 'Nonsense'):
            self.no(INVALID, name, 'CreateTopic', Name='n', Attributes={name: 'true'})
        self.assertEqual(self.topics(), [topic])

    def policy(self, topic, name):
        stranger = self.client('sns', key=STRANGER)
        stranger.publish(TopicArn=topic, Message='m')
        self.no(INVALID, 'Policy', 'SetTopicAttributes', TopicArn=topic, AttributeName='Policy', AttributeValue='{}')
        self.sns('SetTopicAttributes', TopicArn=topic, AttributeName='Policy', AttributeValue='')
        self.assertFault('AuthorizationError', stranger.publish, TopicArn=topic, Message='m')

    def shown(self, topic, name):
        self.no(INVALID, name, 'SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='\n')
        self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='')
        self.assertIn(self.of_topic(topic).get(name), (None, ''))

    def tracing(self, topic, name):
        """The trace header a publisher sends goes on; Waybill does not make one."""
        self.no(INVALID, name, 'SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='Active')
        self.no(INVALID, name, 'CreateTopic', Name='active', Attributes={name: 'Active'})

    def delivery(self, topic, name):
        """No second post after a failure, and the content type of the first."""
        for value, posts, kind in ((None, 1, 'text/csv'), ('', 4, 'text/plain; charset=UTF-8')):
            e = self.hook()
            if value is not None:
                self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue=value)
            sub = self.subscribe(topic, e.url, 'http')
            self.confirm(topic, e)
            e.statuses[:] = [500] * 9
            self.publish(topic)
            self.settle(advance=True)
            self.assertEqual([headers['Content-Type'] for _, headers, _ in e.posts], [kind] * posts)
            self.sns('Unsubscribe', SubscriptionArn=sub)

    def signature(self, topic, name):
        url, queue = self.open_queue('signed')
        sub = self.subscribe(topic, queue)
        for value in ('2', '1'):
            self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue=value)
            self.publish(topic)
            body, = self.bodies(url)
            self.assertEqual(json.loads(body)['SignatureVersion'], value)
        self.sns('Unsubscribe', SubscriptionArn=sub)
        self.no(INVALID, name, 'SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='3')

    def content(self, topic, name):
        said = [self.one('MessageId', self.publish(topic, message, MessageGroupId='g')) for message in 'aab']
        self.assertEqual((said[0] == said[1], said[0] == said[2]), (True, False))
        self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='false')
        self.no(INVALID, 'MessageDeduplicationId', 'Publish', TopicArn=topic, Message='c', MessageGroupId='g')

    def scope(self, topic, name):
        say = lambda: {self.one('MessageId', self.publish(topic, MessageGroupId=g, MessageDeduplicationId='d')) for g in 'ab'}   # noqa: E731
        self.assertEqual(len(say()), 2)
        self.sns('SetTopicAttributes', TopicArn=topic, AttributeName=name, AttributeValue='Topic')
        self.advance(600_000)
        self.assertEqual(len(say()), 1)

    def test_fifo_topic(self):
        """The attribute and the name go together; what is published has a place in the sequence."""
        self.no(INVALID, 'Topic Name', 'CreateTopic', Name='t.fifo')
        self.no(INVALID, 'Topic Name', 'CreateTopic', Name='t', Attributes={'FifoTopic': 'true'})
        fifo = self.topic('t.fifo', FifoTopic='true')
        self.assertRegex(self.publish(fifo, MessageGroupId='g', MessageDeduplicationId='d'), r'<SequenceNumber>\d{20}</SequenceNumber>')
        self.assertNotIn('SequenceNumber', self.publish(self.topic()))


class Subscriptions(SnsCase):
    @shows('sns Subscribe', 'Protocol', 'Endpoint', 'Attributes', 'ReturnSubscriptionArn', 'sns GetSubscriptionAttributes|SetSubscriptionAttributes|Unsubscribe',
           'SubscriptionArn')
    def test_subscribe(self):
        topic = self.topic()
        url, queue = self.open_queue('q')
        sub = self.subscribe(topic, queue, RawMessageDelivery='true')
        got = self.of_subscription(sub)
        self.assertEqual((got['Protocol'], got['Endpoint'], got['RawMessageDelivery'], got['TopicArn']), ('sqs', queue, 'true', topic))
        self.publish(topic)
        self.assertEqual(self.bodies(url), ['m'])
        for protocol in ('email', 'email-json', 'sms', 'application', 'firehose', 'pigeon'):
            self.no(INVALID, protocol, 'Subscribe', TopicArn=topic, Protocol=protocol, Endpoint='x@y.z')
        self.no(INVALID, 'Lambda endpoint', 'Subscribe', TopicArn=topic, Protocol='lambda', Endpoint=queue)
        said = [self.one('SubscriptionArn', self.sns('Subscribe', TopicArn=topic, Protocol='http', Endpoint=self.hook().url, **more))
                for more in ({}, {'ReturnSubscriptionArn': False}, {'ReturnSubscriptionArn': True})]
        self.assertEqual((said[0], said[1], said[2].startswith(topic)), ('pending confirmation', 'pending confirmation', True))
        nobody = f'{topic}:00000000-0000-4000-8000-000000000000'
        self.no('NotFound', 'Subscription', 'GetSubscriptionAttributes', SubscriptionArn=nobody)
        self.no('NotFound', 'Subscription', 'SetSubscriptionAttributes', SubscriptionArn=nobody, AttributeName='RawMessageDelivery', AttributeValue='true')
        other = self.subscribe(topic, arn('sqs', 'other'))
        self.sns('Unsubscribe', SubscriptionArn=sub)
        self.no('NotFound', 'Subscription', 'GetSubscriptionAttributes', SubscriptionArn=sub)
        self.assertEqual(self.of_subscription(other)['SubscriptionArn'], other)

    def visit(self, url):
        """A link of a message, as a browser follows it: nothing is signed."""
        return self.http('GET', url[len(self.endpoint):])[0]

    @shows('sns ConfirmSubscription', 'Token', 'AuthenticateOnUnsubscribe')
    def test_confirm(self):
        topic = self.topic()
        for guard, link_works in ((None, True), ('false', True), ('true', False)):
            with self.subTest(guard):
                e = self.hook()
                pending = self.subscribe(topic, e.url, 'http')
                self.no(INVALID, 'Token', 'ConfirmSubscription', TopicArn=topic, Token='x')
                self.assertEqual(self.of_subscription(pending)['PendingConfirmation'], 'true')
                sub = self.confirm(topic, e, **({} if guard is None else {'AuthenticateOnUnsubscribe': guard}))
                self.assertEqual((sub, self.of_subscription(sub)['PendingConfirmation']), (pending, 'false'))
                self.publish(topic)
                self.settle()
                self.assertEqual(self.visit(e.bodies()[0]['UnsubscribeURL']) == 200, link_works)
                self.sns('Unsubscribe', SubscriptionArn=sub)

    def test_confirmed_again_with_a_guard(self):
        topic, e = self.topic(), self.hook()
        self.subscribe(topic, e.url, 'http')
        self.settle()
        token = e.bodies()[0]['Token']
        self.no(INVALID, 'AuthenticateOnUnsubscribe', 'ConfirmSubscription', TopicArn=topic, Token=token, AuthenticateOnUnsubscribe='perhaps')
        self.assertEqual(self.visit(e.bodies()[0]['SubscribeURL']), 200)
        self.sns('ConfirmSubscription', TopicArn=topic, Token=token, AuthenticateOnUnsubscribe='true')
        self.publish(topic)
        self.settle()
        self.assertEqual(self.visit(e.bodies()[1]['UnsubscribeURL']), 403)

    @shows('sns SetSubscriptionAttributes', 'AttributeName', 'AttributeValue')
    def test_each_attribute_has_its_effect(self):
        self.dead_url, dead = self.open_queue('dead')
        effects = {
            'RawMessageDelivery': ('true', self.raw), 'FilterPolicy': ('{"a":["b"]}', self.filter), 'FilterPolicyScope': ('MessageBody', self.scope),
            'RedrivePolicy': (json.dumps({'deadLetterTargetArn': dead}), self.redrive),
            'DeliveryPolicy': ('{"healthyRetryPolicy":{"numRetries":1},"requestPolicy":{"headerContentType":"text/csv"}}', None),
        }
        self.assertEqual(known('subscription_names'), set(effects))
        for i, (name, (value, look)) in enumerate(effects.items()):
            for way in ('create', 'set'):
                with self.subTest(name, way=way):
                    topic, e = self.topic(f'{way}{i}'), self.hook()
                    url, queue = self.open_queue(f'{way}{i}')
                    given = {name: value} if way == 'create' else {}
                    sub = self.subscribe(topic, *((queue,) if look else (e.url, 'http')), **given)
                    if way == 'set':
                        self.assertNotEqual(self.of_subscription(sub).get(name), value)
                        self.put(sub, name, value)
                    self.assertEqual(self.of_subscription(sub)[name], value)
                    look(topic, sub, url) if look else self.delivery(topic, e)

    def test_refused_attributes(self):
        topic = self.topic()
        sub = self.subscribe(topic, arn('sqs', 'q'))
        refused, unknown = ('SubscriptionRoleArn', 'ReplayPolicy', 'ReplayStatus'), ('Owner', 'Endpoint', 'PendingConfirmation', 'Nonsense')
        for name in refused + unknown:
            self.no(INVALID, name if name in refused else 'AttributeName', 'SetSubscriptionAttributes', SubscriptionArn=sub, AttributeName=name,
                    AttributeValue='x')
            self.no(INVALID, name, 'Subscribe', TopicArn=topic, Protocol='sqs', Endpoint=arn('sqs', 'r'), Attributes={name: 'x'})

    def put(self, sub, name, value):
        self.sns('SetSubscriptionAttributes', SubscriptionArn=sub, AttributeName=name, AttributeValue=value)

    def raw(self, topic, sub, url):
        self.publish(topic, 'bare')
        self.put(sub, 'RawMessageDelivery', 'false')
        self.publish(topic, 'wrapped')
        first, second = self.bodies(url, 2)
        self.assertEqual((first, json.loads(second)['Message']), ('bare', 'wrapped'))

    def filter(self, topic, sub, url):
        for value in 'bx':
            self.publish(topic, value, MessageAttributes={'a': text(value)})
        self.put(sub, 'FilterPolicy', '{"a":["x"]}')
        for value in 'bx':
            self.publish(topic, value * 2, MessageAttributes={'a': text(value)})
        self.assertEqual([json.loads(body)['Message'] for body in self.bodies(url, 2)], ['b', 'xx'])

    def scope(self, topic, sub, url):
        self.put(sub, 'FilterPolicy', '{"a":["b"]}')
        by_attribute, by_body = {'message': 'text', 'MessageAttributes': {'a': text('b')}}, {'message': '{"a":"b"}'}
        for scope in ('MessageBody', 'MessageAttributes'):
            self.put(sub, 'FilterPolicyScope', scope)
            self.publish(topic, **by_attribute)
            self.publish(topic, **by_body)
        self.assertEqual([json.loads(body)['Message'] for body in self.bodies(url, 2)], ['{"a":"b"}', 'text'])

    def redrive(self, topic, sub, url):
        self.client('sqs').delete_queue(QueueUrl=url)
        self.publish(topic, 'dead')
        self.put(sub, 'RedrivePolicy', '')
        self.publish(topic, 'lost')
        self.settle(advance=True)
        self.assertEqual([json.loads(body)['Message'] for body in self.bodies(self.dead_url)], ['dead'])

    def delivery(self, topic, e):
        self.confirm(topic, e)
        e.statuses[:] = [500] * 9
        self.publish(topic)
        self.settle(advance=True)
        self.assertEqual([headers['Content-Type'] for _, headers, _ in e.posts], ['text/csv'] * 2)


class Publishing(SnsCase):
    BAD = (                                                  # members that are refused on a standard topic, and by which words
        ({'MessageAttributes': {'a': {'DataType': 'Other', 'StringValue': 'v'}}}, VALUE, "'a'"),
        ({'MessageAttributes': {'a': {'DataType': 'String', 'BinaryValue': blob(b'v')}}}, VALUE, "'String'"),
        ({'MessageAttributes': {'a': {'DataType': 'Binary', 'StringValue': 'v'}}}, VALUE, "'Binary'"),
        ({'MessageAttributes': {'a': {**text('v'), 'BinaryValue': blob(b'v')}}}, VALUE, "'String'"),
        ({'MessageAttributes': {'a': {'DataType': 'Binary', 'StringValue': 'v', 'BinaryValue': blob(b'v')}}}, VALUE, "'Binary'"),
        ({'MessageAttributes': {'AWS.SNS.SMS.SenderID': text('me')}}, VALUE, 'AWS.SNS.SMS.SenderID'),
        ({'MessageStructure': 'xml'}, INVALID, 'MessageStructure'),
        ({'MessageStructure': 'json'}, INVALID, 'JSON'),
        ({'Subject': ''}, INVALID, 'Subject'),
        ({'MessageDeduplicationId': 'd'}, INVALID, 'MessageDeduplicationId'),
        ({'MessageGroupId': 'a b'}, INVALID, 'MessageGroupId'),
    )
    MEMBERS = ('Message', 'Subject', 'MessageStructure', 'MessageAttributes', 'MessageAttributes.DataType', 'MessageAttributes.StringValue',
               'MessageAttributes.BinaryValue', 'MessageDeduplicationId', 'MessageGroupId')

    def ways(self, topic):
        """By Publish and by PublishBatch: (one message -> its reply, one message that must be refused)."""
        def batch(id='one', **message):
            reply = self.sns('PublishBatch', TopicArn=topic, PublishBatchRequestEntries=[{'Id': id, **message}])
            self.assertNotIn('<Failed><member>', reply)
            self.assertEqual(self.one('Id', reply), id)
            return reply

        def no(code, naming, **message):
            reply = self.sns('PublishBatch', TopicArn=topic, PublishBatchRequestEntries=[{'Id': 'two', **message}])
            self.assertEqual((self.one('Id', reply), self.one('Code', reply)), ('two', code))
            self.assertIn(naming, self.one('Message', reply).replace('&apos;', "'").replace('&#39;', "'"))
        return ((lambda **message: self.sns('Publish', TopicArn=topic, **message),
                 lambda code, naming, **message: self.no(code, naming, 'Publish', TopicArn=topic, **message)), (batch, no))

    @shows('sns Publish', *MEMBERS, 'PhoneNumber', 'sns PublishBatch', 'PublishBatchRequestEntries', 'PublishBatchRequestEntries.Id',
           *('PublishBatchRequestEntries.' + m for m in MEMBERS))
    def test_standard(self):
        topic = self.topic()
        url, queue = self.open_queue('plain')
        raw_url, raw = self.open_queue('raw')
        self.subscribe(topic, queue)
        self.subscribe(topic, raw, RawMessageDelivery='true')
        self.no(INVALID, 'PhoneNumber', 'Publish', PhoneNumber='+15551234567', Message='m')
        attributes = {'s': text('v'), 'n': {'DataType': 'Number', 'StringValue': '1'}, 'b': {'DataType': 'Binary', 'BinaryValue': blob(b'\x00\xff')}}
        for say, no in self.ways(topic):
            for bad, code, naming in self.BAD:
                with self.subTest(str(bad)):
                    no(code, naming, Message='m', **bad)
            no(INVALID, 'Empty', Message='')
            self.assertEqual(self.receive(url, 0) + self.receive(raw_url, 0), [])
            sent = self.one('MessageId', say(Message='{"default":"d","sqs":"for queues"}', MessageStructure='json', Subject='s', MessageGroupId='g',
                                             MessageAttributes=attributes))
            (plain,), (bare,) = self.receive(url), self.receive(raw_url)
            got = json.loads(plain['Body'])
            self.assertEqual((got['MessageId'], got['Message'], got['Subject']), (sent, 'for queues', 's'))
            self.assertEqual(got['MessageAttributes'], {'s': {'Type': 'String', 'Value': 'v'}, 'n': {'Type': 'Number', 'Value': '1'},
                                                        'b': {'Type': 'Binary', 'Value': blob(b'\x00\xff')}})
            self.assertEqual(bare['Body'], 'for queues')
            self.assertEqual({k: (v['DataType'], v.get('StringValue', v.get('BinaryValue'))) for k, v in bare['MessageAttributes'].items()},
                             {'s': ('String', 'v'), 'n': ('Number', '1'), 'b': ('Binary', b'\x00\xff')})
            self.assertEqual((plain['Attributes']['MessageGroupId'], bare['Attributes']['MessageGroupId']), ('g', 'g'))
            say(Message='{"default":"d"}')
            (plain,), (bare,) = self.receive(url), self.receive(raw_url)
            got = json.loads(plain['Body'])
            self.assertEqual((got['Message'], got.keys() & {'Subject', 'MessageAttributes'}), ('{"default":"d"}', set()))
            self.assertEqual((bare.keys() & {'MessageAttributes'}, bare['Attributes'].keys() & {'MessageGroupId'}), (set(), set()))

    def test_fifo(self):
        """Groups and ids of a FIFO topic."""
        topic = self.topic('t.fifo', FifoTopic='true')
        url, queue = self.open_queue('q.fifo', FifoQueue='true')
        self.subscribe(topic, queue, RawMessageDelivery='true')
        self.no(INVALID, 'MessageGroupId', 'Publish', TopicArn=topic, Message='m', MessageDeduplicationId='d')
        self.no(INVALID, 'MessageGroupId', 'PublishBatch', TopicArn=topic,
                PublishBatchRequestEntries=[{'Id': 'a', 'Message': 'm', 'MessageDeduplicationId': 'd'}])
        for i, (say, no) in enumerate(self.ways(topic)):
            no(INVALID, 'MessageDeduplicationId', Message='m', MessageGroupId='g')
            for message, d in (('first', 'd'), ('again', 'd'), ('second', 'e')):
                say(Message=message, MessageGroupId=f'g{i}', MessageDeduplicationId=f'{d}{i}')
            got = self.receive(url, 2) + self.receive(url, 0)
            self.assertEqual([(m['Body'], m['Attributes']['MessageGroupId'], m['Attributes']['MessageDeduplicationId']) for m in got],
                             [('first', f'g{i}', f'd{i}'), ('second', f'g{i}', f'e{i}')])


if __name__ == '__main__':
    support.main()
