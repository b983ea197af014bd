#!/usr/bin/python3
"""A database that a disk gave back otherwise than it was written - a bit turned, pages empty, foreign or exchanged, the end
missing: the server serves everything, or refuses it with a sentence that
says what to do.  It never ends by an abort, and it never serves less than was stored.

And a data directory that goes away under a running server.

$WAYBILL_DAMAGE_PLACES says how many places of each of the two files are damaged; 10 without it."""
import json
import os
import random
import shutil
import signal
import tempfile

import support

PLACES = int(os.environ.get('WAYBILL_DAMAGE_PLACES', '10'))
QUEUES, MESSAGES = 6, 40


PAGE = support.PAGE_BYTES


def turned(whole, chance):
    bit = chance.randrange(len(whole) * 8)
    whole[bit // 8] ^= 1 << bit % 8
    return f'bit {bit} turned'


def emptied(whole, chance):
    at = chance.randrange(len(whole)) // PAGE * PAGE
    n = min(PAGE * chance.choice((1, 1, 4)), len(whole) - at)
    if not any(whole[at:at + n]):
        return turned(whole, chance)                         # it was empty: nothing would be damaged
    whole[at:at + n] = bytes(n)
    return f'{n} bytes emptied at {at}'


def scribbled(whole, chance, most=PAGE):
    at = chance.randrange(len(whole))
    n = min(chance.choice((1, 16, 512, most)), len(whole) - at)
    other = bytes(b ^ chance.randrange(1, 256) for b in whole[at:at + n])
    whole[at:at + n] = other
    return f'{n} bytes overwritten at {at}'


def exchanged(whole, chance):
    pages = len(whole) // PAGE
    a, b = (chance.randrange(pages) * PAGE for _ in range(2))
    if whole[a:a + PAGE] == whole[b:b + PAGE]:
        return turned(whole, chance)
    whole[a:a + PAGE], whole[b:b + PAGE] = whole[b:b + PAGE], whole[a:a + PAGE]
    return f'pages at {a} and {b} exchanged'


def cut(whole, chance):
    n = chance.choice((0, chance.randrange(len(whole)), chance.randrange(len(whole))))
    if chance.random() < 0.5:
        n = n // PAGE * PAGE
    del whole[n:]
    return f'cut to {n} bytes'


def scratched(whole, chance):
    return scribbled(whole, chance, 512)


DAMAGES = (turned, turned, emptied, scribbled, exchanged, cut)


def sqs(server, target, **members):
    status, _, body = support.raw_http(server.port, 'POST', '/', {
        'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.' + target,
        'Authorization': support.authorization('sqs')}, json.dumps(members))
    return status, json.loads(body)


class Damage(support.DataCase):
    server_args = ('--no-sandbox',)

    def fill(self):
        """Queues with messages, and a topic with its subscriptions."""
        topic = self.client('sns').create_topic(Name='t')['TopicArn']
        for n in range(QUEUES):
            _, made = sqs(self.server, 'CreateQueue', QueueName=f'q{n}')
            arn = f'arn:aws:sqs:us-east-1:{support.ACCOUNT}:q{n}'
            self.client('sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
            for m in range(MESSAGES // 10):
                sqs(self.server, 'SendMessageBatch', QueueUrl=made['QueueUrl'], Entries=[
                    {'Id': str(i), 'MessageBody': f'{n} {m} {i} ' + 'x' * 300} for i in range(10)])

    def served(self, server):
        """Everything that fill() stored, as the server tells it; None when it stopped itself with its sentence."""
        try:
            found = {}
            for url in sqs(server, 'ListQueues')[1].get('QueueUrls', []):
                found[url.rsplit('/', 1)[1]] = bodies = []
                while True:
                    status, got = sqs(server, 'ReceiveMessage', QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=43200)
                    self.assertEqual(status, 200, got)
                    if not got.get('Messages'):
                        break
                    bodies += [m['Body'] for m in got['Messages']]
                bodies.sort()
            return found
        except (OSError, KeyError, ValueError, AssertionError):
            if server.process.poll() is None:
                raise
            return None

    def outcome(self, path, note, want):
        server = support.Server(['--data', self.data, *self.server_args], wait=False)
        try:
            server.wait_ready()
        except AssertionError:
            said = server.stderr()
            self.assertEqual(server.process.returncode, 1, f'{note}: {said}')
            self.assertRegex(said, 'damaged|another program|is empty, and was not', note)
            self.assertIn(self.data, said, note)
            server.remove()
            return 'refused'
        got = self.served(server)
        if got is None:
            self.assertIn('event=store_failed', server.stderr(), note)
            server.remove()
            return 'stopped'
        # What a power cut may do to the transaction that was being written cannot be told from damage to the last one.
        told = 'event=log_tail_dropped' in server.stderr()
        if got != want:
            self.assertTrue(told, f'{note}: silently short')
            lost = sum(len(want[q]) - len(got.get(q, [])) for q in want)
            self.assertLessEqual(lost, 10, f'{note}: more than the last transaction')
        server.kill()
        server.remove()
        return 'told' if told else 'served'

    def damage(self, name, kill, damages):
        """PLACES places of one file, each from the same state."""
        self.start_again()
        self.fill()
        self.server.kill() if kill else self.server.stop(signal.SIGTERM)
        kept = tempfile.mkdtemp(prefix='waybill-kept-')
        self.addCleanup(shutil.rmtree, kept, ignore_errors=True)
        shutil.copytree(self.data, kept, dirs_exist_ok=True, symlinks=True)
        want = {f'q{n}': sorted(f'{n} {m} {i} ' + 'x' * 300 for m in range(MESSAGES // 10) for i in range(10)) for n in range(QUEUES)}
        with open(os.path.join(kept, name), 'rb') as f:
            whole = f.read()
        seed = int.from_bytes(os.urandom(4), 'big')
        chance, counts, served = random.Random(seed), {}, []
        for _ in range(PLACES):
            shutil.rmtree(self.data)
            shutil.copytree(kept, self.data, symlinks=True)
            path, bent = os.path.join(self.data, name), bytearray(whole)
            note = f'seed {seed}: {chance.choice(damages)(bent, chance)}'
            with open(path, 'wb') as f:
                f.write(bent)
            end = self.outcome(path, note, want)
            counts[end] = counts.get(end, 0) + 1
            if end == 'served':
                served.append(note)
        self.start_again()
        print(*served, sep='\n')
        print(f'{name}: {PLACES} places damaged: {counts}', flush=True)
        return counts

    def test_the_database(self):
        counts = self.damage('waybill.db', False, DAMAGES)
        self.assertEqual(counts, {'refused': PLACES})

    def test_the_log(self):
        """Its end may be missing after a power cut, and where it was cut cannot be seen: nothing here is as wide as a page,
        and could be that end."""
        counts = self.damage('waybill.db-wal', True, (turned, scratched))
        self.assertGreater(counts.get('refused', 0), PLACES // 2)

    def start_again(self):
        self.server.kill()
        shutil.rmtree(self.data)
        os.mkdir(self.data, 0o700)
        self.start_server()


class Gone(support.ServerCase):
    """A data directory that is removed, renamed or replaced while the server runs on it."""
    data = None

    @classmethod
    def start_server(cls, *args):
        cls.data = tempfile.mkdtemp(prefix='waybill-gone-')
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)
        cls.server = support.Server(['--data', cls.data], cls.server_env)
        cls.endpoint = cls.server.endpoint
        return cls.server

    def gone(self, act):
        url = sqs(self.server, 'CreateQueue', QueueName='q')[1]['QueueUrl']
        act()
        try:                                                 # the first that would not last is not acknowledged
            status, _ = sqs(self.server, 'SendMessage', QueueUrl=url, MessageBody='m')
            self.assertEqual(status, 500)
        except (OSError, ValueError):
            pass                                             # it had noticed by itself, or ended before the reply was out
        self.assertEqual(self.server.wait(), 1)
        self.assertIn('event=store_failed', self.server.stderr())
        self.assertIn('put the directory back', self.server.stderr())
        self.server.remove()
        self.start_server()

    def test_removed(self):
        self.gone(lambda: shutil.rmtree(self.data, ignore_errors=True))

    def test_renamed(self):
        away = self.data + '.away'
        self.addCleanup(shutil.rmtree, away, ignore_errors=True)
        self.gone(lambda: os.rename(self.data, away))

    def test_replaced(self):
        away = self.data + '.away'
        self.addCleanup(shutil.rmtree, away, ignore_errors=True)

        def act():
            os.rename(self.data, away)
            shutil.copytree(away, self.data, symlinks=True)
        self.gone(act)


if __name__ == '__main__':
    support.main()
