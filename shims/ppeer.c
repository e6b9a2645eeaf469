/*
 * ppeer, a helper of pmaked: it prints the peers of unix sockets, which Node cannot determine. The sockets are its file
 * descriptors from 3 on. It neither reads nor writes them. Unaware of what the sockets are for.
 *
 * Called as: ppeer COUNT    It prints one line for each socket, in order: "PID UID NAME", where NAME is the user's name
 * and may be empty, or "-" if the peer is unknown.
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
		/* The credentials are those at connect(2): a process that passes its socket on remains the peer. */
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || size != sizeof peer) {
			puts("-");
			continue;
		}
		const struct passwd *user = getpwuid(peer.uid);
		printf("%ld %lu %s\n", (long)peer.pid, (unsigned long)peer.uid, user ? user->pw_name : "");
	}
	return fflush(stdout) ? 1 : 0;
}
