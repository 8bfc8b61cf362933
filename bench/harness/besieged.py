# One measurement of bench/flood: a proxy with its honest clients, in peace, under one attack, and after it.
import json
import os
import queue
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass

from harness.guarded import GUARDED
from harness.peers import Peer
from harness.processes import Failed, Process, kernel_memory, signal_all, user_memory
from harness.sockets import own_memory

MISSED_NS = 10_000_000_000  # what a message without an echo counts as
WINDOWS = ('before', 'during', 'after')


@dataclass
class Timing:
    """Seconds and numbers of one measurement."""
    before: float = 4
    during: float = 8
    after: float = 4
    warm: float = 1
    settle: float = 0.9  # from the attack's end to the window `after`
    tunnels: int = 2000
    newcomers: float = 20  # a second

    def seconds(self):
        return self.warm + self.before + self.during + self.settle + self.after


class Load:
    """A mode of hawser_load that commands cut into windows. To be used in a `with`."""

    def __init__(self, bench, mode, port, *more):
        command = [bench.load, mode, '--target', f'127.0.0.1:{port}', '--json', *map(str, more)]
        self.process = Process(command, bench.load_cpu, os.path.join(bench.directory, 'load.log'), piped=True,
                               precedence=bench.honest_precedence)
        self.lines = queue.Queue()
        # Read at once: a load that waits for its pipe is late with everything else.
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.popen.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        signal_all([self.process.popen.pid], 9)  # it has nothing to tell any more, and the proxy ends too
        self.process.stop()

    def next_line(self):
        try:
            line = self.lines.get(timeout=30)
        except queue.Empty:
            line = None
        if line is None:
            raise Failed(f'the honest load: {self.process.last_words()}')
        return json.loads(line)

    def window(self, name):
        """The figures of the window that this mark ended; those before it are dropped."""
        while True:
            line = self.next_line()
            if line.get('window') == name:
                return line


class Honest:
    """The honest clients: tunnels and newcomers, half of them over TLS, each address well below the limits; and tunnels
    past the proxy, which show what the machine itself did to latencies."""

    def __init__(self, bench, site, timing):
        half, rate = timing.tunnels // 2, timing.newcomers / 2
        self.bench, self.site = bench, site
        self.tunnels = [('honest', site.plain_port, '--connections', half, '--sources', 500),
                        ('honest', site.tls_port, '--connections', half, '--sources', 500, '--first-source', 500, '--tls')]
        self.newcomers = [('newcomers', site.plain_port, '--rate', rate, '--first-source', 2000),
                          ('newcomers', site.tls_port, '--rate', rate, '--first-source', 4000, '--tls')]
        self.control = [('honest', bench.control_backend, '--connections', 100)]
        self.loads = []

    def __enter__(self):
        try:
            self.tunnels, self.control = ([self.start(each) for each in group] for group in (self.tunnels, self.control))
            for load in self.tunnels + self.control:
                if load.next_line().get('event') != 'open':
                    raise Failed(f'honest tunnels did not open: {load.process.last_words()}')
            self.newcomers = [self.start(each) for each in self.newcomers]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for load in self.loads:
            load.__exit__()

    def start(self, arguments):
        self.loads.append(Load(self.bench, *arguments))
        return self.loads[-1]

    def mark(self, name):
        for load in self.loads:
            load.process.send(f'mark {name}')

    def figures(self, name):
        """Of one window; milliseconds."""
        tunnels, newcomers, control = (added([load.window(name) for load in group])
                                       for group in (self.tunnels, self.newcomers, self.control))
        latencies = tunnels['latencies'] + Counter({MISSED_NS: tunnels['missed']})
        came = sum(newcomers['latencies'].values())
        return {'messages': tunnels['scheduled'], 'missed': tunnels['missed'], 'lost': tunnels['lost'],
                'p50': percentile(latencies, 50), 'p99': percentile(latencies, 99), 'p99.9': percentile(latencies, 99.9),
                'newcomers': newcomers['scheduled'], 'served': 100 * came / max(1, newcomers['scheduled']),
                'new_p50': percentile(newcomers['latencies'], 50), 'new_p99': percentile(newcomers['latencies'], 99),
                'reasons': dict(newcomers['reasons'] + tunnels['reasons']),
                'noise_p50': percentile(control['latencies'], 50), 'noise_p99': percentile(control['latencies'], 99)}


def added(lines):
    """One window's lines of several processes, put together."""
    sums = {key: sum(line[key] for line in lines) for key in ('scheduled', 'missed', 'lost')}
    latencies, reasons = Counter(), Counter()
    for line in lines:
        latencies.update(dict(map(tuple, line['histogram_ns'])))
        reasons.update(line.get('reasons', {}))
    return {**sums, 'latencies': latencies, 'reasons': reasons}


def percentile(latencies, percent):
    """Milliseconds; None when there are none."""
    wanted = sum(latencies.values()) * percent / 100
    seen = 0
    for nanoseconds in sorted(latencies):
        seen += latencies[nanoseconds]
        if seen >= wanted and seen > 0:
            return nanoseconds / 1e6
    return None


class Memory:
    """MB: of the proxy in user space, of its sockets in the kernel, and of the whole machine's kernel."""

    def __init__(self, bench, peer):
        self.peer = peer
        self.listeners = (peer.site.plain_port, peer.site.tls_port)
        self.backends = (bench.backend, bench.attacked_backend)
        self.quiet = self.peak = None

    def read(self):
        try:
            user = user_memory(self.peer.pids())['memory']
        except (OSError, KeyError):
            raise Failed(f'it ended: {self.peer.process.last_words()}') from None
        return {'user': user / 1e6, 'own': own_memory(self.listeners, self.backends) / 1e6, 'machine': kernel_memory() / 1e6}

    def watch(self, seconds):
        """Notes the peaks of so many seconds."""
        self.quiet = self.quiet or self.read()
        self.peak = self.peak or self.quiet
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1, left))
            now = self.read()
            self.peak = {name: max(self.peak[name], now[name]) for name in now}

    def growth(self):
        return {name: self.peak[name] - self.quiet[name] for name in self.quiet}


class Attackers:
    """A running attack. To be used in a `with`; `did` is known behind it."""

    def __init__(self, bench, attack, site, seconds):
        command = attack.command(bench, site, seconds)
        self.process = Process(command, bench.load_cpu, os.path.join(bench.directory, 'attack.log'), piped=True,
                               precedence=bench.attack_precedence)
        self.did = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.end(kind is None)
        finally:
            self.process.stop()

    def end(self, tells):
        signal_all([self.process.popen.pid], 15)
        try:
            output, _ = self.process.popen.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            raise Failed('the attack did not end') from None
        if tells and not output:
            raise Failed(f'the attack failed: {self.process.last_words()}')
        self.did = json.loads(output) if output else {}


def measure(bench, attack, name, timing):
    with Peer(bench, name, False, GUARDED[name]) as peer, Honest(bench, peer.site, timing) as honest:
        memory = Memory(bench, peer)
        time.sleep(timing.warm)
        honest.mark('warm')
        time.sleep(timing.before)
        honest.mark('before')
        memory.watch(0)
        with Attackers(bench, attack, peer.site, timing.during + 5) as attackers:
            memory.watch(timing.during)
            honest.mark('during')
        time.sleep(timing.settle)
        honest.mark('settle')
        time.sleep(timing.after)
        honest.mark('after')
        if not peer.process.running():
            raise Failed(f'it ended: {peer.process.last_words()}')
        return {**{window: honest.figures(window) for window in WINDOWS}, 'memory': memory.growth(), 'attack': attackers.did}
