// docs/examples: every configuration is one that `hawser check` takes without a warning, has a page, and is in the index.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, test} from 'node:test';

import {binary, examples, makeExampleFiles} from './hawser.js';

const files = readdirSync(examples).sort();
const configurations = files.filter((file) => file.endsWith('.yaml'));
const pages = files.filter((file) => file.endsWith('.md') && file !== 'README.md');
const textOf = (file) => readFileSync(join(examples, file), 'utf8');
const linksOf = (text) => [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target);

const folder = mkdtempSync(join(tmpdir(), 'hawser-examples-'));
makeExampleFiles(folder);
after(() => rmSync(folder, {recursive: true}));

for (const file of configurations) {
  test(`${file} loads without a warning`, () => {
    copyFileSync(join(examples, file), join(folder, file));
    const {status, stdout, stderr} = spawnSync(binary, ['check', '-c', join(folder, file)], {encoding: 'utf8'});
    assert.deepEqual({status, stdout, stderr}, {status: 0, stdout: 'OK\n', stderr: ''});
  });

  test(`${file} has a page that links it`, () => {
    assert.ok(linksOf(textOf(file.replace('.yaml', '.md'))).includes(file));
  });
}

test('every page is in the index once, and nothing else is', () => {
  const indexed = linksOf(textOf('README.md')).filter((target) => !target.includes('/'));
  assert.deepEqual(indexed.sort(), pages);
});

test('links lead to files, and the tests that pages name are there', () => {
  for (const page of ['README.md', ...pages]) {
    for (const target of linksOf(textOf(page))) assert.ok(existsSync(join(examples, target)), `${page}: ${target}`);
    for (const [, file] of textOf(page).matchAll(/`(tests\/[^`]+)`/g)) assert.ok(existsSync(join(examples, '../..', file)), `${page}: ${file}`);
  }
});
