/** Code that the verbs of pmakectl share: requests to the running dispatcher, output, and exit codes. */
import { join } from 'node:path';
import type { ControlAnswer, ControlRequest } from '../../protocol/control.ts';
import { describeSessionFailure, DispatcherSession, type SessionFailure } from '../../ipc/dispatcher-client.ts';
import { describeRuntimeDirectoryFailure } from '../../report/directory-text.ts';
import { fail, type Result } from '../../util/result.ts';
import { printable } from '../../util/printable.ts';
import { runtimeDirectory, SOCKET_NAME } from '../../util/runtime-directory.ts';

/** The exit code for a service that is not running, as in systemctl and the LSB. */
const NOT_RUNNING_CODE = 3;
/** The exit code for every other failure. */
export const FAILURE_CODE = 1;

const NOT_RUNNING = 'No dispatcher is running; pmake starts one when it needs one.\n';

/** The flags of a verb that can print JSON. */
export interface JsonFlag {
  readonly json: boolean;
}

/** The option behind JsonFlag, for yargs. */
export const JSON_OPTION = { json: { type: 'boolean', default: false, describe: 'print JSON' } } as const;

/** Asks the running dispatcher; does not start one. */
export async function askDispatcher<K extends ControlAnswer['kind']>(
  request: ControlRequest,
  kind: K,
): Promise<Result<Extract<ControlAnswer, { readonly kind: K }>, SessionFailure>> {
  const directory = runtimeDirectory(process.env);
  if (!directory.ok) {
    return fail({ reason: 'cannot-connect', detail: describeRuntimeDirectoryFailure(directory.failure) });
  }
  const session = await DispatcherSession.connect(join(directory.value, SOCKET_NAME));
  if (!session.ok) return session;
  const answer = await session.value.ask(request, kind);
  session.value.close();
  return answer;
}

/** Prints a value as JSON or as text. Both may quote nodes, whose control characters must not reach the terminal. */
export function print({ json }: JsonFlag, value: unknown, text: string): void {
  process.stdout.write(printable(json ? `${JSON.stringify(value, undefined, 2)}\n` : text));
}

/** Prints a sentence to stderr. */
export function complain(sentence: string): void {
  process.stderr.write(`pmakectl: ${printable(sentence)}\n`);
}

/** Prints why there is no answer, and sets the exit code. */
export function printFailure({ json }: JsonFlag, failure: SessionFailure): void {
  const isAbsent = failure.reason === 'not-running';
  process.exitCode = isAbsent ? NOT_RUNNING_CODE : FAILURE_CODE;
  const sentence = describeSessionFailure(failure);
  if (json) print({ json }, { running: !isAbsent, problem: sentence }, '');
  else if (isAbsent) process.stdout.write(NOT_RUNNING);
  else complain(sentence);
}
