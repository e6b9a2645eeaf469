import { expect, test, vi } from 'vitest';
import { MountTable } from '../../src/tree/mount-table.ts';

function line(id: number, point: string, type = 'ext4'): string {
  return `${id} 1 8:1 / ${point} rw - ${type} /dev/sda1 rw\n`;
}

const ROOT = line(1, '/');

test('what is mounted below a path, but for what holds no files', () => {
  const mounts = new MountTable(
    () => ROOT + line(2, '/t/b', 'nfs4') + line(3, '/t/a\\040b', 'tmpfs') + line(4, '/t/proc', 'proc') + line(5, '/tt'),
  );
  expect(mounts.pointsBelow('/t')).toEqual(['/t/a b', '/t/b']);
  expect(mounts.pointsBelow('/t/b')).toEqual([]);
  expect(mounts.pointsBelow('/')).toEqual(['/t/a b', '/t/b', '/tt']);
  expect([mounts.isPoint('/t/b'), mounts.isPoint('/t')]).toEqual([true, false]);
  expect(mounts.find(2)?.type).toBe('nfs4');
  expect(mounts.find(undefined)).toBeUndefined();
});

test('of mounts on one point the last shows', () => {
  const mounts = new MountTable(() => ROOT + line(2, '/t', 'nfs4') + line(3, '/t', 'tmpfs'));
  expect(mounts.at('/t')?.id).toBe(3);
});

test('a change is noticed within a second, and an unchanged table is not reported', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    let text = ROOT;
    const mounts = new MountTable(() => text);
    const { generation } = mounts;
    text += line(2, '/t');
    vi.advanceTimersByTime(1_000);
    expect(mounts.generation).not.toBe(generation);
    expect(mounts.pointsBelow('/')).toEqual(['/t']);
    const next = mounts.generation;
    vi.advanceTimersByTime(1_000);
    expect(mounts.generation).toBe(next);
  } finally {
    vi.useRealTimers();
  }
});

test('the table of this process is read', () => {
  expect(new MountTable().find(undefined)).toBeUndefined();
  expect(new MountTable().isPoint('/proc')).toBe(true);
});
