/*
 * Pseudo-terminals: if stdin, stdout or stderr is a terminal on the submit host, the job has one of the same size. It
 * is raw, so that bytes pass unchanged; the user's terminal processes them. Reading from it returns end of file.
 * Unaware of jobs.
 */
#define _GNU_SOURCE
#include <termios.h>

#include "prun.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Opens it through the master, because /dev/pts may be another instance. Kernels before 4.13 need the name. */
static int open_slave(int master) {
	int flags = O_RDWR | O_NOCTTY | O_CLOEXEC, slave = ioctl(master, TIOCGPTPEER, flags);
	unsigned number;
	char path[32];
	if (slave >= 0 || ioctl(master, TIOCGPTN, &number) != 0 || !format(path, sizeof path, "/dev/pts/%u", number)) return slave;
	return open(path, flags);
}

static bool make_raw(int slave) {
	struct termios mode;
	if (tcgetattr(slave, &mode) != 0) return false;
	cfmakeraw(&mode);
	/* A read does not wait for input, as from /dev/null. */
	mode.c_cc[VMIN] = 0;
	mode.c_cc[VTIME] = 0;
	return tcsetattr(slave, TCSANOW, &mode) == 0;
}

bool open_terminal(struct terminal *terminal) {
	int locked = 0;
	terminal->length = terminal->sent = 0;
	terminal->out = terminal->descriptors & 4 ? 2 : terminal->descriptors & 2 ? 1 : -1;
	terminal->master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (terminal->master < 0 || ioctl(terminal->master, TIOCSPTLCK, &locked) != 0) return false;
	terminal->slave = open_slave(terminal->master);
	return terminal->slave >= 0 && make_raw(terminal->slave) && ioctl(terminal->slave, TIOCSWINSZ, &terminal->size) == 0;
}

bool take_terminal(const struct terminal *terminal) {
	for (int fd = 0; fd < 3; fd++)
		if ((terminal->descriptors >> fd & 1) != 0 && dup2(terminal->slave, fd) < 0) return false;
	return true;
}

void close_slave(struct terminal *terminal) {
	close(terminal->slave);
	terminal->slave = -1;
}

struct pollfd wait_for_terminal(const struct terminal *terminal) {
	if (terminal->sent < terminal->length) return (struct pollfd){terminal->out, POLLOUT, 0};
	return (struct pollfd){terminal->master, POLLIN, 0};
}

/* Writes no more than a ready pipe accepts at once: a worker that does not read must not block the runner. */
static void send_held(struct terminal *terminal) {
	ssize_t count = write(terminal->out, terminal->held + terminal->sent, terminal->length - terminal->sent);
	if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
	/* The worker is gone, so output is discarded. */
	if (count < 0) terminal->out = -1;
	terminal->sent = count < 0 ? terminal->length : terminal->sent + (size_t)count;
}

static void take_printed(struct terminal *terminal) {
	ssize_t count = read(terminal->master, terminal->held, sizeof terminal->held);
	if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
	if (count <= 0) {
		/* EIO means that the last process has closed the other end, and all output was read. */
		close(terminal->master);
		terminal->master = -1;
		return;
	}
	terminal->sent = 0;
	terminal->length = terminal->out < 0 ? 0 : (size_t)count;
}

void relay(struct terminal *terminal, const struct pollfd *ready) {
	if (ready->revents == 0 || ready->fd < 0) return;
	if (terminal->sent < terminal->length)
		send_held(terminal);
	else
		take_printed(terminal);
}
