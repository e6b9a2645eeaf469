/*
 * The preload library: it hands the exec of a compiler that is named by its path (`/usr/bin/gcc`, so that PATH cannot
 * lead to the shim) to the shim, as `pcc --pmake-as ARGV0 /usr/bin/gcc ...`. LD_PRELOAD loads it into the processes
 * that make starts. It acts only if the new program's environment has PRELOAD_VARIABLE, and passes all other calls to
 * the C library.
 *
 * It knows compilers only by the names that are in the masquerade (protocol.h). The shim removes the library from
 * LD_PRELOAD, so the library sees no calls of the compiler's own, locally or on a node.
 *
 * It runs between fork or vfork and exec, in any program: it must not allocate, lock, or write to memory that outlives
 * the call, except errno, which the C library finally sets. It is linked without a C library and uses only names that
 * every libc has (no symbol versions, no stat), so that programs with another or an older libc can load it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "protocol.h"

/* The default of execvp(3) for an unset PATH. */
#define PATH_IF_UNSET "/bin:/usr/bin"
/* Longer argument lists get their own pages, because a thread's stack may be small. */
#define WORDS_ON_STACK 256

/*
 * The C names differ from the symbols because the headers' declarations promise the compiler that no argument is NULL.
 * A caller that passes NULL must get the kernel's error (EFAULT) from this library, too.
 */
#define INTERPOSE(NAME, ...)                                                              \
	__attribute__((visibility("default"))) int our_##NAME(__VA_ARGS__) __asm__(#NAME);    \
	int our_##NAME(__VA_ARGS__)

extern char **environ;

static struct {
	int (*execve)(const char *, char *const[], char *const[]);
	int (*execv)(const char *, char *const[]);
	int (*execvp)(const char *, char *const[]);
	int (*execvpe)(const char *, char *const[], char *const[]);
	int (*execveat)(int, const char *, char *const[], char *const[], int);
	int (*fexecve)(int, char *const[], char *const[]);
	int (*spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
	             char *const[]);
	int (*spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
	              char *const[]);
} real;

/*
 * Runs at load, because dlsym takes locks. A call that comes earlier, from another library's constructor, runs it as
 * well.
 */
__attribute__((constructor)) static void find_real(void) {
	static const char *const names[sizeof real / sizeof(void *)] = {"execve",   "execv",   "execvp",      "execvpe",
	                                    "execveat", "fexecve", "posix_spawn", "posix_spawnp"};
	void *found[sizeof names / sizeof *names];
	bool is_any_missing = false;
	int saved = errno;
	for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
		found[index] = dlsym(RTLD_NEXT, names[index]);
		if (!found[index]) is_any_missing = true;
	}
	/* Clear the error, which the program's own next dlerror would otherwise return. */
	if (is_any_missing) dlerror();
	memcpy(&real, found, sizeof real);
	errno = saved;
}

static void need_real(void) {
	if (!real.execve) find_real();
}

/* ---- recognising a compiler ---- */

/* "directory/name"; an empty directory is the current one. */
static bool join(char out[PATH_MAX], const char *directory, size_t length, const char *name) {
	size_t rest = strlen(name) + 1;
	if (length == 0) {
		directory = ".";
		length = 1;
	}
	if (length >= PATH_MAX || rest >= PATH_MAX - length) return false;
	if (out != directory) memcpy(out, directory, length);
	out[length] = '/';
	memcpy(out + length + 1, name, rest);
	return true;
}

static bool is_link(const char *path) {
	char byte;
	return readlink(path, &byte, 1) == 1;
}

/* The masquerade's path; NULL if the environment does not have it. */
static const char *home_in(char *const *environment) {
	static const char wanted[] = PRELOAD_VARIABLE "=";
	for (; environment && *environment; environment++)
		if (strncmp(*environment, wanted, sizeof wanted - 1) == 0) {
			const char *value = *environment + sizeof wanted - 1;
			return *value == '/' ? value : NULL;
		}
	return NULL;
}

/*
 * Whether it is a binary and not a shim of any masquerade. A script is left alone because it calls the compiler itself;
 * an unreadable or missing file is left to the kernel.
 */
static bool is_binary(const char *path) {
	unsigned char head[SHIM_MARK_WITHIN];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return false;
	ssize_t length = read(fd, head, sizeof head);
	close(fd);
	return length >= 4 && memcmp(head, "\177ELF", 4) == 0 && !holds_mark(head, (size_t)length);
}

static bool is_directory(const char *path) {
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return false;
	close(fd);
	return true;
}

/* Puts the shim's path into `out` if programs called `name` have a shim. */
static bool find_shim(char out[PATH_MAX], const char *name, char *const *argv, char *const *environment) {
	const char *home = home_in(environment);
	return home && *name && argv && argv[0] && join(out, home, strlen(home), "found") &&
	       join(out, out, strlen(out), name) && is_link(out) && join(out, home, strlen(home), "pcc") &&
	       access(out, X_OK) == 0;
}

static bool is_compiler(const char *path) {
	return *path && access(path, X_OK) == 0 && is_binary(path);
}

/*
 * The file that the C library's PATH search would run; false unless that is a compiler. The C library tries one file
 * after another and continues after these errors; every other error is left to it. (With a directory name that is too
 * long, some C libraries search the current directory.)
 */
static bool search_path(char out[PATH_MAX], const char *name, bool is_absolute_only) {
	const char *path = getenv("PATH");
	if (!path) path = PATH_IF_UNSET;
	for (bool last = false; !last;) {
		size_t length = strcspn(path, ":");
		const char *directory = path;
		last = path[length] == '\0';
		path += length + 1;
		if ((is_absolute_only && *directory != '/') || !join(out, directory, length, name)) return false;
		if (access(out, X_OK) == 0) {
			if (is_compiler(out)) return true;
			if (!is_directory(out)) return false;
		} else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
			return false;
		}
	}
	return false;
}

/* ---- the call of the shim ---- */

struct words {
	char *few[WORDS_ON_STACK];
	char **list;
	size_t mapped;
};

/* `pcc --pmake-as ARGV0 PATH`, and the rest of argv. */
#define WORDS_IN_FRONT 4

static bool make_words(struct words *words, const char *path, char *const *argv) {
	size_t count = 1;
	while (argv[count]) count++;
	words->list = words->few;
	words->mapped = 0;
	if (count + WORDS_IN_FRONT > WORDS_ON_STACK) {
		words->mapped = (count + WORDS_IN_FRONT) * sizeof *words->list;
		void *pages = mmap(NULL, words->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED) return false;
		words->list = pages;
	}
	words->list[0] = (char *)"pcc";
	words->list[1] = (char *)"--pmake-as";
	words->list[2] = argv[0];
	words->list[3] = (char *)path;
	memcpy(words->list + WORDS_IN_FRONT, argv + 1, count * sizeof *argv);
	return true;
}

static void drop_words(struct words *words) {
	if (words->mapped) munmap(words->list, words->mapped);
}

/* Returns if the shim cannot run; the call then continues as if the library were not loaded. */
static void run_shim(const char *shim, const char *path, char *const *argv, char *const *environment) {
	struct words words;
	if (!make_words(&words, path, argv)) return;
	real.execve(shim, words.list, environment);
	drop_words(&words);
}

static void try_path(const char *path, char *const *argv, char *const *environment) {
	char shim[PATH_MAX];
	int saved = errno;
	if (path && find_shim(shim, base_name(path), argv, environment) && is_compiler(path))
		run_shim(shim, path, argv, environment);
	errno = saved;
}

static void try_name(const char *file, char *const *argv, char *const *environment) {
	char shim[PATH_MAX], path[PATH_MAX];
	int saved = errno;
	if (file && strchr(file, '/')) {
		try_path(file, argv, environment);
	} else if (file && find_shim(shim, file, argv, environment) && search_path(path, file, false)) {
		run_shim(shim, path, argv, environment);
	}
	errno = saved;
}

/* The path of the descriptor `directory`, or of `path` below it. */
static bool path_of_fd(char out[PATH_MAX], int directory, const char *path) {
	char link[32] = "/proc/self/fd/", digits[16];
	size_t used = strlen(link), count = 0;
	if (directory < 0) return false;
	do digits[count++] = (char)('0' + directory % 10);
	while ((directory /= 10) > 0);
	while (count > 0) link[used++] = digits[--count];
	link[used] = '\0';
	ssize_t length = readlink(link, out, PATH_MAX - 1);
	if (length <= 0 || *out != '/') return false;
	out[length] = '\0';
	if (!*path) return true;
	size_t rest = strlen(path) + 1;
	if ((size_t)length + 1 + rest > PATH_MAX) return false;
	out[length] = '/';
	memcpy(out + length + 1, path, rest);
	return true;
}

/* ---- exec ---- */

INTERPOSE(execve, const char *path, char *const argv[], char *const envp[]) {
	need_real();
	try_path(path, argv, envp);
	return real.execve(path, argv, envp);
}

INTERPOSE(execv, const char *path, char *const argv[]) {
	need_real();
	try_path(path, argv, environ);
	return real.execv(path, argv);
}

INTERPOSE(execvp, const char *file, char *const argv[]) {
	need_real();
	try_name(file, argv, environ);
	return real.execvp(file, argv);
}

INTERPOSE(execvpe, const char *file, char *const argv[], char *const envp[]) {
	need_real();
	try_name(file, argv, envp);
	return real.execvpe(file, argv, envp);
}

INTERPOSE(fexecve, int fd, char *const argv[], char *const envp[]) {
	char path[PATH_MAX];
	int saved = errno;
	need_real();
	if (home_in(envp) && path_of_fd(path, fd, "")) try_path(path, argv, envp);
	errno = saved;
	return real.fexecve(fd, argv, envp);
}

static void try_at(int directory, const char *path, char *const *argv, char *const *envp, int flags) {
	char named[PATH_MAX];
	int saved = errno;
	if (!path || (flags & ~AT_EMPTY_PATH) != 0 || (!*path && flags == 0) || !home_in(envp)) return;
	if (*path == '/' || (*path && directory == AT_FDCWD))
		try_path(path, argv, envp);
	else if (path_of_fd(named, directory, path))
		try_path(named, argv, envp);
	errno = saved;
}

INTERPOSE(execveat, int directory, const char *path, char *const argv[], char *const envp[], int flags) {
	need_real();
	try_at(directory, path, argv, envp, flags);
	if (real.execveat) return real.execveat(directory, path, argv, envp, flags);
	return (int)syscall(SYS_execveat, directory, path, argv, envp, flags);
}

/* ---- the arguments of execl(3) ---- */

/* Counts the arguments; `from` is then positioned after the NULL. */
static size_t count_words(const char *first, va_list from) {
	size_t count = 0;
	for (const char *word = first; word; word = va_arg(from, const char *)) count++;
	return count;
}

/* Like the C library, puts any number of arguments on the stack. `list` is then a va_list after the NULL. */
#define TAKE_WORDS(NAME, FIRST)                                                        \
	va_list list;                                                                      \
	va_start(list, FIRST);                                                             \
	size_t count = count_words(FIRST, list);                                           \
	va_end(list);                                                                      \
	char *NAME[count + 1];                                                             \
	NAME[0] = (char *)FIRST;                                                           \
	va_start(list, FIRST);                                                             \
	for (size_t index = 1; index <= count; index++) NAME[index] = va_arg(list, char *)

INTERPOSE(execl, const char *path, const char *arg, ...) {
	TAKE_WORDS(argv, arg);
	va_end(list);
	need_real();
	try_path(path, argv, environ);
	return real.execv(path, argv);
}

INTERPOSE(execlp, const char *file, const char *arg, ...) {
	TAKE_WORDS(argv, arg);
	va_end(list);
	need_real();
	try_name(file, argv, environ);
	return real.execvp(file, argv);
}

INTERPOSE(execle, const char *path, const char *arg, ...) {
	TAKE_WORDS(argv, arg);
	char *const *envp = va_arg(list, char *const *);
	va_end(list);
	need_real();
	try_path(path, argv, envp);
	return real.execve(path, argv, envp);
}

/* ---- posix_spawn ---- */

/* The child may first change its directory, so the meaning of a relative name is unknown. */
static bool is_certain(const char *path, const posix_spawn_file_actions_t *actions) {
	return path && (*path == '/' || !actions);
}

/* True when the shim was started. */
static bool spawn_shim(const char *shim, const char *path, pid_t *pid, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const *argv, char *const *envp) {
	struct words words;
	if (!make_words(&words, path, argv)) return false;
	bool is_started = real.spawn(pid, shim, actions, attributes, words.list, envp) == 0;
	drop_words(&words);
	return is_started;
}

static bool try_spawn(const char *path, pid_t *pid, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attributes, char *const *argv, char *const *envp) {
	char shim[PATH_MAX];
	return is_certain(path, actions) && find_shim(shim, base_name(path), argv, envp) && is_compiler(path) &&
	       spawn_shim(shim, path, pid, actions, attributes, argv, envp);
}

static bool try_spawnp(const char *file, pid_t *pid, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const *argv, char *const *envp) {
	char shim[PATH_MAX], path[PATH_MAX];
	if (!file || strchr(file, '/')) return try_spawn(file, pid, actions, attributes, argv, envp);
	return find_shim(shim, file, argv, envp) && search_path(path, file, actions != NULL) &&
	       spawn_shim(shim, path, pid, actions, attributes, argv, envp);
}

INTERPOSE(posix_spawn, pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
	int saved = errno;
	need_real();
	bool is_started = try_spawn(path, pid, actions, attributes, argv, envp);
	errno = saved;
	return is_started ? 0 : real.spawn(pid, path, actions, attributes, argv, envp);
}

INTERPOSE(posix_spawnp, pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
	int saved = errno;
	need_real();
	bool is_started = try_spawnp(file, pid, actions, attributes, argv, envp);
	errno = saved;
	return is_started ? 0 : real.spawnp(pid, file, actions, attributes, argv, envp);
}
