/*
 * The resource limits under which Node.js can live. It reserves far more address space than it uses, and where that is
 * refused it dies of a signal before it runs a line.
 */
#ifndef PMAKE_LIMITS_H
#define PMAKE_LIMITS_H

#include <sys/resource.h>

#include "common.h"

struct needed_limit {
	int resource;
	rlim_t least;
	const char *option; /* of ulimit */
	rlim_t unit;        /* of ulimit's figure */
	const char *what;
};

/*
 * Tried with Node 20 by lowering each until pmake or the dispatcher failed: 780 MB of addresses, 100 MB of data, 24 files;
 * with less data than 60 MB it hangs. Twice that, for other versions and larger builds. V8 takes a stack of 984 KiB for
 * granted. pmake uses some tenths of a second of CPU time to start, and some seconds in an hour.
 */
static const struct needed_limit needed_limits[] = {
	{RLIMIT_AS, (rlim_t)1536 * 1024 * 1024, "v", 1024, "address space"},
	{RLIMIT_DATA, (rlim_t)256 * 1024 * 1024, "d", 1024, "data"},
	{RLIMIT_STACK, (rlim_t)1024 * 1024, "s", 1024, "stack"},
	{RLIMIT_NOFILE, 64, "n", 1, "open files"},
	{RLIMIT_CPU, 60, "t", 1, "CPU time"},
};
#define NEEDED_LIMITS (sizeof needed_limits / sizeof *needed_limits)

/* The first limit that is too low for Node.js, and its value; NULL when there is none. */
static inline const struct needed_limit *limit_too_low(bool is_hard, rlim_t *value) {
	for (size_t index = 0; index < NEEDED_LIMITS; index++) {
		struct rlimit limit;
		if (getrlimit(needed_limits[index].resource, &limit) != 0) continue;
		*value = is_hard ? limit.rlim_max : limit.rlim_cur;
		if (*value != RLIM_INFINITY && *value < needed_limits[index].least) return &needed_limits[index];
	}
	return NULL;
}

#endif
