/** A worker of dist/ and the link to it, without ssh between. */
import { spawn } from 'node:child_process';
import { Duplex, Transform } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PreambleScanner } from '../../../src/remote/channel/preamble.ts';
import { NodeLink } from '../../../src/remote/node-link.ts';

const WORKER = fileURLToPath(new URL('../../../dist/cli/worker.cjs', import.meta.url));

/** @param before words in front of its command */
export function startWorker(before: readonly string[] = []) {
  const [program, ...words] = [...before, process.execPath, WORKER];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(String(signal ?? code))),
  );
  child.stdin.on('error', () => undefined);
  const stream = Duplex.from({ readable: child.stdout.pipe(preambleSkipper()), writable: child.stdin });
  const link = new NodeLink({ stream, closed: exited, close: () => child.stdin.destroy() });
  return { link, process: child, exited };
}

function preambleSkipper(): Transform {
  const scanner = new PreambleScanner();
  let isFound = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isFound) {
        done(null, chunk);
        return;
      }
      const step = scanner.push(chunk);
      isFound = step.kind === 'found';
      done(null, step.kind === 'found' ? step.rest : undefined);
    },
  });
}
