/*
 * Makes a file whose open does not return, as on a file server that is gone: holds a write lease on it (fcntl(2),
 * F_SETLEASE) and does not give it back. Called with the file's name; writes a line when the lease is held, and holds it
 * until its stdin ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char byte;
	int file = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
	/* The kernel asks for the lease by this, and waits. */
	signal(SIGIO, SIG_IGN);
	if (file < 0 || fcntl(file, F_SETLEASE, F_WRLCK) != 0 || write(1, "held\n", 5) != 5) return 1;
	return read(0, &byte, 1) < 0;
}
