#!/usr/bin/python3
"""Where records go: queues, functions, and the targets that are refused by name."""
import json

import native
import support
from flows import ARN, FAILED, FAILS, TRIED, UUID, FlowCase, context

KEEP = 'def handler(event, context):\n    return [context.aws_request_id, event]\n'


class LambdaDestination(FlowCase):
    def to(self, name, success=None, failure=None, **options):
        routes = {k: {'Destination': v} for k, v in (('OnSuccess', success), ('OnFailure', failure)) if v}
        self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig=routes, **options)

    def chained(self, id, arn):
        """The id of the event that the record of `id` became."""
        sent = self.journey(id)['steps'][-1]
        self.assertEqual((sent['step'], sent['target']), ('sent', arn))
        self.assertRegex(sent['id'], f'^{UUID}$')
        return sent['id']

    def test_success_goes_on(self):
        """Acceptance 11: B's event is A's record, under an id of its own."""
        self.function('a', KEEP)
        self.function('b', KEEP)
        self.to('a', ARN + 'b')
        self.routes('b')
        id = self.event('a', '{"n" : 1}')
        self.settle()
        second = self.chained(id, ARN + 'b')
        self.assertNotEqual(second, id)
        record = ('{"version":"1.0","timestamp":"%s","requestContext":{"requestId":"%s","functionArn":"%sa:$LATEST","condition":"Success",'
                  '"approximateInvokeCount":1},"requestPayload":{"n":1},"responseContext":%s,"responsePayload":["%s",{"n":1}]}'
                  % (self.journey(id)['endedAt'], id, ARN, context(), id))
        self.expect(self.ok, second, 'b:$LATEST', 'Success', 1, record, context(), f'["{second}",{record}]')
        accepted = self.journey(second)['steps'][0]
        self.assertEqual((accepted['type'], accepted['payloadBytes'], accepted['source']), ('destination', len(record), ARN + 'a:$LATEST'))
        self.assertEqual(self.steps(second), ['accepted', 'started', 'succeeded', 'sent'])

    def test_failure_goes_to_an_alias_and_fails_there(self):
        """B has retries and destinations of its own, those of the alias that was named."""
        self.function('a', FAILS)
        self.function('b', FAILS, Publish=True)
        self.client('lambda').create_alias(FunctionName='b', Name='live', FunctionVersion='1')
        self.to('a', failure=ARN + 'b:live', MaximumRetryAttempts=0)
        self.routes('b', qualifier='live', retries=1)
        id = self.event('a', '[]')
        self.settle(advance=True)
        second = self.chained(id, ARN + 'b:live')
        record = ('{"version":"1.0","timestamp":"%s","requestContext":{"requestId":"%s","functionArn":"%sa:$LATEST","condition":'
                  '"RetriesExhausted","approximateInvokeCount":1},"requestPayload":[],"responseContext":%s,"responsePayload":%s}'
                  % (self.journey(id)['endedAt'], id, ARN, context(error=True), FAILED % id))
        self.expect(self.failed, second, 'b:live', 'RetriesExhausted', 2, record, context('1', True), FAILED % second)
        self.assertEqual(self.steps(second), ['accepted', *TRIED, 'started', 'failed', 'exhausted', 'sent'])

    def test_a_target_that_is_gone(self):
        self.function('a', KEEP)
        self.function('b', KEEP)
        self.to('a', ARN + 'b')
        self.client('lambda').delete_function(FunctionName='b')
        id = self.event('a')
        self.settle()
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'refused'])
        self.assertEqual(self.journey(id)['state'], 'succeeded')
        self.assertIn(ARN + 'b', self.told(id)[-1])

    def test_a_record_over_the_event_limit(self):
        """An Event takes 1,048,576 bytes: the response is left out, then the request too."""
        self.function('a', native.bootstrap(), 'provided.al2023', MemorySize=256)
        self.function('b', 'def handler(event, context):\n    return list(event)\n')
        self.to('a', ARN + 'b')
        self.routes('b')
        for pad, members in ((600000, ['version', 'timestamp', 'requestContext', 'requestPayload', 'responseContext']),
                             (1048560, ['version', 'timestamp', 'requestContext', 'responseContext'])):
            with self.subTest(pad):
                id = self.event('a', json.dumps('x' * pad))
                self.settle()
                record, = self.records(self.ok)
                self.assertEqual(record['responsePayload'], members)
                self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'note', 'sent'])
                self.assertIn('record too large', self.told(id)[3])


class QueueDestination(FlowCase):
    def test_both_routes_are_independent(self):
        self.function('f', 'def handler(event, context):\n    if event: raise ValueError("no")\n')
        self.routes('f', retries=0)
        good, bad = self.event('f', '{}'), self.event('f', '[1]')
        self.settle()
        self.expect(self.ok, good, 'f:$LATEST', 'Success', 1, '{}', context(), 'null')
        record, = self.records(self.failed)
        self.assertEqual(record['requestContext']['requestId'], bad)

    def test_success_without_a_route_for_it(self):
        self.function('f', KEEP)
        self.routes('f', success=False)
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded'])
        self.assertEqual((self.receive(self.ok, 0), self.receive(self.failed, 0)), ([], []))

    def test_request_response_fires_nothing(self):
        """Acceptance 12."""
        self.function('f', 'def handler(event, context):\n    if event: raise ValueError("no")\n')
        self.routes('f', retries=0)
        self.assertEqual(self.invoke('f', '{}')[0]['StatusCode'], 200)
        self.assertEqual(self.invoke('f', '[1]')[0]['FunctionError'], 'Unhandled')
        self.settle(advance=True)
        self.assertEqual((self.receive(self.ok, 0), self.receive(self.failed, 0)), ([], []))
        self.assertEqual(self.journeys(), [])

    def test_the_queue_is_gone(self):
        self.function('f', FAILS)
        self.routes('f', retries=0)
        self.client('sqs').delete_queue(QueueUrl=self.failed)
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id), ['accepted', 'started', 'failed', 'exhausted', 'refused'])
        refused = self.journey(id)['steps'][-1]
        self.assertEqual((refused['what'], refused['target']), ('on-failure record', self.failed_arn))
        self.assertNotEqual(refused['reason'], '')
        self.assertEqual(self.health()['events']['queued'], 0)

    def test_a_record_over_the_queue_limit(self):
        self.function('n', native.bootstrap(), 'provided.al2023', MemorySize=256)
        self.routes('n')
        id = self.event('n', '{"do":"wide"}')
        self.settle()
        self.expect(self.ok, id, 'n:$LATEST', 'Success', 1, '{"do":"wide"}', context())
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'note', 'sent'])
        body = '"%s"' % ('x' * 1048574)
        id = self.event('n', body)
        self.settle()
        record, = self.records(self.ok)
        self.assertEqual(list(record), ['version', 'timestamp', 'requestContext', 'responseContext'])
        self.assertEqual(record['requestContext']['requestId'], id)

    def test_a_queue_with_a_small_limit(self):
        url, arn = self.queue('small', MaximumMessageSize=1024)
        self.function('n', native.bootstrap(), 'provided.al2023')
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', DestinationConfig={'OnSuccess': {'Destination': arn}})
        id = self.event('n', json.dumps({'x': 'y' * 500}))
        self.settle()
        self.expect(url, id, 'n:$LATEST', 'Success', 1, json.dumps({'x': 'y' * 500}, separators=(',', ':')), context())


class Refused(FlowCase):
    """Targets Waybill does not deliver to are refused when they are named, not when the record is lost."""

    def refuse(self, routes, message):
        self.function('f', KEEP) if not self.client('lambda').list_functions()['Functions'] else None
        before = self.client('lambda').list_function_event_invoke_configs(FunctionName='f')['FunctionEventInvokeConfigs']
        reply = self.request('PUT', '/2019-09-25/functions/f/event-invoke-config', {'DestinationConfig': routes})
        self.assertError(reply, 400, 'InvalidParameterValueException', json.dumps({'Type': 'User', 'message': message}, separators=(',', ':')))
        self.assertEqual(self.client('lambda').list_function_event_invoke_configs(FunctionName='f')['FunctionEventInvokeConfigs'], before)

    def test_what_is_wrong_for_aws_too(self):
        fifo = 'arn:aws:sqs:us-east-1:000000000000:first.fifo'
        missing = 'arn:aws:sqs:us-east-1:000000000000:nowhere'
        rows = (({'OnFailure': {'Destination': missing}}, f'The destination ARN {missing} is invalid.'),
                ({'OnFailure': {'Destination': fifo}}, f'The destination ARN {fifo} is invalid.'),
                ({'OnSuccess': {'Destination': ARN + 'nowhere'}}, f'The destination ARN {ARN}nowhere is invalid.'),
                ({'OnSuccess': {'Destination': ARN + 'f'}}, "You can't specify the function as a destination for itself."),
                ({'OnFailure': {'Destination': ARN + 'f:$LATEST'}}, "You can't specify the function as a destination for itself."),
                ({'OnSuccess': {'Destination': 'arn:aws:s3:::bucket'}}, 'The destination ARN arn:aws:s3:::bucket is invalid.'),
                ({'OnSuccess': {'Destination': 'arn:aws:sns:us-east-1:000000000000:t.fifo'}},
                 "FIFO-type Amazon SNS topics aren't supported as a destination."),
                ({'OnSuccess': {'Destination': 'arn:aws:events:us-east-1:000000000000:rule/r'}},
                 'The destination ARN arn:aws:events:us-east-1:000000000000:rule/r is invalid.'),
                ({'OnSuccess': {'Destination': 'arn:aws:dynamodb:us-east-1:000000000000:table/t'}},
                 'The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:dynamodb:us-east-1:000000000000:table/t), '
                 'onFailure=null) is invalid.'))
        for routes, message in rows:
            with self.subTest(message):
                self.refuse(routes, message)

    def test_a_failed_put_leaves_the_record(self):
        self.function('f', KEEP)
        self.routes('f', retries=1, age=99)
        self.refuse({'OnFailure': {'Destination': 'arn:aws:sqs:us-east-1:000000000000:nowhere'}},
                    'The destination ARN arn:aws:sqs:us-east-1:000000000000:nowhere is invalid.')


class Configuration(FlowCase):
    """Acceptance 8: Put wipes, Update merges; nothing given is an error before the function is looked for."""

    def raw(self, method, body=None, name='f', query=''):
        status, headers, data = self.request(method, f'/2019-09-25/functions/{name}/event-invoke-config{query}', body)
        return status, data.decode()

    def shape(self, failure='null', success='null', age='null', retries='null'):
        quoted = [v if v == 'null' else f'"{v}"' for v in (failure, success)]
        return (r'^\{"DestinationConfig":\{"OnFailure":\{"Destination":%s\},"OnSuccess":\{"Destination":%s\}\},"FunctionArn":"%sf:\$LATEST",'
                r'"LastModified":1\.\d{1,12}E9,"MaximumEventAgeInSeconds":%s,"MaximumRetryAttempts":%s\}$' % (*quoted, ARN, age, retries))

    def test_put_wipes_update_merges(self):
        self.function('f', KEEP)
        status, text = self.raw('PUT', {'MaximumRetryAttempts': 1, 'DestinationConfig': {'OnFailure': {'Destination': self.failed_arn}}})
        self.assertEqual(status, 200)
        self.assertRegex(text, self.shape(self.failed_arn, retries='1'))
        status, text = self.raw('POST', {'MaximumEventAgeInSeconds': 60, 'DestinationConfig': {'OnSuccess': {'Destination': self.ok_arn}}})
        self.assertRegex(text, self.shape(self.failed_arn, self.ok_arn, '60', '1'))
        status, text = self.raw('POST', {'DestinationConfig': {'OnFailure': {'Destination': ''}, 'OnSuccess': {}}})
        self.assertRegex(text, self.shape(success=self.ok_arn, age='60', retries='1'))
        status, text = self.raw('PUT', {'MaximumRetryAttempts': 0})
        self.assertRegex(text, self.shape(retries='0'))
        self.assertRegex(self.raw('GET')[1], self.shape(retries='0'))
        self.assertEqual(self.raw('DELETE'), (204, ''))
        self.assertEqual(self.raw('GET')[1], '{"Type":"User","Message":"The function %sf:$LATEST doesn\'t have an EventInvokeConfig"}' % ARN)

    def test_nothing_given(self):
        body = '{"Type":"User","message":"You must specify at least one of error handling or destination setting."}'
        for method in ('PUT', 'POST'):
            for params in ({}, {'DestinationConfig': {}}):
                self.assertEqual(self.raw(method, params, 'nobody'), (400, body))
        self.assertEqual(self.raw('PUT', {'MaximumRetryAttempts': 1}, 'nobody'), (404, '{"Type":"User","Message":"The function doesn\'t exist."}'))


if __name__ == '__main__':
    support.main()
