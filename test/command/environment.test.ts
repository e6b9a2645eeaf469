import { describe, expect, it } from 'vitest';
import {
  environmentForNode,
  hasForeignCode,
  lastingEnvironment,
  parseEnvironment,
} from '../../src/command/environment.ts';

function block(entries: readonly string[]): Buffer {
  return Buffer.from(entries.map((entry) => `${entry}\0`).join(''), 'latin1');
}

function travelling(entries: readonly string[]): string[] {
  return environmentForNode(block(entries)).toString('latin1').split('\0').slice(0, -1);
}

describe('the environment that travels', () => {
  it.each([
    'CPATH=inc:.',
    'SOURCE_DATE_EPOCH=1',
    'TZ=UTC',
    'LC_ALL=C',
    'PWD=/t/link',
    'TMPDIR=/x',
    'GCC_COLORS=',
    'EMPTY=',
    'A=b=c',
    'LD_LIBRARY_PATH=/opt/gcc/lib64',
    'MAKEFLAGS=rR --no-print-directory',
    'MAKELEVEL=1',
    'BYTES=\xff\xfe',
    'COLUMNS=80',
    'LINES=24',
    'without-equals',
    '=without-name',
    '=',
    '',
  ])('%s', (entry) => {
    expect(travelling([entry])).toEqual([entry]);
  });

  it.each([
    'SSH_AUTH_SOCK=/tmp/x',
    'DISPLAY=:0',
    'PMAKE_NODES=n2/8',
    '_PMAKE_GUARD=1',
    'MFLAGS=-j',
    'XDG_RUNTIME_DIR=/run/user/1',
    '_=/usr/bin/make',
    'LD_PRELOAD=/x/pmake-preload.so',
    'LD_AUDIT=',
  ])('not %s', (entry) => {
    expect(travelling([entry])).toEqual([]);
  });

  it('takes the jobserver out of MAKEFLAGS and leaves the rest', () => {
    expect(travelling(['MAKEFLAGS=s -j8 --jobserver-auth=3,4 --jobserver-style=fifo -- V=a\\ b'])).toEqual([
      'MAKEFLAGS=s -- V=a\\ b',
    ]);
  });
});

describe('code that others put into programs', () => {
  it.each([
    ['LD_PRELOAD=libfakeroot-sysv.so', true],
    ['LD_PRELOAD=/x/.libasan.so/$LIB/pmake-preload.so', false],
    ['LD_PRELOAD=/x/pmake-preload.so:/usr/lib/libfakeroot.so', true],
    ['LD_PRELOAD=libeatmydata.so /x/pmake-preload.so', true],
    ['LD_PRELOAD=pmake-preload.so', true],
    ['LD_PRELOAD=', false],
    ['LD_PRELOAD=: ', false],
    ['LD_AUDIT=/x/audit.so', true],
    ['LD_DEBUG=libs', true],
    ['LD_TRACE_LOADED_OBJECTS=1', true],
    ['LD_LIBRARY_PATH=/opt/gcc/lib64', false],
    ['FAKEROOTKEY=123', false],
  ])('%s', (entry, isForeign) => {
    expect(hasForeignCode(parseEnvironment(block([entry])))).toBe(isForeign);
  });
});

it('passes entries on in their order, each as often as it stands', () => {
  const entries = ['A=1', '', 'A=2', 'B', '=C', 'A=1', 'DISPLAY=:0', 'DISPLAY', '=', 'PATH=/a', 'PATH=/b', ''];
  const wanted = entries.filter((entry) => entry !== 'DISPLAY=:0');
  expect(travelling(entries)).toEqual(wanted);
  expect(travelling([])).toEqual([]);
});

it('tells environments apart by the order of what stands twice, and only by that', () => {
  const lasting = (...entries: string[]) => lastingEnvironment(block(entries));
  expect(lasting('B=1', 'A=1', 'A=2', 'MAKELEVEL=3')).toBe(lasting('A=1', 'A=2', 'B=1'));
  expect(lasting('A=1', 'A=2')).not.toBe(lasting('A=2', 'A=1'));
});

it('of an entry given twice the first counts', () => {
  expect(parseEnvironment(block(['A=1', 'A=2', 'B=', '=C', 'D', '', '=']))).toEqual(
    new Map([
      ['A', '1'],
      ['B', ''],
    ]),
  );
});
