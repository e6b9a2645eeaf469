#!/usr/bin/env node
/**
 * A node for the demo where OpenSSH's sshd is not installed: ssh2's own server on 127.0.0.1, which accepts one key and
 * runs commands with sh as the user who started it. It ends when its stdin closes, so it cannot outlive the demo.
 *
 * Called as: ssh2-node.js PORT HOST_KEY_FILE AUTHORIZED_KEY_FILE
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';

/** @param {import('ssh2').Session} session */
function serveSession(session) {
  session.on('exec', (accept, _reject, info) => {
    const channel = accept();
    // The command has its own process group, so that the end of the connection ends everything that it started.
    const child = spawn('/bin/sh', ['-c', info.command], { stdio: 'pipe', detached: true });
    channel.pipe(child.stdin).on('error', () => channel.end());
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.on('error', (cause) => channel.stderr.write(`${cause.message}\n`));
    child.on('close', (code, signal) => {
      // ssh's names of signals have no SIG prefix.
      if (signal) channel.exit(signal.slice('SIG'.length));
      else channel.exit(code ?? 127);
      channel.end();
    });
    channel.on('close', () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGHUP');
      } catch {
        // The process has ended.
      }
    });
  });
}

/**
 * @param {ReturnType<typeof parseKey>} allowed
 * @param {import('ssh2').AuthContext} context
 */
function isAllowed(allowed, context) {
  if (context.method !== 'publickey' || context.key.algo !== allowed.type) return false;
  if (!context.key.data.equals(allowed.getPublicSSH())) return false;
  // Without a signature, the client only asks whether this key would be accepted.
  return (
    !context.signature || !context.blob || allowed.verify(context.blob, context.signature, context.hashAlgo) === true
  );
}

/** @param {string} file */
function parseKey(file) {
  const key = ssh2.utils.parseKey(readFileSync(file));
  if (key instanceof Error) throw key;
  return key;
}

function main() {
  const [port = '', hostKeyFile = '', authorizedFile = ''] = process.argv.slice(2);
  const allowed = parseKey(authorizedFile);
  const server = new ssh2.Server({ hostKeys: [readFileSync(hostKeyFile)] }, (connection) => {
    connection.on('authentication', (context) => (isAllowed(allowed, context) ? context.accept() : context.reject()));
    connection.on('session', (accept) => serveSession(accept()));
    // A peer that vanishes must not end this process.
    connection.on('error', () => undefined);
  });
  server.on('error', (/** @type {Error} */ cause) => {
    process.stderr.write(`${cause.message}\n`);
    process.exit(1);
  });
  server.listen(Number(port), '127.0.0.1');
  process.stdin.on('end', () => process.exit(0)).resume();
}

main();
