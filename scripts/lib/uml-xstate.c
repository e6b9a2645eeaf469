/*
 * Lets a user-mode Linux of Debian's run on a processor with AMX. Preloaded by scripts/nfs-cluster.
 *
 * Before Linux 6.13, user-mode Linux keeps 2,696 bytes of each task's extended registers, which end with PKRU. On a
 * processor with AMX the whole area has 11,008 bytes, and PTRACE_SETREGSET refuses a part of it with EFAULT: the
 * kernel panics before its first process runs. Here the missing part is read first, and marked as unused.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* As Intel's manual lays out an XSAVE area: XSTATE_BV is behind the legacy region, with one bit for each component. */
#define STATES_OFFSET 512
#define UP_TO_PKRU ((UINT64_C(1) << 10) - 1)
#define MAX_AREA (64 * 1024)

typedef long Ptrace(enum __ptrace_request, ...);
static Ptrace *next;

__attribute__((constructor)) static void find_next(void) {
	next = (Ptrace *)dlsym(RTLD_NEXT, "ptrace");
}

/* Static, because it runs on a kernel stack of 16 KiB; only one thread of user-mode Linux traces. */
static long set_xstate(pid_t pid, void *note, const struct iovec *given) {
	static unsigned char area[MAX_AREA];
	struct iovec whole = {area, sizeof area};
	if (next(PTRACE_GETREGSET, pid, note, &whole) != 0) return -1;
	if (given->iov_len >= whole.iov_len) return next(PTRACE_SETREGSET, pid, note, given);
	memcpy(area, given->iov_base, given->iov_len);
	uint64_t states;
	memcpy(&states, area + STATES_OFFSET, sizeof states);
	states &= UP_TO_PKRU;
	memcpy(area + STATES_OFFSET, &states, sizeof states);
	return next(PTRACE_SETREGSET, pid, note, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
	va_list rest;
	va_start(rest, request);
	pid_t pid = va_arg(rest, pid_t);
	void *address = va_arg(rest, void *);
	void *data = va_arg(rest, void *);
	va_end(rest);
	if (request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE) return set_xstate(pid, address, data);
	return next(request, pid, address, data);
}
