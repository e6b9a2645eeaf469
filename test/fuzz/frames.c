/*
 * libFuzzer: what pcc takes of the dispatcher's frames (job.c, place.c, output.c), by the very code. A
 * job's end would leave the process, so the types that end one are taken out; and no file is touched, whatever the moves say.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../../shims/job.c"
#include "../../shims/output.c"

static int refuse(void) {
	errno = EACCES;
	return -1;
}

#define unlink(path) ((void)(path), refuse())
#define rename(from, to) ((void)(from), (void)(to), refuse())
#define lchown(path, user, group) ((void)(path), refuse())
#define open(path, ...) ((void)(path), refuse())
#define utimensat(directory, path, times, flags) ((void)(path), (void)(times), refuse())
#include "../../shims/place.c"

char program[PATH_MAX];
const char *name = "gcc", *argv0 = "gcc";
char **words;
char runtime[PATH_MAX];
sigset_t mask_before;
int fatal;

int reach_dispatcher(void) { return -1; }
long long cpu_ms(pid_t pid) { (void)pid; return 0; }
bool send_request(int fd) { (void)fd; return false; }
bool send_all(int fd, const unsigned char *bytes, size_t length) { (void)fd; return length > 0 && bytes[0] != 0; }
void show_node(const unsigned char *node, size_t length) { volatile unsigned char last = length ? node[length - 1] : 0; (void)last; }
void watch_signals(void) {}
void unwatch_signals(void) {}
void forward_signals(int fd) { (void)fd; }
void die_by(int number) { (void)number; }

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
	/* In a block of its very length, so that one byte too many is seen. */
	received.bytes = malloc(size ? size : 1);
	if (!received.bytes) return 0;
	memcpy(received.bytes, data, size);
	received.length = received.room = size;
	for (size_t at = 0; at + 4 < size;) {
		size_t length = (size_t)get_number(received.bytes + at, 4);
		unsigned char *type = received.bytes + at + 4;
		if (*type == FRAME_EXITED || *type == FRAME_SIGNALLED || *type == FRAME_RUN_LOCALLY) *type = FRAME_NODE;
		if (length > size) break;
		at += 4 + length;
	}
	(void)take_frames();
	drop_held();
	free(received.bytes);
	received.bytes = NULL;
	received.length = received.room = 0;
	return 0;
}
