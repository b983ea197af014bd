"""The generated rows of src/model/*.c as Python objects: what operations there are and how their inputs look.

Read from the source, so that a test can make requests to every operation without the AWS models at hand.  Needs
neither boto3 nor a server.
"""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVICES = ('lambda', 'sqs', 'iam', 'sts', 'logs', 'sns', 'events', 's3', 'cloudwatch')

_SHAPE = re.compile(r'^const struct shape \w+?_shape_(\w+) = \{\n(.*?)\n\};', re.M | re.S)
_MEMBERS = re.compile(r'^static const struct member \w+?_members_(\w+)\[\] = \{\n(.*?)\n\};', re.M | re.S)
_ENUM = re.compile(r'^static const char \*const \w+?_enum_(\w+)\[\] = \{\n(.*?)\n\};', re.M | re.S)
_OP = re.compile(r'^    \{ \.name = "(\w+)", \.method = "(\w+)", \.uri = "([^"]*)"(.*)\},$', re.M)


def _text(row, field):
    found = re.search(r'\.%s = "((?:[^"\\]|\\.)*)"' % field, row)
    return found and found.group(1).replace('\\\\', '\\').replace('\\"', '"')


def _ref(row, field):
    found = re.search(r'\.%s = SHAPE\((\w+)\)' % field, row)
    return found and found.group(1)


def _number(row, field):
    found = re.search(r'\.%s = (?:INT64_C\()?(-?\d+)' % field, row)
    return int(found.group(1)) if found else None


class Member:
    def __init__(self, row):
        self.name, self.wire, self.shape = _text(row, 'name'), _text(row, 'wire'), _ref(row, 'shape')
        self.query_wire = _text(row, 'query_wire') or self.wire
        self.place = re.search(r'\.place = PLACE_(\w+)', row).group(1)
        self.required, self.flattened = '.required = true' in row, '.flattened = true' in row


class Shape:
    def __init__(self, name, row, members, enums):
        self.name, self.kind = name, re.search(r'\.kind = KIND_(\w+)', row).group(1)
        self.min, self.max, self.pattern = _number(row, 'min'), _number(row, 'max'), _text(row, 'pattern')
        self.element, self.key = _ref(row, 'element'), _ref(row, 'key')
        self.element_wire, self.key_wire = _text(row, 'element_wire'), _text(row, 'key_wire')
        self.flattened, self.payload = '.flattened = true' in row, _text(row, 'payload')
        self.members = members.get(name, [])
        found = re.search(r'\.enum_values = \w+?_enum_(\w+)', row)
        self.enum = enums[found.group(1)] if found else None


class Operation:
    def __init__(self, service, name, method, uri, rest):
        self.service, self.name, self.method, self.uri = service, name, method, uri
        self.input, self.output = _ref(rest, 'input'), _ref(rest, 'output')


class Service:
    def __init__(self, name):
        with open(os.path.join(ROOT, 'src/model', name + '.c')) as f:
            text = f.read()
        self.name = name
        self.target_prefix, self.json_version = _text(text, 'target_prefix'), _text(text, 'json_version')
        self.api_version = _text(text, 'api_version')
        self.protocols = re.findall(r'\[PROTO_(\w+)\] = true', text)
        enums = {m.group(1): re.findall(r'^    "(.*)",$', m.group(2), re.M) for m in _ENUM.finditer(text)}
        members = {m.group(1): [Member(row) for row in m.group(2).splitlines()] for m in _MEMBERS.finditer(text)}
        self.shapes = {m.group(1): Shape(m.group(1), m.group(2), members, enums) for m in _SHAPE.finditer(text)}
        self.operations = {m.group(1): Operation(self, *m.groups()) for m in _OP.finditer(text)}


def load():
    return {name: Service(name) for name in SERVICES}


def served(program):
    """{service: [names of the operations the program has handlers for]}, as the program itself lists them."""
    text = subprocess.run([program, 'operations'], capture_output=True, text=True, check=True).stdout
    found, service, listing = {}, None, False
    for line in text.splitlines():
        head = re.match(r'(\w+): \d+ of \d+ operations', line)
        if head:
            service = found.setdefault(head.group(1), [])
        elif line.startswith('    ') and listing and service is not None:
            service.append(line.strip())
        else:
            listing = line.strip() == 'served:'
    return found
