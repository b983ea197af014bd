#!/usr/bin/python3
"""Filter policies and messages that cost more to match than a turn may take: nobody waits for them, and nothing is lost."""
import json

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


if __name__ == '__main__':
    support.main()
