#!/usr/bin/python3
"""A credential scope that names no region: every operation refuses it, and the server lives."""
import json
import re
import unittest

import botocore.session
import support

SERVICES = ('lambda', 'sqs', 'sns', 'events', 's3', 'iam', 'sts', 'logs', 'cloudwatch')
BODY = {'Name': 'b', 'ScheduleExpression': 'rate(1 minute)', 'QueueName': 'q'}
KEYS = ('', 'k' * 5000, '1' * 12, '1' * 13, '1' * 11, '-1', '12345678901a', 'ASIA' + 'x' * 300, '..', '%00', 'a b')
HOSTILE = ('a' * 500, 'a' * 4000, 'us_east', 'US-EAST-1', '-', '1', '..', 'us:east')


def request_of(model, op):
    """Method, path, headers and body of an operation, as far as a router needs them."""
    protocol, meta = model.metadata['protocol'], model.metadata
    if protocol == 'json':
        return 'POST', '/', {'Content-Type': 'application/x-amz-json-' + meta['jsonVersion'],
                             'X-Amz-Target': f"{meta['targetPrefix']}.{op.name}"}, json.dumps(BODY).encode()
    if protocol == 'query':
        return 'POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'}, f"Action={op.name}&Version={meta['apiVersion']}&Name=b".encode()
    return op.http['method'], re.sub(r'{[^}]*}', 'x', op.http['requestUri']), {}, b''


class Scope(support.ServerCase):
    def refused(self, service, region, method, path, headers, body, key='AK'):
        headers = dict(headers, Authorization=f'AWS4-HMAC-SHA256 Credential={key}/20260914/{region}/{service}/aws4_request, '
                                              'SignedHeaders=host, Signature=00')
        return self.http(method, path, headers, body)[0]

    def test_every_operation(self):
        session = botocore.session.get_session()
        for service in SERVICES:
            model = session.get_service_model(service)
            for name in model.operation_names:
                status = self.refused(service, HOSTILE[0], *request_of(model, model.operation_model(name)))
                self.assertTrue(400 <= status < 500 or status == 501, f'{service} {name}: {status}')
        self.assertEqual(self.http('GET', '/_waybill/health', {})[0], 200)

    def test_forms(self):
        model = botocore.session.get_session().get_service_model('events')
        for region in HOSTILE:
            for name in ('PutRule', 'CreateEventBus', 'ListRules'):
                self.assertEqual(self.refused('events', region, *request_of(model, model.operation_model(name))), 403, region)
        self.assertEqual(self.refused('events', 'eu-west-1', *request_of(model, model.operation_model('CreateEventBus'))), 200)

    def test_keys_and_services(self):
        """The other words of a scope become nothing but an account, and that is twelve digits whatever the key is."""
        session = botocore.session.get_session()
        for service, name in (('events', 'CreateEventBus'), ('sqs', 'CreateQueue'), ('sns', 'CreateTopic'), ('lambda', 'ListFunctions')):
            request = request_of(session.get_service_model(service), session.get_service_model(service).operation_model(name))
            for key in KEYS:
                self.assertLess(self.refused(service, 'us-east-1', *request, key=key), 500, (service, key[:40]))
            for word in ('x' * 5000, '..', 'SQS', 'a b', '%2f'):
                self.assertIn(self.refused(word, 'us-east-1', *request), (200, 400, 403, 404, 501), (service, word[:40]))   # 501: not implemented, by name
        topics = self.client('sns').list_topics()['Topics'] + self.client('sns', key='1' * 12).list_topics()['Topics']
        self.assertEqual({t['TopicArn'].split(':')[4] for t in topics} - {support.ACCOUNT, '1' * 12}, set())


if __name__ == '__main__':
    unittest.main()
