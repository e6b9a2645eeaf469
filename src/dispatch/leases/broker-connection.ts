/**
 * This user's connection to the broker of this host: finds a broker, introduces itself, and reconnects when the broker
 * comes back. Unaware of what is asked and answered.
 */
import { LOCAL_BROKER_VERSION, type BrokerAnswer, type BrokerRequest } from '../../protocol/local-broker.ts';
import { type BrokerSession, type BrokerSessionFailure, openBrokerSession } from '../../ipc/broker-session.ts';
import type { NodeName } from '../../protocol/names.ts';
import { delayAfter, type Delays } from '../../util/back-off.ts';
import { MalformedError } from '../../util/bytes.ts';

/** A broker answers within a millisecond; one that exceeds this limit is stuck, and the next socket is tried. */
const WELCOME_LIMIT_MS = 1_000;
/** Delays between attempts to find a broker. An attempt costs one failed connect(2). */
const RETRY_DELAYS_MS: Delays = [100, 200, 500, 1_000, 2_000, 5_000];
/**
 * Limit on requests that the broker has not read: some thousand. Beyond it the broker is stuck, and treated as gone.
 */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Events of the connection. */
export interface BrokerLinkHandlers {
  /** A broker answers; `node` is the cluster's name for this host. */
  readonly onUp: (node: NodeName) => void;
  readonly onDown: () => void;
  readonly onAnswer: (answer: BrokerAnswer) => void;
}

/** What the connection needs. */
export interface BrokerLinkOptions {
  /** Sockets to try, in this order. */
  readonly sockets: readonly string[];
  readonly handlers: BrokerLinkHandlers;
}

/** The broker as of its last answer, and why it does not answer now. */
export interface BrokerLinkState {
  readonly isUp: boolean;
  readonly socket: string;
  /** This host's name in the cluster; undefined until a broker has answered. */
  readonly node: NodeName | undefined;
  /** A sentence on why an existing broker cannot be used; empty if there is no broker, or if all is well. */
  readonly problem: string;
}

/** The connection, which looks for a broker until it is closed. */
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

  /** Looks for a broker now. Resolves when it is known whether one answers; it keeps looking in either case. */
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
    // Also if empty: the broker that could not be used may be gone.
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
      // Back off from a broker that welcomes and then sends invalid answers.
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
    const delayMs = delayAfter(RETRY_DELAYS_MS, this.#failures + 1);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.open(), delayMs);
    this.#retry.unref();
  }
}

interface IntroductionHandlers {
  /** Called before the first answer is passed on, which may be in the same packet. */
  readonly onWelcome: (session: BrokerSession, node: NodeName) => void;
  readonly onAnswer: (answer: BrokerAnswer) => void;
}

/** Resolves with undefined once welcomed, otherwise with the reason, which is empty if no process listens. */
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

/** No broker listens, which is not a problem: most hosts have none. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED']);

function describeVersion(version: number): string {
  return `it speaks version ${version} of the protocol, this pmake ${LOCAL_BROKER_VERSION}: install the same pmake for both`;
}
