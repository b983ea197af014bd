#!/usr/bin/python3
"""A credential scope that names no region: every operation refuses it, and the server lives."""
import json
import re
import unittest

import botocore.session
import support

SERVICES = ('lambda', 'sqs', 'sns', 'events', 's3', 'iam', 'sts', 'logs', 'cloudwatch')
BODY = {'Name': 'b', 'ScheduleExpression': 'rate(1 minute)', 'QueueName': 'q'}
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
    def refused(self, service, region, method, path, headers, body):
        headers = dict(headers, Authorization=f'AWS4-HMAC-SHA256 Credential=AK/20260914/{region}/{service}/aws4_request, '
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


if __name__ == '__main__':
    unittest.main()
