/*
 * What the files of prun say to each other. Each part is declared under the name of the file that has it.
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

/* terminal.c: pseudo-terminals that stand for those of the submit host. */
struct terminal {
	unsigned descriptors; /* bit N: the job's descriptor N is this terminal */
	struct winsize size;
	int slave;            /* the job's end; -1 once it has it */
	int master;           /* ours; -1 once the other end is closed everywhere */
	int out;              /* where what is printed goes on to; -1 for nowhere */
	unsigned char held[4096];
	size_t length, sent;
};
/* Sets errno. */
bool open_terminal(struct terminal *terminal);
/* In the job. */
bool take_terminal(const struct terminal *terminal);
void close_slave(struct terminal *terminal);
/* What to wait for, and what to do when it is there. */
struct pollfd wait_for_terminal(const struct terminal *terminal);
void relay(struct terminal *terminal, const struct pollfd *ready);

/* start.c: what the worker says of the job's surroundings. */
struct start {
	unsigned closed; /* bit N: the job has no descriptor N */
	int terminal_count;
	struct terminal terminals[MAX_TERMINALS];
	uint64_t ignored, blocked;
	unsigned long personality;
	struct rlimit limits[LIMIT_COUNT];
	char **environment; /* with room for one entry more than `entries` */
	size_t entries;
};
bool read_start(int fd, struct start *start);
/* In the job, last of all: each of them may make something else impossible. 0, or the kind of failure, its value in *value. */
int set_inherited(const struct start *start, int *value);

#endif
