# Processes under measurement: started on one CPU with a log each, ended by their ids with all they forked, and read
# through /proc. If this script dies, the kernel ends the processes that it started (PR_SET_PDEATHSIG).
import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """A measurement that could not be made; the text says why."""


def raise_open_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def prepare_child(cpu, precedence):
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {cpu})
        if precedence == 'first':
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        elif precedence == 'last':
            os.nice(19)
    return prepare


def may_go_first():
    """Whether this user may start processes that go before all others on their CPU."""
    def attempt():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    try:
        return subprocess.run(['true'], preexec_fn=attempt).returncode == 0
    except subprocess.SubprocessError:
        return False


class Process:
    """One program on one CPU. `log` takes its stderr, and its stdout unless that is piped. `precedence` on that CPU:
    'first' (where may_go_first), 'last', or None like everybody."""

    def __init__(self, command, cpu, log, piped=False, environment=None, directory=None, precedence=None):
        self.log = log
        with open(log, 'ab') as out:
            self.popen = subprocess.Popen(
                command, preexec_fn=prepare_child(cpu, precedence), stderr=out, cwd=directory,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else out, text=True, bufsize=1)

    def pids(self):
        """Its id and those of all its descendants."""
        found = [self.popen.pid]
        for pid in found:
            found += children(pid)
        return found

    def running(self):
        return self.popen.poll() is None

    def send(self, line):
        self.popen.stdin.write(line + '\n')
        self.popen.stdin.flush()

    def read_line(self):
        line = self.popen.stdout.readline()
        if not line:
            raise Failed(f'{os.path.basename(self.popen.args[0])} ended early: {self.last_words()}')
        return line

    def last_words(self):
        with open(self.log, errors='replace') as log:
            return ' | '.join(log.read().strip().splitlines()[-3:]) or 'it said nothing'

    def stop(self):
        """SIGTERM; kills it and its children if they still run after three seconds."""
        pids = self.pids() if self.running() else []
        signal_all(pids[:1], signal.SIGTERM)
        try:
            self.popen.wait(3)
        except subprocess.TimeoutExpired:
            pass
        signal_all([pid for pid in pids[1:] if descends(pid, pids)], signal.SIGKILL)
        if self.running():
            self.popen.kill()
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream:
                stream.close()


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def children(pid):
    try:
        tasks = os.listdir(f'/proc/{pid}/task')
        return [int(child) for task in tasks
                for child in open(f'/proc/{pid}/task/{task}/children').read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descends(pid, family):
    """Whether it still runs, and is not another process with the same number."""
    try:
        parent = int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return False
    return parent in family or parent == 1


def free_port():
    """One that the kernel gives to nobody who asks for any: it is bound later, when tests that run beside may have asked."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue


def wait_for_port(process, port, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.running():
            raise Failed(f'{process.popen.args[0]} ended at start: {process.last_words()}')
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failed(f'{process.popen.args[0]} does not listen on {port}: {process.last_words()}')


def fields_of(path):
    """Files of `Name:  number unit` lines, such as /proc/meminfo, as a dict of numbers."""
    fields = {}
    for line in open(path):
        name, _, rest = line.partition(':')
        words = rest.split()
        if words and words[0].isdigit():
            fields[name] = int(words[0])
    return fields


def user_memory(pids):
    """Bytes: `memory` is what the processes allocated (anonymous and shared memory, each page divided among its
    holders: not the pages of program files, which come and go with other programs), `rss` all that is resident."""
    sums = {'memory': 0, 'rss': 0}
    for pid in pids:
        rollup = fields_of(f'/proc/{pid}/smaps_rollup')
        sums['memory'] += (rollup['Pss_Anon'] + rollup['Pss_Shmem']) * 1024
        sums['rss'] += rollup['Rss'] * 1024
    return sums


def kernel_memory():
    """Bytes of the kernel's slabs and of socket buffers, over the whole machine."""
    slab = fields_of('/proc/meminfo')['Slab'] * 1024
    buffers = 0
    for line in open('/proc/net/sockstat'):
        words = line.split()
        if words[0] == 'TCP:':
            buffers = int(words[words.index('mem') + 1]) * os.sysconf('SC_PAGE_SIZE')
    return slab + buffers


def busy_percent(cpu, seconds=0.5):
    """The CPU usage of the whole machine at present."""
    def read():
        for line in open('/proc/stat'):
            words = line.split()
            if words[0] == f'cpu{cpu}':
                numbers = [int(word) for word in words[1:9]]
                return sum(numbers), numbers[3] + numbers[4]
        raise Failed(f'there is no CPU {cpu}')
    total, idle = read()
    time.sleep(seconds)
    later_total, later_idle = read()
    return 100 * (1 - (later_idle - idle) / max(1, later_total - total))


def process_cpu(pids):
    """Seconds of CPU that the processes have used, by the scheduler's count."""
    return sum(int(open(f'/proc/{pid}/task/{task}/schedstat').read().split()[0])
               for pid in pids for task in os.listdir(f'/proc/{pid}/task')) / 1e9
