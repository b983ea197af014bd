"""What must be true of every reply, whatever was sent."""
import json
import re
import xml.etree.ElementTree as ElementTree

from exchange import Wrong

# 5xx that are words, not accidents: what is not served, no room, another HTTP; each by its name.
NAMED = {501: re.compile(rb'NotImplemented|not implemented|not served|not supported', re.I), 503: re.compile(rb'Unavailable|SlowDown|too many', re.I),
         505: re.compile(rb'HTTP')}


def must(true, what):
    if not true:
        raise Wrong(what)


def local(tag):
    return re.sub(r'\{[^}]*\}', '', tag)


def error_code(reply):
    """The error's name, in whatever protocol; '' where the reply has none."""
    code = reply.headers.get('x-amzn-errortype', '') or reply.headers.get('x-amzn-query-error', '').split(';')[0]
    if code:
        return code
    found = re.search(rb'"__type":"([^"]+)"|<Code>([^<]+)</Code>|__type[\x60-\x7b](.)?([A-Za-z.#]+)', reply.data)
    return next((g.decode('latin-1') for g in reversed(found.groups()) if g), '') if found else ''


def check_error(protocol, case, reply):
    data = reply.data
    if protocol == 'CONTROL':
        must(isinstance(json.loads(data)['error'], str), 'an error without a sentence')
    elif protocol == 'JSON':
        must(json.loads(data)['__type'], 'an error without __type')
        if case.service == 'sqs':
            must(re.match(r'[\w.]+;(Sender|Receiver)$', reply.headers.get('x-amzn-query-error', '')), 'an error of SQS without x-amzn-query-error')
    elif protocol == 'CBOR':
        must(b'\x66__type' in data, 'an error without __type')
    elif protocol == 'REST_XML':
        if data:                                             # a HEAD has none
            error = ElementTree.fromstring(data)
            must(error.tag == 'Error' and error.findtext('Code') and error.findtext('RequestId'), 'an error of S3 without Code or RequestId')
    elif protocol == 'QUERY':
        error = ElementTree.fromstring(data)
        text = {local(e.tag): e.text for e in error.iter()}
        must(local(error.tag) == 'ErrorResponse' and text['Code'] and text['RequestId'], 'no ErrorResponse with Code and RequestId')
    else:
        must(reply.headers.get('x-amzn-errortype') and isinstance(json.loads(data), dict), 'an error without x-amzn-errortype')


def check_status(method, reply):
    must(200 <= reply.status < 600, f'status {reply.status}')
    must('x-injected' not in reply.headers, 'a header that was sent in a parameter')
    if reply.status < 500:
        return
    named = NAMED.get(reply.status)
    words = reply.data + json.dumps(reply.headers).encode()
    must(named and (named.search(words) or method == 'HEAD'), f'{reply.status} {error_code(reply)}')


def check_sound(case, reply):
    """The reply's form is the protocol's: only where the request still is what its operation's rows say."""
    protocol, data = case.protocol, reply.data
    if reply.status >= 400:
        check_error('REST_XML' if 'x-amz-request-id' in reply.headers else protocol, case, reply)
    elif case.operation == 'Invoke' or protocol == 'CONTROL':
        return
    elif protocol == 'REST_XML':
        if data and reply.headers.get('content-type') == 'application/xml':
            ElementTree.fromstring(data)
    elif protocol == 'QUERY':
        ElementTree.fromstring(data)
    elif protocol == 'CBOR':
        must(data[:1] + data[-1:] in (b'\xbf\xff', b''), 'a success that is no CBOR map')
    elif data:
        json.loads(data)


def check(case, replies):
    """Raises Wrong."""
    for n, reply in enumerate(replies):
        check_status(case.methods[min(n, len(case.methods) - 1)], reply)
    if not case.sound or len(replies) != 1 or replies[0].status in (413, 414, 431) and 'x-amzn-requestid' not in replies[0].headers:
        return
    if case.protocol != 'CONTROL':
        must(replies[0].headers.get('x-amzn-requestid') or replies[0].headers.get('x-amz-request-id'), f'no request id: {replies[0]}')
    try:
        check_sound(case, replies[0])
    except (ValueError, KeyError, ElementTree.ParseError) as e:
        raise Wrong(f'the reply is not in the form of {case.protocol}: {type(e).__name__}: {e}') from e
