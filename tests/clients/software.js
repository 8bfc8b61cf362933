// Servers of Debian's for tests with real software: each runs in a folder and on ports of its own, and ends with the test.
import {spawn} from 'node:child_process';
import {closeSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after} from 'node:test';

import {eventually, examples} from './hawser.js';

// Clean-up functions for the end of the file's tests, run in reverse order.
const ends = [];
export const atEnd = (end) => ends.push(end);
after(async () => { while (ends.length > 0) await ends.pop()(); });

export function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-software-'));
  atEnd(() => rmSync(folder, {recursive: true, force: true, maxRetries: 5}));
  return folder;
}

// A free port of loopback, below the range from which the kernel picks ports, so that no connection takes it before the
// server does.
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const free = await new Promise((resolve) => probe.once('error', () => resolve(false)).listen(port, () => resolve(true)));
    if (free) return new Promise((resolve) => probe.close(() => resolve(port)));
  }
}

// Whether a server accepts connections there.
export const listens = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy());
});

// A file of docs/examples with other texts, such as {'127.0.0.1:9001': '127.0.0.1:14233'}. Each must stand in the file.
export function exampleFile(name, texts) {
  let file = readFileSync(join(examples, name), 'utf8');
  for (const [text, replacement] of Object.entries(texts)) {
    if (!file.includes(text)) throw new Error(`${name} has no ${text}`);
    file = file.replaceAll(text, replacement);
  }
  return file;
}

// Starts a server in `folder`, with `env` beside this process's environment, and waits until ready() is true. It runs until all
// tests of the file have run, at the longest for as long as this process lives. output() is what it has printed.
export async function startServer(command, args, {folder, env = {}, ready}) {
  const file = join(folder, `${command.replace(/.*\//, '')}.out`);
  const out = openSync(file, 'a');
  // setpriv lets the kernel end it with this process; `detached` makes it a process group, which ends as a whole.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args],
    {cwd: folder, env: {...process.env, ...env}, stdio: ['ignore', out, out], detached: true});
  closeSync(out);
  let running = true;
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve)).then(() => { running = false; });
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // No process of the group is left.
    }
  };
  process.once('exit', () => signal('SIGKILL'));
  const stop = async () => {
    signal('SIGTERM');
    const patience = setTimeout(signal, 10_000, 'SIGKILL');
    await ended;
    clearTimeout(patience);
    signal('SIGKILL');
  };
  atEnd(stop);
  const output = () => readFileSync(file, 'utf8');
  await eventually(() => {
    if (!running) throw new Error(`${command} ended:\n${output()}`);
    return ready();
  }, 120_000);
  return {output, stop};
}
