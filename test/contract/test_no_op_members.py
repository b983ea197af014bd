#!/usr/bin/python3
"""Every member of every handled operation's request is shown by one of the test_no_op_*.py, or stands explained in
tool/members.py.  What a test shows is what its @shows says; a word there that is no member fails, too."""
import os
import sys
import unittest

import noop
import support
import test_no_op_iam
import test_no_op_lambda
import test_no_op_logs
import test_no_op_sqs

sys.path.insert(0, os.path.join(support.ROOT, 'tool'))
import members  # noqa: E402

assert test_no_op_iam and test_no_op_lambda and test_no_op_logs and test_no_op_sqs   # their @shows have run


class Members(unittest.TestCase):
    def wanted(self):
        """-> {'service Operation Member.Path'} of what a test must show, and of what is explained."""
        source, must, explained = os.path.join(support.ROOT, 'src'), set(), set()
        for service, folder in members.SERVICES.items():
            model = members.Model(source, service)
            for operation in members.handled(source, folder) & set(model.inputs):
                for path, shape, field in model.walk(model.inputs[operation]):
                    name = f'{service} {operation} ' + '.'.join(f for _, f in path)
                    inside = any((service, f'{s}.{f}') in members.REFUSED_WHOLE for s, f in path[:-1])
                    free = inside or (service, f'{shape}.{field}') in members.NO_EFFECT
                    (explained if free else must).add(name)
        return must, explained

    def test_each_is_shown(self):
        must, explained = self.wanted()
        self.assertGreater(len(must), 400)
        self.assertEqual(sorted(must - set(noop.SHOWN)), [], 'no test shows these')
        self.assertEqual(sorted(set(noop.SHOWN) - must - explained), [], 'shown, but no request has them')


if __name__ == '__main__':
    unittest.main()
