"""What the test_no_op_*.py share: any operation called by its rows, and the list of members they show.

`@shows('lambda CreateFunction', 'Timeout', 'Code.ZipFile')` above a test says which members of which operation's
request the test shows the effect or the refusal of; test_no_op_members.py compares the sum with the rows.
"""
import base64
import json
import re
import time
from urllib.parse import quote, urlencode

import rows
import support

SHOWN = {}                                                   # 'service Operation Member.Path' -> names of tests


def shows(*text):
    """shows('service Operation', member...), several operations after another; operations may share with `A|B`."""
    def remember(test):
        operations = []
        for word in text:
            if ' ' in word:
                service, names = word.split(' ')
                operations = [f'{service} {name}' for name in names.split('|')]
            else:
                for operation in operations:
                    SHOWN.setdefault(f'{operation} {word}', []).append(test.__qualname__)
        return test
    return remember


def text_of(value):
    return {True: 'true', False: 'false'}[value] if isinstance(value, bool) else str(value)


class NoOpCase(support.ServerCase):
    reset_between_tests = True
    models = rows.load()

    def _rest(self, operation, params):
        shape, path, query = operation.service.shapes[operation.input], operation.uri, []
        headers, body, payload = {'Authorization': support.authorization(operation.service.name)}, {}, None
        for member in shape.members:
            value = params.pop(member.name, None)
            if value is None:
                continue
            if member.place == 'PATH':
                path = re.sub(r'\{%s\+?\}' % re.escape(member.wire), quote(value, safe=''), path)
            elif member.place == 'QUERY':
                query += [(member.wire, text_of(v)) for v in (value if isinstance(value, list) else [value])]
            elif member.place == 'HEADER':
                headers[member.wire] = text_of(value)
            elif shape.payload == member.name:
                payload = value
            else:
                body[member.wire] = value
        data = payload if payload is not None else json.dumps(body) if body else b''
        status, head, data = self.http(operation.method, path + ('?' + urlencode(query) if query else ''), headers, data)
        try:
            reply = json.loads(data) if data else {}
        except ValueError:
            reply = data
        return status, head, reply, (head.get('x-amzn-ErrorType'), reply.get('message', reply.get('Message')) if isinstance(reply, dict) else None)

    def _json(self, operation, params):
        body, params_left = dict(params), params.clear()
        status, head, reply = self.json(f'{operation.service.target_prefix}.{operation.name}', body, operation.service.json_version)
        return status, head, reply, (reply.get('__type', '').split('#')[-1], reply.get('message', reply.get('Message')))

    def _flat(self, name, value, out):
        if isinstance(value, list):
            for i, item in enumerate(value):
                self._flat(f'{name}.member.{i + 1}', item, out)
        elif isinstance(value, dict):
            for key, item in value.items():
                self._flat(f'{name}.{key}', item, out)
        else:
            out[name] = text_of(value)

    def _query(self, operation, params):
        form = {'Action': operation.name, 'Version': operation.service.api_version}
        for name, value in params.items():
            self._flat(name, value, form)
        params.clear()
        status, head, data = self.query(operation.service.name, form)
        code, message = (re.search(rb'<%s>(.*?)</%s>' % (tag, tag), data, re.S) for tag in (b'Code', b'Message'))
        return status, head, data.decode(), (code and code.group(1).decode(), message and message.group(1).decode())

    def send(self, service, name, **params):
        """Any operation, members by their names in the model -> (status, headers, reply, (code, message))."""
        model = self.models[service]
        how = self._rest if service == 'lambda' else self._query if service in ('iam', 'sts') else self._json
        answer = how(model.operations[name], params)
        self.assertEqual(params, {}, f'{name} has no such member')
        return answer

    def call(self, service, name, **params):
        """It must succeed -> the reply: a dict, or the XML's text."""
        status, _, reply, error = self.send(service, name, **params)
        self.assertLess(status, 300, f'{service} {name} {params}: {error} {reply}')
        return reply

    def refused(self, code, naming, service, name, **params):
        """It must be refused with this error, and the text must hold `naming`."""
        status, _, reply, error = self.send(service, name, **params)
        self.assertGreaterEqual(status, 400, f'{service} {name} {params} was taken: {reply}')
        self.assertEqual(error[0], code, f'{service} {name} {params}: {error}')
        self.assertIn(naming, error[1])

    def now_ms(self):
        return int(time.time() * 1000)

    @staticmethod
    def zipped(code):
        return base64.b64encode(support.make_zip({'index.py': code})).decode()
