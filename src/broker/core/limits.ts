/**
 * Every limit on what a broker stores and sends. Together they keep each message within one datagram, and memory
 * bounded during a flood of messages.
 */

/** `address:port`, including an IPv6 scope. */
export const MAX_ADDRESS_BYTES = 56;
/** Numbers in one list of a message; longer lists are split across several messages. */
export const MAX_IDS = 64;
/** Leases in one message; they take more space than numbers. */
export const MAX_LEASES = 48;
/** Nodes that one request excludes because the job failed there. */
export const MAX_EXCLUDED = 8;
/** Nodes in one message: a client's free list, or a part of the roster. */
export const MAX_HINTS = 7;
/** A metric's name, a version, a reason: words that pmake itself defines. */
export const MAX_WORD_BYTES = 20;
/** Metrics in one node's description. */
export const MAX_METRICS = 10;
/** Reasons for dropped datagrams in one node's description. */
export const MAX_DROP_REASONS = 9;
/** Users named in one report. If more users share a node, it reports those with the most slots. */
export const MAX_USERS_REPORTED = 8;
/** Offers answered by one report. */
export const MAX_ANSWERS = 32;
/** Requests waiting at a leader. Beyond this a client is answered "none" at once and builds locally. */
export const MAX_WAITING = 20_000;
/** Waiters named in a heartbeat. */
export const MAX_WAITERS = 2;
/** Nodes a leader keeps track of; several times the design target of a thousand. */
export const MAX_NODES = 5_000;
/** Open requests of one client; its dispatchers queue further ones themselves. */
export const MAX_OPEN_REQUESTS = 2_000;
/** Longer than any build waits for a slot; longer patience is cut to this. */
export const MAX_PATIENCE_MS = 3_600_000;
/** Unsolicited leases that are being returned. Any beyond this limit expire on their node. */
export const MAX_UNASKED_LEASES = 1_000;
/** The highest counter of a term: the largest integer that a number represents exactly. */
export const MAX_TERM_COUNTER = Number.MAX_SAFE_INTEGER;
/** Requests tried per user if the first in line excludes every free node. */
export const MAX_LOOKAHEAD = 16;
/** Votes and refusals that a candidate gets from a large cluster: enough for a decision without a flood. */
export const MAX_VOTES_WANTED = 32;
/** Nodes asked directly for one request if there is no leader. */
export const MAX_TAKES = 4;
