# The budget of `compare --quick`: user memory per idle tunnel, and instructions per message and per handshake. None of
# these depends on how busy or how fast the machine is. Instructions are counted by callgrind alone: hardware counters
# are missing in most virtual machines and containers, and two ways of counting would need two budgets.
#
# A count of one message is the difference of two runs of the whole process, over the difference of their messages, so
# that starting, stopping and opening cancel out. One connection and one message at a time: nothing is batched by chance.
import json
import os
import re
import shutil
import signal
import subprocess

from harness.cases import IdleTunnels, all_cases, first_light, grown, run_load, settled_memory
from harness.peers import PEERS, Peer, Site
from harness.processes import Failed, Process, wait_for_port

NOTHING_TO_COMPARE = 77  # exit status: another compiler, another build type
GROWTH = 1.05  # of a figure over its budget that still passes
TUNNELS = 2000
MESSAGES = 3000
HANDSHAKES = {False: 150, True: 40}  # by whether there is TLS
FEW = 10

# Under valgrind both libraries see the same processor everywhere: no code path depends on the machine's.
SAME_EVERYWHERE = {'OPENSSL_ia32cap': ':0', 'GLIBC_TUNABLES': 'glibc.cpu.hwcaps=-AVX2,-AVX512F,-ERMS,-FSRM'}

UNITS = {'memory': 'bytes', 'instructions': 'instructions'}


def build_type(build):
    """The build settings on which the figures depend: "RelWithDebInfo -O2 -g1 -DNDEBUG LTO, GNU 12"."""
    cache = open(os.path.join(build, 'CMakeCache.txt')).read()

    def value(name):
        found = re.search(rf'^{name}:[A-Z]+=(.*)$', cache, re.MULTILINE)
        return found.group(1) if found else ''
    kind = value('CMAKE_BUILD_TYPE')
    flags = ' '.join(value(f'CMAKE_CXX_FLAGS_{kind.upper()}').split())
    lto = ' LTO' if value('HAWSER_LTO') == 'ON' else ''
    profile = ' PGO' if value('HAWSER_PROFILE') not in ('', 'OFF') else ''
    version = subprocess.run([value('CMAKE_CXX_COMPILER'), '-dumpfullversion', '-dumpversion'], capture_output=True, text=True)
    return f'{kind} {flags}{lto}{profile}, g++ {version.stdout.split(".")[0].strip()}'


class CountedHawser:
    """hawser under callgrind. To be used in a `with`; `instructions` is known behind it."""

    def __init__(self, bench, tls):
        site = Site(bench, bench.fresh_directory('counted'), tls)
        command, environment = PEERS['hawser'][1](site)
        self.port = site.port
        self.out = os.path.join(site.directory, 'callgrind.out')
        self.instructions = None
        self.process = Process(
            ['valgrind', '--quiet', '--tool=callgrind', f'--callgrind-out-file={self.out}', *command], bench.proxy_cpu,
            os.path.join(site.directory, 'output.log'), environment={**environment, **SAME_EVERYWHERE},
            directory=site.directory)
        try:
            wait_for_port(self.process, self.port, 60)
        except BaseException:
            self.process.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.popen.send_signal(signal.SIGTERM)
        try:
            self.process.popen.wait(60)
        except subprocess.TimeoutExpired:
            pass
        self.process.stop()
        if kind is None:
            self.instructions = self.read_count()

    def read_count(self):
        for line in open(self.out):
            if line.startswith(('summary:', 'totals:')):
                return int(line.split()[1])
        raise Failed(f'callgrind wrote no count: {self.process.last_words()}')


def count(bench, tls, mode, number):
    """Instructions of a whole run that serves `number` handshakes or messages."""
    with CountedHawser(bench, tls) as hawser:
        run_load(bench, [bench.load, mode, '--connections', '1', '--count', str(number), '--warmup', '0', '--json',
                         '--target', f'127.0.0.1:{hawser.port}', *(['--tls', '--tls-version', '1.3'] if tls else [])], 120)
    return hawser.instructions


def measure_instructions(bench, tls):
    many = HANDSHAKES[tls]
    few_handshakes = count(bench, tls, 'churn', FEW)
    handshake = (count(bench, tls, 'churn', FEW + many) - few_handshakes) / many
    messages = count(bench, tls, 'echo', MESSAGES)
    message = (messages - few_handshakes + (FEW - 1) * handshake) / MESSAGES
    return {'message': message, 'handshake': handshake}


def measure_memory(bench, tls):
    case = all_cases()['idle-tls' if tls else 'idle']
    with Peer(bench, 'hawser', tls) as peer:
        first_light(bench, peer, case)
        # Few at once, so that memory that a connection needs only while it opens is not counted.
        with IdleTunnels(bench, peer, case, 20, '--size', '4096', '--opening', '4') as first:
            first.await_event('open')
            first.order('echo', 'echo')
            first.order('quit', 'end')
        before = settled_memory(peer)
        with IdleTunnels(bench, peer, case, TUNNELS, '--size', '4096', '--opening', '4') as tunnels:
            tunnels.await_event('open')
            opened = grown(before, settled_memory(peer), TUNNELS)['memory']
            tunnels.order('echo', 'echo')
            used = grown(before, settled_memory(peer), TUNNELS)['memory']
            tunnels.order('quit', 'end')
    return {'idle': opened, 'idle after traffic': used}


def measure_all(bench):
    figures = {}
    for tls in (False, True):
        suffix = ', TLS' if tls else ''
        for name, value in measure_memory(bench, tls).items():
            figures[f'bytes/tunnel {name}{suffix}'] = round(value)
        for name, value in measure_instructions(bench, tls).items():
            figures[f'instructions/{name}{suffix}'] = round(value)
    return figures


def check(bench, path, record):
    """Prints every figure beside its budget; returns the exit status."""
    if shutil.which('valgrind') is None:
        raise Failed('valgrind is not installed: ./dev setup')
    kind = f'callgrind, {build_type(bench.build)}'
    budgets = json.load(open(path)) if os.path.exists(path) else {}
    figures = measure_all(bench)
    if record:
        budgets[kind] = figures
        with open(path, 'w') as file:
            json.dump(budgets, file, indent=1)
            file.write('\n')
    budget = budgets.get(kind)
    print(f'{"":44}{"now":>12}{"budget":>12}')
    failed = False
    for name, value in figures.items():
        most = (budget or {}).get(name)
        over = most is not None and value > most * GROWTH
        failed = failed or over or (budget is not None and most is None)
        told = '' if most is None else f'{most:>12,}{100 * (value / most - 1):>+8.1f} %{"  TOO MUCH" if over else ""}'
        print(f'{name:44}{value:>12,}{told}')
    if budget is None:
        print(f'compare: no budget is recorded for "{kind}": bench/compare --quick --record')
        return NOTHING_TO_COMPARE
    return 1 if failed else 0
