/*
 * A compiler that takes SLEEPING_CC_MS (default: 1,000) and almost no CPU time for each compile, for benchmarks of how
 * jobs spread. Named gcc and first in PATH, it creates an empty file for each `-c ... -o FILE`; the real one in
 * /usr/bin handles all other calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
	const char *object = NULL, *set = getenv("SLEEPING_CC_MS");
	bool compiles = false;
	for (int index = 1; index < argc; index++) {
		if (!strcmp(argv[index], "-c")) compiles = true;
		else if (!strcmp(argv[index], "-o") && index + 1 < argc) object = argv[index + 1];
	}
	if (compiles && object && strcmp(object, "/dev/null") != 0) {
		long milliseconds = set ? atol(set) : 1000;
		struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
		while (nanosleep(&left, &left) != 0 && errno == EINTR);
		int out = open(object, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		return out >= 0 && close(out) == 0 ? 0 : 1;
	}
	execv("/usr/bin/gcc", argv);
	fprintf(stderr, "sleeping-cc: /usr/bin/gcc: %s\n", strerror(errno));
	return 127;
}
