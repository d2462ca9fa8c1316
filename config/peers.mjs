// `node config/peers.mjs`: the real CRIU, as the tests and the benchmark run it beside us. Unpacks the releases below, with every library they
// need, from Debian's package archive into test/.peers/<version>/root (git-ignored), once; test/.peers/<version>/criu runs one through the
// dynamic loader of its own folder, so that this machine's libraries do not matter. Nothing is installed on this machine.
//   --list   print version and command of each release that is there
// Who downloads is apt, in a state folder of its own: it knows this machine's proxies, checks the archive's signature and the SHA-256 of each
// package, and finds the libraries that belong to the release.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lib/lock.mjs';
import { hashFiles } from './lib/tree.mjs';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
const peersDir = join(root, 'test', '.peers');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LIVE = 'http://deb.debian.org/debian';

/**
 * The releases that images and options are compared with. Unstable moves on, so each release also names a day on which the archive held it:
 * snapshot.debian.org keeps every day.
 */
const PEERS = [
  { version: '4.1.1', package: 'criu=4.1.1-1', suite: 'trixie', day: '20251101T000000Z' },
  { version: '4.2.1', package: 'criu=4.2.1-1', suite: 'sid', day: '20261030T080000Z' },
];

class PeerError extends Error {}

function run(command, args, what) {
  const done = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } });
  if (done.error !== undefined)
    throw new PeerError(`${what}: ${command} cannot be run (${done.error.code}); on Debian it is in apt or dpkg`);
  const text = `${done.stdout}${done.stderr}`.trim();
  if (done.status !== 0) throw new PeerError(`${what}: ${command} ended with ${done.status ?? done.signal}:\n${text}`);
  return text;
}

/** apt with its own lists, cache and (empty) list of installed packages; proxies and certificates stay this machine's. */
function aptOptions(state) {
  const options = {
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    'Dir::Etc::SourceList': join(state, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    // Files below a folder of root, which the user _apt may not enter.
    'APT::Sandbox::User': 'root',
    'APT::Architecture': 'amd64',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    // An old index is as good: the exact version is asked for, and the signature is checked all the same.
    'Acquire::Check-Valid-Until': 'false',
  };
  return Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

function download(peer, archive, state) {
  rmSync(state, { recursive: true, force: true });
  mkdirSync(join(state, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(state, 'cache', 'archives', 'partial'), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  writeFileSync(join(state, 'sources.list'), `deb [arch=amd64 signed-by=${KEYRING}] ${archive} ${peer.suite} main\n`);
  const options = aptOptions(state);
  run('apt-get', [...options, 'update', '-qq', '--error-on=any'], `index of ${archive} ${peer.suite}`);
  run('apt-get', [...options, 'install', '-qq', '-y', '--no-install-recommends', '--download-only', peer.package], peer.package);
  const archives = join(state, 'cache', 'archives');
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name));
}

/** From the archive as it is today, else as it was on the day that is known to hold the release. */
function downloadSomewhere(peer, state) {
  const problems = [];
  for (const archive of [LIVE, `http://snapshot.debian.org/archive/debian/${peer.day}`]) {
    try {
      return download(peer, archive, state);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      problems.push(error.message);
    }
  }
  throw new PeerError(problems.join('\n'));
}

function loaderBelow(folder) {
  const found = ['usr/lib64', 'lib64', 'usr/lib/x86_64-linux-gnu'].map((dir) => join(dir, 'ld-linux-x86-64.so.2'));
  const loader = found.find((path) => existsSync(join(folder, path)));
  if (loader === undefined) throw new PeerError(`${folder} holds no dynamic loader`);
  return loader;
}

/** The folder gets its name when everything in it is there and the program has answered. */
function unpack(peer, stamp) {
  const made = join(peersDir, `.${peer.version}.new`);
  const state = join(peersDir, `.${peer.version}.apt`);
  const final = join(peersDir, peer.version);
  rmSync(made, { recursive: true, force: true });
  mkdirSync(join(made, 'root'), { recursive: true });
  for (const file of downloadSomewhere(peer, state)) run('dpkg-deb', ['-x', file, join(made, 'root')], file);
  const wrapper = [
    '#!/bin/sh',
    'root=${0%/*}/root',
    `exec "$root/${loaderBelow(join(made, 'root'))}" --library-path "$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$root/usr/lib" "$root/usr/sbin/criu" "$@"`,
  ];
  writeFileSync(join(made, 'criu'), `${wrapper.join('\n')}\n`);
  chmodSync(join(made, 'criu'), 0o755);
  const answer = run(join(made, 'criu'), ['--version'], `criu ${peer.version}`);
  if (!answer.includes(`Version: ${peer.version}`)) throw new PeerError(`criu ${peer.version} says ${answer}`);
  writeFileSync(join(made, 'stamp'), stamp);
  rmSync(final, { recursive: true, force: true });
  renameSync(made, final);
  rmSync(state, { recursive: true, force: true });
}

function stampOf(peer) {
  try {
    return readFileSync(join(peersDir, peer.version, 'stamp'), 'utf8');
  } catch {
    return null; // Never unpacked.
  }
}

function makeAll() {
  const stamp = hashFiles([new URL(import.meta.url).pathname]);
  for (const peer of PEERS) {
    if (stampOf(peer) === stamp) continue;
    console.log(`peers: unpacking CRIU ${peer.version} (Debian ${peer.suite}) into test/.peers/${peer.version}`);
    unpack(peer, stamp);
  }
}

try {
  await withLock(`${root}/peers`, makeAll);
  if (process.argv.includes('--list')) for (const peer of PEERS) console.log(`${peer.version} ${join(peersDir, peer.version, 'criu')}`);
} catch (error) {
  if (!(error instanceof PeerError)) throw error;
  console.error(`peers: ${error.message}`);
  process.exitCode = 1;
}
