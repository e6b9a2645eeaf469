/*
 * Limit on local compiles while no dispatcher counts them: one locked file per slot. Unaware of what a command means,
 * except for whether it certainly ends by itself (special-files.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

/* The interval at which the first process in the queue checks for a free slot. */
#define SLOT_LOOK_MS 5
#define MAX_LOCAL_SLOTS 4096

/*
 * Only a command that certainly ends by itself is limited: of two compilers in a pipeline, one must not wait for the
 * other's slot.
 */
static bool is_limited(void) {
	struct word_facts facts = look_at_words();
	return facts.compiles && !facts.preprocesses && !facts.names_special;
}

static long local_slots(void) {
	const char *value = setting("PMAKE_LOCAL_SLOTS");
	long count = value ? strtol(value, NULL, 10) : 0;
	if (count >= 1 && count <= MAX_LOCAL_SLOTS) return count;
	cpu_set_t allowed;
	count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
	return count >= 1 ? count : 1;
}

/* Locks a free slot through a file description that the compiler inherits, so that its end frees the slot. */
static enum slot { TAKEN, ALL_BUSY, UNUSABLE } try_slots(long count) {
	char file[32];
	for (long index = 0; index < count; index++) {
		format(file, sizeof file, "slots/%ld", index);
		int fd = move_high(open_in_runtime(file, O_RDWR), false);
		if (fd < 0) return UNUSABLE;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) return TAKEN;
		close(fd);
	}
	return ALL_BUSY;
}

/*
 * Only one process at a time checks for a free slot, while the others wait for it, so that any slot that is freed is
 * used.
 */
void take_slot(void) {
	char directory[PATH_MAX];
	if (!*runtime || !is_limited()) return;
	if (!format(directory, sizeof directory, "%s/slots", runtime)) return;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) return;
	long count = local_slots();
	if (try_slots(count) != ALL_BUSY) return;
	int queue = move_high(open_in_runtime("slots/queue", O_RDWR | O_CLOEXEC), true);
	while (queue >= 0 && flock(queue, LOCK_EX) != 0 && errno == EINTR) {
	}
	while (try_slots(count) == ALL_BUSY) sleep_ms(SLOT_LOOK_MS);
}
