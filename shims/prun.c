/*
 * prun, the runner: starts one compiler for the worker, in a process group of its own, and says on fd 3 how it
 * ended and what it used. Node can neither set up a child so nor learn that. src/protocol/runner.ts is its contract.
 *
 * Called as: prun UMASK CWD PROGRAM WORDS...    Unaware of what it runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "protocol.h"

#define WORKER_FD 3

/* What a child that could not become the program sends through a close-on-exec pipe. */
struct failure {
	unsigned char kind, cause;
};

static uint64_t microseconds(const struct timeval *time) {
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void report(int kind, int value, const struct rusage *usage) {
	unsigned char record[RUNNER_REPORT_BYTES], *at = record;
	at = put_number(at, (uint64_t)kind, 1);
	at = put_number(at, (uint64_t)value, 1);
	at = put_number(at, 0, 2);
	at = put_number(at, (uint64_t)usage->ru_maxrss, 4);
	at = put_number(at, microseconds(&usage->ru_utime), 8);
	put_number(at, microseconds(&usage->ru_stime), 8);
	ssize_t written;
	do written = write(WORKER_FD, record, sizeof record);
	while (written < 0 && errno == EINTR);
}

/* The job's own call of ld or as must not be taken for a new job by a shim on this node's PATH. */
static void set_guard(const char *program) {
	size_t room = strlen(program) + 64;
	char *value = malloc(room);
	if (!value) return;
	snprintf(value, room, "1:%ld:p:%s", (long)getpid(), program);
	setenv(GUARD_VARIABLE, value, 1);
}

static void give_up(int pipe_fd, int kind) {
	struct failure failure = {(unsigned char)kind, (unsigned char)errno};
	if (write(pipe_fd, &failure, sizeof failure) != (ssize_t)sizeof failure) _exit(126);
	_exit(127);
}

static void become_job(char **argv, pid_t runner, int pipe_fd) {
	sigset_t none;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before that line. */
	if (getppid() != runner) _exit(127);
	for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask((mode_t)strtoul(argv[1], NULL, 8) & 0777);
	/* The owner of the node comes first; beside an idle one it costs nothing. At the limit it stays as it is. */
	(void)!nice(JOB_NICENESS);
	if (chdir(argv[2]) != 0) give_up(pipe_fd, RUNNER_CWD_FAILED);
	set_guard(argv[3]);
	execv(argv[3], argv + 3);
	/* Our own variable may be the one entry too many. */
	if (errno == E2BIG && unsetenv(GUARD_VARIABLE) == 0) execv(argv[3], argv + 3);
	give_up(pipe_fd, RUNNER_EXEC_FAILED);
}

/* True when the worker is gone. Its bytes are signals for the job, which is not reaped yet: the group is still ours. */
static bool take_orders(pid_t job) {
	unsigned char orders[64];
	ssize_t count = read(WORKER_FD, orders, sizeof orders);
	if (count < 0) return errno != EINTR && errno != EAGAIN;
	for (ssize_t index = 0; index < count; index++)
		if (orders[index] > 0 && orders[index] < NSIG) kill(-job, orders[index]);
	return count == 0;
}

/* From SIGTERM, on which gcc removes its temporary files, to SIGKILL: the job must be gone within a second. */
#define GRACE_MS 300

/* Waits for the job; ends its group when the worker goes or somebody ends the runner itself. */
static int await_job(pid_t job, int signals, struct rusage *usage) {
	bool is_ending = false;
	int status, patience = -1;
	for (;;) {
		pid_t ended = wait4(job, &status, WNOHANG, usage);
		if (ended == job) return status;
		struct pollfd wait[2] = {{signals, POLLIN, 0}, {is_ending ? -1 : WORKER_FD, POLLIN, 0}};
		int ready = poll(wait, 2, patience);
		if (ready < 0) continue;
		if (ready == 0) {
			kill(-job, SIGKILL);
			patience = -1;
			continue;
		}
		bool must_end = false;
		if (wait[0].revents) {
			struct signalfd_siginfo information;
			if (read(signals, &information, sizeof information) == (ssize_t)sizeof information &&
			    information.ssi_signo != SIGCHLD)
				must_end = true;
		}
		if (wait[1].revents && take_orders(job)) must_end = true;
		if (must_end && !is_ending) {
			kill(-job, SIGTERM);
			is_ending = true;
			patience = GRACE_MS;
		}
	}
}

int main(int argc, char **argv) {
	int failure_pipe[2], status, signals = -1;
	struct rusage usage = {0};
	struct failure failure;
	sigset_t watched;
	if (argc < 4 || fcntl(WORKER_FD, F_SETFD, FD_CLOEXEC) != 0) {
		fprintf(stderr, "prun: for pmake's worker only: prun UMASK CWD PROGRAM WORDS..., with fd 3 open\n");
		return 2;
	}
#ifdef SYS_close_range
	syscall(SYS_close_range, 4U, ~0U, 0U);
#endif
	signal(SIGPIPE, SIG_IGN);
	/* An ignored SIGCHLD would make wait4 lose the job's end. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGQUIT);
	sigaddset(&watched, SIGTERM);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	pid_t job = -1, runner = getpid();
	if (pipe2(failure_pipe, O_CLOEXEC) == 0 && (signals = signalfd(-1, &watched, SFD_CLOEXEC)) >= 0) job = fork();
	if (job < 0) {
		report(RUNNER_EXEC_FAILED, errno, &usage);
		return 1;
	}
	if (job == 0) become_job(argv, runner, failure_pipe[1]);
	/* On both sides: whichever comes first, the group is there before a signal is sent to it. */
	setpgid(job, job);
	close(failure_pipe[1]);
	status = await_job(job, signals, &usage);
	if (read(failure_pipe[0], &failure, sizeof failure) == (ssize_t)sizeof failure)
		report(failure.kind, failure.cause, &usage);
	else if (WIFSIGNALED(status))
		report(RUNNER_SIGNALLED, WTERMSIG(status), &usage);
	else
		report(RUNNER_EXITED, WEXITSTATUS(status), &usage);
	return 0;
}
