/*
 * The recursion guard, by which calls from inside a job pass straight through a shim, and the exec of the real program,
 * in which every shim ends.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "shim.h"

#define MAX_ANCESTORS 64

struct guard guard;

/* Also true if there is no /proc: one local job too many is better than two that wait for one slot. */
static bool is_ancestor(pid_t wanted) {
	pid_t pid = getpid();
	for (int level = 0; level < MAX_ANCESTORS && pid > 0; level++) {
		if (pid == wanted) return true;
		char path[32], line[512];
		format(path, sizeof path, "/proc/%ld/stat", (long)pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) return level == 0;
		ssize_t length = read(fd, line, sizeof line - 1);
		close(fd);
		if (length <= 0) return false;
		line[length] = '\0';
		/*
		 * The format is `pid (comm) state ppid`. comm may contain anything, so parse from its last parenthesis.
		 */
		const char *after = strrchr(line, ')');
		long parent;
		if (!after || sscanf(after, ") %*c %ld", &parent) != 1) return false;
		pid = (pid_t)parent;
	}
	return false;
}

void read_guard(void) {
	const char *value = setting(GUARD_VARIABLE);
	if (!value) return;
	char *rest;
	long depth = strtol(value, &rest, 10);
	if (*rest != ':' || depth < 0 || depth > GUARD_MAX_DEPTH) return;
	long pid = strtol(rest + 1, &rest, 10);
	if (rest[0] != ':' || !rest[1] || rest[2] != ':') return;
	guard.set = true;
	guard.depth = (int)depth;
	guard.pid = (pid_t)pid;
	guard.mode = rest[1];
	guard.path = rest + 3;
}

/* A daemon that a job left behind keeps the variable forever, so it counts only in descendants of the job itself. */
bool is_inside_job(void) {
	if (!guard.set || guard.mode != 'p') return false;
	guard.set = is_ancestor(guard.pid);
	return guard.set;
}

void check_depth(void) {
	if (guard.depth < GUARD_MAX_DEPTH) return;
	fprintf(stderr,
	        "%s: pmake and a compiler wrapper call each other without end (%d times, the last was %s).\n"
	        "%s: a wrapper there starts \"%s\" through PATH and finds itself again; let it name the compiler by its "
	        "full path, or take its directory out of PATH.\n",
	        name, guard.depth, guard.path, name, name);
	_exit(GUARD_EXIT_CODE);
}

static void set_guard(char mode) {
	char value[PATH_MAX + 64];
	if (format(value, sizeof value, "%d:%ld:%c:%s", guard.depth + 1, (long)getpid(), mode, program))
		setenv(GUARD_VARIABLE, value, 1);
}

void run_program(char mode) {
	set_guard(mode);
	words[0] = (char *)argv0;
	execv(program, words);
	/* The guard variable may be the one entry too many. */
	if (errno == E2BIG && unsetenv(GUARD_VARIABLE) == 0) execv(program, words);
	if (errno == ENOEXEC) {
		/* Run a script without #! as execvp(3) and every shell do. */
		size_t count = 0;
		while (words[count]) count++;
		char **shell = calloc(count + 2, sizeof *shell);
		if (shell) {
			shell[0] = (char *)"/bin/sh";
			memcpy(shell + 1, words, count * sizeof *shell);
			shell[1] = program;
			execv("/bin/sh", shell);
		}
	}
	int code = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "%s: %s: %s\n", name, program, strerror(errno));
	_exit(code);
}
