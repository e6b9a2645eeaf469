/*
 * Signals that arrive while the job runs on a node: they are recorded, forwarded to the dispatcher, and finally raised
 * in this process.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "shim.h"

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
#define FORWARDED (sizeof forwarded / sizeof *forwarded)
static struct sigaction action_before[FORWARDED];
sigset_t mask_before;
static volatile sig_atomic_t arrived[FORWARDED];
int fatal; /* the first of HUP, INT, QUIT, TERM */

static void on_signal(int number) {
	for (size_t index = 0; index < FORWARDED; index++)
		if (forwarded[index] == number) arrived[index] = 1;
}

/* Handlers run only inside ppoll. Signals that the caller ignores (nohup) stay ignored. */
void watch_signals(void) {
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t watched;
	sigemptyset(&watched);
	for (size_t index = 0; index < FORWARDED; index++) sigaddset(&watched, forwarded[index]);
	sigprocmask(SIG_BLOCK, &watched, &mask_before);
	for (size_t index = 0; index < FORWARDED; index++) {
		sigaction(forwarded[index], NULL, &action_before[index]);
		if (action_before[index].sa_handler != SIG_IGN) sigaction(forwarded[index], &action, NULL);
	}
}

void unwatch_signals(void) {
	for (size_t index = 0; index < FORWARDED; index++) sigaction(forwarded[index], &action_before[index], NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

void forward_signals(int fd) {
	for (size_t index = 0; index < FORWARDED; index++) {
		if (!arrived[index]) continue;
		arrived[index] = 0;
		unsigned char frame[6];
		put_number(put_number(put_number(frame, 2, 4), FRAME_SIGNAL, 1), (uint32_t)forwarded[index], 1);
		/* If this fails, the end of the socket or the timeout will be noticed soon. */
		send_all(fd, frame, sizeof frame);
		if (!fatal && forwarded[index] != SIGUSR1 && forwarded[index] != SIGUSR2) fatal = forwarded[index];
	}
}

/* Dies by the same signal as the job. Only the job writes a core file. */
void die_by(int number) {
	struct rlimit none = {0, 0};
	sigset_t one;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	kill(getpid(), number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + number);
}
