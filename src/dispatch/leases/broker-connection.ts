/**
 * This user's connection to the broker of this host: finds one, introduces itself, and comes back by itself when the
 * broker does. Unaware of what is asked and answered.
 */
import { LOCAL_BROKER_VERSION, type BrokerAnswer, type BrokerRequest } from '../../protocol/local-broker.ts';
import { type BrokerSession, type BrokerSessionFailure, openBrokerSession } from '../../ipc/broker-session.ts';
import type { NodeName } from '../../protocol/names.ts';
import { MalformedError } from '../../util/bytes.ts';

/** A broker answers within a millisecond; one that does not in this time is stuck, and the next socket is tried. */
const WELCOME_LIMIT_MS = 1_000;
/** Between two looks for a broker. A look costs one failed connect(2). */
const RETRY_DELAYS_MS = [100, 200, 500, 1_000, 2_000, 5_000] as const;
/** Requests that the broker has not read: some thousand. It is stuck then, and as good as gone. */
const MAX_UNREAD_BYTES = 1024 * 1024;

export interface BrokerLinkHandlers {
  /** A broker answers; `node` is what the cluster calls this host. */
  readonly onUp: (node: NodeName) => void;
  readonly onDown: () => void;
  readonly onAnswer: (answer: BrokerAnswer) => void;
}

export interface BrokerLinkOptions {
  /** Sockets to try, in this order. */
  readonly sockets: readonly string[];
  readonly handlers: BrokerLinkHandlers;
}

/** What it was the last time it answered, and why it does not now. */
export interface BrokerLinkState {
  readonly isUp: boolean;
  readonly socket: string;
  /** Undefined until a broker has answered. */
  readonly node: NodeName | undefined;
  /** A sentence: why a broker that is there cannot be used; empty when there is none, or when all is well. */
  readonly problem: string;
}

export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #session: BrokerSession | undefined;
  #retry: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #failures = 0;
  #isClosed = false;
  #path = '';
  #node: NodeName | undefined;
  #problem = '';

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  get state(): BrokerLinkState {
    return { isUp: this.#session !== undefined, socket: this.#path, node: this.#node, problem: this.#problem };
  }

  /** Looks for a broker now. Resolves when it is known whether one answers; goes on looking in either case. */
  open(): Promise<void> {
    if (this.#session || this.#isClosed) return Promise.resolve();
    clearTimeout(this.#retry);
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  send(request: BrokerRequest): void {
    this.#session?.send(request);
    if (this.#session && this.#session.unreadBytes > MAX_UNREAD_BYTES) this.#session.close();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#session?.close();
  }

  async #look(): Promise<void> {
    let problem = '';
    for (const path of this.#options.sockets) {
      const failure = await introduce(path, {
        onWelcome: (session, node) => this.#begin(path, session, node),
        onAnswer: (answer) => this.#options.handlers.onAnswer(answer),
      });
      if (failure === undefined) return;
      if (failure !== '') problem = describeProblem(path, failure);
    }
    // Also when it is none any more: whoever could not be used may have gone.
    this.#problem = problem;
    this.#lookAgain();
  }

  #begin(path: string, session: BrokerSession, node: NodeName): void {
    if (this.#isClosed) {
      session.close();
      return;
    }
    this.#session = session;
    this.#path = path;
    this.#node = node;
    this.#problem = '';
    void session.closed.then((failure) => {
      this.#session = undefined;
      // One that welcomes and then sends what is invalid is tried less and less often.
      if (failure instanceof MalformedError) this.#problem = describeProblem(path, describeEnd(failure));
      else this.#failures = 0;
      if (this.#isClosed) return;
      this.#options.handlers.onDown();
      this.#lookAgain();
    });
    this.#options.handlers.onUp(node);
  }

  #lookAgain(): void {
    if (this.#isClosed || this.#options.sockets.length === 0) return;
    const delayMs = RETRY_DELAYS_MS[Math.min(this.#failures, RETRY_DELAYS_MS.length - 1)];
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.open(), delayMs);
    this.#retry.unref();
  }
}

interface IntroductionHandlers {
  /** Called before the first answer is handed on, which may be in the same packet. */
  readonly onWelcome: (session: BrokerSession, node: NodeName) => void;
  readonly onAnswer: (answer: BrokerAnswer) => void;
}

/** Resolves with undefined when welcomed, else with why not; that is empty where nobody listens. */
function introduce(path: string, handlers: IntroductionHandlers): Promise<string | undefined> {
  return new Promise((resolve) => {
    let isWelcome = false;
    const introduction = { kind: 'dispatcher', version: LOCAL_BROKER_VERSION } as const;
    const session = openBrokerSession(path, introduction, (answer) => {
      if (isWelcome) handlers.onAnswer(answer);
      else if (answer.kind === 'refused') end(answer.reason);
      else if (answer.kind !== 'welcome') end(`it began with "${answer.kind}"`);
      else if (answer.version !== LOCAL_BROKER_VERSION) end(describeVersion(answer.version));
      else {
        isWelcome = true;
        clearTimeout(limit);
        handlers.onWelcome(session, answer.node);
        resolve(undefined);
      }
    });
    const limit = setTimeout(() => end(`it did not answer within ${WELCOME_LIMIT_MS / 1_000} s`), WELCOME_LIMIT_MS);
    const end = (why: string): void => {
      clearTimeout(limit);
      session.close();
      resolve(why);
    };
    void session.closed.then((failure) => end(describeEnd(failure)));
  });
}

function describeProblem(path: string, why: string): string {
  return `the broker at ${path} cannot be used: ${why}`;
}

function describeEnd(failure: BrokerSessionFailure): string {
  if (failure === undefined) return 'it closed the connection';
  if (failure instanceof MalformedError) return `it sent an invalid answer: ${failure.message}`;
  return ABSENT.has(failure.code) ? '' : failure.message;
}

/** Nobody is there, which is no problem: most hosts have no broker. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED']);

function describeVersion(version: number): string {
  return `it speaks version ${version} of the protocol, this pmake ${LOCAL_BROKER_VERSION}: install the same pmake for both`;
}
