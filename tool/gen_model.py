#!/usr/bin/env python3
"""Writes src/model/<service>.{h,c} from the AWS service models.

    gen_model.py <models-dir> <out-dir> [service ...]

The rows are explained in src/wire/model.h.  Output is deterministic: the same models give the same bytes.
What the models leave out (names of older protocols, XML namespaces, error codes) stands in SERVICES below.
"""
import json
import os
import re
import sys

# ---------------------------------------------------------------------------------------------------------------
# What the models lack.
#   file                model to read
#   also                operations without a handler whose shapes are written all the same: tests of the protocol use them
#   protocols           when the service speaks more than its model's `protocols` list says
#   xmlns               namespace of query replies
#   error_namespace     prefix of __type in JSON errors
#   query_members       (structure, member) -> name in query requests and replies
#   query_elements      list -> name of an element; map -> (name of the key, name of the value)
#   errors              exception -> (query code, status)
#   unchecked           the service words every constraint itself: rows carry neither `required` nor limits
#   unchecked_members   the same for single members
#   enum_orders         shape -> values in the order AWS's validation texts show
#   check_first         members whose violations AWS reports before their siblings'
#   roots               operation -> root element of its rest-xml reply, where it is not the output's own name
#   unwrapped           operations whose rest-xml reply is the output's one member and nothing around it
SQS_NAMES = 'AWS.SimpleQueueService.'
SERVICES = {
    'lambda': {
        'file': 'lambda-2015-03-31.json',
        # AWS's recorded texts name these values in another order than the model.
        'enum_orders': {
            'EventSourcePosition': ['LATEST', 'AT_TIMESTAMP', 'TRIM_HORIZON'],
            'RecursiveLoop': ['Terminate', 'Allow'],
        },
        'check_first': {('DestinationConfig', 'OnFailure')},
        'also': {'CreateEventSourceMapping', 'PublishLayerVersion'},
        # An unknown runtime is an InvalidParameterValueException with a text of its own.
        'unchecked_members': {('CreateFunctionRequest', 'Runtime'), ('UpdateFunctionConfigurationRequest', 'Runtime')},
    },
    'sqs': {
        # SQS moved from query to JSON in 2023; its model tells of JSON alone, clients of both kinds are alive.
        'file': 'sqs-2012-11-05.json',
        'protocols': ['json', 'query'],
        'xmlns': 'http://queue.amazonaws.com/doc/2012-11-05/',
        'error_namespace': 'com.amazonaws.sqs',
        'unchecked': True,
        'query_members': {
            ('CreateQueueRequest', 'Attributes'): 'Attribute',
            ('CreateQueueRequest', 'tags'): 'Tag',
            ('SetQueueAttributesRequest', 'Attributes'): 'Attribute',
            ('GetQueueAttributesResult', 'Attributes'): 'Attribute',
            ('TagQueueRequest', 'Tags'): 'Tag',
            ('ListQueueTagsResult', 'Tags'): 'Tag',
            ('Message', 'Attributes'): 'Attribute',
            ('Message', 'MessageAttributes'): 'MessageAttribute',
            ('SendMessageRequest', 'MessageAttributes'): 'MessageAttribute',
            ('SendMessageRequest', 'MessageSystemAttributes'): 'MessageSystemAttribute',
            ('SendMessageBatchRequestEntry', 'MessageAttributes'): 'MessageAttribute',
            ('SendMessageBatchRequestEntry', 'MessageSystemAttributes'): 'MessageSystemAttribute',
            ('MessageAttributeValue', 'StringListValues'): 'StringListValue',
            ('MessageAttributeValue', 'BinaryListValues'): 'BinaryListValue',
            ('MessageSystemAttributeValue', 'StringListValues'): 'StringListValue',
            ('MessageSystemAttributeValue', 'BinaryListValues'): 'BinaryListValue',
        },
        'query_elements': {
            'AWSAccountIdList': 'AWSAccountId',
            'ActionNameList': 'ActionName',
            'AttributeNameList': 'AttributeName',
            'BatchResultErrorEntryList': 'BatchResultErrorEntry',
            'BinaryList': 'BinaryListValue',
            'ChangeMessageVisibilityBatchRequestEntryList': 'ChangeMessageVisibilityBatchRequestEntry',
            'ChangeMessageVisibilityBatchResultEntryList': 'ChangeMessageVisibilityBatchResultEntry',
            'DeleteMessageBatchRequestEntryList': 'DeleteMessageBatchRequestEntry',
            'DeleteMessageBatchResultEntryList': 'DeleteMessageBatchResultEntry',
            'ListMessageMoveTasksResultEntryList': 'ListMessageMoveTasksResultEntry',
            'MessageAttributeNameList': 'MessageAttributeName',
            'MessageList': 'Message',
            'MessageSystemAttributeList': 'MessageSystemAttributeName',
            'QueueUrlList': 'QueueUrl',
            'SendMessageBatchRequestEntryList': 'SendMessageBatchRequestEntry',
            'SendMessageBatchResultEntryList': 'SendMessageBatchResultEntry',
            'StringList': 'StringListValue',
            'TagKeyList': 'TagKey',
            'MessageBodyAttributeMap': ('Name', 'Value'),
            'MessageBodySystemAttributeMap': ('Name', 'Value'),
            'MessageSystemAttributeMap': ('Name', 'Value'),
            'QueueAttributeMap': ('Name', 'Value'),
            'TagMap': ('Key', 'Value'),
        },
        'errors': {
            'BatchEntryIdsNotDistinct': (SQS_NAMES + 'BatchEntryIdsNotDistinct', 400),
            'BatchRequestTooLong': (SQS_NAMES + 'BatchRequestTooLong', 400),
            'EmptyBatchRequest': (SQS_NAMES + 'EmptyBatchRequest', 400),
            'InvalidBatchEntryId': (SQS_NAMES + 'InvalidBatchEntryId', 400),
            'MessageNotInflight': (SQS_NAMES + 'MessageNotInflight', 400),
            'OverLimit': ('OverLimit', 403),
            'PurgeQueueInProgress': (SQS_NAMES + 'PurgeQueueInProgress', 403),
            'QueueDeletedRecently': (SQS_NAMES + 'QueueDeletedRecently', 400),
            'QueueDoesNotExist': (SQS_NAMES + 'NonExistentQueue', 400),
            'QueueNameExists': ('QueueAlreadyExists', 400),
            'ReceiptHandleIsInvalid': ('ReceiptHandleIsInvalid', 404),   # status UNVERIFIED
            'ResourceNotFoundException': ('ResourceNotFoundException', 404),
            'TooManyEntriesInBatchRequest': (SQS_NAMES + 'TooManyEntriesInBatchRequest', 400),
            'UnsupportedOperation': (SQS_NAMES + 'UnsupportedOperation', 400),
        },
    },
    'iam': {'file': 'iam-2010-05-08.json'},
    'sts': {'file': 'sts-2011-06-15.json'},
    'logs': {'file': 'logs-2014-03-28.json'},
    'sns': {'file': 'sns-2010-03-31.json'},
    'events': {'file': 'events-2015-10-07.json'},
    's3': {
        'file': 's3-2006-03-01.json',
        'xmlns': 'http://s3.amazonaws.com/doc/2006-03-01/',
        # As the examples of the Amazon S3 API reference show them.
        'roots': {
            'CompleteMultipartUpload': 'CompleteMultipartUploadResult',
            'CreateMultipartUpload': 'InitiateMultipartUploadResult',
            'CreateSession': 'CreateSessionResult',
            'DeleteObjects': 'DeleteResult',
            'GetBucketAccelerateConfiguration': 'AccelerateConfiguration',
            'GetBucketAcl': 'AccessControlPolicy',
            'GetBucketCors': 'CORSConfiguration',
            'GetBucketLifecycle': 'LifecycleConfiguration',
            'GetBucketLifecycleConfiguration': 'LifecycleConfiguration',
            'GetBucketLocation': 'LocationConstraint',
            'GetBucketLogging': 'BucketLoggingStatus',
            'GetBucketNotification': 'NotificationConfiguration',
            'GetBucketRequestPayment': 'RequestPaymentConfiguration',
            'GetBucketTagging': 'Tagging',
            'GetBucketVersioning': 'VersioningConfiguration',
            'GetBucketWebsite': 'WebsiteConfiguration',
            'GetObjectAcl': 'AccessControlPolicy',
            'GetObjectAttributes': 'GetObjectAttributesResponse',     # UNVERIFIED
            'GetObjectLegalHold': 'LegalHold',
            'GetObjectRetention': 'Retention',
            'GetObjectTagging': 'Tagging',
            'ListBucketAnalyticsConfigurations': 'ListBucketAnalyticsConfigurationResult',
            'ListBucketInventoryConfigurations': 'ListInventoryConfigurationsResult',
            'ListBucketMetricsConfigurations': 'ListMetricsConfigurationsResult',
            'ListBuckets': 'ListAllMyBucketsResult',
            'ListDirectoryBuckets': 'ListAllMyDirectoryBucketsResult',
            'ListMultipartUploads': 'ListMultipartUploadsResult',
            'ListObjectVersions': 'ListVersionsResult',
            'ListObjects': 'ListBucketResult',
            'ListObjectsV2': 'ListBucketResult',
            'ListParts': 'ListPartsResult',
        },
        'unwrapped': {'GetBucketLocation'},
        'also': {'GetObjectLegalHold'},
    },
    'cloudwatch': {'file': 'cloudwatch-2010-08-01.json'},
}

# ---------------------------------------------------------------------------------------------------------------

C_WORDS = set('''auto break case char const continue default do double else enum extern float for goto if inline
int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
asm typeof bool true false linux unix i386 errno stdin stdout stderr offsetof'''.split())

KINDS = {
    'string': 'STRING', 'character': 'STRING', 'blob': 'BLOB', 'timestamp': 'TIME', 'boolean': 'BOOL',
    'byte': 'INT', 'short': 'INT', 'integer': 'INT', 'long': 'INT', 'bigInteger': 'INT',
    'float': 'REAL', 'double': 'REAL', 'bigDecimal': 'REAL',
    'structure': 'STRUCT', 'list': 'LIST', 'map': 'MAP',
}
SCALAR_TYPES = {
    'STRING': 'struct str', 'BLOB': 'struct str', 'DOCUMENT': 'struct str', 'INT': 'struct opt_int',
    'REAL': 'struct opt_real', 'BOOL': 'struct opt_bool', 'TIME': 'struct opt_time',
}
PLACES = {
    None: 'BODY', 'uri': 'PATH', 'querystring': 'QUERY', 'header': 'HEADER', 'headers': 'HEADERS',
    'statusCode': 'STATUS',
}
TIME_FORMATS = {'iso8601': 'TIME_ISO', 'unixTimestamp': 'TIME_EPOCH', 'rfc822': 'TIME_HTTP'}
PROTOCOLS = {
    'rest-json': 'PROTO_REST_JSON', 'json': 'PROTO_JSON', 'query': 'PROTO_QUERY', 'rest-xml': 'PROTO_REST_XML',
    'smithy-rpc-v2-cbor': 'PROTO_CBOR',
}


def c_string(s):
    """A C string literal; None gives NULL."""
    if s is None:
        return 'NULL'
    out = ''
    for b in s.encode('utf-8'):
        c = chr(b)
        if c in '"\\':
            out += '\\' + c
        elif c == '?':
            out += '?' if not out.endswith('?') else '\\?'   # no trigraphs
        elif 32 <= b < 127:
            out += c
        else:
            out += '\\%03o' % b
    return '"' + out + '"'


def c_field(name):
    name = re.sub(r'[^A-Za-z0-9_]', '_', name)
    if name[0].isdigit():
        name = '_' + name
    return name + '_' if name in C_WORDS else name


def whole(value):
    number = int(float(value)) if isinstance(value, str) and not re.fullmatch(r'-?\d+', value) else int(value)
    if float(value) != float(number):
        raise SystemExit('a limit that is no whole number: %r' % value)
    return 'INT64_MIN' if number == -2 ** 63 else 'INT64_C(%d)' % number


# A row of a table of handlers: { "CreateQueue", sqs_create_queue, ...  or  X(CreateFunction, lambda_create_function, ...
HANDLER = re.compile(r'\{ *"([A-Z]\w+)", *\w+ *[,}]|\bX\(([A-Z]\w+), *\w+')


def handled(root, service):
    """The operations that src/service/<service> has a handler for; none found: a service still without handlers."""
    folder, found = os.path.join(root, 'service', service), set()
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(('.c', '.h')):
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                found |= {a or b for a, b in HANDLER.findall(f.read())}
    return found


def reachable(shapes, names):
    """The shapes below those named, in no order."""
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = shapes[name]
        todo += [m['shape'] for m in shape.get('members', {}).values()]
        todo += [shape[k]['shape'] for k in ('member', 'key', 'value') if k in shape]
    return seen


class Model:
    """One service as C text.  Every operation has a row; only those with a handler have shapes: the others are refused
    before anything is decoded, and rows nobody reads would still be loaded."""

    def __init__(self, service, model, facts, source, wanted=None):
        self.service, self.model, self.facts, self.source = service, model, facts, source
        self.meta = model['metadata']
        self.shapes = model['shapes']
        self.operations = model['operations']
        listed = facts.get('protocols') or self.meta.get('protocols') or [self.meta['protocol']]
        self.protocols = [p for p in listed if p in PROTOCOLS]
        wanted = (wanted or set()) & set(self.operations)
        wanted = wanted | facts.get('also', set()) if wanted else set(self.operations)
        for name, op in self.operations.items():
            if name not in wanted:
                op.pop('output', None)
                if 'rest-xml' not in self.protocols:         # there, what an input requires tells operations apart
                    op.pop('input', None)
        roots = [op[side]['shape'] for op in self.operations.values() for side in ('input', 'output') if side in op]
        kept = reachable(self.shapes, roots + self.errors())
        self.shapes = {n: s for n, s in self.shapes.items() if n in kept}

    # -- C types ------------------------------------------------------------------------------------------------

    def kind(self, name):
        shape = self.shapes[name]
        if shape['type'] == 'structure' and shape.get('document'):
            return 'DOCUMENT'
        return KINDS[shape['type']]

    def static(self, what, name=None):
        return '_'.join(p for p in (self.service, what, name) if p)

    def struct(self, name):
        return 'struct %s_%s' % (self.service, name)

    def type_of(self, name, element):
        """How the shape stands in a structure (element: in a list or as a map's value)."""
        kind = self.kind(name)
        if kind in SCALAR_TYPES:
            return SCALAR_TYPES[kind] + ' '
        if kind == 'STRUCT' and not element:
            return self.struct(name) + ' *'
        return self.struct(name) + ' '

    def of_kind(self, kind):
        return [n for n in sorted(self.shapes) if self.kind(n) == kind]

    def errors(self):
        return [n for n in sorted(self.shapes) if self.shapes[n].get('exception') or 'error' in self.shapes[n]]

    # -- header -------------------------------------------------------------------------------------------------

    def header(self):
        guard = 'WAYBILL_MODEL_%s_H' % self.service.upper()
        out = ['/* %s.h - generated by tool/gen_model.py from %s; do not edit.' % (self.service, self.source),
               ' * %d operations, %d shapes, %d errors.  What the types mean: wire/model.h. */'
               % (len(self.operations), len(self.shapes), len(self.errors())),
               '#ifndef ' + guard, '#define ' + guard, '', '#include "wire/model.h"', '']
        out += self.lists_and_maps()
        for name in self.of_kind('STRUCT'):
            out += self.structure(name)
        out += self.map_entries()
        out.append('enum %s_op {' % self.service)
        out += ['    %s_op_%s,' % (self.service, c_field(op)) for op in self.operations]
        out += ['    %s_n_ops' % self.service, '};', '']
        out.append('extern const struct service_model %s_model;' % self.service)
        out += ['extern const struct error_row %s_error_%s;' % (self.service, n) for n in self.errors()]
        out += ['extern const struct shape %s_shape_%s;' % (self.service, n) for n in sorted(self.shapes)]
        out += ['', '#endif', '']
        return '\n'.join(out)

    def lists_and_maps(self):
        out = ['/* Lists and maps hold pointers only, so they come first; entries of maps stand at the end. */']
        out += [self.struct(n) + ';' for n in self.of_kind('STRUCT')]
        for name in self.of_kind('LIST'):
            element = self.shapes[name]['member']['shape']
            out.append('%s { bool set; size_t n; %s*v; };' % (self.struct(name), self.type_of(element, True)))
        for name in self.of_kind('MAP'):
            out.append('%s { bool set; size_t n; %s_entry *v; };' % (self.struct(name), self.struct(name)))
        return out + ['']

    def structure(self, name):
        out = [self.struct(name) + ' {']
        members = self.shapes[name].get('members', {})
        for member, ref in members.items():
            out.append('    %s%s;' % (self.type_of(ref['shape'], False), c_field(member)))
        if not members:
            out.append('    char empty_;')
        return out + ['};', '']

    def map_entries(self):
        out = []
        for name in self.of_kind('MAP'):
            value = self.shapes[name]['value']['shape']
            out.append('%s_entry { struct str key; %svalue; };' % (self.struct(name), self.type_of(value, True)))
        return out + ['']

    # -- rows ---------------------------------------------------------------------------------------------------

    def rows(self):
        s = self.service
        out = ['/* %s.c - generated by tool/gen_model.py from %s; do not edit. */' % (s, self.source),
               '#include <stddef.h>', '#include "%s.h"' % (self.facts.get('header') or 'model/' + s), '',
               '#define FIELD(type, field) offsetof(struct %s_##type, field)' % s,
               '#define SHAPE(name) &%s_shape_##name' % s, '']
        for name in sorted(self.shapes):
            out += self.shape_rows(name)
        out += self.error_rows()
        out += self.op_rows()
        out += self.model_row()
        return '\n'.join(out + [''])

    def shape_rows(self, name):
        shape, kind = self.shapes[name], self.kind(name)
        out, row = [], ['.name = %s' % c_string(name), '.kind = KIND_' + kind]
        if 'enum' in shape and not self.facts.get('unchecked'):
            values = self.facts.get('enum_orders', {}).get(name, shape['enum'])
            if sorted(values) != sorted(shape['enum']):
                raise SystemExit('enum_orders is out of date: ' + name)
            out.append('static const char *const %s[] = {' % self.static('enum', name))
            out += ['    %s,' % c_string(v) for v in values] + ['    NULL', '};']
            row.append('.enum_values = ' + self.static('enum', name))
        row += self.flags(shape)
        if kind == 'STRUCT':
            members = shape.get('members', {})
            if members:
                out.append('static const struct member %s[] = {' % self.static('members', name))
                out += [self.member_row(name, m, ref) for m, ref in members.items()] + ['};']
                row += ['.n_members = %d' % len(members), '.members = ' + self.static('members', name)]
            row += ['.size = sizeof(%s *)' % self.struct(name), '.struct_size = sizeof(%s)' % self.struct(name)]
            if shape.get('payload'):
                row.append('.payload = ' + c_string(shape['payload']))
        elif kind in ('LIST', 'MAP'):
            row += ['.size = sizeof(%s)' % self.struct(name)] + self.container(name, shape, kind)
        else:
            row.append('.size = sizeof(%s)' % SCALAR_TYPES[kind])
        row += [] if self.facts.get('unchecked') else self.limits(shape)
        out.append('const struct shape %s_shape_%s = {\n    %s\n};' % (self.service, name, ', '.join(row)))
        return out

    @staticmethod
    def flags(shape):
        row = []
        for key, field in (('flattened', 'flattened'), ('union', 'is_union'), ('box', 'box'),
                           ('sensitive', 'sensitive')):
            if shape.get(key):
                row.append('.%s = true' % field)
        if shape['type'] == 'long':
            row.append('.long_int = true')
        if 'timestampFormat' in shape:
            row.append('.time_format = ' + TIME_FORMATS[shape['timestampFormat']])
        return row

    def container(self, name, shape, kind):
        named = self.facts.get('query_elements', {}).get(name)
        if kind == 'LIST':
            wire = named or shape['member'].get('locationName')
            row = ['.element = SHAPE(%s)' % shape['member']['shape']]
        else:
            key_wire, wire = named or (shape['key'].get('locationName'), shape['value'].get('locationName'))
            row = ['.key = SHAPE(%s)' % shape['key']['shape'], '.element = SHAPE(%s)' % shape['value']['shape']]
            if key_wire:
                row.append('.key_wire = ' + c_string(key_wire))
        if wire:
            row.append('.element_wire = ' + c_string(wire))
        return row

    @staticmethod
    def limits(shape):
        row = []
        for key in ('min', 'max'):
            if key in shape:
                row.append('.has_%s = true, .%s = %s' % (key, key, whole(shape[key])))
        if 'pattern' in shape:
            row.append('.pattern = ' + c_string(shape['pattern']))
        return row

    def member_row(self, struct, member, ref):
        owner, target = self.shapes[struct], self.shapes[ref['shape']]
        place = 'PAYLOAD' if owner.get('payload') == member and 'location' not in ref else PLACES[ref.get('location')]
        row = ['.name = ' + c_string(member), '.wire = ' + c_string(ref.get('locationName', member)),
               '.shape = SHAPE(%s)' % ref['shape'], '.offset = FIELD(%s, %s)' % (struct, c_field(member)),
               '.place = PLACE_' + place]
        query_name = self.facts.get('query_members', {}).get((struct, member))
        if target['type'] == 'list' and target.get('flattened'):
            query_name = self.facts.get('query_elements', {}).get(ref['shape'], query_name)
        if query_name:
            row.append('.query_wire = ' + c_string(query_name))
        uri_label = '{%s+}' % ref.get('locationName', member)
        greedy = place == 'PATH' and any(uri_label in o['http']['requestUri'] for o in self.operations.values()
                                         if o.get('input', {}).get('shape') == struct)
        for flag, on in (('required', member in owner.get('required', []) and not self.facts.get('unchecked')),
                         ('flattened', ref.get('flattened') or target.get('flattened')), ('greedy', greedy),
                         ('json_value', ref.get('jsonvalue')), ('attribute', ref.get('xmlAttribute')),
                         ('idempotency_token', ref.get('idempotencyToken')), ('host_label', ref.get('hostLabel')),
                         ('unchecked', (struct, member) in self.facts.get('unchecked_members', ())),
                         ('check_first', (struct, member) in self.facts.get('check_first', ()))):
            if on:
                row.append('.%s = true' % flag)
        if 'timestampFormat' in ref:
            row.append('.time_format = ' + TIME_FORMATS[ref['timestampFormat']])
        return '    { %s },' % ', '.join(row)

    def error_rows(self):
        out = ['']
        for name in self.errors():
            shape = self.shapes[name]
            trait = shape.get('error', {})
            code, status = self.facts.get('errors', {}).get(name, (trait.get('code'), trait.get('httpStatusCode')))
            server = shape.get('fault') or trait.get('fault') or (status or 400) >= 500
            members = [m for m in shape.get('members', {}) if m.lower() == 'message']
            row = ['.name = ' + c_string(name), '.status = %d' % (status or (500 if server else 400)),
                   '.sender = %s' % ('false' if server else 'true'),
                   '.message_member = ' + c_string(members[0] if members else 'message'),
                   '.shape = SHAPE(%s)' % name]
            if code and code != name:
                row.insert(1, '.query_code = ' + c_string(code))
            out.append('const struct error_row %s_error_%s = { %s };' % (self.service, name, ', '.join(row)))
        out.append('static const struct error_row *const %s[] = {' % self.static('errors'))
        out += ['    &%s_error_%s,' % (self.service, n) for n in self.errors()]
        return out + ['    NULL', '};', '']

    def root(self, name, op):
        """The root element of a rest-xml reply; None when the reply has no document."""
        shape = op['output']['shape']
        payload = self.shapes[shape].get('payload')
        ref = self.shapes[shape]['members'][payload] if payload else op['output']
        if payload and self.kind(ref['shape']) != 'STRUCT':
            return None
        named = ref.get('locationName') if ref.get('locationName') != payload else None   # the member's own is a default
        own = named or self.shapes[ref['shape']].get('locationName') or ref['shape']
        return self.facts.get('roots', {}).get(name, own)

    def op_rows(self):
        paths = [(op['http']['method'], op['http']['requestUri']) for op in self.operations.values()]
        out = ['static const struct op %s[] = {' % self.static('ops')]
        for index, (name, op) in enumerate(self.operations.items()):
            row = ['.name = ' + c_string(name), '.method = ' + c_string(op['http']['method']),
                   '.uri = ' + c_string(op['http']['requestUri']),
                   '.status = %d' % int(op['http'].get('responseCode', 200)), '.index = %d' % index]
            for side in ('input', 'output'):
                if side in op:
                    row.append('.%s = SHAPE(%s)' % (side, op[side]['shape']))
            wrapper = op.get('output', {}).get('resultWrapper')
            if not wrapper and 'output' in op and 'query' in self.protocols:
                wrapper = name + 'Result'
            if 'rest-xml' in self.protocols and 'output' in op:
                wrapper = self.root(name, op)
            if wrapper:
                row.append('.result_wrapper = ' + c_string(wrapper))
            if name in self.facts.get('unwrapped', ()):
                row.append('.unwrapped = true')
            here = (op['http']['method'], op['http']['requestUri'])
            if 'rest-xml' in self.protocols and op.get('deprecated') and paths.count(here) > 1:
                row.append('.deprecated = true')
            out.append('    { %s },' % ', '.join(row))
        return out + ['};', '']

    def model_row(self):
        meta, facts = self.meta, self.facts
        xmlns = facts.get('xmlns') or meta.get('xmlNamespace')
        if isinstance(xmlns, dict):
            xmlns = xmlns['uri']
        speaks = ', '.join('[%s] = true' % PROTOCOLS[p] for p in self.protocols)
        rows = [
            ('name', c_string(self.service)),
            ('scope', c_string(meta.get('signingName') or meta.get('endpointPrefix') or self.service)),
            ('target_prefix', c_string(meta.get('targetPrefix'))),
            ('json_version', c_string(str(meta['jsonVersion']) if 'jsonVersion' in meta else None)),
            ('xmlns', c_string(xmlns)),
            ('error_namespace', c_string(facts.get('error_namespace'))),
            ('api_version', c_string(meta.get('apiVersion'))),
            ('protocols', '{ %s }' % speaks),
            ('query_compatible', 'true' if 'awsQueryCompatible' in meta else 'false'),
            ('ops', self.static('ops')), ('n_ops', '%d' % len(self.operations)),
            ('errors', self.static('errors')), ('n_errors', '%d' % len(self.errors())),
        ]
        return (['const struct service_model %s_model = {' % self.service]
                + ['    .%s = %s,' % r for r in rows] + ['};'])


def generate(service, model, facts, source, wanted=None):
    """(header text, rows text) of one service; wanted: the operations to have shapes, None for all."""
    m = Model(service, model, facts, source, wanted)
    return m.header(), m.rows()


def main(argv):
    if len(argv) < 3:
        raise SystemExit(__doc__)
    models, out = argv[1], argv[2]
    for service in argv[3:] or SERVICES:
        facts = SERVICES[service]
        with open(os.path.join(models, facts['file']), encoding='utf-8') as f:
            model = json.load(f)
        wanted = handled(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'src'), service)
        for name, text in zip(('.h', '.c'), generate(service, model, facts, facts['file'], wanted)):
            with open(os.path.join(out, service + name), 'w', encoding='utf-8') as f:
                f.write(text)


if __name__ == '__main__':
    main(sys.argv)
