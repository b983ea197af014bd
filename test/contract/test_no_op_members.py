#!/usr/bin/python3
"""Every member of every handled operation's request is shown by one of the test_no_op_*.py, or stands explained in
tool/members.py.  What a test shows is what its @shows says; a word there that is no member fails, too.

$NOOP_SERVICES, as in `NOOP_SERVICES=sns,sqs`, names the services looked at; all without it."""
import glob
import importlib
import os
import sys
import unittest

import noop
import support

sys.path.insert(0, os.path.join(support.ROOT, 'tool'))
import members  # noqa: E402

NOT_OURS = {'test_no_op_members', 'test_no_op_replies', 'test_no_op_server'}
for _path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'test_no_op_*.py'))):
    _name = os.path.basename(_path)[:-3]
    if _name not in NOT_OURS:
        importlib.import_module(_name)                       # its @shows run


def services():
    """The services asked for, in the order of tool/members.py."""
    asked = [name for name in os.environ.get('NOOP_SERVICES', '').split(',') if name] or list(members.SERVICES)
    unknown = set(asked) - set(members.SERVICES)
    assert not unknown, f'NOOP_SERVICES names {sorted(unknown)}; there are {list(members.SERVICES)}'
    return [name for name in members.SERVICES if name in asked]


def wanted(service):
    """-> {'service Operation Member.Path'} of what a test must show, and of what is explained."""
    source, must, explained = os.path.join(support.ROOT, 'src'), set(), set()
    model = members.Model(source, service)
    for operation in members.handled(source, members.SERVICES[service]) & set(model.inputs):
        for path, shape, field in model.walk(model.inputs[operation]):
            name = f'{service} {operation} ' + '.'.join(f for _, f in path)
            inside = any((service, f'{s}.{f}') in members.REFUSED_WHOLE for s, f in path[:-1])
            free = inside or (service, f'{shape}.{field}') in members.NO_EFFECT
            (explained if free else must).add(name)
    return must, explained


class Members(unittest.TestCase):
    FEWEST = {'lambda': 150, 'sqs': 80, 'iam': 80, 'logs': 70, 'sns': 60, 'events': 50, 's3': 100, 'cloudwatch': 50}

    def test_each_is_shown(self):
        for service in services():
            with self.subTest(service):
                must, explained = wanted(service)
                shown = {name for name in noop.SHOWN if name.startswith(service + ' ')}
                self.assertGreater(len(must), self.FEWEST.get(service, 5))
                self.assertEqual(sorted(must - shown), [], 'no test shows these')
                self.assertEqual(sorted(shown - must - explained), [], 'shown, but no request has them')

    def test_shown_of_known_services(self):
        self.assertEqual(sorted(name for name in noop.SHOWN if name.split(' ')[0] not in members.SERVICES), [])


if __name__ == '__main__':
    unittest.main()
