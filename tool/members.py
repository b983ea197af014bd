#!/usr/bin/env python3
"""Checks that no member of a request is read by nobody.

    tool/members.py [--list] [source root]

For every operation that has a handler, every member its input can carry (structures, lists and maps followed to
their ends) must be read by the service: acted on or refused by name.  Members without any effect at AWS itself
stand in NO_EFFECT below, with the reason; members behind a structure that is refused as a whole stand in
REFUSED_WHOLE.  A row that has become wrong (somebody reads the member now, or no request carries it any more)
fails as well, so the tables stay true.

How it is found out: the generated headers are copied with each of those members marked deprecated, clang is asked
for its opinion of the service's sources, and says who touches what, by type and through macros (gcc names only
the statement).  An assignment is no reading.  What is read may of course still be without effect: test/contract/test_no_op_*.py show
effects.

--list prints every member with the places that read it.  Ends with `N passed, N failed` (members counted once per
operation and path); exit status 1 on a failure."""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# service -> folder of its handlers
SERVICES = {name: name for name in ('lambda', 'sqs', 'iam', 'sts', 'logs', 'sns', 'events', 's3', 'cloudwatch')}

# service, structure.member -> why nobody has to read it
NO_EFFECT = {
    ('logs', 'PutLogEventsRequest.sequenceToken'):
        'CloudWatch Logs API reference, PutLogEvents: the sequence token is ignored, also when it is not valid',
    ('logs', 'FilterLogEventsRequest.interleaved'):
        'CloudWatch Logs API reference, FilterLogEvents: ignored since June 2019, results are always interleaved',
    ('events', 'DeleteRuleRequest.Force'):
        'EventBridge API reference, DeleteRule: for rules that AWS services manage; there are none here',
    ('events', 'RemoveTargetsRequest.Force'):
        'EventBridge API reference, RemoveTargets: for rules that AWS services manage; there are none here',
}

# service, structure.member -> the members below are never looked at, because giving this one is refused
REFUSED_WHOLE = {
    ('lambda', 'CreateFunctionRequest.CapacityProviderConfig'), ('lambda', 'CreateFunctionRequest.DurableConfig'),
    ('lambda', 'CreateFunctionRequest.TenancyConfig'), ('lambda', 'CreateFunctionRequest.FileSystemConfigs'),
    ('lambda', 'UpdateFunctionConfigurationRequest.CapacityProviderConfig'),
    ('lambda', 'UpdateFunctionConfigurationRequest.DurableConfig'),
    ('lambda', 'UpdateFunctionConfigurationRequest.FileSystemConfigs'),
    ('iam', 'SimulateCustomPolicyRequest.OrderedOrganizationPolicyInputList'),
    ('iam', 'SimulatePrincipalPolicyRequest.PolicyExclusionList'),
    ('sts', 'AssumeRoleRequest.ProvidedContexts'),
    ('cloudwatch', 'PutMetricDataInput.EntityMetricData'),
    ('s3', 'CreateBucketConfiguration.Location'), ('s3', 'CreateBucketConfiguration.Bucket'),
    ('events', 'Target.KinesisParameters'), ('events', 'Target.RunCommandParameters'), ('events', 'Target.EcsParameters'),
    ('events', 'Target.BatchParameters'), ('events', 'Target.HttpParameters'), ('events', 'Target.RedshiftDataParameters'),
    ('events', 'Target.SageMakerPipelineParameters'), ('events', 'Target.AppSyncParameters'),
    ('logs', 'PutLogEventsRequest.entity'),                  # its reply says so: rejectedEntityInfo
}

# service, header, structure of the service's own into which handlers copy members: copying is no reading, so each of
# its members must be read, too
RELAYS = (
    ('lambda', 'service/lambda/settings.h', 'settings'),
    ('lambda', 'service/lambda/event_invoke_config.h', 'event_config_request'),
    ('s3', 'service/s3/write.h', 'object_headers'),
)

SHAPE = re.compile(r'^const struct shape (\w+?)_shape_(\w+) = \{\n(.*?)\n\};', re.M | re.S)
MEMBERS = re.compile(r'^static const struct member (\w+?)_members_(\w+)\[\] = \{\n(.*?)\n\};', re.M | re.S)
MEMBER = re.compile(r'\.name = "(\w+)".*?\.shape = SHAPE\((\w+)\).*?\.offset = FIELD\(\w+, (\w+)\)')
OP = re.compile(r'^    \{ \.name = "(\w+)", \.method = .*?(?:\.input = SHAPE\((\w+)\))?(?:, \.output = .*)? \},$', re.M)
HANDLER = re.compile(r'^ +(?:\{ "(\w+)", \w+, \w+ \},|X\((\w+), \w+, \w+\))', re.M)
STRUCT = re.compile(r'^struct (\w+?)_(\w+) \{\n(.*?)^\};', re.M | re.S)
FIELD = re.compile(r'^(    struct \w+ \*?)(\w+);', re.M)
SAID = re.compile(r"^(\S+?):(\d+):(\d+): warning: .* is deprecated: (\w+\.\w+) ", re.M)
COMMENT = re.compile(r'/\*.*?\*/', re.S)


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


class Model:
    """The rows of src/model/<service>.c."""

    def __init__(self, source, service):
        text = read(os.path.join(source, 'model', service + '.c'))
        self.service = service
        self.members = {name: [(member, shape, field) for member, shape, field in MEMBER.findall(body)]
                        for _, name, body in MEMBERS.findall(text)}
        self.below = {name: re.findall(r'\.(?:element|key) = SHAPE\((\w+)\)', body)
                      for _, name, body in SHAPE.findall(text)}
        self.inputs = dict(OP.findall(text))

    def walk(self, shape, path=(), inside=()):
        """Every member below a shape, as (path, structure, C field); a structure inside itself is entered once."""
        if shape in inside:
            return
        for name, below, field in self.members.get(shape, ()):
            yield path + ((shape, field),), shape, field
            yield from self.walk(below, path + ((shape, field),), inside + (shape,))
        for below in self.below.get(shape, ()):
            yield from self.walk(below, path, inside + (shape,))


def sources(source, folder):
    folder = os.path.join(source, 'service', folder)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(('.c', '.h')))


def handled(source, folder):
    names = set()
    for path in sources(source, folder):
        names |= {a or b for a, b in HANDLER.findall(read(path))}
    return names


def mark(source, service, wanted, into):
    """The service's header with the wanted members marked."""
    def struct(match):
        def field(line):
            if (match[2], line[2]) not in wanted:
                return line[0]
            return f'{line[1]}{line[2]} __attribute__((deprecated("{match[2]}.{line[2]}")));'
        return f'struct {match[1]}_{match[2]} {{\n{FIELD.sub(field, match[3])}}};'
    text = read(os.path.join(source, 'model', service + '.h'))
    with open(os.path.join(into, 'model', service + '.h'), 'w', encoding='utf-8') as f:
        f.write(STRUCT.sub(struct, text))


def mark_relay(source, header, name, into):
    """A header of the service's own with every member of the structure marked -> the members' names."""
    members = []

    def declarators(line):
        def one(match):
            members.append(match[1])
            return f'{match[1]} __attribute__((deprecated("{name}.{match[1]}"))){match[2]}'
        return line[1] + re.sub(r'(\w+)([,;])', one, line[2])

    def struct(match):
        return match[1] + re.sub(r'^(    (?:const )?(?:struct )?\w+ )([^;()]*;)', declarators, match[2], flags=re.M) + match[3]
    text = re.sub(r'(^struct %s \{\n)(.*?)(^\};)' % name, struct, read(os.path.join(source, header)), flags=re.M | re.S)
    os.makedirs(os.path.join(into, os.path.dirname(header)), exist_ok=True)
    with open(os.path.join(into, header), 'w', encoding='utf-8') as f:
        f.write(text)
    return members


def is_written(path, line, column):
    """Is the member at this place only assigned to?"""
    rest = read_lines(path)[line - 1].encode()[column - 1:].decode(errors='replace')
    return re.match(r'(?:->|\.)?\w+\s*=[^=]', rest) is not None


_lines = {}


def read_lines(path):
    if path not in _lines:
        _lines[path] = read(path).split('\n')
    return _lines[path]


def ask(source, marked, path):
    """What one source file touches -> [(structure.member, file, line)]."""
    command = ['clang', '-Wno-everything', '-std=gnu17', '-D_GNU_SOURCE', '-DWAYBILL_VERSION=""', '-fsyntax-only', '-Wdeprecated-declarations',
               '-fno-caret-diagnostics', '-ferror-limit=0', '-I' + marked, '-I' + source, path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, 'LC_ALL': 'C'})
    if done.returncode != 0:
        raise SystemExit(f'{" ".join(command)}\n{done.stderr[-3000:]}\n0 passed, 1 failed')
    return [(member, file, int(line)) for file, line, column, member in SAID.findall(done.stderr)
            if not is_written(file, int(line), int(column))]


def audit(source, service):
    """-> operations, {(operation, path): (structure, field)}, {structure.member: places}"""
    model = Model(source, service)
    operations = sorted(op for op in handled(source, SERVICES[service]) if op in model.inputs)
    wanted = {(op, path): (shape, field) for op in operations for path, shape, field in model.walk(model.inputs[op])}
    readers = {}
    with tempfile.TemporaryDirectory(prefix='waybill-members-') as marked:
        os.mkdir(os.path.join(marked, 'model'))
        mark(source, service, set(wanted.values()), marked)
        for of, header, name in RELAYS:
            if of == service:
                wanted.update({(name, ((name, field),)): (name, field) for field in mark_relay(source, header, name, marked)})
        files = [path for path in sources(source, SERVICES[service]) if path.endswith('.c')]
        with ThreadPoolExecutor(max_workers=2) as pool:
            for said in pool.map(lambda path: ask(source, marked, path), files):
                for member, file, line in said:
                    readers.setdefault(member, []).append(f'{os.path.relpath(file, source)}:{line}')
    forget_copies(service, {model.inputs[op] for op in operations}, readers)
    return operations, wanted, readers


def forget_copies(service, inputs, readers):
    """A line that touches a relay's member and one of an input is the copying: it reads the input alone."""
    copies = {place for member, places in readers.items() if member.split('.')[0] in inputs for place in places}
    relays = {name for of, _, name in RELAYS if of == service}
    for member in [m for m in readers if m.split('.')[0] in relays]:
        readers[member] = [place for place in readers[member] if place not in copies]
        if not readers[member]:
            del readers[member]


def judge(service, path, readers):
    """'read', 'explained', 'refused', or None."""
    shape, field = path[-1]
    if any((service, f'{s}.{f}') in REFUSED_WHOLE and f'{s}.{f}' in readers for s, f in path[:-1]):
        return 'refused'
    if f'{shape}.{field}' in readers:
        return 'read'
    return 'explained' if (service, f'{shape}.{field}') in NO_EFFECT else None


def stale_rows(service, wanted, readers):
    """Rows of the tables that say something which is not so."""
    there = {f'{shape}.{field}' for shape, field in wanted.values()}
    for (of, member), reason in NO_EFFECT.items():
        if of == service and member not in there:
            yield f'{service} {member}: explained, but no request carries it'
        elif of == service and member in readers:
            yield f'{service} {member}: explained as without effect, but {readers[member][0]} reads it'
    for of, member in REFUSED_WHOLE:
        if of == service and (member not in there or member not in readers):
            yield f'{service} {member}: said to be refused, but nobody reads it'


def main():
    arguments = sys.argv[1:]
    listing = '--list' in arguments
    arguments = [a for a in arguments if a != '--list']
    source = os.path.abspath(arguments[0] if arguments else os.path.join(ROOT, 'src'))
    counts = {'read': 0, 'explained': 0, 'refused': 0, None: 0}
    failures = []
    for service in SERVICES:
        operations, wanted, readers = audit(source, service)
        if not operations or not readers:
            failures.append(f'{service}: no handled operation, or no reader, found in {source}')
        for (op, path), (shape, field) in sorted(wanted.items()):
            verdict = judge(service, path, readers)
            counts[verdict] += 1
            name = f'{service} {op}: ' + '.'.join(f for _, f in path)
            if listing:
                print(f'{name}  [{verdict or "NOBODY"}]  {" ".join(readers.get(f"{shape}.{field}", ()))}')
            if verdict is None:
                failures.append(f'{name}: nobody reads {service}_{shape}.{field}')
        failures += stale_rows(service, wanted, readers)
    for line in failures:
        print(line)
    print(f'{counts["read"]} read, {counts["refused"]} behind a refused structure, {counts["explained"]} explained')
    print(f'{counts["read"] + counts["refused"] + counts["explained"]} passed, {len(failures)} failed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
