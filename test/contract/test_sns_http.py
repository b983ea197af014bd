"""SNS over HTTP: the handshake, what is posted, when it is tried again, and where it goes in the end."""
import contextlib
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import time
import unittest
import urllib.request

import support
from test_sns import SnsCase, UUID


class Endpoint:
    """An HTTP endpoint that keeps what it is told and answers with the statuses it was given, 200 at the end."""

    def __init__(self, statuses=(), context=None, delay=0):
        self.posts, self.statuses, self.delay = [], list(statuses), delay
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length'])).decode()
                outer.posts.append((self.path, self.headers, body))
                time.sleep(outer.delay)
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f'http{"" if context is None else "s"}://127.0.0.1:{self.server.server_port}/hook?a=b'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self):
        return [json.loads(body) for _, _, body in self.posts]


class HttpCase(SnsCase):
    def hook(self, *statuses, **kw):
        e = Endpoint(statuses, **kw)
        self.addCleanup(e.close)
        return e

    def confirmed(self, endpoint, protocol='http', name='t', **attributes):
        """A topic with that endpoint subscribed and confirmed -> (topic, subscription ARN); the endpoint has heard nothing."""
        topic = self.topic(name)
        sub = self.subscribe(topic, protocol, endpoint.url, **attributes)
        self.settle()
        self.sns.confirm_subscription(TopicArn=topic, Token=endpoint.bodies()[0]['Token'])
        endpoint.posts.clear()
        return topic, sub


class Handshake(HttpCase):
    def test_confirmed_by_the_link(self):
        e = self.hook()
        topic = self.topic()
        said = self.sns.subscribe(TopicArn=topic, Protocol='http', Endpoint=e.url)['SubscriptionArn']
        self.assertEqual(said, 'pending confirmation')
        self.settle()
        (path, headers, body), = e.posts
        body = json.loads(body)
        self.assertEqual(path, '/hook?a=b')
        self.assertEqual((headers['x-amz-sns-message-type'], headers['x-amz-sns-message-id'], headers['x-amz-sns-topic-arn'],
                          headers['x-amz-sns-subscription-arn'], headers['Content-Type'], headers['User-Agent']),
                         ('SubscriptionConfirmation', body['MessageId'], topic, None, 'text/plain; charset=UTF-8',
                          'Amazon Simple Notification Service Agent'))
        self.assertEqual(list(body), ['Type', 'MessageId', 'Token', 'TopicArn', 'Message', 'SubscribeURL', 'Timestamp',
                                      'SignatureVersion', 'Signature', 'SigningCertURL'])
        self.assertEqual(body['Message'], f'You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit '
                                          'the SubscribeURL included in this message.')
        self.assertEqual(body['SubscribeURL'], f'{self.endpoint}/?Action=ConfirmSubscription&TopicArn={topic}&Token={body["Token"]}')
        listed, = self.sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions']
        self.assertEqual(listed['SubscriptionArn'], 'PendingConfirmation')
        self.sns.publish(TopicArn=topic, Message='nobody hears this')
        with urllib.request.urlopen(body['SubscribeURL']) as r:
            answer = r.read().decode()
        arn = re.search('<SubscriptionArn>(.*)</SubscriptionArn>', answer).group(1)
        self.assertRegex(arn, f'^{topic}:{UUID}$')
        got = self.sns.get_subscription_attributes(SubscriptionArn=arn)['Attributes']
        self.assertEqual((got['PendingConfirmation'], got['ConfirmationWasAuthenticated']), ('false', 'false'))
        self.settle()
        self.assertEqual(len(e.posts), 1)

    def test_bad_token(self):
        topic = self.topic()
        self.invalid('Invalid parameter: Token', self.sns.confirm_subscription, TopicArn=topic, Token='x')

    def test_pending_for_two_days(self):
        e = self.hook()
        sub = self.subscribe(self.topic(), 'http', e.url)
        self.advance(48 * 3600_000 - 60_000)
        self.assertEqual(self.sns.get_subscription_attributes(SubscriptionArn=sub)['Attributes']['PendingConfirmation'], 'true')
        self.advance(120_000)
        self.assertFault('NotFound', self.sns.get_subscription_attributes, SubscriptionArn=sub)

    def test_unsubscribed_by_the_link_and_restored(self):
        e = self.hook()
        topic, sub = self.confirmed(e)
        self.sns.publish(TopicArn=topic, Message='1')
        self.settle()
        urllib.request.urlopen(e.bodies()[0]['UnsubscribeURL']).close()
        self.settle()
        goodbye = e.bodies()[1]
        self.assertEqual((goodbye['Type'], e.posts[1][1]['x-amz-sns-message-type']), ('UnsubscribeConfirmation',) * 2)
        self.assertEqual(self.sns.list_subscriptions()['Subscriptions'], [])
        self.sns.publish(TopicArn=topic, Message='2')
        urllib.request.urlopen(goodbye['SubscribeURL']).close()
        self.sns.publish(TopicArn=topic, Message='3')
        self.settle()
        self.assertEqual([b['Message'] for b in e.bodies()[2:]], ['3'])

    def test_guarded_against_unsigned_unsubscribe(self):
        e = self.hook()
        topic = self.topic()
        sub = self.subscribe(topic, 'http', e.url)
        self.settle()
        self.sns.confirm_subscription(TopicArn=topic, Token=e.bodies()[0]['Token'], AuthenticateOnUnsubscribe='true')
        status, _, _ = self.http('GET', f'/?Action=Unsubscribe&SubscriptionArn={sub}')
        self.assertEqual(status, 403)
        self.sns.unsubscribe(SubscriptionArn=sub)


class Notifications(HttpCase):
    def test_envelope(self):
        e = self.hook()
        topic, sub = self.confirmed(e)
        sent = self.sns.publish(TopicArn=topic, Message='m', Subject='s')
        self.settle()
        (_, headers, body), = e.posts
        self.assertEqual((headers['x-amz-sns-message-type'], headers['x-amz-sns-message-id'], headers['x-amz-sns-topic-arn'],
                          headers['x-amz-sns-subscription-arn'], headers['x-amz-sns-rawdelivery']),
                         ('Notification', sent['MessageId'], topic, sub, None))
        body = json.loads(body)
        self.assertEqual(list(body), ['Type', 'MessageId', 'TopicArn', 'Subject', 'Message', 'Timestamp', 'SignatureVersion',
                                      'Signature', 'SigningCertURL', 'UnsubscribeURL'])
        self.assertEqual((body['Message'], body['Subject'], body['MessageId']), ('m', 's', sent['MessageId']))

    def test_raw_and_content_type(self):
        e = self.hook()
        topic, _ = self.confirmed(e, RawMessageDelivery='true', DeliveryPolicy=json.dumps(
            {'requestPolicy': {'headerContentType': 'application/json'}}))
        self.sns.publish(TopicArn=topic, Message='{"raw":1}')
        self.settle()
        (_, headers, body), = e.posts
        self.assertEqual((body, headers['x-amz-sns-rawdelivery'], headers['Content-Type']), ('{"raw":1}', 'true', 'application/json'))

    def test_many_at_once(self):
        e = self.hook()
        topic, _ = self.confirmed(e, RawMessageDelivery='true')
        for i in range(200):
            self.sns.publish(TopicArn=topic, Message=str(i))
        self.settle()
        self.assertEqual(sorted(int(b) for _, _, b in e.posts), list(range(200)))


class Retries(HttpCase):
    def test_three_retries_twenty_seconds_apart_then_the_dead_letter_queue(self):
        e = self.hook()
        topic, sub = self.confirmed(e)
        dead_url, dead = self.open_queue('dead', topic)
        self.sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName='RedrivePolicy',
                                             AttributeValue=json.dumps({'deadLetterTargetArn': dead}))
        e.statuses = [500, 503, 429, 500]
        self.freeze()
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle()
        for tried in (1, 2, 3):
            self.assertEqual(len(e.posts), tried)
            self.advance(19_999)
            self.settle()
            self.assertEqual(len(e.posts), tried)
            self.advance(1)
            self.settle()
        self.assertEqual(len(e.posts), 4)
        self.assertEqual(len({b['MessageId'] for b in e.bodies()}), 1)
        got, = self.receive(dead_url)
        self.assertEqual(json.loads(got['Body']), e.bodies()[0])
        self.settle(advance=True)
        self.assertEqual(len(e.posts), 4)

    def test_a_retry_arrives(self):
        e = self.hook()
        topic, _ = self.confirmed(e)
        e.statuses = [500]
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle(advance=True)
        self.assertEqual(len(e.posts), 2)

    def test_client_errors_are_final(self):
        e = self.hook()
        topic, _ = self.confirmed(e)
        e.statuses = [404]
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle(advance=True)
        self.assertEqual(len(e.posts), 1)

    def test_nobody_there(self):
        e = Endpoint()
        topic, sub = self.confirmed(e)
        dead_url, dead = self.open_queue('dead', topic)
        self.sns.set_subscription_attributes(SubscriptionArn=sub, AttributeName='RedrivePolicy',
                                             AttributeValue=json.dumps({'deadLetterTargetArn': dead}))
        e.close()
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle(advance=True)
        self.assertEqual(len(self.receive(dead_url)), 1)

    def test_policy_of_the_subscription(self):
        e = self.hook()
        topic, sub = self.confirmed(e, DeliveryPolicy=json.dumps({'healthyRetryPolicy': {
            'minDelayTarget': 5, 'maxDelayTarget': 100, 'numRetries': 4, 'numNoDelayRetries': 1, 'numMinDelayRetries': 1,
            'numMaxDelayRetries': 1, 'backoffFunction': 'exponential'}}))
        e.statuses = [500] * 5
        self.freeze()
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle()
        self.assertEqual(len(e.posts), 2)                    # one at once
        for ms, tried in ((4999, 2), (1, 3), (4999, 3), (1, 4), (99999, 4), (1, 5), (1000000, 5)):
            self.advance(ms)
            self.settle()
            self.assertEqual(len(e.posts), tried, (ms, tried))
        effective = json.loads(self.sns.get_subscription_attributes(SubscriptionArn=sub)['Attributes']['EffectiveDeliveryPolicy'])
        self.assertEqual(effective['healthyRetryPolicy']['numRetries'], 4)

    def test_policy_of_the_topic_may_rule(self):
        e = self.hook()
        topic, sub = self.confirmed(e, DeliveryPolicy='{"healthyRetryPolicy":{"numRetries":2}}')
        self.sns.set_topic_attributes(TopicArn=topic, AttributeName='DeliveryPolicy', AttributeValue=json.dumps(
            {'http': {'defaultHealthyRetryPolicy': {'numRetries': 0}, 'disableSubscriptionOverrides': True}}))
        e.statuses = [500] * 3
        self.sns.publish(TopicArn=topic, Message='m')
        self.settle(advance=True)
        self.assertEqual(len(e.posts), 1)

    def test_policies_refused(self):
        topic = self.topic()
        for policy, why in (('{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}', 'numRetries is too large'),
                            ('{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":1}}}', 'defaultThrottlePolicy is not supported'),
                            ('{"x":1}', 'x is not a property'), ('[', 'failed to parse JSON'),
                            ('{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":30,"maxDelayTarget":20}}}', 'maxDelayTarget must be'),
                            ('{"http":{"defaultHealthyRetryPolicy":{"numRetries":100,"maxDelayTarget":3600,"numMaxDelayRetries":90}}}', '3600 seconds')):
            self.invalid(re.compile(f'^Invalid parameter: DeliveryPolicy: .*{why}'), self.sns.set_topic_attributes, TopicArn=topic,
                         AttributeName='DeliveryPolicy', AttributeValue=policy)


class Crash(HttpCase):
    reset_between_tests = False

    @classmethod
    def start_server(cls, *args):
        cls.server = support.Server(['--data', cls.scratch + '/data', *args])
        cls.endpoint = cls.server.endpoint
        cls._clients.clear()
        return cls.server

    def test_what_was_accepted_is_posted_after_a_crash(self):
        e = self.hook()
        topic, _ = self.confirmed(e, RawMessageDelivery='true')
        e.statuses = [500]
        self.sns.publish(TopicArn=topic, Message='survivor')
        self.settle()
        self.assertEqual(len(e.posts), 1)
        self.server.kill()
        self.start_server()
        self.settle(advance=True)
        self.assertEqual([b for _, _, b in e.posts], ['survivor', 'survivor'])


    def test_a_hanging_endpoint_does_not_hold_up_the_end(self):
        e = self.hook()
        topic, _ = self.confirmed(e, RawMessageDelivery='true')
        e.delay = 8
        self.sns.publish(TopicArn=topic, Message='slow')
        support.wait_until(lambda: e.posts, what='the post')
        began = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - began, 5)
        e.delay = 0
        self.start_server()
        self.settle(advance=True)
        self.assertEqual([b for _, _, b in e.posts], ['slow', 'slow'])


class Https(HttpCase):
    @classmethod
    def start_server(cls, *args):
        cls.pem = os.path.join(cls.scratch, 'ca.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', cls.pem + '.key', '-out', cls.pem,
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '30'], check=True,
                       capture_output=True)
        cls.server_env = {'SSL_CERT_FILE': cls.pem}
        return super().start_server(*args)

    def context(self, pem=None):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(pem or self.pem, (pem or self.pem) + '.key')
        return c

    def test_trusted(self):
        e = self.hook(context=self.context())
        topic, _ = self.confirmed(e, 'https', RawMessageDelivery='true')
        self.sns.publish(TopicArn=topic, Message='x' * 200000)
        self.settle()
        self.assertEqual([len(b) for _, _, b in e.posts], [200000])

    def test_not_trusted(self):
        pem = os.path.join(self.scratch, 'other.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', pem + '.key', '-out', pem,
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '30'], check=True,
                       capture_output=True)
        e = self.hook(context=self.context(pem))
        self.subscribe(self.topic(), 'https', e.url)
        self.settle(advance=True)
        self.assertEqual(e.posts, [])



class Hanging(HttpCase):
    """An endpoint that takes requests and does not answer holds up itself, not others."""

    def test_a_good_one_beside_a_hanging_one(self):
        good, bad = self.hook(), self.hook()
        release, counts, lock = threading.Event(), {'now': 0, 'most': 0, 'ended': 0}, threading.Lock()
        topics = [self.confirmed(e, name=name)[0] for e, name in ((good, 'good'), (bad, 'hanging'))]
        original = bad.server.RequestHandlerClass.do_POST

        def hang(handler):
            with lock:
                counts['now'] += 1
                counts['most'] = max(counts['most'], counts['now'])
            release.wait(120)
            with lock:
                counts['now'] -= 1
                counts['ended'] += 1
            with contextlib.suppress(OSError):
                original(handler)
        self.addCleanup(release.set)
        bad.server.RequestHandlerClass.do_POST = hang
        sns = self.client('sns')
        for _ in range(40):
            sns.publish(TopicArn=topics[1], Message='to nobody')
        support.wait_until(lambda: counts['now'] > 0, 60, what='the hanging endpoint is asked')
        for i in range(20):
            sns.publish(TopicArn=topics[0], Message=f'm{i}')
        support.wait_until(lambda: len(good.posts) == 20, 120, what='the good endpoint is told all')
        self.assertEqual(sorted(b['Message'] for b in good.bodies()), sorted(f'm{i}' for i in range(20)))
        self.assertLessEqual(counts['most'], 8)              # one at a time; one more for each that timed out
        self.assertEqual(counts['ended'], 0)                 # it hung all the while


if __name__ == '__main__':
    unittest.main()
