/**
 * Encoding of the hosts that messages name: peers, nodes with free slots, and waiters. Unaware of the messages around
 * them (wire.ts).
 */
import { isNodeName, isUserName, MAX_NODE_NAME_BYTES, MAX_USER_NAME_BYTES } from '../../protocol/names.ts';
import { MalformedError } from '../../util/bytes.ts';
import * as limits from '../core/limits.ts';
import { type FreeNode, type Peer, UNNAMED_WAITER, type Waiter } from '../core/messages.ts';
import type { FieldReader, FieldWriter } from './wire-fields.ts';

/** Writes a peer. */
export function writePeer({ nodeId, bootId, address }: Peer, to: FieldWriter): void {
  to.nodeId(nodeId).whole(bootId).name(address, limits.MAX_ADDRESS_BYTES);
}

/**
 * Reads a peer.
 * @throws MalformedError if a field does not fit
 */
export function readPeer(from: FieldReader): Peer {
  return { nodeId: from.nodeId(), bootId: from.whole(), address: readAddress(from) };
}

/** Writes a list of free nodes. */
export function writeFreeNodes(nodes: readonly FreeNode[], to: FieldWriter): void {
  to.list(nodes, limits.MAX_HINTS, (node) => {
    writePeer(node, to);
    to.u16(node.freeSlots).speed(node.speed);
  });
}

/**
 * Reads a list of free nodes.
 * @throws MalformedError if it is too long, or a field does not fit
 */
export function readFreeNodes(from: FieldReader): FreeNode[] {
  return from.list(limits.MAX_HINTS, () => ({ ...readPeer(from), freeSlots: from.u16(), speed: from.speed() }));
}

/** Writes a list of waiters. */
export function writeWaiters(waiters: readonly Waiter[], to: FieldWriter): void {
  // Plain names, because those of UNNAMED_WAITER are empty.
  to.list(waiters, limits.MAX_WAITERS, ({ nodeId, user }) =>
    to.name(nodeId, MAX_NODE_NAME_BYTES).name(user, MAX_USER_NAME_BYTES),
  );
}

/**
 * Reads a list of waiters.
 * @throws MalformedError if it is too long, or a name is invalid
 */
export function readWaiters(from: FieldReader): Waiter[] {
  return from.list(limits.MAX_WAITERS, () => readWaiter(from));
}

function readWaiter(from: FieldReader): Waiter {
  const nodeId = from.name(MAX_NODE_NAME_BYTES);
  const user = from.name(MAX_USER_NAME_BYTES);
  if (nodeId === UNNAMED_WAITER.nodeId && user === UNNAMED_WAITER.user) return UNNAMED_WAITER;
  if (!isNodeName(nodeId) || !isUserName(user)) throw new MalformedError('a name that nothing that waits may have');
  return { nodeId, user };
}

/** An opaque address; the transport checks it again. */
function readAddress(from: FieldReader): string {
  const address = from.name(limits.MAX_ADDRESS_BYTES);
  if (!/^[\x21-\x7e]*$/.test(address)) throw new MalformedError('an address with odd characters');
  return address;
}
