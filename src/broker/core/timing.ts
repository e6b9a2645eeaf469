/**
 * Every delay and timeout of the broker, with its reason. All are in milliseconds of a monotonic clock. Together they
 * must provide a new leader within 1 s of losing one, and grants within 2 s.
 */

/**
 * Interval of the leader's heartbeats. A heartbeat wakes every free node, which is most of the overhead of an idle
 * broker. The interval is as long as it can be while two in a row may be lost before a follower starts an election.
 */
export const HEARTBEAT_INTERVAL_MS = 200;
/**
 * A follower stands for election after a silence between these two. Each timeout is drawn at random, so that two nodes
 * seldom stand at once.
 */
export const ELECTION_TIMEOUT_MIN_MS = 500;
export const ELECTION_TIMEOUT_MAX_MS = 750;
/**
 * How long a candidate waits for a refusal: many round trips of a local network, and short enough for a leader within a
 * second.
 */
export const VOTE_WINDOW_MS = 120;
/** A candidate repeats its candidacy after this, in case the first datagram was lost. */
export const STAND_REPEAT_MS = 40;
/** A tick that is this late means that this machine slept, so the silence may be its own. */
export const STALL_MS = 200;

/**
 * A node repeats its last report at these delays until the leader acknowledges it: reports are sent on change, not on a
 * timer. The last delay recurs, so that a report lost during a network failure arrives within 2 s of the recovery.
 */
export const REPORT_REPEATS_MS: readonly number[] = [100, 400, 1_600];
/** A report is due after this even without a change, because a leader forgets silent nodes. */
export const REPORT_INTERVAL_MS = 10_000;
/** Losing three reports in a row, each of them repeated, is next to impossible: such a node is gone. */
export const NODE_FORGOTTEN_MS = 35_000;
/** A busy node reports at this interval for status displays; it hears nothing in the meantime. */
export const BUSY_REPORT_INTERVAL_MS = 240_000;
/** A busy node is forgotten after two such reports are lost. */
export const BUSY_FORGOTTEN_MS = 600_000;
/** Reports to a new leader are spread over this much time per node, so that they do not all arrive at once. */
export const REPORT_SPREAD_PER_NODE_MS = 0.3;
export const REPORT_SPREAD_MAX_MS = 400;

/** An unanswered offer is repeated after this. */
export const OFFER_REPEAT_MS = 50;
/** An unanswered offer goes to the next node after this, and the silent node is asked for a sign of life. */
export const OFFER_TIMEOUT_MS = 150;
/** Delays between the questions to a silent node; the last one recurs until the node answers or is forgotten. */
export const ASK_REPEATS_MS: readonly number[] = [150, 300, 600, 1_200];
/** A waiting request is dropped if its client has not repeated it for this long: the client is gone. */
export const REQUEST_SILENCE_MS = 3_500;
/** A granted request is remembered this long, for a client that repeats it because the lease was lost on the way. */
export const GRANT_REMEMBERED_MS = 3_000;
/** Interval at which a leader checks offers and expired patience; the resulting error is small against either. */
export const SWEEP_INTERVAL_MS = 25;

/** A lease expires this long after it was granted or last renewed. */
export const LEASE_TTL_MS = 10_000;
/**
 * The first lease on a node is renewed after this, so that its holder knows within three seconds whether it may keep
 * it.
 */
export const FIRST_RENEW_MS = 2_000;
/** Interval of lease renewals. */
export const LEASE_RENEW_MS = 3_000;
/** An unanswered renewal is repeated at this interval: about a dozen tries before the lease expires. */
export const RENEW_REPEAT_MS = 500;
/** If no other waiter needs it, a slot may be kept until the next renewal is answered, with one repetition to spare. */
export const EXTEND_MS = LEASE_RENEW_MS + 2 * RENEW_REPEAT_MS;
/**
 * A lease whose request was last sent longer ago than this was read late, by a host that slept: open requests are
 * repeated more often.
 */
export const LEASE_STALE_MS = 2_000;
/**
 * A release is repeated until the node acknowledges it; after the last try the slot is freed when the lease expires.
 */
export const RELEASE_REPEAT_MS = 200;
export const RELEASE_TRIES = 5;
/**
 * Jobs survive a restart of the broker alone. After this delay their holders have renewed, or know that they lost the
 * lease.
 */
export const RESTART_HOLD_MS = LEASE_TTL_MS + RELEASE_REPEAT_MS;

/** An unanswered request is repeated after this. */
export const REQUEST_REPEAT_MS = 120;
/**
 * A queued request is repeated after this. It is a sign of life in both directions rather than a poll. While a build
 * waits for slots this is most of the traffic between client and leader, and the upper bound for noticing a lost
 * leader.
 */
export const REQUEST_KEEP_MS = 1_000;
/** Without an answer for this long, the client considers the leader lost and uses its cached free list. */
export const LEADER_SILENCE_MS = 400;
/** Without a leader and without a node that accepts the job, a request is answered "none" after this. */
export const LEADERLESS_PATIENCE_MS = 2_000;
/** A node that is asked directly must answer within this; otherwise the client asks the next one. */
export const TAKE_TIMEOUT_MS = 150;
/** Minimum interval between free lists for a client that requests slots; it uses them if the leader is lost. */
export const FREE_LIST_INTERVAL_MS = 1_000;
/** A cached free list older than this is stale. */
export const FREE_LIST_KEPT_MS = 60_000;
