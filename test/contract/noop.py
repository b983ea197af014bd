"""What the test_no_op_*.py share: any operation called by its rows, and the list of members they show.

`@shows('lambda CreateFunction', 'Timeout', 'Code.ZipFile')` above a test says which members of which operation's
request the test shows the effect or the refusal of; test_no_op_members.py compares the sum with the rows.
"""
import base64
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import rows
import support

QUERY = ('iam', 'sts', 'sns')                                # their replies are XML
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

    def _flat(self, service, shape, value, prefix, out):
        """Parameters of the query protocol, by the shape."""
        if shape.kind == 'STRUCT':
            members = {member.name: member for member in shape.members}
            for name, item in value.items():
                self.assertIn(name, members, f'{shape.name} has no such member')
                self._flat(service, service.shapes[members[name].shape], item, f'{prefix}.{members[name].query_wire}'.strip('.'), out)
        elif shape.kind == 'LIST':
            for i, item in enumerate(value):
                self._flat(service, service.shapes[shape.element], item, f'{prefix}{"" if shape.flattened else ".member"}.{i + 1}', out)
        elif shape.kind == 'MAP':
            for i, (key, item) in enumerate(value.items()):
                entry = f'{prefix}{"" if shape.flattened else ".entry"}.{i + 1}.'
                out[entry + (shape.key_wire or 'key')] = key
                self._flat(service, service.shapes[shape.element], item, entry + (shape.element_wire or 'value'), out)
        else:
            out[prefix] = text_of(value)

    def _query(self, operation, params):
        form = {'Action': operation.name, 'Version': operation.service.api_version}
        self._flat(operation.service, operation.service.shapes[operation.input], params, '', form)
        params.clear()
        status, head, data = self.query(operation.service.name, form)
        code, message = (re.search(rb'<%s>(.*?)</%s>' % (tag, tag), data, re.S) for tag in (b'Code', b'Message'))
        return status, head, data.decode(), (code and code.group(1).decode(), message and message.group(1).decode())

    def _xml(self, service, shape, value):
        """What stands inside an element, by the shape."""
        if shape.kind != 'STRUCT':
            return escape(text_of(value))
        members, out = {member.name: member for member in shape.members}, []
        for name, item in value.items():
            self.assertIn(name, members, f'{shape.name} has no such member')
            wire, below = members[name].wire, service.shapes[members[name].shape]
            if below.kind != 'LIST':
                out.append(f'<{wire}>{self._xml(service, below, item)}</{wire}>')
                continue
            flat = members[name].flattened or below.flattened
            inner = wire if flat else below.element_wire or 'member'
            many = ''.join(f'<{inner}>{self._xml(service, service.shapes[below.element], one)}</{inner}>' for one in item)
            out.append(many if flat else f'<{wire}>{many}</{wire}>')
        return ''.join(out)

    def _of_xml(self, service, shape, element):
        """A structure as a dict, from an element."""
        told = {}
        for member in shape.members:
            below, tag = service.shapes[member.shape], member.wire.split(':')[-1]
            found = [e for e in element if e.tag.split('}')[-1] == tag]
            if below.kind == 'LIST' and found:
                inner = service.shapes[below.element]
                items = found if member.flattened or below.flattened else list(found[0])
                told[member.name] = [self._of_xml(service, inner, e) if inner.kind == 'STRUCT' else e.text or '' for e in items]
            elif found:
                told[member.name] = self._of_xml(service, below, found[0]) if below.kind == 'STRUCT' else found[0].text or ''
            else:                                            # an attribute, or the document is this member alone
                told.update({member.name: v for k, v in element.attrib.items() if k.split('}')[-1] == tag})
                if element.tag.split('}')[-1] == tag and element.text:
                    told[member.name] = element.text
        return told

    def _rest_xml_reply(self, operation, head, data):
        service, told = operation.service, {}
        shape = service.shapes[operation.output] if operation.output else None
        for member in shape.members if shape else ():
            below = service.shapes[member.shape]
            if member.place == 'HEADER' and member.wire in head:
                told[member.name] = head[member.wire]
            elif member.place == 'HEADERS' and any(k.startswith(member.wire) for k in head):
                told[member.name] = {k[len(member.wire):]: v for k, v in head.items() if k.startswith(member.wire)}
            elif member.place == 'PAYLOAD' and data:
                told[member.name] = data if below.kind != 'STRUCT' else self._of_xml(service, below, ElementTree.fromstring(data))
        if shape and not shape.payload and data:
            told.update(self._of_xml(service, shape, ElementTree.fromstring(data)))
        return told

    def _rest_xml(self, operation, params):
        """The naming of a refusal is looked for in the whole document; an answer to HEAD has its status as the code."""
        service, headers, query, data = operation.service, {'Authorization': support.authorization('s3')}, [], b''
        path, _, fixed = operation.uri.partition('?')
        for member in service.shapes[operation.input].members if operation.input else ():
            value = params.pop(member.name, None)
            if value is None:
                continue
            if member.place == 'PATH':
                path = re.sub(r'\{%s\+?\}' % re.escape(member.wire), quote(value, safe='/'), path)
            elif member.place == 'QUERY':
                query.append((member.wire, text_of(value)))
            elif member.place == 'HEADER':
                headers[member.wire] = ','.join(value) if isinstance(value, list) else text_of(value)
            elif member.place == 'HEADERS':
                headers.update({member.wire + k: v for k, v in value.items()})
            else:
                below = service.shapes[member.shape]
                data = f'<{member.wire}>{self._xml(service, below, value)}</{member.wire}>' if below.kind == 'STRUCT' else value
        more = '&'.join(part for part in (fixed, urlencode(query)) if part)
        status, head, data = self.http(operation.method, path + ('?' + more if more else ''), headers, data)
        if status >= 300:
            code = re.search(rb'<Code>(.*?)</Code>', data)
            return status, head, data, (code.group(1).decode() if code else str(status), data.decode())
        return status, head, self._rest_xml_reply(operation, head, data), (None, None)

    def send(self, service, name, **params):
        """Any operation, members by their names in the model -> (status, headers, reply, (code, message))."""
        model = self.models[service]
        how = self._rest if service == 'lambda' else self._rest_xml if service == 's3' else self._query if service in QUERY else self._json
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
        self.assertGreaterEqual(status, 300, f'{service} {name} {params} was taken: {reply}')
        self.assertEqual(error[0], code, f'{service} {name} {params}: {error}')
        self.assertIn(naming, error[1])

    def now_ms(self):
        return int(time.time() * 1000)

    @staticmethod
    def zipped(code):
        return base64.b64encode(support.make_zip({'index.py': code})).decode()
