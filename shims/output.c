/*
 * Output of the job, which is held until the job's end: if the job must run locally after all, none of it has been
 * shown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>

#include "shim.h"

/* A command with more output than this runs locally and writes it itself. */
#define HELD_LIMIT_BYTES ((size_t)256 * 1024 * 1024)

static struct {
	struct run {
		int fd;
		size_t length;
	} *runs;
	size_t run_count, run_room;
	unsigned char *bytes;
	size_t length, room;
} held;

bool grow(void **block, size_t *room, size_t wanted, size_t item) {
	if (wanted <= *room) return true;
	size_t larger = *room * 2 > wanted ? *room * 2 : wanted + 4096 / item;
	void *moved = realloc(*block, larger * item);
	if (!moved) return false;
	*block = moved;
	*room = larger;
	return true;
}

bool hold_output(int fd, const unsigned char *bytes, size_t length) {
	if (held.length + length > HELD_LIMIT_BYTES) return false;
	if (length == 0) return true;
	void *block = held.bytes;
	if (!grow(&block, &held.room, held.length + length, 1)) return false;
	held.bytes = block;
	memcpy(held.bytes + held.length, bytes, length);
	held.length += length;
	if (held.run_count == 0 || held.runs[held.run_count - 1].fd != fd) {
		block = held.runs;
		if (!grow(&block, &held.run_room, held.run_count + 1, sizeof *held.runs)) return false;
		held.runs = block;
		held.runs[held.run_count++] = (struct run){fd, 0};
	}
	held.runs[held.run_count - 1].length += length;
	return true;
}

bool write_all(int fd, const unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EAGAIN) {
			struct pollfd wait = {fd, POLLOUT, 0};
			poll(&wait, 1, -1);
			continue;
		}
		if (written < 0 && errno == EINTR) continue;
		if (written <= 0) return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* Discards the output of a job that does not count. */
void drop_held(void) {
	held.length = 0;
	held.run_count = 0;
}

/* A stream that is closed or full does not stop the other one. */
void write_held(void) {
	const unsigned char *at = held.bytes;
	bool broken[3] = {false, false, false};
	for (size_t index = 0; index < held.run_count; index++) {
		const struct run *run = &held.runs[index];
		if (!broken[run->fd]) broken[run->fd] = !write_all(run->fd, at, run->length);
		at += run->length;
	}
}
