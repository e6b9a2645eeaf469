/*
 * The command while the dispatcher has it: the shim sends the request, waits for the end, and exits as the remote job
 * did. dispatch() returns only if the command must run locally.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

/*
 * A request that is unread after READ_LIMIT_MS is not waiting for a slot: the dispatcher is stuck, unless it has used
 * CPU time meanwhile. A dispatcher that connects to fifty nodes from a few percent of a core needs longer; one that
 * spins delays each job by READ_MOST_MS.
 */
#define READ_LIMIT_MS 10000
#define READ_MOST_MS 60000
/* The threads of an idle Node use at most this much CPU time in READ_LIMIT_MS. */
#define STIR_MS 10
/* After Ctrl-C, the dispatcher has this long to report how the job ended. */
#define SIGNAL_LIMIT_MS 2000
/* A worker whose dispatcher is gone kills its jobs within 1 s; only then may the same job start locally. */
#define FENCE_MS 1500

enum verdict { UNDECIDED, RUN_LOCALLY, BROKEN };

static bool is_placed; /* a node has, or had, the job */
static bool is_spoilt; /* the job's outputs could not be put in place, so its end does not count */
static int connection; /* the socket of the dispatcher */

static void place(const unsigned char *payload, size_t length) {
	struct place_failure failure;
	unsigned char frame[4 + 1 + 9], *at = frame + 4;
	is_spoilt = !place_outputs(payload, length, &failure);
	at = put_number(put_number(at, FRAME_PLACED, 1), is_spoilt ? 0 : 1, 1);
	if (is_spoilt) at = put_number(put_number(at, failure.index, 4), failure.cause, 4);
	put_number(frame, (uint64_t)(at - frame - 4), 4);
	/* If this fails, the end of the socket will be noticed soon. */
	send_all(connection, frame, (size_t)(at - frame));
}

/* Handles one frame of the dispatcher. Does not return if the job has ended. */
static enum verdict take_frame(int type, const unsigned char *payload, size_t length) {
	switch (type) {
	case FRAME_RUN_LOCALLY:
		/* At the limit, the niceness stays as it is, which is enough. */
		if (length >= 1 && payload[0] < 40) (void)!nice(payload[0]);
		return RUN_LOCALLY;
	case FRAME_OUTPUT:
		if (length < 1 || (payload[0] != 1 && payload[0] != 2)) return BROKEN;
		return hold_output(payload[0], payload + 1, length - 1) ? UNDECIDED : BROKEN;
	case FRAME_NODE:
		is_placed = true;
		show_node(payload, length);
		return UNDECIDED;
	case FRAME_PLACE:
		place(payload, length);
		return UNDECIDED;
	case FRAME_EXITED:
	case FRAME_SIGNALLED:
		if (length < 1) return BROKEN;
		if (is_spoilt) {
			is_spoilt = false;
			drop_held();
			return UNDECIDED;
		}
		if (type == FRAME_SIGNALLED && (payload[0] == 0 || payload[0] >= NSIG)) return BROKEN;
		unwatch_signals();
		write_held();
		if (type == FRAME_SIGNALLED) die_by(payload[0]);
		_exit(type == FRAME_SIGNALLED ? 128 + payload[0] : payload[0]);
	default: /* FRAME_REFUSED, and frames of later versions */
		return BROKEN;
	}
}

static struct {
	unsigned char *bytes;
	size_t length, room;
} received;

/* Handles all complete frames that were received. */
static enum verdict take_frames(void) {
	size_t at = 0;
	enum verdict verdict = UNDECIDED;
	while (verdict == UNDECIDED && received.length - at >= 4) {
		const unsigned char *head = received.bytes + at;
		size_t length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
		if (length == 0 || length > MAX_FRAME_BYTES) return BROKEN;
		if (received.length - at < 4 + length) break;
		verdict = take_frame(head[4], head + 5, length - 1);
		at += 4 + length;
	}
	received.length -= at;
	memmove(received.bytes, received.bytes + at, received.length);
	return verdict;
}

static enum verdict receive(int fd) {
	void *block = received.bytes;
	if (!grow(&block, &received.room, received.length + 65536, 1)) return BROKEN;
	received.bytes = block;
	ssize_t length = recv(fd, received.bytes + received.length, received.room - received.length, MSG_DONTWAIT);
	if (length < 0 && (errno == EINTR || errno == EAGAIN)) return UNDECIDED;
	if (length <= 0) return BROKEN;
	received.length += (size_t)length;
	return take_frames();
}

/* A dispatcher may let a job wait for hours, but it reads at once what a shim sends. */
static bool is_unread(int fd) {
	int bytes = 0;
	return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* The pid of the process that listens at the other end; 0 if it is not visible from here. */
static pid_t peer_of(int fd) {
	struct ucred peer = {0};
	socklen_t length = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

static enum verdict await_verdict(int fd) {
	pid_t dispatcher = peer_of(fd);
	long long start = now_ms(), deadline = start + READ_LIMIT_MS, used = cpu_ms(dispatcher);
	bool is_dying = false;
	enum verdict verdict = UNDECIDED;
	while (verdict == UNDECIDED) {
		struct pollfd wait = {fd, POLLIN, 0};
		if (deadline && now_ms() >= deadline) {
			if (is_dying) return BROKEN;
			deadline = 0;
			if (is_unread(fd)) {
				long long now_used = cpu_ms(dispatcher);
				bool has_worked = now_used - used > STIR_MS;
				if (!has_worked || now_ms() - start >= READ_MOST_MS) return BROKEN;
				used = now_used;
				deadline = now_ms() + READ_LIMIT_MS;
			}
		}
		/* Read the clock once: a second reading may be past the deadline, and ppoll rejects a negative time. */
		long long left = deadline ? deadline - now_ms() : 0;
		if (left < 0) left = 0;
		struct timespec limit = {(time_t)(left / 1000), (long)(left % 1000 * 1000000)};
		int count = ppoll(&wait, 1, deadline ? &limit : NULL, &mask_before);
		if (count < 0 && errno != EINTR) return BROKEN;
		forward_signals(fd);
		if (fatal && !is_dying) {
			is_dying = true;
			deadline = now_ms() + SIGNAL_LIMIT_MS;
		}
		if (count > 0) verdict = receive(fd);
	}
	return verdict;
}

/* Returns if the command must run locally; true if the dispatcher counts it. */
bool dispatch(void) {
	int fd = reach_dispatcher();
	if (fd < 0) return false;
	connection = fd;
	if (!send_request(fd)) {
		close(fd);
		return false;
	}
	watch_signals();
	enum verdict verdict = await_verdict(fd);
	unwatch_signals();
	if (fatal) die_by(fatal);
	if (verdict == RUN_LOCALLY) {
		/* With a small limit on descriptors, the program may need them all: it then runs uncounted. */
		if (fd < HIGH_FD) close(fd);
		return true;
	}
	close(fd);
	if (is_placed) sleep_ms(FENCE_MS);
	return false;
}
