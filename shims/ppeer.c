/*
 * ppeer, for pmaked: says who is at the other end of unix sockets, which Node cannot learn. The sockets are its file
 * descriptors 3 and up. It reads and writes none of them.
 *
 * Called as: ppeer COUNT    One line for each, in order: "PID UID NAME", where NAME is the user's and may be empty, or
 * "-" for one whose peer is unknown. Unaware of what the sockets are for.
 */
#define _GNU_SOURCE
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define FIRST_FD 3

int main(int argc, char **argv) {
	int count = argc == 2 ? atoi(argv[1]) : 0;
	for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
		struct ucred peer;
		socklen_t size = sizeof peer;
		/* Of the moment of connect(2): a process that passes its socket on answers for it. */
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || size != sizeof peer) {
			puts("-");
			continue;
		}
		const struct passwd *user = getpwuid(peer.uid);
		printf("%ld %lu %s\n", (long)peer.pid, (unsigned long)peer.uid, user ? user->pw_name : "");
	}
	return fflush(stdout) ? 1 : 0;
}
