/*
 * Calls one of the exec family as told, and says what came back: `preload-caller call HOW VARIANT FILE WORD...`, where
 * HOW is direct, fork or vfork and the words are the new program's, its name among them. Called otherwise it is the
 * program that was called, and says so: its file, its words, its variable ADDED.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int print_call(char **argv) {
	char file[PATH_MAX] = "";
	if (readlink("/proc/self/exe", file, sizeof file - 1) < 0) return 1;
	printf("ran %s", file);
	for (; *argv; argv++) printf(" <%s>", *argv);
	printf(" ADDED=%s\n", getenv("ADDED") ? getenv("ADDED") : "");
	return 7;
}

static char **with_added(void) {
	size_t count = 0;
	while (environ[count]) count++;
	char **list = calloc(count + 2, sizeof *list);
	memcpy(list, environ, count * sizeof *list);
	list[count] = "ADDED=by caller";
	return list;
}

/* The words of execl are those of the call's source: up to three here. */
#define WITH_WORDS(FUNCTION, ...)                                                                         \
	(!argv[0]   ? FUNCTION(file, (char *)NULL __VA_ARGS__)                                                \
	 : !argv[1] ? FUNCTION(file, argv[0], (char *)NULL __VA_ARGS__)                                       \
	 : !argv[2] ? FUNCTION(file, argv[0], argv[1], (char *)NULL __VA_ARGS__)                              \
	            : FUNCTION(file, argv[0], argv[1], argv[2], (char *)NULL __VA_ARGS__))

static int call(const char *variant, const char *file, char **argv, char **envp) {
	char directory[PATH_MAX];
	const char *slash = strrchr(file, '/');
	if (strcmp(variant, "execve") == 0) return execve(file, argv, envp);
	if (strcmp(variant, "execve null") == 0) return execve(argv[0] ? NULL : file, argv[0] ? argv : NULL, envp);
	if (strcmp(variant, "execv") == 0) return execv(file, argv);
	if (strcmp(variant, "execvp") == 0) return execvp(file, argv);
	if (strcmp(variant, "execvpe") == 0) return execvpe(file, argv, envp);
	if (strcmp(variant, "execl") == 0) return WITH_WORDS(execl);
	if (strcmp(variant, "execlp") == 0) return WITH_WORDS(execlp);
	if (strcmp(variant, "execle") == 0) return WITH_WORDS(execle, , envp);
	if (strcmp(variant, "fexecve") == 0) return fexecve(open(file, O_RDONLY | O_NONBLOCK), argv, envp);
	if (strcmp(variant, "execveat") == 0) return execveat(AT_FDCWD, file, argv, envp, 0);
	if (strcmp(variant, "execveat nofollow") == 0)
		return execveat(AT_FDCWD, file, argv, envp, AT_SYMLINK_NOFOLLOW);
	if (strcmp(variant, "execveat fd") == 0)
		return execveat(open(file, O_PATH), "", argv, envp, AT_EMPTY_PATH);
	if (strcmp(variant, "execveat directory") == 0) {
		snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - file) + 1 : 1, slash ? file : ".");
		return execveat(open(directory, O_PATH | O_DIRECTORY), slash ? slash + 1 : file, argv, envp, 0);
	}
	fprintf(stderr, "no such variant: %s\n", variant);
	exit(99);
}

static int report_child(pid_t pid) {
	int status;
	if (waitpid(pid, &status, 0) != pid) return 98;
	printf("child: status %d, signal %d\n", WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}

static int spawn(const char *variant, const char *file, char **argv, char **envp) {
	posix_spawn_file_actions_t actions, *given = NULL;
	posix_spawn_file_actions_init(&actions);
	if (strstr(variant, "actions")) given = &actions;
	if (strstr(variant, "chdir")) posix_spawn_file_actions_addchdir_np(given = &actions, getenv("CALLER_CHDIR"));
	if (strstr(variant, "stdout")) posix_spawn_file_actions_adddup2(given = &actions, 2, 1);
	pid_t pid = -5;
	errno = 77;
	int error = strncmp(variant, "posix_spawnp", 12) == 0 ? posix_spawnp(&pid, file, given, NULL, argv, envp)
	                                                      : posix_spawn(&pid, file, given, NULL, argv, envp);
	/* After a success errno is anybody's. */
	printf("returned %d (%s), errno %d\n", error, strerror(error), error ? errno : 0);
	return error ? 0 : report_child(pid);
}

int main(int argc, char **argv) {
	if (argc < 5 || strcmp(argv[1], "call") != 0) return print_call(argv);
	const char *how = argv[2], *variant = argv[3], *file = argv[4];
	char **words = argv + 5, **envp = with_added();
	volatile pid_t pid = 0;
	volatile int result = 0, error = 0;
	if (strncmp(variant, "posix_spawn", 11) == 0) return spawn(variant, file, words, envp);
	if (strcmp(how, "fork") == 0) pid = fork();
	if (strcmp(how, "vfork") == 0) pid = vfork();
	if (pid > 0) {
		/* Of a vfork, what the child left in our memory. */
		printf("result %d, errno %d\n", result, error);
		return report_child(pid);
	}
	errno = 77;
	result = call(variant, file, words, envp);
	error = errno;
	if (strcmp(how, "direct") != 0) _exit(90);
	printf("result %d, errno %d (%s)\n", result, error, strerror(error));
	return 0;
}
