/** What the verbs of pmakectl share: reaching the dispatcher that runs, and how a command ends when none does. */
import { join } from 'node:path';
import type { ControlAnswer, ControlRequest } from '../../protocol/control.ts';
import { describeSessionFailure, DispatcherSession, type SessionFailure } from '../../ipc/dispatcher-client.ts';
import { fail, type Result } from '../../util/result.ts';
import { printable } from '../../util/printable.ts';
import { runtimeDirectory, SOCKET_NAME } from '../../util/runtime-directory.ts';

/** Of a verb that asks about a service which is not running, as systemctl and the LSB have it. */
const NOT_RUNNING_CODE = 3;
export const FAILURE_CODE = 1;

const NOT_RUNNING = 'No dispatcher is running; pmake starts one when it needs one.\n';

export interface JsonFlag {
  readonly json: boolean;
}

export const JSON_OPTION = { json: { type: 'boolean', default: false, describe: 'print JSON' } } as const;

/** Asks the dispatcher that runs; starts none. */
export async function askDispatcher<K extends ControlAnswer['kind']>(
  request: ControlRequest,
  kind: K,
): Promise<Result<Extract<ControlAnswer, { readonly kind: K }>, SessionFailure>> {
  const directory = runtimeDirectory(process.env);
  if (!directory.ok) return fail({ reason: 'cannot-connect', detail: directory.failure });
  const session = await DispatcherSession.connect(join(directory.value, SOCKET_NAME));
  if (!session.ok) return session;
  const answer = await session.value.ask(request, kind);
  session.value.close();
  return answer;
}

/** Prints a value as JSON, or else as text. Either may quote nodes, which must not command the terminal. */
export function print({ json }: JsonFlag, value: unknown, text: string): void {
  process.stdout.write(printable(json ? `${JSON.stringify(value, undefined, 2)}\n` : text));
}

/** A sentence on stderr. */
export function complain(sentence: string): void {
  process.stderr.write(`pmakectl: ${printable(sentence)}\n`);
}

/** Says why there is no answer, and sets the exit status. */
export function printFailure({ json }: JsonFlag, failure: SessionFailure): void {
  const isAbsent = failure.reason === 'not-running';
  process.exitCode = isAbsent ? NOT_RUNNING_CODE : FAILURE_CODE;
  const sentence = describeSessionFailure(failure);
  if (json) print({ json }, { running: !isAbsent, problem: sentence }, '');
  else if (isAbsent) process.stdout.write(NOT_RUNNING);
  else complain(sentence);
}
