# What the scripts of bench/ share of a run: CPUs, names from the command line, progress, the machine.
import os
import platform
import sys

from harness.processes import busy_percent


def chosen(script, wanted, known, what):
    """The names of a comma-separated list; ends the script if there is none such."""
    names = wanted.split(',')
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f'{script}: no such {what}: {", ".join(unknown)}; there are {", ".join(known)}')
    return names


def choose_cpus(script, arguments):
    """(of the proxies, of their load)"""
    allowed = sorted(os.sched_getaffinity(0))
    proxy = allowed[0] if arguments.proxy_cpu is None else arguments.proxy_cpu
    load = allowed[-1] if arguments.load_cpu is None else arguments.load_cpu
    if arguments.load_cpu is None and len(allowed) > 1:
        load = next(cpu for cpu in allowed if cpu != proxy)
    if proxy == load:
        print(f'{script}: one CPU for the proxy and its load: figures mean little', file=sys.stderr)
    return proxy, load


def show_progress(text):
    if sys.stderr.isatty():
        print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)


def machine(script, *cpus):
    """Lines to print with the figures: the command and the machine."""
    model = next((line.partition(':')[2].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')), '?')
    lines = [f'command: bench/{script} {" ".join(sys.argv[1:])}'.rstrip(),
             f'machine: {model}, {os.cpu_count()} CPUs, Linux {platform.release()}']
    busy = max(busy_percent(cpu) for cpu in cpus)
    if busy > 10:
        lines.append(f'NOTE: the CPUs were {busy:.0f} % busy with other work when this began: do not trust the figures')
    return lines
