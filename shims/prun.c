/*
 * prun, the runner: it starts one compiler for the worker in a new process group, and reports on fd 3 how it ended and
 * what it used. Node can neither set up a child in this way nor obtain these figures. src/protocol/runner.ts is the
 * contract. Unaware of what it runs. start.c sets the inherited state, terminal.c opens the terminals.
 *
 * Called as: prun UMASK CWD PROGRAM WORDS...
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "prun.h"

#define WORKER_FD 3

/* Sent through a close-on-exec pipe by a child that could not exec the program. */
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
static void set_guard(struct start *start, const char *program) {
	size_t room = strlen(program) + 64;
	char *entry = malloc(room);
	if (!entry) return;
	snprintf(entry, room, GUARD_VARIABLE "=1:%ld:p:%s", (long)getpid(), program);
	start->environment[start->entries] = entry;
}

static void give_up(int pipe_fd, int kind, int cause) {
	struct failure failure = {(unsigned char)kind, (unsigned char)cause};
	if (write(pipe_fd, &failure, sizeof failure) != (ssize_t)sizeof failure) _exit(126);
	_exit(127);
}

static void become_job(char **argv, struct start *start, pid_t runner, int pipe_fd) {
	int value;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The runner may have died before the previous line. */
	if (getppid() != runner) _exit(127);
	umask((mode_t)strtoul(argv[1], NULL, 8) & 0777);
	/* The node's owner takes precedence; with an idle owner, this costs nothing. At the limit, nice is a no-op. */
	(void)!nice(JOB_NICENESS);
	if (chdir(argv[2]) != 0) give_up(pipe_fd, RUNNER_CWD_FAILED, errno);
	set_guard(start, argv[3]);
	for (int index = 0; index < start->terminal_count; index++)
		if (!take_terminal(&start->terminals[index])) give_up(pipe_fd, RUNNER_TERMINAL_FAILED, errno);
	for (int fd = 0; fd < 3; fd++)
		if ((start->closed >> fd & 1) != 0) close(fd);
	int kind = set_inherited(start, &value);
	if (kind != 0) give_up(pipe_fd, kind, value);
	execve(argv[3], argv + 3, start->environment);
	/* The guard variable may be the one entry too many. */
	if (errno == E2BIG && start->environment[start->entries]) {
		start->environment[start->entries] = NULL;
		execve(argv[3], argv + 3, start->environment);
	}
	give_up(pipe_fd, RUNNER_EXEC_FAILED, errno);
}

/*
 * True if the worker is gone. The worker's bytes are signals for the job, which is not reaped yet, so its process group
 * is still valid.
 */
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
/* Processes that the job left running may print for this long; the worker has the same limit for pipes. */
#define DRAIN_MS 1000

/* Forwards output that arrives within `patience` ms (-1: no limit). Returns the number of ready descriptors. */
static int wait_and_relay(struct pollfd *wait, int others, struct start *start, int patience) {
	for (int index = 0; index < start->terminal_count; index++)
		wait[others + index] = wait_for_terminal(&start->terminals[index]);
	int ready = poll(wait, (nfds_t)(others + start->terminal_count), patience);
	if (ready > 0)
		for (int index = 0; index < start->terminal_count; index++) relay(&start->terminals[index], &wait[others + index]);
	return ready;
}

static bool is_drained(const struct start *start) {
	for (int index = 0; index < start->terminal_count; index++)
		if (start->terminals[index].master >= 0) return false;
	return true;
}

/* Forwards the job's last output, which may still be in flight after its end. */
static void drain(struct start *start) {
	struct pollfd wait[MAX_TERMINALS];
	long long deadline = now_ms() + DRAIN_MS;
	while (!is_drained(start)) {
		long long left = deadline - now_ms();
		if (left <= 0) return;
		wait_and_relay(wait, 0, start, (int)left);
	}
}

/* Waits for the job. Ends its process group if the worker exits or the runner itself is told to end. */
static int await_job(pid_t job, int signals, struct start *start, struct rusage *usage) {
	bool is_ending = false;
	int status;
	long long deadline = 0;
	for (;;) {
		pid_t ended = wait4(job, &status, WNOHANG, usage);
		if (ended == job) return status;
		struct pollfd wait[2 + MAX_TERMINALS] = {{signals, POLLIN, 0}, {is_ending ? -1 : WORKER_FD, POLLIN, 0}};
		long long left = deadline ? deadline - now_ms() : -1;
		if (deadline && left <= 0) {
			kill(-job, SIGKILL);
			deadline = 0;
			left = -1;
		}
		if (wait_and_relay(wait, 2, start, (int)left) <= 0) continue;
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
			deadline = now_ms() + GRACE_MS;
		}
	}
}

static bool open_terminals(struct start *start) {
	for (int index = 0; index < start->terminal_count; index++)
		if (!open_terminal(&start->terminals[index])) return false;
	return true;
}

int main(int argc, char **argv) {
	static struct start start;
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
	/* The worker is gone before it has sent the start record. */
	if (!read_start(WORKER_FD, &start)) return 1;
	if (!open_terminals(&start)) {
		report(RUNNER_TERMINAL_FAILED, errno, &usage);
		return 0;
	}
	pid_t job = -1, runner = getpid();
	if (pipe2(failure_pipe, O_CLOEXEC) == 0 && (signals = signalfd(-1, &watched, SFD_CLOEXEC)) >= 0) job = fork();
	if (job < 0) {
		report(RUNNER_EXEC_FAILED, errno, &usage);
		return 1;
	}
	if (job == 0) become_job(argv, &start, runner, failure_pipe[1]);
	for (int index = 0; index < start.terminal_count; index++) close_slave(&start.terminals[index]);
	/* Both processes call this, so that the group exists before a signal is sent to it. */
	setpgid(job, job);
	close(failure_pipe[1]);
	status = await_job(job, signals, &start, &usage);
	drain(&start);
	if (read(failure_pipe[0], &failure, sizeof failure) == (ssize_t)sizeof failure)
		report(failure.kind, failure.cause, &usage);
	else if (WIFSIGNALED(status))
		report(RUNNER_SIGNALLED, WTERMSIG(status), &usage);
	else
		report(RUNNER_EXITED, WEXITSTATUS(status), &usage);
	return 0;
}
