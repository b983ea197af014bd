#!/usr/bin/env python3
"""Writes the protocol test vectors as C tables for test/wire/test_vectors.c.

    gen_vectors.py <shared-dir> <out.c> <input|output> <file>

The environment variable WAYBILL_SHARED replaces <shared-dir>.  Without the vectors the table is empty and the
test skips itself by name.  Every case becomes a row; those a server cannot be asked carry a reason instead of
being left out.
"""
import base64
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gen_model                                                   # noqa: E402
from gen_model import c_string                                     # noqa: E402

GZIP = 'the vector gives no body: compression of requests is a client feature'
NULLS = 'reading of nulls is a client feature; a server writes none'
UNKNOWN = 'skipping unknown members is a client feature; a server writes none'
OFFSETS = 'reading of offsets is a client feature; a server writes UTC'
ERROR_FORMS = 'one of many error forms a client must read; a server writes one of them (RestJsonInvalidGreetingError and the like)'
EMPTY_BODY = 'clients accept an empty body for an empty output; a server writes {}'
EMPTY_MAP = 'clients accept an empty body for an empty output; a server writes an empty map'
QUERY_MAP = 'a client leaves named parameters out of the map; a server sees the whole query string'
ERROR_MEMBERS = 'a fault carries its message and ready JSON, not modelled headers'
NO_OUTPUT = 'an operation without output: clients accept {} and nothing; a server writes nothing, as SQS does'
NO_BYTES = 'an empty list or map leaves no bytes a server could read'
EMPTY_PAYLOAD = 'clients write {} for an absent payload; a server reads an empty structure'

SKIPPED = {
    'SDKAppliedContentEncoding_restJson1': GZIP,
    'SDKAppendedGzipAfterProvidedEncoding_restJson1': GZIP,
    'SDKAppliedContentEncoding_awsJson1_1': GZIP,
    'SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1': GZIP,
    'SDKAppliedContentEncoding_awsJson1_0': GZIP,
    'SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0': GZIP,
    'SDKAppliedContentEncoding_awsQuery': GZIP,
    'SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery': GZIP,
    'RestJsonQueryParamsStringListMap': QUERY_MAP,
    'RestJsonQueryPrecedence': QUERY_MAP,
    'RestJsonHttpPrefixHeadersAreNotPresent': NO_BYTES,
    'RestJsonOmitsEmptyListQueryValues': NO_BYTES,
    'QueryEmptyQueryMaps': NO_BYTES,
    'RestJsonHttpWithEmptyStructurePayload': EMPTY_PAYLOAD,
    'RestJsonHttpWithHeadersButNoPayload': EMPTY_PAYLOAD,
    'RestJsonComplexErrorWithNoMessage': ERROR_MEMBERS,
    'QueryComplexError': ERROR_MEMBERS,
    'RestJsonEmptyInputAndEmptyOutputJsonObjectOutput': EMPTY_BODY,
    'RestJsonGreetingWithErrorsNoPayload': EMPTY_BODY,
    'RestJsonHttpResponseCodeWithNoPayload': EMPTY_BODY,
    'RestJsonIgnoreQueryParamsInResponseNoPayload': EMPTY_BODY,
    'RestJsonNoInputAndOutputNoPayload': EMPTY_BODY,
    'RestJsonDeserializesDenseSetMapAndSkipsNull': NULLS,
    'RestJsonDoesntDeserializeNullStructureValues': NULLS,
    'AwsJson11StructuresDontDeserializeNullValues': NULLS,
    'AwsJson10DeserializeAllowNulls': NULLS,
    'RestJsonDeserializeIgnoreType': UNKNOWN,
    'AwsJson11DeserializeIgnoreType': UNKNOWN,
    'AwsJson10DeserializeIgnoreType': UNKNOWN,
    'handles_unexpected_json_output': UNKNOWN,
    'AwsJson10HandlesUnexpectedJsonOutput': UNKNOWN,
    'SDKAppliedContentEncoding_restXml': GZIP,
    'SDKAppendedGzipAfterProvidedEncoding_restXml': GZIP,
    'AllQueryStringTypes': QUERY_MAP,
    'RestXmlQueryStringEscaping': QUERY_MAP,
    'RestXmlSupportsNaNFloatQueryValues': QUERY_MAP,
    'RestXmlSupportsInfinityFloatQueryValues': QUERY_MAP,
    'RestXmlSupportsNegativeInfinityFloatQueryValues': QUERY_MAP,
    'RestXmlZeroAndFalseQueryValues': QUERY_MAP,
    'RestXmlQueryParamsStringListMap': QUERY_MAP,
    'RestXmlQueryPrecedence': QUERY_MAP,
    'HttpPrefixHeadersAreNotPresent': NO_BYTES,
    'InvalidGreetingError': UNKNOWN,
    'ComplexError': ERROR_MEMBERS,
    'RestXmlHttpResponseCode': 'a type without a body is read by clients; a server writes neither',
    'IgnoreQueryParamsInResponse': 'the vector shows a body the model does not have',
    'empty_output_no_body': EMPTY_MAP,
    'RpcV2CborPayloadWithUnsetUnion': EMPTY_MAP,
    'NoOutputClientAllowsEmptyCbor': 'an operation without output: clients accept an empty map and nothing; a server writes nothing',
    'RpcV2CborDeserializesDenseSetMapAndSkipsNull': NULLS,
    'RpcV2CborClientDoesntDeserializeNullStructureValues': NULLS,
    'RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients': UNKNOWN,
    'handles_empty_output_shape': NO_OUTPUT,
    'AwsJson10HandlesEmptyOutputShape': NO_OUTPUT,
}
for _prefix in ('RestJson', 'AwsJson11', 'AwsJson10', 'AwsQuery', 'RestXml'):
    SKIPPED[_prefix + 'DateTimeWithNegativeOffset'] = SKIPPED[_prefix + 'DateTimeWithPositiveOffset'] = OFFSETS
for _form in ('UsingXAmznErrorTypeWithUri', 'UsingXAmznErrorTypeWithUriAndNamespace', 'UsingCode',
              'UsingCodeAndNamespace', 'UsingCodeUriAndNamespace', 'WithDunderTypeUriAndNamespace'):
    for _prefix in ('RestJson', 'AwsJson11', 'AwsJson10'):
        SKIPPED[_prefix + 'FooError' + _form] = ERROR_FORMS
SKIPPED['RestJsonFooErrorWithDunderType'] = SKIPPED['RestJsonFooErrorWithDunderTypeAndNamespace'] = ERROR_FORMS
SKIPPED['AwsJson11FooErrorUsingXAmznErrorType'] = SKIPPED['AwsJson10FooErrorUsingXAmznErrorType'] = ERROR_FORMS
SKIPPED['AwsJson11FooErrorWithDunderTypeAndNamespace'] = SKIPPED['AwsJson10FooErrorWithDunderType'] = ERROR_FORMS

# AwsJson11IntEnums wants its request's target back in the reply.
REQUEST_HEADERS = ('X-Amz-Target',)


class Suite:
    """One service of the tables: a suite, or a part of it whose operations do not clash."""

    def __init__(self, name, suite):
        self.name, self.suite, self.operations = name, suite, {}

    def takes(self, given):
        return self.operations.get(given['name'], given) == given

    def text(self):
        model = {'metadata': dict(self.suite['metadata'], endpointPrefix=self.name), 'operations': self.operations,
                 'shapes': self.suite['shapes']}
        facts = {'header': 'wire/model', 'xmlns': 'https://example.com/'}
        if 'json_1_0' in self.name:
            facts['error_namespace'] = 'aws.protocoltests.json10'
        if 'query_compatible' in self.name and 'cbor' in self.name:
            facts['error_namespace'] = 'aws.protocoltests.rpcv2cbor'
        elif 'cbor' in self.name:
            facts['error_namespace'] = 'smithy.protocoltests.rpcv2Cbor'
        header, rows = gen_model.generate(self.name, model, facts, 'test vectors')
        header = header.replace('#include "wire/model.h"', '')
        rows = re.sub(r'#include .*\n', '', rows)
        return header + rows + '#undef FIELD\n#undef SHAPE\n\n'


def normal(shapes, ref, value):
    """The value as test_vectors.c prints it: blobs in base64, nulls left out."""
    shape = shapes[ref['shape']]
    kind = shape['type']
    if kind == 'structure' and not shape.get('document'):
        out = {k: normal(shapes, r, value[k]) for k, r in shape['members'].items() if value.get(k) is not None}
        for k, r in shape['members'].items():
            if r.get('idempotencyToken') and k not in out:
                out[k] = '00000000-0000-4000-8000-000000000000'     # what every vector's client fills in
        return out
    if kind == 'list':
        return [normal(shapes, shape['member'], v) for v in value]
    if kind == 'map':
        return {k: normal(shapes, shape['value'], v) for k, v in value.items() if v is not None}
    if kind == 'blob':
        return base64.b64encode(value.encode('utf-8')).decode('ascii')
    return value


def bytes_row(text):
    return '{ NULL, 0 }' if text is None else '{ %s, %d }' % (c_string(text), len(text.encode('utf-8')))


def body_row(service, text):
    """CBOR stands in the vectors as base64."""
    if text is None or 'cbor' not in service.name:
        return bytes_row(text)
    data = base64.b64decode(text)
    return '{ "%s", %d }' % (''.join('\\%03o' % b for b in data), len(data))


def headers_row(headers, without=()):
    pairs = ['{ %s, %s }' % (c_string(k), c_string(v)) for k, v in sorted((headers or {}).items()) if k not in without]
    return '{ %s }' % ', '.join(pairs + ['{ NULL, NULL }'])


def input_row(service, index, case):
    given, sent = case['given'], case['serialized']
    shapes = service.suite['shapes']
    path, _, query = sent['uri'].partition('?')
    params = normal(shapes, given['input'], case['params']) if 'input' in given else None
    return [
        ('op', '&%s_ops[%d]' % (service.name, index)),
        ('method', c_string(sent.get('method', 'POST'))), ('path', bytes_row(path)), ('query', bytes_row(query)),
        ('headers', headers_row(sent.get('headers'))), ('body', body_row(service, sent.get('body', ''))),
        ('params', c_string(None if params is None else json.dumps(params))),
    ]


def error_shape(shapes, code):
    for name, shape in shapes.items():
        if shape.get('exception') and (name == code or shape.get('error', {}).get('code') == code):
            return name
    raise SystemExit('no shape for error ' + code)


def output_row(service, index, case):
    given, reply = case['given'], case['response']
    shapes = service.suite['shapes']
    rows = [('op', '&%s_ops[%d]' % (service.name, index)), ('status', '%d' % reply['status_code']),
            ('headers', headers_row(reply.get('headers'), REQUEST_HEADERS)), ('body', body_row(service, reply.get('body')))]
    if 'errorCode' in case:
        name = error_shape(shapes, case['errorCode'])
        rows += [('error', '&%s_error_%s' % (service.name, name)),
                 ('params', c_string(json.dumps(normal(shapes, {'shape': name}, case['error']))))]
        rows.append(('message', c_string(case.get('errorMessage'))))
    elif 'output' in given:
        rows.append(('params', c_string(json.dumps(normal(shapes, given['output'], case['result'])))))
    return rows


def cases(direction, stem, suites):
    """(services, rows) of one file."""
    services, rows = [], []
    for number, suite in enumerate(suites):
        mine = []
        for case in suite['cases']:
            given = case['given']
            service = next((s for s in mine if s.takes(given)), None)
            if service is None:
                service = Suite('v_%s_%s_%d_%d' % (direction, stem, number, len(mine)), suite)
                mine.append(service)
            service.operations.setdefault(given['name'], given)
            row = [('id', c_string(case['id'])), ('service', '&%s_model' % service.name)]
            if case['id'] in SKIPPED:
                row.append(('skipped', c_string(SKIPPED[case['id']])))
            make = input_row if direction == 'input' else output_row
            rows.append(row + make(service, list(service.operations).index(given['name']), case))
        services += mine
    return services, rows


def main(argv):
    if len(argv) != 5:
        raise SystemExit(__doc__)
    shared, out, direction, name = os.environ.get('WAYBILL_SHARED') or argv[1], argv[2], argv[3], argv[4]
    path = os.path.join(shared, 'vectors', direction, name + '.json')
    stem = re.sub(r'\W', '_', name)
    services, rows = [], []
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            services, rows = cases(direction, stem, json.load(f))
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Written by tool/gen_vectors.py. */\n#include <stddef.h>\n#include "wire/vectors.h"\n\n')
        for service in services:
            f.write(service.text())
        f.write('const struct vector vectors_%s_%s[] = {\n' % (direction, stem))
        for row in rows:
            f.write('    { %s },\n' % ', '.join('.%s = %s' % r for r in row))
        f.write('    { .id = NULL }\n};\n')


if __name__ == '__main__':
    main(sys.argv)
