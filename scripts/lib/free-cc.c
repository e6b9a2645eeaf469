/*
 * A compiler that costs nothing, for benchmarks of what a build takes apart from its compiles (make, shells, links).
 * Named gcc (cc, g++ ...) and first in PATH, it replaces /usr/bin/NAME. FREE_CC_STASH is the directory that keeps
 * results, under their path relative to the build directory. With FREE_CC_RECORD set, it runs the real compiler and
 * keeps the results; without it, it puts the kept files in place. If a result was not kept, it runs the real compiler.
 * It knows two ways to request a depfile, kbuild's (-Wp,-MMD,FILE) and -MF FILE; it keeps no compile without a depfile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool make_parents(char *path) {
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		bool made = mkdir(path, 0755) == 0 || errno == EEXIST;
		*slash = '/';
		if (!made) return false;
	}
	return true;
}

static bool copy(const char *from, const char *to) {
	struct stat status;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0) return false;
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool copied = out >= 0 && fstat(in, &status) == 0;
	while (copied && status.st_size > 0) {
		ssize_t length = sendfile(out, in, NULL, (size_t)status.st_size);
		if (length <= 0) copied = false;
		else status.st_size -= length;
	}
	close(in);
	if (out >= 0 && close(out) != 0) copied = false;
	return copied;
}

static const char *path_in_stash(char *buffer, const char *stash, const char *output) {
	int length = snprintf(buffer, PATH_MAX, "%s/%s", stash, output);
	return length > 0 && length < PATH_MAX ? buffer : NULL;
}

int main(int argc, char **argv) {
	const char *stash = getenv("FREE_CC_STASH"), *object = NULL, *depfile = NULL;
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char real[PATH_MAX], kept_object[PATH_MAX], kept_depfile[PATH_MAX];
	bool compiles = false;
	for (int index = 1; index < argc; index++) {
		if (!strcmp(argv[index], "-c")) compiles = true;
		else if (!strcmp(argv[index], "-o") && index + 1 < argc) object = argv[index + 1];
		else if (!strncmp(argv[index], "-Wp,-MMD,", 9)) depfile = argv[index] + 9;
		else if (!strcmp(argv[index], "-MF") && index + 1 < argc) depfile = argv[index + 1];
	}
	/*
	 * Absolute, above the tree, or a probe of the compiler (.tmp_123/tmp): these are not the build's own objects.
	 */
	bool kept = stash && compiles && object && depfile && *object != '/' && *object != '.' && !strstr(object, "..");
	kept = kept && path_in_stash(kept_object, stash, object) && path_in_stash(kept_depfile, stash, depfile);
	if (snprintf(real, sizeof real, "/usr/bin/%s", name) >= (int)sizeof real) return 127;
	argv[0] = real;
	if (kept && getenv("FREE_CC_RECORD")) {
		pid_t child = fork();
		if (child == 0) {
			execv(real, argv);
			_exit(127);
		}
		int status;
		if (child < 0 || waitpid(child, &status, 0) < 0) return 127;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		bool stored = make_parents(kept_object) && copy(object, kept_object) && make_parents(kept_depfile);
		return stored && copy(depfile, kept_depfile) ? 0 : 1;
	}
	if (kept && copy(kept_object, object) && copy(kept_depfile, depfile)) return 0;
	execv(real, argv);
	fprintf(stderr, "free-cc: %s: %s\n", real, strerror(errno));
	return 127;
}
