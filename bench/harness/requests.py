# Small GETs by h2load (Debian's nghttp2-client), over HTTP/1.1 or HTTP/2: the cost of a request without
# opening connections: they are opened once and kept.
import os
import re
import subprocess

from harness.processes import Failed, Process, process_cpu

FEW = 2000  # warms the proxy up, and tells how many fit into a window


def run_h2load(bench, peer, case, count):
    scheme = 'https' if case.tls else 'http'
    protocol = [] if case.http2 else ['--h1']
    command = ['h2load', *protocol, '-n', str(count), *case.arguments, f'{scheme}://127.0.0.1:{peer.port}/']
    process = Process(command, bench.load_cpu, os.path.join(bench.directory, 'load.log'), piped=True)
    try:
        text, _ = process.popen.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        raise Failed('h2load did not end') from None
    finally:
        process.stop()
    succeeded = re.search(r'(\d+) succeeded, 0 failed, 0 errored', text)
    answered = re.search(r'status codes: (\d+) 2xx', text)
    if not succeeded or not answered or int(succeeded[1]) != count or int(answered[1]) != count:
        raise Failed(f'h2load: {text.strip() or process.last_words()}')
    return {'rate': float(re.search(r'([\d.]+) req/s', text)[1]), 'mean': microseconds(text)}


def microseconds(text):
    """The mean of `time for request: min max mean sd ±sd`."""
    number, unit = re.search(r'time for request: +\S+ +\S+ +([\d.]+)(us|ms|s) ', text).groups()
    return float(number) * {'us': 1, 'ms': 1e3, 's': 1e6}[unit]


def measure_requests(bench, peer, case, settings):
    count = max(FEW, int(run_h2load(bench, peer, case, FEW)['rate'] * settings.seconds))
    before = process_cpu(peer.pids()) if peer.process else 0
    got = run_h2load(bench, peer, case, count)
    if peer.process:
        got['cpu'] = 1e6 * (process_cpu(peer.pids()) - before) / count
    return got
