/*
 * Inherited state of a job: it is read from the worker and set in the process that becomes the compiler.
 * src/protocol/runner.ts is the contract. Unaware of what runs.
 */
#define _GNU_SOURCE
#include <sys/personality.h>
#include <sys/stat.h>

#include "prun.h"

/* Asks personality(2) for the current value. */
#define ASK 0xffffffff
/* An environment fills at most one frame, and the rest is small. */
#define MAX_START_BYTES (MAX_FRAME_BYTES + 4096)

static bool read_all(int fd, unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t count = read(fd, bytes, length);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) return false;
		bytes += count;
		length -= (size_t)count;
	}
	return true;
}

/* The unread rest of the record. */
struct rest {
	unsigned char *at;
	size_t length;
};

/* NULL if the record is too short. */
static unsigned char *take(struct rest *rest, size_t length) {
	unsigned char *at = rest->at;
	if (length > rest->length) return NULL;
	rest->at += length;
	rest->length -= length;
	return at;
}

static bool read_streams(struct rest *rest, struct start *start) {
	const unsigned char *head = take(rest, 2);
	if (!head || head[1] > MAX_TERMINALS) return false;
	start->closed = head[0];
	start->terminal_count = head[1];
	for (int index = 0; index < start->terminal_count; index++) {
		struct terminal *terminal = &start->terminals[index];
		const unsigned char *at = take(rest, 9);
		if (!at || at[0] == 0 || at[0] > 7) return false;
		terminal->descriptors = at[0];
		terminal->size.ws_row = (unsigned short)get_number(at + 1, 2);
		terminal->size.ws_col = (unsigned short)get_number(at + 3, 2);
		terminal->size.ws_xpixel = (unsigned short)get_number(at + 5, 2);
		terminal->size.ws_ypixel = (unsigned short)get_number(at + 7, 2);
	}
	return true;
}

static bool read_inherited(struct rest *rest, struct start *start) {
	const unsigned char *at = take(rest, 4);
	size_t length = at ? get_number(at, 4) : 0;
	/* A later version may send more limits. */
	if (length < INHERITED_BYTES || !(at = take(rest, length)) || at[20] < LIMIT_COUNT) return false;
	start->ignored = get_number(at, 8);
	start->blocked = get_number(at + 8, 8);
	start->personality = get_number(at + 16, 4);
	at += 21;
	for (int limit = 0; limit < LIMIT_COUNT; limit++, at += 16) {
		start->limits[limit].rlim_cur = limit_from_wire(get_number(at, 8));
		start->limits[limit].rlim_max = limit_from_wire(get_number(at + 8, 8));
	}
	return true;
}

/* The entries point into the record, which stays allocated. */
static bool read_environment(struct rest *rest, struct start *start) {
	char *at = (char *)rest->at, *end = at + rest->length;
	if (rest->length > 0 && end[-1] != '\0') return false;
	for (const char *entry = at; entry < end; entry += strlen(entry) + 1) start->entries++;
	start->environment = calloc(start->entries + 2, sizeof *start->environment);
	if (!start->environment) return false;
	for (size_t index = 0; at < end; at += strlen(at) + 1) start->environment[index++] = at;
	return true;
}

bool read_start(int fd, struct start *start) {
	unsigned char head[4];
	if (!read_all(fd, head, sizeof head)) return false;
	struct rest rest = {NULL, get_number(head, 4)};
	if (rest.length > MAX_START_BYTES) return false;
	/* Kept until the job has become the compiler. */
	rest.at = malloc(rest.length + 1);
	if (!rest.at || !read_all(fd, rest.at, rest.length)) return false;
	return read_streams(&rest, start) && read_inherited(&rest, start) && read_environment(&rest, start);
}

/*
 * The values up to which a compile can observe a limit, for the case that this host's hard limit is lower. No compile
 * needs more descriptors than the usual default, and core files are the host's affair. gcc raises its stack to 64 MiB
 * if it may; no compiler raises another limit.
 */
static const struct rlimit enough[LIMIT_COUNT] = {
    [LIMIT_CPU] = {RLIM_INFINITY, 0},  [LIMIT_FSIZE] = {RLIM_INFINITY, 0},
    [LIMIT_DATA] = {RLIM_INFINITY, 0}, [LIMIT_STACK] = {RLIM_INFINITY, 64 << 20},
    [LIMIT_CORE] = {0, 0},             [LIMIT_NOFILE] = {1024, 0},
    [LIMIT_AS] = {RLIM_INFINITY, 0}};

static rlim_t lower(rlim_t one, rlim_t other) {
	return one < other ? one : other;
}

static bool set_limit(int limit, struct rlimit wanted) {
	struct rlimit now;
	rlim_t soft = lower(wanted.rlim_cur, enough[limit].rlim_cur), hard = lower(wanted.rlim_max, enough[limit].rlim_max);
	if (setrlimit(resource_of(limit), &wanted) == 0) return true;
	/* The hard limit cannot be exceeded: set it to that, if a compile cannot observe the difference. */
	if (getrlimit(resource_of(limit), &now) != 0) return false;
	wanted.rlim_max = lower(wanted.rlim_max, now.rlim_max);
	wanted.rlim_cur = lower(wanted.rlim_cur, wanted.rlim_max);
	return wanted.rlim_cur >= soft && wanted.rlim_max >= hard && setrlimit(resource_of(limit), &wanted) == 0;
}

static bool has_bit(uint64_t set, int number) {
	return (set >> (number - 1) & 1) != 0;
}

static void set_signals(const struct start *start) {
	sigset_t mask;
	sigemptyset(&mask);
	for (int number = 1; number < NSIG; number++) {
		if (!is_settable(number)) continue;
		signal(number, has_bit(start->ignored, number) ? SIG_IGN : SIG_DFL);
		if (has_bit(start->blocked, number)) sigaddset(&mask, number);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

int set_inherited(const struct start *start, int *value) {
	int set = personality(ASK);
	if (set != -1 && (unsigned long)set != start->personality && personality(start->personality) == -1) {
		*value = errno;
		return RUNNER_PERSONALITY_FAILED;
	}
	for (int limit = 0; limit < LIMIT_COUNT; limit++) {
		*value = limit;
		if (!set_limit(limit, start->limits[limit])) return RUNNER_LIMIT_FAILED;
	}
	set_signals(start);
	return 0;
}
