/*
 * Declarations shared by the files of prun, under the name of the file that defines them.
 */
#ifndef PMAKE_PRUN_H
#define PMAKE_PRUN_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "common.h"
#include "inherited.h"
#include "protocol.h"

#define MAX_TERMINALS 3

/* terminal.c: pseudo-terminals that take the place of those of the submit host. */
struct terminal {
	unsigned descriptors; /* bit N: the job's descriptor N is this terminal */
	struct winsize size;
	int slave;            /* the job's end; -1 once the job has it */
	int master;           /* the runner's end; -1 once the other end is closed everywhere */
	int out;              /* the descriptor that output is forwarded to; -1 for none */
	unsigned char held[4096];
	size_t length, sent;
};
/* Sets errno. */
bool open_terminal(struct terminal *terminal);
/* Called in the job. */
bool take_terminal(const struct terminal *terminal);
void close_slave(struct terminal *terminal);
/* The event to wait for, and its handler. */
struct pollfd wait_for_terminal(const struct terminal *terminal);
void relay(struct terminal *terminal, const struct pollfd *ready);

/* start.c: the job's inherited state, as the worker sends it. */
struct start {
	unsigned closed; /* bit N: the job has no descriptor N */
	int terminal_count;
	struct terminal terminals[MAX_TERMINALS];
	uint64_t ignored, blocked;
	unsigned long personality;
	struct rlimit limits[LIMIT_COUNT];
	char **environment; /* with room for one more than `entries` */
	size_t entries;
};
bool read_start(int fd, struct start *start);
/*
 * Called in the job, after everything else, because each setting may make other operations impossible. Returns 0, or
 * the kind of failure with its value in *value.
 */
int set_inherited(const struct start *start, int *value);

#endif
