import { describe, expect, it } from 'vitest';
import type { BrokerEvent } from '../../src/broker/core/broker.ts';
import { type Holder, LocalLeases } from '../../src/pmaked/local-leases.ts';
import type { BrokerAnswer } from '../../src/protocol/local-broker.ts';
import { nodeName, userName } from '../rig/names.ts';

/** Two dispatchers of one user. The first holds lease `n2/1/1`, the other `n2/1/2`. */
class Rig {
  readonly steps: BrokerEvent[] = [];
  readonly leases = new LocalLeases((event) => this.steps.push(event));
  readonly #heard = new Map<Holder, BrokerAnswer[]>();
  readonly one = this.#holder();
  readonly other = this.#holder();

  constructor() {
    for (const [at, holder] of [this.one, this.other].entries()) {
      this.request(holder, 1);
      this.leases.onEffect({ kind: 'leased', requestId: at + 1, lease: `n2/1/${at + 1}`, nodeId: nodeName('n2') });
    }
    for (const holder of [this.one, this.other]) this.heard(holder);
  }

  request(holder: Holder, id: number): void {
    this.leases.request(holder, { kind: 'request', id, patienceMs: 1_000, exclude: [] });
  }

  keep(forMs: number): void {
    this.leases.onEffect({ kind: 'keep', leases: ['n2/1/1', 'n2/1/2', 'n9/1/1'], forMs });
  }

  /** Since the last time. */
  heard(holder: Holder): BrokerAnswer[] {
    return this.#heard.get(holder)?.splice(0) ?? [];
  }

  #holder(): Holder {
    const heard: BrokerAnswer[] = [];
    const holder = { user: userName('eve'), send: (answer: BrokerAnswer) => heard.push(answer) };
    this.#heard.set(holder, heard);
    return holder;
  }
}

describe('leases that may be kept', () => {
  it('are told to whoever holds them', () => {
    const rig = new Rig();
    rig.keep(4_000);
    expect(rig.heard(rig.one)).toEqual([{ kind: 'keep', leases: ['n2/1/1'], forMs: 4_000 }]);
    expect(rig.heard(rig.other)).toEqual([{ kind: 'keep', leases: ['n2/1/2'], forMs: 4_000 }]);
  });

  it('may not be while another dispatcher of the same user waits here; the leader cannot tell them apart', () => {
    const rig = new Rig();
    rig.request(rig.other, 2);
    rig.keep(4_000);
    expect(rig.heard(rig.one)).toMatchObject([{ forMs: 0 }]);
    expect(rig.heard(rig.other)).toMatchObject([{ forMs: 4_000 }]);
    rig.leases.cancel(rig.other, 2);
    rig.keep(4_000);
    expect(rig.heard(rig.one)).toMatchObject([{ forMs: 4_000 }]);
  });
});
