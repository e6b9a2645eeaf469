import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KnownProbes } from '../../../src/dispatch/probes/known-probes.ts';

const key = (name: string): string => createHash('sha256').update(name).digest('hex');

describe('answers of compilers to option probes', () => {
  it('is known by the question, and survives a dispatcher', () => {
    const before = new KnownProbes();
    before.note(key('-O1'), Buffer.from('one'));
    before.note(key('-O2'), Buffer.from('one'));
    before.note(key('-g'), Buffer.from([0, 10, 255]));
    const probes = new KnownProbes();
    probes.note(key('-g'), Buffer.from('newer'));
    probes.addText(before.toText());
    expect(probes.size).toBe(3);
    expect(probes.get(key('-O1'))?.toString()).toBe('one');
    expect(probes.get(key('-O2'))?.toString()).toBe('one');
    expect(probes.get(key('-g'))?.toString()).toBe('newer');
    expect(probes.get(key('-O3'))).toBeUndefined();
  });

  it('is kept once for all questions that gave it', () => {
    const probes = new KnownProbes();
    for (let index = 0; index < 100; index += 1) probes.note(key(String(index)), Buffer.from('the same'));
    expect(probes.toText().match(/^object /gm)).toHaveLength(1);
  });

  it('is not believed with a byte changed, cut off, or under a first line that is not ours', () => {
    const before = new KnownProbes();
    before.note(key('-O1'), Buffer.from('an object of some length'));
    const text = before.toText();
    const object = Buffer.from('an object of some length').toString('base64');
    for (const broken of [
      text.replace(object, Buffer.from('an object of SOME length').toString('base64')),
      text.replace(object, object.slice(0, 8)),
      text.slice(0, text.indexOf('trial ') + 80),
      text.replace('pmake trials 1', 'pmake trials 2'),
      '',
      'object\ntrial\n\n',
    ]) {
      const probes = new KnownProbes();
      probes.addText(broken);
      expect(probes.size).toBe(0);
    }
  });

  it('is forgotten where it was asked for longest ago, and not kept at all where it is large', () => {
    const probes = new KnownProbes();
    probes.note(key('large'), Buffer.alloc(20_000));
    expect(probes.size).toBe(0);
    for (let index = 0; index < 4_096; index += 1) probes.note(key(String(index)), Buffer.from('same'));
    expect(probes.get(key('0'))).toBeDefined();
    probes.note(key('one more'), Buffer.from('same'));
    expect(probes.size).toBe(4_096);
    expect(probes.get(key('0'))).toBeDefined();
    expect(probes.get(key('1'))).toBeUndefined();
  });

  it('has always its object, however many different ones there are', () => {
    const probes = new KnownProbes();
    for (let index = 0; index < 1_000; index += 1) probes.note(key(String(index)), Buffer.from(`object ${index}`));
    const known = Array.from({ length: 1_000 }, (_, index) => probes.get(key(String(index)))?.toString());
    expect(known.filter((object, index) => object === `object ${index}`)).toHaveLength(probes.size);
    expect(probes.size).toBeGreaterThan(200);
  });
});
