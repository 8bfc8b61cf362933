# Rounds become medians, medians become tables. A ratio to the floor is taken within each round, where both stood under
# the same conditions, and the result is its median over the rounds.
from statistics import median

# For each kind of case: the columns as (heading, key, format), the key that is shown as a ratio to the floor, and its unit.
COLUMNS = {
    'echo': ([('CPU µs/message', 'cpu', '.2f'), ('user µs', 'user', '.2f'), ('messages/s', 'rate', ',.0f'),
              ('p50 µs', 'p50', '.0f'), ('p99 µs', 'p99', '.0f')], 'cpu'),
    'bulk': ([('CPU µs/MB', 'cpu', '.0f'), ('user µs', 'user', '.0f'), ('MB/s', 'rate', ',.0f'),
              ('p50 µs', 'p50', '.0f'), ('p99 µs', 'p99', '.0f')], 'cpu'),
    'open': ([('CPU µs/handshake', 'cpu', '.1f'), ('user µs', 'user', '.1f'), ('handshakes/s', 'rate', ',.0f'),
              ('p50 µs', 'p50', '.0f'), ('p99 µs', 'p99', '.0f')], 'cpu'),
    'rate': ([('CPU µs/message', 'cpu', '.2f'), ('user µs', 'user', '.2f'), ('p50 µs', 'p50', '.0f'),
              ('p99 µs', 'p99', '.0f'), ('p99.9 µs', 'p99.9', '.0f')], 'cpu'),
    'idle': ([('bytes/tunnel', 'memory', ',.0f'), ('after traffic', 'used', ',.0f'), ('resident', 'rss', ',.0f'),
              ('kernel', 'kernel', ',.0f'), ('kernel after', 'used_kernel', ',.0f')], None),
    'get': ([('CPU µs/request', 'cpu', '.2f'), ('requests/s', 'rate', ',.0f'), ('mean µs', 'mean', '.0f')], 'cpu'),
    'pings': ([('CPU %', 'busy', '.2f'), ('pings answered', 'pings', ',.0f')], None),
}


def middle(rounds, key):
    values = [one[key] for one in rounds if one.get(key) is not None]
    return median(values) if values else None


def ratio(rounds, floor_rounds, key):
    """Both are lists by round, None where a round failed."""
    pairs = [one[key] / other[key] for one, other in zip(rounds, floor_rounds)
             if one and other and one.get(key) is not None and other.get(key)]
    return median(pairs) if pairs else None


def summarize(case, results):
    """`results` is {peer: [a measurement or None for each round]}; the answer is {peer: {key: median, 'ratio': r}}."""
    columns, ratio_key = COLUMNS[case.kind]
    summary = {}
    for peer, rounds in results.items():
        good = [one for one in rounds if one]
        summary[peer] = {key: middle(good, key) for _, key, _ in columns}
        summary[peer]['rounds'] = len(good)
        if ratio_key and 'floor' in results:
            summary[peer]['ratio'] = ratio(rounds, results['floor'], ratio_key)
    return summary


def table(case, summary):
    """Rows of text, the first one the headings."""
    columns, ratio_key = COLUMNS[case.kind]
    headings = ['', columns[0][0]] + (['× floor'] if ratio_key else []) + [heading for heading, _, _ in columns[1:]]
    rows = [headings]
    for peer, values in summary.items():
        cells = [format(values[key], form) if values[key] is not None else '–' for _, key, form in columns]
        if ratio_key:
            told = values.get('ratio')
            cells.insert(1, f'×{told:.2f}' if told is not None else '–')
        rows.append([peer, *cells])
    return rows


def as_text(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def as_markdown(rows):
    rule = ['---'] + ['---:'] * (len(rows[0]) - 1)
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in [rows[0], rule, *rows[1:]])


# For the table of docs/performance.md: the rows of each kind of case, as (row's suffix, key, format, whether peers are
# shown as a ratio to the floor).
TOLD = {
    'echo': [('', 'cpu', '{:.2f} µs', True)],
    'bulk': [('', 'cpu', '{:,.0f} µs', True)],
    'open': [('', 'cpu', '{:.0f} µs', True)],
    'get': [('', 'cpu', '{:.1f} µs', True)],
    'idle': [('', 'memory', '{:,.0f} B', False), (', after traffic', 'used', '{:,.0f} B', False)],
    'pings': [('', 'busy', '{:.2f} %', False)],
}


def user_row(told, peers):
    """The user part of the lone round trip; the kernel's part is the same for all."""
    cells = [told['medians'].get(peer, {}).get('user') for peer in peers]
    return ['of it in user space', *(f'{value:.2f} µs' if value is not None else '–' for value in cells)]


def whole_table(all_told, cases, peers):
    """One table of all cases: rows of text, the first one the headings. `all_told` is as `compare --json` has it."""
    rows = [['work', *peers]]
    for name, told in all_told.items():
        for suffix, key, form, relative in TOLD.get(cases[name].kind, []):
            cells = []
            for peer in peers:
                values = told['medians'].get(peer, {})
                value, times = values.get(key), values.get('ratio')
                text = form.format(value) if value is not None else '–'
                cells.append(f'×{times:.2f}' if relative and peer != 'floor' and times is not None else text)
            rows.append([told['title'] + suffix, *cells])
        if name == 'echo-1':
            rows.append(user_row(told, peers))
    return rows


def put_into_page(path, command, text):
    """Replaces the text between the page's two marks of this command."""
    begin, end = f'<!-- measured: {command} -->\n', '<!-- end -->\n'
    page = open(path).read()
    before, rest = page.split(begin)
    _, after = rest.split(end, 1)
    with open(path, 'w') as file:
        file.write(before + begin + text + '\n' + end + after)
