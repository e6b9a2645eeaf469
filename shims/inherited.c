/*
 * Inherited state that a compile can observe, apart from arguments, environment and directory. Unaware of what the
 * dispatcher does with it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "inherited.h"
#include "shim.h"

/* Asks personality(2) for the current value. */
#define ASK 0xffffffff

static uint64_t ignored_signals(void) {
	uint64_t set = 0;
	struct sigaction action;
	for (int number = 1; number < NSIG; number++)
		if (is_settable(number) && sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			set |= (uint64_t)1 << (number - 1);
	return set;
}

static uint64_t blocked_signals(void) {
	uint64_t set = 0;
	sigset_t mask;
	if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0) return 0;
	for (int number = 1; number < NSIG; number++)
		if (is_settable(number) && sigismember(&mask, number) == 1) set |= (uint64_t)1 << (number - 1);
	return set;
}

/* The record is preceded by its length. */
unsigned char *put_inherited(unsigned char *at) {
	int set = personality(ASK);
	at = put_number(at, INHERITED_BYTES, 4);
	at = put_number(at, ignored_signals(), 8);
	at = put_number(at, blocked_signals(), 8);
	at = put_number(at, set == -1 ? 0 : (uint32_t)set, 4);
	at = put_number(at, LIMIT_COUNT, 1);
	for (int limit = 0; limit < LIMIT_COUNT; limit++) {
		struct rlimit value = {RLIM_INFINITY, RLIM_INFINITY};
		getrlimit(resource_of(limit), &value);
		at = put_number(at, limit_to_wire(value.rlim_cur), 8);
		at = put_number(at, limit_to_wire(value.rlim_max), 8);
	}
	return at;
}

/* src/protocol/streams.ts is the contract. */
unsigned char *put_streams(unsigned char *at) {
	struct stat found[3];
	unsigned closed = 0, terminals[3] = {0, 0, 0};
	unsigned char *count;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &found[fd]) != 0) {
			closed |= 1U << fd;
			continue;
		}
		if (!S_ISCHR(found[fd].st_mode) || !isatty(fd)) continue;
		int first = 0;
		while (first < fd && (terminals[first] == 0 || found[first].st_dev != found[fd].st_dev ||
		                      found[first].st_ino != found[fd].st_ino))
			first++;
		terminals[first] |= 1U << fd;
	}
	at = put_number(at, closed, 1);
	count = at++;
	*count = 0;
	for (int fd = 0; fd < 3; fd++) {
		struct winsize size = {0};
		if (terminals[fd] == 0) continue;
		ioctl(fd, TIOCGWINSZ, &size);
		at = put_number(at, terminals[fd], 1);
		at = put_number(put_number(at, size.ws_row, 2), size.ws_col, 2);
		at = put_number(put_number(at, size.ws_xpixel, 2), size.ws_ypixel, 2);
		(*count)++;
	}
	return at;
}
