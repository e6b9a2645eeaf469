/**
 * Every bound on what a broker holds and sends. Together they keep each message within a datagram and a
 * flood of them within memory.
 */

/** `address:port`, IPv6 with a scope included. */
export const MAX_ADDRESS_BYTES = 56;
/** Numbers in one list of a message; longer lists go as several messages. */
export const MAX_IDS = 64;
/** Leases in one message, which take more room than numbers. */
export const MAX_LEASES = 48;
/** Nodes that one request excludes: those that failed the job before. */
export const MAX_EXCLUDED = 8;
/** Nodes in one message: a client's cached list, a part of a roster. */
export const MAX_HINTS = 7;
/** A metric's name, a version, a reason: words of ours. */
export const MAX_WORD_BYTES = 20;
/** Metrics in one description of a node. */
export const MAX_METRICS = 10;
/** Reasons for which datagrams were dropped, in the same. */
export const MAX_DROP_REASONS = 9;
/** Users named in one report; a node whose slots more users share reports the largest. */
export const MAX_USERS_REPORTED = 8;
/** Offers that one report answers. */
export const MAX_ANSWERS = 32;
/** Requests waiting at a leader. Beyond this a client is told "none" at once and builds at home. */
export const MAX_WAITING = 20_000;
/** Waiters named in a heartbeat. */
export const MAX_WAITERS = 2;
/** Nodes that a leader keeps; a few times the thousand that are aimed at. */
export const MAX_NODES = 5_000;
/** Open requests of one client; its dispatchers queue the rest themselves. */
export const MAX_OPEN_REQUESTS = 2_000;
/** Longer than a build waits for a slot; a client that asks for more gets this. */
export const MAX_PATIENCE_MS = 3_600_000;
/** Leases that no client here asked for and that are being given back. A node ends those beyond by itself. */
export const MAX_UNASKED_LEASES = 1_000;
/** The highest counter of a term. It still is a number of its own in a datagram. */
export const MAX_TERM_COUNTER = Number.MAX_SAFE_INTEGER;
/** Requests looked at per user when the first in line excludes every node that is free. */
export const MAX_LOOKAHEAD = 16;
/** Votes (and refusals) that a candidate gets from a large cluster: enough to know, and no flood. */
export const MAX_VOTES_WANTED = 32;
/** Nodes tried directly for one request when there is no leader. */
export const MAX_TAKES = 4;
