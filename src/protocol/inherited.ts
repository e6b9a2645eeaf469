/**
 * Process attributes that a compile inherits and can observe, apart from argv, environment, directory, umask and
 * descriptors: resource limits, ignored and blocked signals, personality. The shim records its own, and the runner
 * applies them before it becomes the compiler. In between, the bytes are passed on unchanged as part of the job's
 * environment. Mirrored in shims/protocol.h.
 *
 * On the wire: u64 ignored signals, u64 blocked signals (bit N-1 is signal N), u32 personality(2), u8 number of limits,
 * and for each limit u64 soft, u64 hard, in the order of LIMITS. This list is append-only.
 *
 * Not transferred: priority (the node's owner comes first), scheduling class and affinity (meaningless on another
 * host), and limits on processes, locked memory and the like (RLIMIT_NPROC counts a user's processes on one host;
 * compilers do not lock memory).
 */
import { ByteReader, ByteWriter, MalformedError } from '../util/bytes.ts';

/** Resource limits by their setrlimit(2) names. Their numbers differ between architectures. */
export const LIMITS = ['cpu', 'fsize', 'data', 'stack', 'core', 'nofile', 'as'] as const;
/** The name of a resource limit. */
export type LimitName = (typeof LIMITS)[number];

/** RLIM_INFINITY. */
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;
/** Includes limits that later releases may append. */
const MAX_LIMITS = 32;

/** Units: seconds for cpu, a count for nofile, otherwise bytes. */
export interface ResourceLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** The inherited attributes. */
export interface Inherited {
  readonly ignoredSignals: bigint;
  readonly blockedSignals: bigint;
  readonly personality: number;
  readonly limits: Readonly<Record<LimitName, ResourceLimit>>;
}

/** The attributes of a process whose ancestors have set nothing. */
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

/** Encodes the attributes. */
export function encodeInherited({ ignoredSignals, blockedSignals, personality, limits }: Inherited): Buffer {
  const writer = new ByteWriter().u64(ignoredSignals).u64(blockedSignals).u32(personality).u8(LIMITS.length);
  for (const name of LIMITS) writer.u64(limits[name].soft).u64(limits[name].hard);
  return writer.finish();
}

/** @throws MalformedError for anything that encodeInherited does not write */
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
