#!/usr/bin/python3
"""Filter policies and messages that cost more to match than a turn may take: nobody waits for them, and nothing is lost."""
import json
import shutil
import tempfile

import support

OR = json.dumps({'$or': [{'a': [1000 + i]} for i in range(149)] + [{'a': [1]}]}, separators=(',', ':'))
WANTED = json.dumps({'a': [7] * 40000 + [1]}, separators=(',', ':'))
UNWANTED = json.dumps({'a': [7] * 40000}, separators=(',', ':'))


class Worst(support.ServerCase):
    def test_publish_and_go_on(self):
        sns, sqs = self.client('sns'), self.client('sqs')
        topic = sns.create_topic(Name='t')['TopicArn']
        queues = {}
        for name, policy in (('first', OR), ('second', OR), ('all', None)):
            queues[name], arn = self.queue(name, Policy=json.dumps({'Version': '2012-10-17', 'Statement': [
                {'Effect': 'Allow', 'Principal': '*', 'Action': 'sqs:SendMessage', 'Resource': '*'}]}))
            sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes={'RawMessageDelivery': 'true', **(
                {'FilterPolicy': policy, 'FilterPolicyScope': 'MessageBody'} if policy else {})})
        for body in (WANTED, UNWANTED):
            sns.publish(TopicArn=topic, Message=body)
        self.settle()
        got = {name: [] for name in queues}
        for name, url in queues.items():
            while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages'):
                got[name] += [m['Body'] == WANTED for m in batch]
        self.assertEqual({name: sorted(v) for name, v in got.items()}, {'first': [True], 'second': [True], 'all': [False, True]})


class Stopped(support.ServerCase):
    """A stop while a job runs: it ends, touches nothing that has gone, and the next start goes on."""
    @classmethod
    def start_server(cls, *args):
        cls.data = tempfile.mkdtemp(prefix='waybill-worst-')
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)
        cls.server = support.Server(['--data', cls.data, *args], cls.server_env)
        cls.endpoint = cls.server.endpoint
        return cls.server

    def test_goes_on_after_the_start(self):
        topic = self.client('sns').create_topic(Name='t')['TopicArn']
        url, arn = self.queue('q', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': '*', 'Action': 'sqs:SendMessage', 'Resource': '*'}]}))
        self.client('sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn,
                                     Attributes={'FilterPolicy': OR, 'FilterPolicyScope': 'MessageBody'})
        self.client('sns').publish(TopicArn=topic, Message=WANTED)
        self.assertEqual(self.server.end(), [])
        type(self).server = support.Server(['--data', self.data])
        type(self).endpoint = self.server.endpoint
        self._clients.clear()
        self.settle()
        self.assertEqual(len(self.client('sqs').receive_message(QueueUrl=url).get('Messages', [])), 1)


if __name__ == '__main__':
    support.main()
