"""An operation and its input as a request, in each of the five protocols.

With rng None the spelling is plain; with one it is, now and then, another spelling of the same: escapes, white space,
a member twice, parameters in another order, lengths in CBOR that are wider than they need to be.
"""
import base64
import gzip
import json
import re
import struct
import time
import urllib.parse

SCOPES = {'cloudwatch': 'monitoring'}


class Request:
    """What is sent, before anything happens to its bytes.  headers: a list of (name, value); Host and the length are
    added by whoever sends it."""

    def __init__(self, method, target, headers, body=b''):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    def head(self, length=True, version='1.1'):
        lines = [f'{self.method} {self.target} HTTP/{version}']
        given = {name.lower() for name, _ in self.headers}
        if 'host' not in given:
            lines.append('Host: 127.0.0.1')
        lines += [f'{name}: {value}' for name, value in self.headers]
        if length and 'content-length' not in given:
            lines.append(f'Content-Length: {len(self.body)}')
        return '\r\n'.join(lines).encode('utf-8', 'surrogatepass') + b'\r\n\r\n'

    def bytes(self):
        return self.head() + self.body


def coin(rng, share):
    return rng is not None and rng.random() < share


def authorization(service, region='us-east-1', key='test'):
    return (f'AWS4-HMAC-SHA256 Credential={key}/{time.strftime("%Y%m%d", time.gmtime())}/{region}/{SCOPES.get(service, service)}/aws4_request, '
            f'SignedHeaders=host;x-amz-date, Signature={"0" * 64}')


def signed(service):
    return [('Authorization', authorization(service)), ('X-Amz-Date', time.strftime('%Y%m%dT%H%M%SZ', time.gmtime()))]


def utf8(text):
    return text.encode('utf-8', 'replace')


def quoted(text, safe=''):
    return urllib.parse.quote(utf8(text), safe=safe)


def text_of(value):
    """A value as the query protocol, a path or a header carries it."""
    if value is None:
        return ''
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ','.join(value)                               # a list in a header
    return value if isinstance(value, str) else json.dumps(value)


def header_text(value):
    """What a header cannot carry never reaches a handler; damage.py sends that."""
    return re.sub(r'[^\x20-\x7e]', '?', text_of(value))[:2000].strip()


def flatten(service, shape_name, value, prefix, out):
    """Query-protocol parameters of a value; one that does not fit its shape goes as the text it is."""
    shape = service.shapes[shape_name]
    dot = prefix + '.' if prefix else ''
    if shape.kind == 'STRUCT' and isinstance(value, dict):
        members = {m.name: m for m in shape.members}
        for name, v in value.items():
            m = members.get(name)
            if m is None:
                out.append((dot + name, text_of(v)))
            else:
                flatten(service, m.shape, v, dot + m.query_wire, out)
    elif shape.kind == 'LIST' and isinstance(value, list):
        middle = '' if shape.flattened else '.member'
        for i, v in enumerate(value):
            flatten(service, shape.element, v, f'{prefix}{middle}.{i + 1}', out)
    elif shape.kind == 'MAP' and isinstance(value, dict):
        middle = '' if shape.flattened else '.entry'
        for i, (k, v) in enumerate(value.items()):
            out.append((f'{prefix}{middle}.{i + 1}.{shape.key_wire or "key"}', k))
            flatten(service, shape.element, v, f'{prefix}{middle}.{i + 1}.{shape.element_wire or "value"}', out)
    else:
        out.append((prefix, text_of(value)))


def dump_xml(service, shape_name, value, name, flattened=False):
    """A value as an element of that name; one that does not fit its shape goes as the text it is."""
    shape = service.shapes[shape_name]
    if shape.kind == 'STRUCT' and isinstance(value, dict):
        members = {m.name: m for m in shape.members}
        inner = ''
        for key, v in value.items():
            m = members.get(key)
            if m is not None:
                inner += dump_xml(service, m.shape, v, m.wire, m.flattened)
            elif re.fullmatch(r'[A-Za-z_]\w*', key):
                inner += f'<{key}>{xml_text(v)}</{key}>'
        return f'<{name}>{inner}</{name}>'
    if shape.kind == 'LIST' and isinstance(value, list):
        if flattened or shape.flattened:
            return ''.join(dump_xml(service, shape.element, v, name) for v in value)
        return f'<{name}>' + ''.join(dump_xml(service, shape.element, v, shape.element_wire or 'member') for v in value) + f'</{name}>'
    return f'<{name}>{xml_text(value)}</{name}>'


def xml_text(value):
    return text_of(value).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def _cbor_head(rng, major, n):
    """Any width of a length is right; the narrowest is usual."""
    if n < 24 and not coin(rng, 0.2):
        return bytes([major << 5 | n])
    width = next(i for i, most in enumerate((0xff, 0xffff, 0xffffffff, 2 ** 64)) if n <= most)
    if rng is not None:
        width = rng.choice(range(width, 4))
    return bytes([major << 5 | 24 + width]) + n.to_bytes(1 << width, 'big')


def _cbor_plain(rng, value, kind):
    if value is None or isinstance(value, bool):
        return {None: b'\xf6', False: b'\xf4', True: b'\xf5'}[value]
    if kind == 'TIME' and isinstance(value, (int, float)):
        return b'\xc1' + struct.pack('>Bd', 0xfb, max(min(value, 1e308), -1e308))
    if isinstance(value, int) and kind != 'REAL' and -2 ** 64 <= value < 2 ** 64:
        return _cbor_head(rng, 0, value) if value >= 0 else _cbor_head(rng, 1, -1 - value)
    if isinstance(value, (int, float)):
        return b'\xfb' + struct.pack('>d', min(max(value, -1e308), 1e308))
    data = utf8(value)
    if coin(rng, 0.05):
        return b'\x7f' + _cbor_head(rng, 3, len(data)) + data + b'\xff'
    return _cbor_head(rng, 3, len(data)) + data


def dump_cbor(rng, value, shape=None, service=None):
    kind = shape.kind if shape else None

    def inner(name):
        return service.shapes[name] if name and service else None
    if not isinstance(value, (list, dict)):
        return _cbor_plain(rng, value, kind)
    if isinstance(value, list):
        items = [dump_cbor(rng, v, inner(shape.element if kind == 'LIST' else None), service) for v in value]
        major, first = 4, b'\x9f'
    else:
        members = {m.name: m.shape for m in shape.members} if kind == 'STRUCT' else {}
        items = [dump_cbor(rng, k) + dump_cbor(rng, v, inner(members.get(k)), service) for k, v in value.items()]
        major, first = 5, b'\xbf'
    return first + b''.join(items) + b'\xff' if coin(rng, 0.2) else _cbor_head(rng, major, len(items)) + b''.join(items)


def dump_json(rng, value):
    if isinstance(value, dict) and value and coin(rng, 0.1):
        parts = [f'{json.dumps(k)}: {dump_json(rng, v)}' for k, v in value.items()]
        parts.append(f'{json.dumps(rng.choice(list(value)))}:\t\n{json.dumps(rng.choice(["", 0, None, [], {}]))}')
        return '{' + ','.join(parts) + '}'
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(k)}:{dump_json(rng, v)}' for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(dump_json(rng, v) for v in value) + ']'
    if isinstance(value, str) and coin(rng, 0.1):
        return '"' + ''.join(f'\\u{ord(c):04x}' if ord(c) < 0x10000 else c for c in value) + '"'
    return json.dumps(value, ensure_ascii=rng is None or rng.random() < 0.5)


# ---- the protocols ----

def as_json(rng, op, value):
    s = op.service
    return Request('POST', '/', signed(s.name) + [('Content-Type', f'application/x-amz-json-{s.json_version}'),
                                                  ('X-Amz-Target', f'{s.target_prefix}.{op.name}')], utf8(dump_json(rng, value)))


def as_query(rng, op, value):
    params = []
    if op.input is not None:
        flatten(op.service, op.input, value, '', params)
    if params and coin(rng, 0.05):
        params.append(rng.choice(params))
    if rng is not None:
        rng.shuffle(params)
    params = [('Action', op.name), ('Version', op.service.api_version)] + params
    body = '&'.join(f'{urllib.parse.quote_plus(utf8(k))}={urllib.parse.quote_plus(utf8(v))}' for k, v in params)
    if len(body) < 4000 and coin(rng, 0.1):
        return Request('GET', '/?' + body, signed(op.service.name))
    return Request('POST', '/000000000000/fzq' if op.service.name == 'sqs' and coin(rng, 0.1) else '/', signed(op.service.name) + [('Content-Type', 'application/x-www-form-urlencoded; charset=utf-8')], body.encode())


def _payload(rng, value):
    if isinstance(value, str) and re.fullmatch(r'[A-Za-z0-9+/]{4,}={0,2}', value) and len(value) % 4 == 0:
        return base64.b64decode(value)
    return utf8(dump_json(rng, value))


def as_rest(rng, op, value):
    s, path, query, body, payload, headers = op.service, op.uri, [], {}, None, signed(op.service.name)
    members = {m.name: m for m in s.shapes[op.input].members} if op.input else {}
    for name, v in value.items():
        m = members.get(name)
        if m is None or m.place == 'BODY':
            body[name if m is None else m.wire] = v
        elif m.place == 'PATH':
            path = re.sub(r'\{%s\+?\}' % re.escape(m.wire), lambda _: quoted(text_of(v)), path)
        elif m.place == 'QUERY':
            query += [(m.wire, text_of(one)) for one in (v if isinstance(v, list) else [v])]
        elif m.place == 'PAYLOAD':
            payload = _payload(rng, v)
        elif m.place == 'HEADER':
            headers.append((m.wire, header_text(v)))
    path = re.sub(r'\{(\w+)\+?\}', 'fz', path)
    if query:
        path += ('&' if '?' in path else '?') + '&'.join(f'{k}={quoted(v)}' for k, v in query)
    if payload is None:
        payload = utf8(dump_json(rng, body)) if body or op.method in ('POST', 'PUT') else b''
    return Request(op.method, path, headers, payload)


def as_xml(rng, op, value):
    s, value = op.service, dict(value)
    members = {m.name: m for m in s.shapes[op.input].members} if op.input else {}
    payload = s.shapes[op.input].payload if op.input else None
    inner, kind = value.pop(payload, None), s.shapes[members[payload].shape].kind if payload else None
    meta = [(m.wire + re.sub(r'[^A-Za-z0-9-]', '-', k)[:50], header_text(v)) for m in members.values()
            if m.place == 'HEADERS' and isinstance(value.get(m.name), dict) for k, v in value[m.name].items()]
    value = {k: v for k, v in value.items() if k not in members or members[k].place != 'HEADERS'}
    path = op.uri
    for m in members.values():                               # a name that is empty is another operation's address
        if m.place == 'PATH':
            text = quoted(text_of(value.pop(m.name, None)) or 'x', '/' if m.wire == 'Key' else '')
            path = re.sub(r'\{%s\+?\}' % re.escape(m.wire), lambda _: text, path)
    plain = as_rest(rng, op, value)
    query = plain.target[len(re.sub(r'\{(\w+)\+?\}', 'fz', op.uri)):]
    headers = [(k, v) for k, v in plain.headers + meta if k.lower() not in ('content-length', 'expect')]  # the connection's own
    if inner is None:
        body = b''
    elif kind in ('BLOB', 'STRING'):
        body = utf8(text_of(inner))
    else:
        body = utf8(dump_xml(s, members[payload].shape, inner, members[payload].wire))
    return Request(op.method, path + query, headers, body)


def as_cbor(rng, op, value):
    s = op.service
    headers = signed(s.name) + [('smithy-protocol', 'rpc-v2-cbor'), ('Content-Type', 'application/cbor')]
    body = dump_cbor(rng, value, s.shapes[op.input] if op.input else None, s)
    if coin(rng, 0.1):
        body = gzip.compress(body)
        headers.append(('Content-Encoding', 'gzip'))
    return Request('POST', f'/service/GraniteServiceVersion20100801/operation/{op.name}', headers, body)


PROTOCOLS = {'JSON': as_json, 'QUERY': as_query, 'REST_JSON': as_rest, 'REST_XML': as_xml, 'CBOR': as_cbor}


def render(rng, op, value, protocol=None):
    return PROTOCOLS[protocol or op.service.protocols[0]](rng, op, value)
