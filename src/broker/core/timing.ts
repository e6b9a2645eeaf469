/**
 * Every wait of the broker, with its reason. All in milliseconds of a clock that does not jump.
 * What they must add up to: a leader again within 1 s of losing one, grants again within 2 s.
 */

/**
 * The leader's sign of life. It wakes every free node, which is most of what an idle broker costs: as seldom as leaves
 * two in a row to be lost before anybody thinks of an election.
 */
export const HEARTBEAT_INTERVAL_MS = 200;
/** A follower stands after a silence between these two, drawn anew each time so that seldom two stand at once. */
export const ELECTION_TIMEOUT_MIN_MS = 500;
export const ELECTION_TIMEOUT_MAX_MS = 750;
/** How long a candidate waits for a refusal. Many round trips of a local network, and it stays under the second. */
export const VOTE_WINDOW_MS = 120;
/** A candidate says so again after this, in case the first datagram was lost. */
export const STAND_REPEAT_MS = 40;
/** A tick that comes this late means that this machine slept, so the silence may be its own. */
export const STALL_MS = 200;

/**
 * A node says again what it said last, in case that was lost, until the leader has noted it: announce on change, not on
 * a clock. The last of these goes on; with it, what was lost before the network was well again is said within 2 s.
 */
export const REPORT_REPEATS_MS: readonly number[] = [100, 400, 1_600];
/** Once in a while all the same: what a leader has not heard of for long, it forgets. */
export const REPORT_INTERVAL_MS = 10_000;
/** Three reports in a row lost, though each is repeated, is next to impossible: such a node is gone. */
export const NODE_FORGOTTEN_MS = 35_000;
/** A busy node says so this often, for whoever looks at the cluster; it hears nothing meanwhile. */
export const BUSY_REPORT_INTERVAL_MS = 240_000;
/** Two such reports lost, and it is gone. */
export const BUSY_FORGOTTEN_MS = 600_000;
/** Nodes that a new leader asks answer spread over this much for each node, so that they do not all answer at once. */
export const REPORT_SPREAD_PER_NODE_MS = 0.3;
export const REPORT_SPREAD_MAX_MS = 400;

/** An offer not answered by then is made once more. */
export const OFFER_REPEAT_MS = 50;
/** An offer not answered by then goes to the next node, and this one is asked whether it lives. */
export const OFFER_TIMEOUT_MS = 150;
/** When a node that did not answer is asked again; the last goes on until it answers or is forgotten. */
export const ASK_REPEATS_MS: readonly number[] = [150, 300, 600, 1_200];
/** A waiting request is dropped when its client has not repeated it for this long: the client is gone. */
export const REQUEST_SILENCE_MS = 3_500;
/** A granted request is remembered this long, for a client that asks again because the lease was lost on its way. */
export const GRANT_REMEMBERED_MS = 3_000;
/** How soon a leader looks again at offers, and at patience that ran out; the error this makes is small beside any of them. */
export const SWEEP_INTERVAL_MS = 25;

/** A lease ends this long after it was granted or last renewed. */
export const LEASE_TTL_MS = 10_000;
/** The first on a node is renewed after this: whether it may be kept is known before three seconds of use are over. */
export const FIRST_RENEW_MS = 2_000;
/** Leases are renewed this often ... */
export const LEASE_RENEW_MS = 3_000;
/** ... and again after this until the node answers: a dozen tries before the lease ends. */
export const RENEW_REPEAT_MS = 500;
/** Where nobody else waits, slots may be kept until the renewal after this one is answered, or its repetition. */
export const KEEP_MS = LEASE_RENEW_MS + 2 * RENEW_REPEAT_MS;
/**
 * A lease that was last asked for longer ago was read late, by a host that slept: while a request is open it is repeated
 * more often than this.
 */
export const LEASE_STALE_MS = 2_000;
/** A release is repeated until the node has said that it knows; then the lease's end frees the slot. */
export const RELEASE_REPEAT_MS = 200;
export const RELEASE_TRIES = 5;
/** After a restart of the broker alone its jobs still run: by then their holders have renewed, or know that they lost. */
export const RESTART_HOLD_MS = LEASE_TTL_MS + RELEASE_REPEAT_MS;

/** A request without any answer is repeated after this ... */
export const REQUEST_REPEAT_MS = 120;
/**
 * ... and one that the leader has queued, after this: a sign of life both ways, not a poll. While a build waits for
 * slots this is most of what client and leader say, and a leader that is lost is noticed this much later at most.
 */
export const REQUEST_KEEP_MS = 1_000;
/** No answer for this long: the leader is lost, and the client goes by its cached free list. */
export const LEADER_SILENCE_MS = 400;
/** Without a leader and without a node that takes the job, a request is answered with "none" after this. */
export const LEADERLESS_PATIENCE_MS = 2_000;
/** A node that is asked directly answers within this, or the next is asked. */
export const TAKE_TIMEOUT_MS = 150;
/** A client hears of free nodes this often at most while it asks, so that it has a list when the leader is lost. */
export const FREE_LIST_INTERVAL_MS = 1_000;
/** A cached free list older than this says nothing any more. */
export const FREE_LIST_KEPT_MS = 60_000;
