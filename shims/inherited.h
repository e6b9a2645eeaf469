/*
 * Encoding of the inherited state that the shim reports and the runner sets; src/protocol/inherited.ts is the contract.
 * The functions are inline because each program is linked separately.
 */
#ifndef PMAKE_INHERITED_H
#define PMAKE_INHERITED_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "protocol.h"

/* u64 ignored, u64 blocked, u32 personality, u8 count, then two u64 each. */
#define INHERITED_BYTES (8 + 8 + 4 + 1 + LIMIT_COUNT * 16)

static inline int resource_of(int limit) {
	static const int resources[LIMIT_COUNT] = {
	    [LIMIT_CPU] = RLIMIT_CPU,   [LIMIT_FSIZE] = RLIMIT_FSIZE,   [LIMIT_DATA] = RLIMIT_DATA, [LIMIT_STACK] = RLIMIT_STACK,
	    [LIMIT_CORE] = RLIMIT_CORE, [LIMIT_NOFILE] = RLIMIT_NOFILE, [LIMIT_AS] = RLIMIT_AS};
	return resources[limit];
}

static inline uint64_t limit_to_wire(rlim_t value) {
	return value == RLIM_INFINITY ? UINT64_MAX : (uint64_t)value;
}

static inline rlim_t limit_from_wire(uint64_t value) {
	return value == UINT64_MAX || value > (uint64_t)RLIM_INFINITY ? RLIM_INFINITY : (rlim_t)value;
}

/* The C library itself uses 32 and 33. */
static inline bool is_settable(int number) {
	return number != 32 && number != 33;
}

#endif
