# The cases: each is one row of docs/performance.md's table, made by one run of hawser_load against one newly started
# proxy. The CPU time is read by hawser_load itself at both ends of its window; memory is read here,
# before and after the tunnels are there.
import json
import os
import subprocess
import time
from dataclasses import dataclass

from harness.peers import Peer
from harness.processes import Failed, Process, kernel_memory, process_cpu, user_memory
from harness.requests import measure_requests


@dataclass
class Case:
    name: str
    title: str
    kind: str        # echo, bulk, open, rate, idle, pings, get: what is reported
    arguments: list  # for hawser_load; of get for h2load
    tls: bool = False
    http2: bool = False  # to the proxy
    full: bool = True  # part of a run that names no cases
    most_rounds: int = 100

    def load_arguments(self):
        http2 = ['--http2'] if self.http2 else []
        return self.arguments + http2 + (['--tls', '--tls-version', '1.3'] if self.tls else [])


def both(name, title, kind, arguments, **more):
    return [Case(name, title, kind, arguments, **more),
            Case(f'{name}-tls', f'{title}, TLS', kind, arguments, tls=True, **more)]


def all_cases():
    echo = ['echo', '--size', '125', '--connections', '16']
    bulk = ['echo', '--connections', '4', '--outstanding', '1', '--size']
    rate = ['rate', '--size', '125', '--connections', '100', '--rate', '5000']
    churn = ['churn', '--connections', '16']
    get = ['-c', '16', '-m', '1']
    cases = [
        *both('echo-1', 'echo 125 B, one at a time', 'echo', echo),
        *both('echo-16', 'echo 125 B, 16 outstanding', 'echo', echo + ['--outstanding', '16']),
        *both('bulk-64k', '64 KiB messages', 'bulk', bulk + ['65536']),
        *both('bulk-1m', '1 MiB messages', 'bulk', bulk + ['1048576']),
        *both('rate', 'echo 125 B, 5,000 a second over 100 connections', 'rate', rate),
        *both('open', 'open, 101, close', 'open', churn),
        Case('echo-1-h2', 'echo 125 B, one at a time, over HTTP/2', 'echo', echo, tls=True, http2=True),
        Case('echo-16-h2', 'echo 125 B, 16 outstanding, over HTTP/2', 'echo', echo + ['--outstanding', '16'], tls=True,
             http2=True),
        *both('get', 'GET, 125 B', 'get', get),
        Case('get-h2', 'GET, 125 B, over HTTP/2', 'get', get, tls=True, http2=True),
        Case('get-8-h2', 'GET, 125 B, over HTTP/2, 8 streams', 'get', ['-c', '16', '-m', '8'], tls=True, http2=True),
        *both('idle', 'idle tunnel', 'idle', [], most_rounds=3),  # memory hardly varies
        Case('pings', '8,000 idle TLS tunnels, CPU', 'pings', [], tls=True, full=False, most_rounds=1),
    ]
    return {case.name: case for case in cases}


def load_command(bench, peer, case, *more):
    return [bench.load, *case.load_arguments(), '--target', f'127.0.0.1:{peer.port}', '--json', *more]


def run_load(bench, command, seconds):
    # The load generator is pinned like every other process, and gives up well after its window would have ended.
    log = os.path.join(bench.directory, 'load.log')
    process = Process(command, bench.load_cpu, log, piped=True)
    try:
        output, _ = process.popen.communicate(timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        raise Failed('the load did not end') from None
    finally:
        process.stop()
    if process.popen.returncode != 0:
        raise Failed(f'the load failed: {process.last_words()}')
    got = json.loads(output)
    if not got.get('messages') and not got.get('handshakes'):
        raise Failed('nothing came within the window: it is too short, or the machine too busy')
    return got


def window(peer, seconds):
    """Arguments that make the load measure `peer` for this time. Its processes must be running."""
    observe = ['--observe', ','.join(map(str, peer.pids()))] if peer.process else []
    return ['--seconds', str(seconds), *observe]


def measure_echo(bench, peer, case, settings):
    got = run_load(bench, load_command(bench, peer, case, *window(peer, settings.seconds)), settings.seconds)
    unit = 'us_per_mb' if case.kind == 'bulk' else 'us_per_message'
    cpu = got.get('cpu', {})
    return {'cpu': cpu.get(unit), 'user': cpu.get(f'user_{unit}'), 'busy': cpu.get('busy_percent'),
            'rate': got.get('mb_per_second' if case.kind == 'bulk' else 'messages_per_second'),
            'p50': got['latency_us']['p50'], 'p99': got['latency_us']['p99'], 'p99.9': got['latency_us']['p99.9']}


def measure_open(bench, peer, case, settings):
    got = run_load(bench, load_command(bench, peer, case, *window(peer, settings.seconds)), settings.seconds)
    cpu = got.get('cpu', {})
    return {'cpu': cpu.get('us_per_handshake'), 'user': cpu.get('user_us_per_handshake'), 'busy': cpu.get('busy_percent'),
            'rate': got['handshakes_per_second'], 'p50': got['open_us']['p50'], 'p99': got['open_us']['p99']}


class IdleTunnels:
    """hawser_load's idle mode, controlled step by step. To be used in a `with`."""

    def __init__(self, bench, peer, case, count, *more):
        tls = ['--tls', '--tls-version', '1.3'] if case.tls else []
        command = [bench.load, 'idle', '--target', f'127.0.0.1:{peer.port}', '--connections', str(count),
                   '--sources', '250', '--json', *tls, *more]
        self.process = Process(command, bench.load_cpu, os.path.join(bench.directory, 'load.log'), piped=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def await_event(self, name):
        got = json.loads(self.process.read_line())
        if got['event'] != name or got['failures'] > 0:
            raise Failed(f'idle tunnels: {got}: {self.process.last_words()}')
        return got

    def order(self, word, event):
        self.process.send(word)
        return self.await_event(event)


def settled_memory(peer):
    """Read when nothing has changed for a while: closed sockets and freed pages take a moment."""
    time.sleep(1)
    return {**(user_memory(peer.pids()) if peer.process else {}), 'kernel': kernel_memory()}


def grown(before, after, count):
    return {name: (after[name] - before[name]) / count for name in before}


def measure_idle(bench, peer, case, settings):
    # A few tunnels first, opened as many at a time as the others, so that memory that a proxy allocates once is not
    # counted as a tunnel's. They end before the baseline.
    with IdleTunnels(bench, peer, case, 20, '--size', '4096') as first:
        first.await_event('open')
        first.order('echo', 'echo')
        first.order('quit', 'end')
    before = settled_memory(peer)
    with IdleTunnels(bench, peer, case, settings.tunnels, '--size', '4096', '--opening', '20') as tunnels:
        tunnels.await_event('open')
        opened = grown(before, settled_memory(peer), settings.tunnels)
        tunnels.order('echo', 'echo')
        used = grown(before, settled_memory(peer), settings.tunnels)
        tunnels.order('quit', 'end')
    return {'memory': opened.get('memory'), 'used': used.get('memory'), 'rss': opened.get('rss'), 'used_rss': used.get('rss'),
            'kernel': opened['kernel'], 'used_kernel': used['kernel']}


def measure_pings(bench, peer, case, settings):
    with IdleTunnels(bench, peer, case, settings.ping_tunnels) as tunnels:
        tunnels.await_event('open')
        time.sleep(1)
        start, used = time.monotonic(), process_cpu(peer.pids())
        time.sleep(settings.ping_seconds)
        busy = 100 * (process_cpu(peer.pids()) - used) / (time.monotonic() - start)
        ended = tunnels.order('quit', 'end')
    return {'busy': busy, 'pings': ended['pings']}


MEASURES = {'echo': measure_echo, 'bulk': measure_echo, 'rate': measure_echo, 'open': measure_open,
            'idle': measure_idle, 'pings': measure_pings, 'get': measure_requests}


HTTP2 = ('hawser', 'nginx', 'haproxy', 'nghttpx', 'caddy')
RFC_8441 = ('hawser', 'haproxy', 'nghttpx')


def fits(case, name):
    """Splicing serves plain bulk alone; without a proxy there is nothing to observe but latency and kernel memory. Neither
    the floor nor the backend speaks HTTP/2, and of the proxies not all take a WebSocket over it (RFC 8441)."""
    if case.http2:
        return name in (RFC_8441 if case.kind == 'echo' else HTTP2)
    if name == 'splice':
        return case.kind == 'bulk' and not case.tls
    # Only these two ping: hawser its clients, haproxy nobody, to compare with.
    return case.kind != 'pings' or name in ('hawser', 'haproxy')


def first_light(bench, peer, case):
    """Opens one tunnel through the peer: then its worker runs, and the case works."""
    tls = ['--tls'] if case.tls else []
    run_load(bench, [bench.load, 'churn', '--target', f'127.0.0.1:{peer.port}', '--connections', '1', '--count', '1',
                     '--warmup', '0', '--json', *tls], 0)


def measure(bench, case, name, settings):
    with Peer(bench, name, case.tls) as peer:
        first_light(bench, peer, case)
        return MEASURES[case.kind](bench, peer, case, settings)
