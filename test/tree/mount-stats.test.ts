import { expect, it } from 'vitest';
import { rpcTotals } from '../../src/tree/mount-stats.ts';

/** From a client of Linux 6.1, shortened. */
const TEXT = `device rootfs mounted on / with fstype rootfs
device /dev/root mounted on / with fstype ext4
device nfsserver:/ mounted on /mnt/tree with fstype nfs4 statvers=1.1
	opts:	rw,vers=4.2,rsize=262144,wsize=262144,namlen=255,acregmin=3,acregmax=60,hard,proto=tcp
	age:	61
	caps:	caps=0x3fffbfff,wtmult=512,dtsize=262144,bsize=0,namlen=255
	events:	8 117 0 0 9 5 139 4 0 2 0 4 0 0 8 2 0 2 0 0 2 0 0 0 0 0 0
	bytes:	10 12 0 0 10 12 3 1
	RPC iostats version: 1.1  p/v: 100003/4 (nfs)
	xprt:	tcp 859 0 1 0 4 213 213 0 213 0 2 11 0
	per-op statistics
	        NULL: 1 1 0 44 24 0 1 2 0
	        READ: 2 2 0 432 240 0 3 10 0
	       WRITE: 0 0 0 0 0 0 0 0 0
	     GETATTR: 30 30 0 5880 7200 5 60 88 0

device nfsserver:/ mounted on /mnt/a\\040b with fstype nfs4 statvers=1.1
	per-op statistics
	        READ: 1 1 0 432 240 0 3 7 0
`;

it.each([
  ['all operations of the mount together', '/mnt/tree', { count: 33, waitedMs: 100 }],
  ['a mount point with a blank', '/mnt/a b', { count: 1, waitedMs: 7 }],
  ['a local file system has none', '/', undefined],
  ['no mount', '/mnt', undefined],
])('%s', (_, point, totals) => {
  expect(rpcTotals(TEXT, point)).toEqual(totals);
});
