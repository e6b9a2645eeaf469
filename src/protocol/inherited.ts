/**
 * What a process inherits from its parent, and a compile can tell, beside words, environment, directory, umask and
 * descriptors: resource limits, signals that are ignored or blocked, the personality. The shim says it of itself, and
 * the runner sets it before it becomes the compiler; between them the bytes stay as they are, and belong to the
 * environment that they came with. Mirrored in shims/protocol.h.
 *
 * On the wire: u64 ignored signals, u64 blocked signals (bit N-1 is signal N), u32 personality(2), u8 number of limits, and
 * for each u64 soft, u64 hard, in the order of LIMITS. Only append to that.
 *
 * What does not travel: the priority (the node's owner comes first), scheduling class and affinity (of no use there), limits
 * on processes, locked memory and the like (RLIMIT_NPROC counts a user's processes on a host; no compiler locks memory).
 */
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';

/** Resource limits by setrlimit(2)'s names. Their numbers differ between processors. */
export const LIMITS = ['cpu', 'fsize', 'data', 'stack', 'core', 'nofile', 'as'] as const;
export type LimitName = (typeof LIMITS)[number];

/** RLIM_INFINITY. */
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;
/** With those yet to come. */
const MAX_LIMITS = 32;

/** In seconds (cpu), a number (nofile), else bytes. */
export interface ResourceLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

export interface Inherited {
  readonly ignoredSignals: bigint;
  readonly blockedSignals: bigint;
  readonly personality: number;
  readonly limits: Readonly<Record<LimitName, ResourceLimit>>;
}

/** Of a process whose parents have set nothing. */
export const NOTHING_SET: Inherited = {
  ignoredSignals: 0n,
  blockedSignals: 0n,
  personality: 0,
  limits: {
    ...(Object.fromEntries(LIMITS.map((name) => [name, { soft: UNLIMITED, hard: UNLIMITED }])) as Inherited['limits']),
    stack: { soft: 8_388_608n, hard: UNLIMITED },
    core: { soft: 0n, hard: UNLIMITED },
    nofile: { soft: 1_024n, hard: 1_024n },
  },
};

export function encodeInherited({ ignoredSignals, blockedSignals, personality, limits }: Inherited): Buffer {
  const writer = new ByteWriter().u64(ignoredSignals).u64(blockedSignals).u32(personality).u8(LIMITS.length);
  for (const name of LIMITS) writer.u64(limits[name].soft).u64(limits[name].hard);
  return writer.finish();
}

/** @throws MalformedError for what encodeInherited does not write. */
export function decodeInherited(bytes: Buffer): Inherited {
  const reader = new ByteReader(bytes);
  const [ignoredSignals, blockedSignals, personality] = [reader.u64(), reader.u64(), reader.u32()];
  const count = reader.u8();
  if (count < LIMITS.length || count > MAX_LIMITS) throw new MalformedError(`${count} limits`);
  const read = Array.from({ length: count }, () => ({ soft: reader.u64(), hard: reader.u64() }));
  if (reader.remaining > 0) throw new MalformedError('more than limits');
  const limits = Object.fromEntries(LIMITS.map((name, index) => [name, read[index]])) as Inherited['limits'];
  return { ignoredSignals, blockedSignals, personality, limits };
}
