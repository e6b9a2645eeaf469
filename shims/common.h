/*
 * Helpers that the C programs share. They are inline because each program is linked separately, and the preload library
 * without a C library: it may use only base_name and holds_mark.
 */
#ifndef PMAKE_COMMON_H
#define PMAKE_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

/*
 * File descriptors that outlive execv must not have low numbers: gcc -flto takes the "3,4" in MAKEFLAGS for a jobserver
 * if these are open.
 */
#define HIGH_FD 64

static inline bool format(char *out, size_t size, const char *pattern, ...) {
	va_list list;
	va_start(list, pattern);
	int length = vsnprintf(out, size, pattern, list);
	va_end(list);
	return length >= 0 && (size_t)length < size;
}

static inline long long now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms) {
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
}

/* The value of the environment variable, or NULL if it is unset or empty. */
static inline const char *setting(const char *variable) {
	const char *value = getenv(variable);
	return value && *value ? value : NULL;
}

static inline bool is_on(const char *variable) {
	const char *value = setting(variable);
	return value && strcmp(value, "0") != 0;
}

/* Whether Node.js, or a library that it is linked with, reads this entry of the environment. */
static inline bool is_read_by_node(const char *entry) {
	static const char *const beginnings[] = {"NODE_", "UV_", "OPENSSL_CONF="};
	for (size_t index = 0; index < sizeof beginnings / sizeof *beginnings; index++)
		if (strncmp(entry, beginnings[index], strlen(beginnings[index])) == 0) return true;
	return false;
}

static inline const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Whether the first bytes of a file contain the mark that every pcc carries. */
static inline bool holds_mark(const unsigned char *bytes, size_t length) {
	const size_t wanted = sizeof SHIM_MARK;
	for (size_t at = 0; at + wanted <= length; at++)
		if (bytes[at] == SHIM_MARK[0] && memcmp(bytes + at, SHIM_MARK, wanted) == 0) return true;
	return false;
}

/* If the soft limit on descriptors is lower, it is raised temporarily: descriptors above the limit stay open. */
static inline int duplicate_high(int fd, int command) {
	struct rlimit now, more;
	int high = fcntl(fd, command, HIGH_FD);
	if (high >= 0 || errno != EINVAL || getrlimit(RLIMIT_NOFILE, &now) != 0) return high;
	more = now;
	more.rlim_cur = 2 * HIGH_FD < now.rlim_max ? 2 * HIGH_FD : now.rlim_max;
	if (more.rlim_cur <= HIGH_FD || setrlimit(RLIMIT_NOFILE, &more) != 0) return -1;
	high = fcntl(fd, command, HIGH_FD);
	setrlimit(RLIMIT_NOFILE, &now);
	return high;
}

/*
 * Moves fd away from 0-2, which the caller may have closed, and from the jobserver's numbers. Closes fd; -1 on failure.
 */
static inline int move_high(int fd, bool cloexec) {
	if (fd < 0) return -1;
	int high = duplicate_high(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD);
	close(fd);
	return high;
}

/* Little-endian. */
static inline uint64_t get_number(const unsigned char *at, int bytes) {
	uint64_t value = 0;
	while (bytes > 0) value = value << 8 | at[--bytes];
	return value;
}

/* Little-endian. Returns the position after the number. */
static inline unsigned char *put_number(unsigned char *at, uint64_t value, int bytes) {
	for (; bytes > 0; bytes--, value >>= 8) *at++ = (unsigned char)value;
	return at;
}

#endif
