#!/usr/bin/python3
"""What test suites of other AWS servers, run against this one, found: each test keeps one finding from coming back."""
import http.client
import json
import xml.etree.ElementTree as ET

import support

SQS_SPACE = {'q': 'http://queue.amazonaws.com/doc/2012-11-05/'}


class Queues(support.ServerCase):
    def names_of_pages(self, size, **filters):
        """Every page of ListQueues, as lists of queue names."""
        sqs = self.client('sqs')
        pages, token = [], {}
        while True:
            reply = sqs.list_queues(MaxResults=size, **filters, **token)
            pages.append([url.rsplit('/', 1)[1] for url in reply.get('QueueUrls', [])])
            if 'NextToken' not in reply:
                return pages
            token = {'NextToken': reply['NextToken']}

    def test_the_last_page_has_no_token(self):
        for name in 'abcd':
            self.queue('fit-' + name)
        everything = ['fit-a', 'fit-b', 'fit-c', 'fit-d']
        for size in range(1, 7):
            with self.subTest(size=size):
                want = [everything[i:i + size] for i in range(0, len(everything), size)]
                self.assertEqual(self.names_of_pages(size, QueueNamePrefix='fit-'), want)
        self.assertEqual(self.names_of_pages(1, QueueNamePrefix='none-'), [[]])

    def test_the_last_page_of_dead_letter_sources_has_no_token(self):
        dead, arn = self.queue('dead')
        for name in ('s1', 's2'):
            self.queue(name, RedrivePolicy=json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 1}))
        sqs = self.client('sqs')
        first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1)
        self.assertEqual(len(first['queueUrls']), 1)
        for reply in (sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1, NextToken=first['NextToken']),
                      sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)):
            self.assertTrue(reply['queueUrls'][-1].endswith('/s2'))
            self.assertNotIn('NextToken', reply)

    def test_a_prefix_of_attribute_names_needs_no_dot(self):
        url, _ = self.queue('wild', VisibilityTimeout=0)
        self.client('sqs').send_message(QueueUrl=url, MessageBody='x', MessageAttributes={
            name: {'DataType': 'String', 'StringValue': name} for name in ('barley', 'bar.soap', 'foo', 'rebar')})
        for want, shown in (('bar.*', {'barley', 'bar.soap'}), ('bar', set()), ('barl.*', {'barley'}), ('z.*', set())):
            message, = self.client('sqs').receive_message(QueueUrl=url, MessageAttributeNames=[want])['Messages']
            self.assertEqual(set(message.get('MessageAttributes', {})), shown, want)

    def test_a_queue_is_read_by_a_url_without_a_version(self):
        url, _ = self.queue('by-hand')
        self.client('sqs').send_message(QueueUrl=url, MessageBody='hello')
        status, _, data = self.http('GET', f'/{support.ACCOUNT}/by-hand?Action=ReceiveMessage')
        self.assertEqual(status, 200, data)
        self.assertEqual(ET.fromstring(data).findtext('.//q:Body', namespaces=SQS_SPACE), 'hello')
        status, _, data = self.http('GET', '/?Action=GetQueueUrl&QueueName=nobody')
        self.assertEqual(status, 400, data)
        self.assertEqual(ET.fromstring(data).findtext('.//q:Code', namespaces=SQS_SPACE),
                         'AWS.SimpleQueueService.NonExistentQueue')
        status, _, data = self.http('GET', '/?Action=Dance')
        self.assertEqual(status, 400, data)
        self.assertIn(b'<Code>InvalidAction</Code>', data)


class Policies(support.ServerCase):
    def test_a_condition_key_may_lack_its_service(self):
        """It is stored; and as no request carries such a key, the statement applies only where absence satisfies it."""
        iam = self.client('iam')
        for condition, decision in (({'StringEquals': {'plain': 'x'}}, 'implicitDeny'),
                                    ({'StringEqualsIfExists': {'plain': 'x'}}, 'allowed')):
            document = json.dumps({'Version': '2012-10-17', 'Statement': {
                'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*', 'Condition': condition}})
            made = iam.create_policy(PolicyName='p-' + decision, PolicyDocument=document)['Policy']
            kept = iam.get_policy_version(PolicyArn=made['Arn'], VersionId='v1')['PolicyVersion']['Document']
            self.assertEqual(kept, json.loads(document))
            result, = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=['sqs:SendMessage'])['EvaluationResults']
            self.assertEqual(result['EvalDecision'], decision)

    def test_an_action_still_needs_its_service(self):
        document = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'SendMessage', 'Resource': '*'}})
        self.assertFault('MalformedPolicyDocument', self.client('iam').create_policy, PolicyName='p', PolicyDocument=document,
                         message='Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.')


class WrongHost(support.ServerCase):
    """A client in a container calls the server by a name it was not told of: its user must read why."""
    sentence = "This host name is not one of the server's. Start it with --allow-host NAME to allow it."

    def ask(self, **headers):
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=10)
        try:
            connection.request('POST', '/', b'', {'Host': 'waybill:4566', **{k.replace('_', '-'): v for k, v in headers.items()}})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def test_sdks_show_the_sentence(self):
        for service, call in (('sqs', 'list_queues'), ('lambda', 'list_functions'), ('iam', 'list_roles'), ('logs', 'describe_log_groups')):
            client = self.client(service)
            client.meta.events.register('before-send', lambda request, **_: request.headers.__setitem__('Host', 'waybill:4566'))
            with self.subTest(service=service), self.assertRaises(support.ClientError) as caught:
                getattr(client, call)()
            error = caught.exception.response
            self.assertEqual(error['Error']['Message'], self.sentence)
            self.assertIn(error['Error']['Code'], ('AccessDenied', 'AccessDeniedException'))
            self.assertEqual(error['ResponseMetadata']['HTTPStatusCode'], 403)

    def test_forms(self):
        status, text = self.ask(X_Amz_Target='AmazonSQS.ListQueues')
        self.assertEqual((status, json.loads(text)['message']), (403, self.sentence))
        status, text = self.ask(Content_Type='application/x-www-form-urlencoded; charset=utf-8')
        self.assertEqual((status, ET.fromstring(text).findtext('.//Message')), (403, self.sentence))
        self.assertEqual(self.ask(), (403, self.sentence + '\n'))


class Words(support.ServerCase):
    def test_settle_counts_in_words(self):
        self.waybill('clock', 'freeze')
        role = self.role()
        self.function('f', 'def handler(event, context): raise ValueError("no")', role=role)
        self.event('f')
        self.assertRegex(self.waybill('settle'), r'^settled; clock moved by 0s; 1 event still queued\n$')
        self.assertRegex(self.waybill('settle', '--advance'), r'; 0 events still queued\n$')

    def test_a_clock_that_was_not_moved_says_so(self):
        self.assertRegex(self.waybill('clock'), r'\nreal  the same\n$')
        self.waybill('clock', 'advance', '90s')
        self.assertRegex(self.waybill('clock'), r'\nreal  1m 30s behind the server\n$')

    def test_the_commands_stand_in_columns(self):
        lines = self.waybill('--help').split('Commands:\n')[1].split('\n\n')[0].splitlines()
        self.assertEqual(len({line.index(line.split(None, 1)[1]) for line in lines}), 1, lines)


if __name__ == '__main__':
    support.main()
