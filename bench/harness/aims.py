# What bench/flood prints: figures of a measurement, their medians over the rounds, what of them meets the aims, and tables.
from statistics import median

# The aims: what honest clients may feel of any attack, and what it may cost.
MOST_TIMES = 3.0        # honest p99, of that in peace
MOST_NEWCOMER_MS = 250  # newcomers' p99; and all of them are served
MOST_USER_MB = 20
MOST_OWN_MB = 100       # in the kernel, of the proxy's own sockets

# A peer is ahead where a figure of its is better by more than this share, and by more than a measurement's own error.
CLEARLY = 1.1
ERROR = {'p99': 0.3, 'new_p99': 5, 'served': 0.5}  # ms, ms, %


def times(later, before):
    return later / before if later is not None and before else None


def figures(got):
    """The figures of one measurement; milliseconds and MB."""
    before, during, after = (got[window] for window in ('before', 'during', 'after'))
    noise = (during['noise_p99'] or 0) - (before['noise_p99'] or 0)
    return {'p50': during['p50'], 'p50_times': times(during['p50'], before['p50']), 'p50_before': before['p50'],
            'p99': during['p99'], 'p99_times': times(during['p99'], before['p99']), 'p99_before': before['p99'],
            'after_times': times(after['p99'], before['p99']), 'lost': during['lost'] + after['lost'],
            'served': during['served'], 'new_p99': during['new_p99'], 'new_p99_before': before['new_p99'],
            'user': got['memory']['user'], 'own': got['memory']['own'], 'machine': got['memory']['machine'],
            'noise': noise}


def medians(rounds):
    """Of the rounds that succeeded; None without any."""
    told = [figures(got) for got in rounds if got]
    if not told:
        return None
    values = {key: [one[key] for one in told if one[key] is not None] for key in told[0]}
    return {key: median(known) if known else None for key, known in values.items()}


def missed(row):
    """The aims that a row of medians misses. What the control tunnels past the proxy became slower is the machine's
    doing, and is taken off."""
    noise = max(0, row['noise'] or 0)
    tests = {
        'p99': row['p99'] is not None and row['p99'] - noise <= MOST_TIMES * row['p99_before'],
        'lost': not row['lost'],
        'served': row['served'] == 100,
        'newcomers': row['new_p99'] is not None and row['new_p99'] - noise <= MOST_NEWCOMER_MS,
        'user': row['user'] <= MOST_USER_MB,
        'kernel': row['own'] <= MOST_OWN_MB,
    }
    return [name for name, met in tests.items() if not met]


def behind(rows):
    """For each figure in which a peer is clearly better than hawser: [(figure, peer, its value, hawser's)]."""
    ours = rows.get('hawser')
    found = []
    for peer, theirs in rows.items():
        if peer == 'hawser' or not ours or not theirs:
            continue
        for key in ('p99', 'new_p99'):
            if theirs[key] is not None and (ours[key] is None or
                                            ours[key] > CLEARLY * theirs[key] and ours[key] > theirs[key] + ERROR[key]):
                found.append((key, peer, theirs[key], ours[key]))
        if theirs['served'] > ours['served'] + ERROR['served']:
            found.append(('served', peer, theirs['served'], ours['served']))
    return found


COLUMNS = [('p50 ms', 'p50', '{:.2f}'), ('×', 'p50_times', '×{:.1f}'), ('p99 ms', 'p99', '{:.2f}'), ('×', 'p99_times', '×{:.1f}'),
           ('after', 'after_times', '×{:.1f}'), ('lost', 'lost', '{:,.0f}'), ('served', 'served', '{:.0f} %'),
           ('newcomers’ p99 ms', 'new_p99', '{:,.0f}'), ('user MB', 'user', '{:+.0f}'), ('own kernel MB', 'own', '{:+.0f}'),
           ('kernel MB', 'machine', '{:+,.0f}'), ('noise ms', 'noise', '{:+.2f}')]


def cells(row):
    if row is None:
        return ['–'] * (len(COLUMNS) + 1)
    told = [form.format(row[key]) if row[key] is not None else '–' for _, key, form in COLUMNS]
    return told + [', '.join(missed(row)) or 'none']


def headings(first):
    return [*first, *(heading for heading, _, _ in COLUMNS), 'aims missed']


def table(rows):
    """Of one attack: rows of text, the first one the headings."""
    return [headings(['']), *([peer, *cells(row)] for peer, row in rows.items())]


def whole_table(told):
    """Of all attacks: {title: {peer: medians}}."""
    rows = [headings(['attack', 'proxy'])]
    for title, by_peer in told.items():
        rows += [[title, peer, *cells(row)] for peer, row in by_peer.items()]
    return rows


def verdict(told):
    """Lines: how many rows meet the aims, and where a peer is ahead of hawser."""
    lines = []
    peers = {peer: None for rows in told.values() for peer in rows}
    for peer in peers:
        rows = [rows[peer] for rows in told.values() if rows.get(peer)]
        lines.append(f'{peer}: {sum(not missed(row) for row in rows)} of {len(rows)} attacks meet every aim')
    for title, rows in told.items():
        for key, peer, theirs, ours in behind(rows):
            lines.append(f'{title}: {peer} is ahead in {key}: {theirs:.2f}, hawser {"–" if ours is None else f"{ours:.2f}"}')
    return lines


DEEDS = ('attempts', 'opened', 'reached', 'units', 'refused', 'rejected', 'closed', 'reset', 'errors')


def deeds(got):
    """What the attackers did and met, in words."""
    did = got['attack']
    return ', '.join(f'{name} {did[name]:,}' for name in DEEDS if did.get(name))
