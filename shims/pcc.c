/*
 * pcc, the shim: stands where make looks for a compiler, linker or archiver, and asks the dispatcher where the
 * command shall run. Called by the program's own name through a link (masquerade), as `pcc gcc ...`, or as CC=pcc.
 *
 * Knows no compiler option (but for the local limit's -c and -S), no node, no file of the build. Whatever goes
 * wrong here ends in execv of the real program: nothing is printed unless there is no program at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

#ifndef PMAKE_NODE
#define PMAKE_NODE "node"
#endif

/*
 * A dispatcher is up 0.2 s after its start. On a machine busy with a build it may take much longer, so what counts is for how
 * long it has used no CPU time; one that spins is ended too.
 */
#define START_LIMIT_MS 5000
#define START_MOST_MS 60000
/* A starting one is looked at this often. */
#define PROGRESS_LOOK_MS 500
/* Those that wait for the one that starts it look this often. */
#define START_LOOK_MS 10
/* The first in the queue for a local slot looks this often. */
#define SLOT_LOOK_MS 5
/* After a failed start nobody tries again for so long: a compile must not pay 5 s each time. */
#define START_AGAIN_S 30
/* Bound on connect and on each send, for a dispatcher that is there but stopped. */
#define SEND_LIMIT_S 5
/*
 * A request that nobody has read after so long is not waiting for a slot: its dispatcher is stuck, unless it used CPU time
 * meanwhile. One that connects to fifty nodes from a few percent of a core needs longer; one that spins costs each job a
 * minute.
 */
#define READ_LIMIT_MS 10000
#define READ_MOST_MS 60000
/* An idle Node's threads use no more CPU time than this in READ_LIMIT_MS. */
#define STIR_MS 10
/* After Ctrl-C the dispatcher has so long to say how the job ended. */
#define SIGNAL_LIMIT_MS 2000
/* A worker whose dispatcher is gone kills its jobs within 1 s; only then may the same job start here. */
#define FENCE_MS 1500
#define LOG_LIMIT_BYTES (1024 * 1024)
/* More output than this is not kept: the command runs here and writes it itself. */
#define HELD_LIMIT_BYTES ((size_t)256 * 1024 * 1024)
/* Fds that outlive execv stay clear of the low numbers: gcc -flto takes "3,4" of MAKEFLAGS for a jobserver if open. */
#define HIGH_FD 64
#define MAX_ANCESTORS 64
#define MAX_LOCAL_SLOTS 4096

extern char **environ;

static struct stat self;          /* this executable */
static char self_path[PATH_MAX];  /* "" when /proc is not there */
static char runtime[PATH_MAX];    /* "" when there is no usable one */
static char program[PATH_MAX];    /* the real one, absolute */
static const char *name;          /* without directory */
static char **words;              /* words[0] becomes `program`, the rest are the command's words */
static char *no_words[2];
static char *title_start, *title_end;

static struct {
	bool set;
	int depth;
	pid_t pid;
	char mode;
	const char *path;
} guard;

/* ---- small things ---- */

static bool format(char *out, size_t size, const char *pattern, ...) {
	va_list list;
	va_start(list, pattern);
	int length = vsnprintf(out, size, pattern, list);
	va_end(list);
	return length >= 0 && (size_t)length < size;
}

static long long now_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(long ms) {
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
}

/* The environment variable, or NULL when unset or empty. */
static const char *setting(const char *variable) {
	const char *value = getenv(variable);
	return value && *value ? value : NULL;
}

static bool is_on(const char *variable) {
	const char *value = setting(variable);
	return value && strcmp(value, "0") != 0;
}

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end) {
	size_t length = strlen(text), wanted = strlen(end);
	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/* Clear of 0-2 when the caller closed those, and of the jobserver's. Closes fd when it cannot be moved. */
static int move_high(int fd, bool cloexec) {
	if (fd < 0) return -1;
	int high = fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, HIGH_FD);
	close(fd);
	return high;
}

/* ---- running the real program ---- */

static void set_guard(char mode) {
	char value[PATH_MAX + 64];
	if (format(value, sizeof value, "%d:%ld:%c:%s", guard.depth + 1, (long)getpid(), mode, program))
		setenv(GUARD_VARIABLE, value, 1);
}

static void run_program(char mode) {
	set_guard(mode);
	words[0] = program;
	execv(program, words);
	/* Our own variable may be the one entry too many. */
	if (errno == E2BIG && unsetenv(GUARD_VARIABLE) == 0) execv(program, words);
	if (errno == ENOEXEC) {
		/* A script without #!, as execvp(3) and every shell run it. */
		size_t count = 0;
		while (words[count]) count++;
		char **shell = calloc(count + 2, sizeof *shell);
		if (shell) {
			shell[0] = (char *)"/bin/sh";
			memcpy(shell + 1, words, count * sizeof *shell);
			execv("/bin/sh", shell);
		}
	}
	int code = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "%s: %s: %s\n", name, program, strerror(errno));
	_exit(code);
}

/* ---- the recursion guard ---- */

/* True as well when /proc cannot tell: a job too many here is better than two waiting for one slot. */
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
		/* pid (comm) state ppid: comm may hold anything, so from its last parenthesis. */
		const char *after = strrchr(line, ')');
		long parent;
		if (!after || sscanf(after, ") %*c %ld", &parent) != 1) return false;
		pid = (pid_t)parent;
	}
	return false;
}

static void read_guard(void) {
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

/* A daemon that some job left behind carries our variable for ever: it counts only below the job itself. */
static bool is_inside_job(void) {
	if (!guard.set || guard.mode != 'p') return false;
	guard.set = is_ancestor(guard.pid);
	return guard.set;
}

static void check_depth(void) {
	if (guard.depth < GUARD_MAX_DEPTH) return;
	fprintf(stderr,
	        "%s: pmake and a compiler wrapper call each other without end (%d times, the last was %s).\n"
	        "%s: a wrapper there starts \"%s\" through PATH and finds itself again; let it name the compiler by its "
	        "full path, or take its directory out of PATH.\n",
	        name, guard.depth, guard.path, name, name);
	_exit(GUARD_EXIT_CODE);
}

/* ---- finding the real program ---- */

static bool is_same(const struct stat *one, const struct stat *other) {
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool is_program(const char *path, struct stat *found) {
	return stat(path, found) == 0 && S_ISREG(found->st_mode) && access(path, X_OK) == 0;
}

/* This executable by any name, or the masquerade link of another installation. */
static bool is_shim(const char *path, const struct stat *found) {
	if (self.st_ino && is_same(found, &self)) return true;
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length <= 0) return false;
	target[length] = '\0';
	return ends_with(target, "/shims/pcc");
}

static bool absolute(char out[PATH_MAX], const char *directory, size_t length, const char *file) {
	char cwd[PATH_MAX];
	if (length > 0 && directory[0] == '/') return format(out, PATH_MAX, "%.*s/%s", (int)length, directory, file);
	if (!getcwd(cwd, sizeof cwd)) return false;
	if (length == 0) return format(out, PATH_MAX, "%s/%s", cwd, file);
	return format(out, PATH_MAX, "%s/%.*s/%s", cwd, (int)length, directory, file);
}

/*
 * The first program on PATH by that name that is no shim. Under a guard: the next one after the guard's program,
 * because that one (ccache, say) looked for the compiler behind itself and found us at the front.
 */
static bool find_on_path(const char *wanted, char out[PATH_MAX]) {
	const char *path = getenv("PATH");
	struct stat guarded, found;
	char candidate[PATH_MAX], first[PATH_MAX] = "", again[PATH_MAX] = "";
	bool is_guarded = guard.set && stat(guard.path, &guarded) == 0;
	if (!path) path = "/bin:/usr/bin";
	for (bool last = false; !last;) {
		size_t length = strcspn(path, ":");
		const char *directory = path;
		last = path[length] == '\0';
		path += length + 1;
		if (!absolute(candidate, directory, length, wanted)) continue;
		if (!is_program(candidate, &found) || is_shim(candidate, &found)) continue;
		if (is_guarded && is_same(&found, &guarded)) {
			if (!*again) strcpy(again, candidate);
		} else if (!is_guarded || *again) {
			strcpy(out, candidate);
			return true;
		} else if (!*first) {
			strcpy(first, candidate);
		}
	}
	strcpy(out, *again ? again : first);
	return *out != '\0';
}

/* A path, or a name on PATH; a path that is a shim means the program by that name. */
static bool find_program(const char *word, char out[PATH_MAX]) {
	struct stat found;
	const char *slash = strrchr(word, '/');
	if (!slash) return find_on_path(word, out);
	if (!slash[1]) return false;
	bool fits = word[0] == '/' ? format(out, PATH_MAX, "%s", word) : absolute(out, "", 0, word);
	if (!fits || !is_program(out, &found)) return false;
	return !is_shim(out, &found) || find_on_path(slash + 1, out);
}

static bool is_source(const char *word) {
	static const char *const suffixes[] = {"c",  "cc", "cp", "cpp", "cxx", "c++", "C",  "CPP", "i", "ii", "s",  "S",
	                                       "sx", "o",  "lo", "obj", "a",   "so",  "m",  "mi",  "mm", "M", "h",  "hh",
	                                       "H",  "hp", "hpp", "hxx", "f",  "F",   "for", "f90", "F90", "f95", "bc", "ll"};
	const char *dot = strrchr(base_name(word), '.');
	if (!dot) return false;
	for (size_t index = 0; index < sizeof suffixes / sizeof *suffixes; index++)
		if (strcmp(dot + 1, suffixes[index]) == 0) return true;
	return false;
}

static void no_program(const char *wanted) {
	const char *path = getenv("PATH");
	fprintf(stderr, "%s: command not found (pmake looked for a program other than its own shim in PATH=%s)\n", wanted,
	        path ? path : "");
	_exit(127);
}

/* Sets program, name and words from how we were called. */
static void choose_program(char **argv) {
	const char *called = base_name(argv[0]);
	bool is_plus = strcmp(called, "p++") == 0;
	words = argv;
	name = called;
	if (*called && !is_plus && strcmp(called, "pcc") != 0) {
		if (!find_on_path(name, program)) no_program(name);
		return;
	}
	/* `pcc pcc gcc`: CCACHE_PREFIX=pcc and CC="pcc gcc" at once. */
	while (words[1] && (strcmp(base_name(words[1]), "pcc") == 0 || strcmp(base_name(words[1]), "p++") == 0)) words++;
	const char *first = words[1];
	if (first && *first && *first != '-' && !is_source(first) && find_program(first, program)) {
		words++;
		name = base_name(first);
		return;
	}
	name = is_plus ? "c++" : "cc";
	if (!find_on_path(name, program)) no_program(name);
}

static void find_self(const char *called) {
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
	self_path[length > 0 ? length : 0] = '\0';
	if (stat("/proc/self/exe", &self) != 0 && (!strchr(called, '/') || stat(called, &self) != 0)) self.st_ino = 0;
}

/* ---- the preload library ---- */

/*
 * Out of LD_PRELOAD with it, and with nothing else: what a compiler runs is part of its job, here and on a node. Where
 * we are no static program it is loaded in ourselves too, and must not catch our own execv.
 */
static void leave_preload(void) {
	unsetenv(PRELOAD_VARIABLE);
	const char *value = getenv("LD_PRELOAD");
	char *kept = value && strstr(value, PRELOAD_FILE) ? malloc(strlen(value) + 1) : NULL;
	if (!kept) return;
	size_t used = 0;
	for (size_t length; *value; value += length) {
		size_t separators = strspn(value, ": ");
		length = separators + strcspn(value + separators, ": ");
		if (length - separators >= sizeof "/" PRELOAD_FILE - 1 &&
		    strncmp(value + length - (sizeof "/" PRELOAD_FILE - 1), "/" PRELOAD_FILE, sizeof "/" PRELOAD_FILE - 1) == 0)
			continue;
		size_t skipped = used == 0 ? separators : 0;
		memcpy(kept + used, value + skipped, length - skipped);
		used += length - skipped;
	}
	kept[used] = '\0';
	if (used == 0)
		unsetenv("LD_PRELOAD");
	else
		setenv("LD_PRELOAD", kept, 1);
	free(kept);
}

/* ---- compiler caches ---- */

static bool is_cache(const char *path) {
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof target - 1);
	target[length > 0 ? length : 0] = '\0';
	const char *base = base_name(length > 0 ? target : path);
	return strcmp(base, "ccache") == 0 || strcmp(base, "sccache") == 0;
}

static bool holds_shim(const char *directory, size_t length, const char *file) {
	struct stat found;
	char path[PATH_MAX];
	return absolute(path, directory, length, file) && stat(path, &found) == 0 && is_shim(path, &found);
}

/*
 * Takes our directories out of PATH. A cache must find the compiler itself and not our link, whose date and size
 * would then stand for the compiler's in its hashes: an object of the old compiler would come back after an upgrade.
 */
static void leave_path(void) {
	const char *path = getenv("PATH");
	/* `ccache gcc ...` names the compiler, a link to ccache is named like it. */
	const char *compiler = words[1] && *words[1] != '-' ? base_name(words[1]) : name;
	char *kept = path ? malloc(strlen(path) + 1) : NULL;
	if (!kept) return;
	size_t used = 0;
	bool is_first = true;
	for (bool last = false; !last;) {
		size_t length = strcspn(path, ":");
		const char *directory = path;
		last = path[length] == '\0';
		path += length + 1;
		if (holds_shim(directory, length, name) || holds_shim(directory, length, compiler)) continue;
		if (!is_first) kept[used++] = ':';
		is_first = false;
		memcpy(kept + used, directory, length);
		used += length;
	}
	kept[used] = '\0';
	if (used > 0) setenv("PATH", kept, 1);
	free(kept);
}

/* A cache runs here at once, outside any slot: a hit costs nothing, and on a miss it calls us for the compile. */
static void run_cache(void) {
	if (*self_path && !strpbrk(self_path, " \t") && !setting("CCACHE_PREFIX")) setenv("CCACHE_PREFIX", self_path, 1);
	run_program('c');
}

/* ---- the runtime directory ---- */

static bool is_private(const char *path) {
	struct stat found;
	if (lstat(path, &found) != 0) {
		if (errno != ENOENT || (mkdir(path, 0700) != 0 && errno != EEXIST)) return false;
		if (lstat(path, &found) != 0) return false;
	}
	return S_ISDIR(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & 077) == 0;
}

static void find_runtime(void) {
	const char *chosen = setting("PMAKE_RUNTIME_DIR");
	const char *xdg = setting("XDG_RUNTIME_DIR");
	struct stat found;
	bool fits;
	if (chosen)
		fits = *chosen == '/' && format(runtime, sizeof runtime, "%s", chosen);
	else if (xdg && *xdg == '/' && stat(xdg, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid())
		fits = format(runtime, sizeof runtime, "%s/pmake", xdg);
	else
		fits = format(runtime, sizeof runtime, "/tmp/pmake-%ld", (long)geteuid());
	if (!fits || !is_private(runtime)) *runtime = '\0';
}

static int open_in_runtime(const char *file, int flags) {
	char path[PATH_MAX];
	if (!format(path, sizeof path, "%s/%s", runtime, file)) return -1;
	return open(path, flags | O_CREAT | O_NOFOLLOW | O_NOCTTY, 0600);
}

/* ---- the local limit, for when no dispatcher counts ---- */

/* Only what surely ends by itself: of two compilers in a pipeline, one must not wait for the other's slot. */
static bool is_limited(void) {
	bool compiles = false;
	for (char **word = words + 1; *word; word++) {
		const char *text = *word;
		if (strcmp(text, "-c") == 0 || strcmp(text, "-S") == 0) compiles = true;
		if (strcmp(text, "-") == 0 || strcmp(text, "-E") == 0 || strcmp(text, "-o-") == 0) return false;
		if (strncmp(text, "/dev/", 5) == 0 && strcmp(text, "/dev/null") != 0) return false;
		if (strncmp(text, "/proc/", 6) == 0) return false;
	}
	return compiles;
}

static long local_slots(void) {
	const char *value = setting("PMAKE_LOCAL_SLOTS");
	long count = value ? strtol(value, NULL, 10) : 0;
	if (count >= 1 && count <= MAX_LOCAL_SLOTS) return count;
	cpu_set_t allowed;
	count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
	return count >= 1 ? count : 1;
}

/* Locks a slot that is free, by a file description that the compiler inherits: its end is the slot's. */
static enum slot { TAKEN, ALL_BUSY, UNUSABLE } try_slots(long count) {
	char file[32];
	for (long index = 0; index < count; index++) {
		format(file, sizeof file, "slots/%ld", index);
		int fd = move_high(open_in_runtime(file, O_RDWR), false);
		if (fd < 0) return UNUSABLE;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) return TAKEN;
		close(fd);
	}
	return ALL_BUSY;
}

/* One at a time looks for a slot, the others sleep behind it: so the next slot is used, whichever it is. */
static void take_slot(void) {
	char directory[PATH_MAX];
	if (!*runtime || !is_limited()) return;
	if (!format(directory, sizeof directory, "%s/slots", runtime)) return;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) return;
	long count = local_slots();
	if (try_slots(count) != ALL_BUSY) return;
	int queue = move_high(open_in_runtime("slots/queue", O_RDWR | O_CLOEXEC), true);
	while (queue >= 0 && flock(queue, LOCK_EX) != 0 && errno == EINTR) {
	}
	while (try_slots(count) == ALL_BUSY) sleep_ms(SLOT_LOOK_MS);
}

/* ---- reaching and starting the dispatcher ---- */

/* Sets errno. ENOENT and ECONNREFUSED mean that no dispatcher runs. */
static int connect_dispatcher(void) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {SEND_LIMIT_S, 0};
	if (!format(address.sun_path, sizeof address.sun_path, "%s/dispatcher.sock", runtime)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = move_high(socket(AF_UNIX, SOCK_STREAM, 0), false);
	if (fd < 0) return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
	int cause = errno;
	close(fd);
	errno = cause;
	return -1;
}

static void close_from(int first) {
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
#endif
	long limit = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd < (limit > 0 && limit < 65536 ? limit : 65536); fd++) close(fd);
}

static void reset_signals(void) {
	sigset_t none;
	for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the grandchild. Nothing of the build comes along: an inherited jobserver pipe would keep make waiting for ever. */
static void become_dispatcher(const char *script, int ready, int lock) {
	static const char *const dropped[] = {"MAKEFLAGS",   "MFLAGS",       "GNUMAKEFLAGS",  "MAKELEVEL", "MAKEOVERRIDES",
	                                      "MAKE_TERMOUT", "MAKE_TERMERR", GUARD_VARIABLE, "LD_PRELOAD",
	                                      /* Node would read them all, which doubles its start; nothing here speaks TLS. */
	                                      "NODE_EXTRA_CA_CERTS"};
	struct stat log;
	pid_t own_id = getpid();
	if (write(ready, &own_id, sizeof own_id) != sizeof own_id) _exit(1);
	reset_signals();
	umask(077);
	/* The lock goes along until it listens: we may be killed before, and nobody shall start a second one. */
	int fds[] = {open("/dev/null", O_RDONLY), open_in_runtime("dispatcher.log", O_WRONLY | O_APPEND), -1, ready, lock};
	const int count = sizeof fds / sizeof *fds;
	if (fds[1] >= 0 && fstat(fds[1], &log) == 0 && log.st_size > LOG_LIMIT_BYTES && ftruncate(fds[1], 0) != 0) _exit(1);
	for (int index = 0; index < count; index++)
		if (index != 2) fds[index] = move_high(fds[index], true);
	fds[2] = fds[1];
	for (int index = 0; index < count; index++)
		if (fds[index] < 0 || dup2(fds[index], index) < 0) _exit(1);
	close_from(count);
	if (chdir("/") != 0) _exit(1);
	for (size_t index = 0; index < sizeof dropped / sizeof *dropped; index++) unsetenv(dropped[index]);
	setenv("PMAKE_READY_FD", "3", 1);
	setenv("PMAKE_START_LOCK_FD", "4", 1);
	setenv("PMAKE_RUNTIME_DIR", runtime, 1);
	execl(PMAKE_NODE, PMAKE_NODE, script, (char *)NULL);
	execlp("node", "node", script, (char *)NULL);
	fprintf(stderr, "pmake: cannot run " PMAKE_NODE " or node: %s\n", strerror(errno));
	_exit(127);
}

/* The CPU time of a process, 0 when it is gone or not known: 0 would be ourselves. */
static long long cpu_ms(pid_t pid) {
	clockid_t clock;
	struct timespec used;
	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
	return (long long)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Waits for the byte that says "ready". The pipe begins with the process's id. */
static const char *await_ready(int fd, pid_t group) {
	pid_t pid = 0;
	long long start = now_ms(), idle_since = start, used = 0;
	while (now_ms() - idle_since < START_LIMIT_MS && now_ms() - start < START_MOST_MS) {
		struct pollfd wait = {fd, POLLIN, 0};
		int count = poll(&wait, 1, PROGRESS_LOOK_MS);
		if (count < 0 && errno != EINTR) break;
		if (count > 0) {
			char byte;
			ssize_t length = pid ? read(fd, &byte, 1) : read(fd, &pid, sizeof pid);
			if (length < 0 && errno == EINTR) continue;
			if (length <= 0) return "it ended before it was ready";
			if (length == 1) return NULL;
		}
		long long now_used = cpu_ms(pid);
		if (now_used > used) idle_since = now_ms();
		used = now_used;
	}
	/* Or one more would hang about after every START_AGAIN_S. */
	kill(-group, SIGKILL);
	return now_ms() - start < START_MOST_MS ? "it was not ready, and stood still for 5 s"
	                                        : "it was not ready within a minute";
}

/* Starts it and waits; NULL or why not. */
static const char *launch(int lock) {
	char script[PATH_MAX];
	int ready[2];
	if (!*self_path) return "/proc is not mounted";
	size_t length = (size_t)(base_name(self_path) - self_path);
	if (!format(script, sizeof script, "%.*s../cli/dispatcher.cjs", (int)length, self_path)) return "its path is too long";
	if (access(script, R_OK) != 0) return "its program is missing beside pcc (../cli/dispatcher.cjs)";
	if (pipe2(ready, O_CLOEXEC) != 0) return "no pipe could be made";
	pid_t child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0) become_dispatcher(script, ready[1], lock);
		_exit(0);
	}
	close(ready[1]);
	const char *why = child < 0 ? "no process could be made" : await_ready(ready[0], child);
	close(ready[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
	return why;
}

static bool failed_lately(void) {
	char path[PATH_MAX];
	struct stat stamp;
	if (!format(path, sizeof path, "%s/dispatcher.failed", runtime) || stat(path, &stamp) != 0) return false;
	time_t age = time(NULL) - stamp.st_mtime;
	return age >= 0 && age < START_AGAIN_S;
}

static void note_failure(void) {
	int fd = open_in_runtime("dispatcher.failed", O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0) return;
	futimens(fd, NULL);
	close(fd);
}

static void forget_failure(void) {
	char path[PATH_MAX];
	if (format(path, sizeof path, "%s/dispatcher.failed", runtime)) unlink(path);
}

/* Connects to the dispatcher that we, or whoever holds the start lock, start; -1 and why. */
static int start_dispatcher(bool insist, const char **why) {
	/* Whoever starts it gives up by then. */
	long long deadline = now_ms() + START_MOST_MS + 1000;
	int lock = move_high(open_in_runtime("dispatcher.start", O_RDWR | O_CLOEXEC), true);
	int fd = -1;
	*why = "the lock file dispatcher.start cannot be used";
	if (lock < 0) return -1;
	while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		bool waits = (errno == EWOULDBLOCK || errno == EINTR) && now_ms() < deadline;
		if (waits) sleep_ms(START_LOOK_MS);
		if ((fd = connect_dispatcher()) >= 0 || !waits || (!insist && failed_lately())) goto done;
	}
	*why = "an earlier start has just failed";
	/* Between our first look and the lock another may have started it, or failed to. */
	if ((fd = connect_dispatcher()) >= 0 || (!insist && failed_lately())) goto done;
	*why = launch(lock);
	if (*why) {
		note_failure();
		goto done;
	}
	forget_failure();
	fd = connect_dispatcher();
	if (fd < 0) *why = "it is ready but does not listen";
done:
	close(lock);
	return fd;
}

static int reach_dispatcher(void) {
	const char *why;
	if (!*runtime) return -1;
	int fd = connect_dispatcher();
	if (fd >= 0) return fd;
	if ((errno != ENOENT && errno != ECONNREFUSED) || failed_lately()) return -1;
	return start_dispatcher(false, &why);
}

/* ---- the request ---- */

static unsigned char *put_number(unsigned char *at, uint32_t value, int bytes) {
	for (; bytes > 0; bytes--, value >>= 8) *at++ = (unsigned char)value;
	return at;
}

static unsigned char *put_text(unsigned char *at, const char *text) {
	size_t length = strlen(text);
	at = put_number(at, (uint32_t)length, 4);
	memcpy(at, text, length);
	return at + length;
}

static bool is_guard_entry(const char *entry) {
	return strncmp(entry, GUARD_VARIABLE "=", sizeof GUARD_VARIABLE) == 0;
}

static bool send_all(int fd, const unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR) continue;
		if (sent <= 0) return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* One frame, one send. False when it cannot be said or the dispatcher does not take it. */
static bool send_request(int fd) {
	char cwd[PATH_MAX];
	size_t environment = 0, count = 0, text = 0;
	if (!getcwd(cwd, sizeof cwd) || *cwd != '/') return false;
	for (char **word = words + 1; *word; word++, count++) text += 4 + strlen(*word);
	for (char **entry = environ; *entry; entry++)
		if (!is_guard_entry(*entry)) environment += strlen(*entry) + 1;
	text += 12 + strlen(name) + strlen(program) + strlen(cwd);
	size_t length = 1 + 2 + 1 + 4 + 4 + 4 + text + 4 + 4 + environment;
	if (length > MAX_FRAME_BYTES || count > MAX_ARGV_WORDS) return false;
	unsigned char *frame = malloc(4 + length), *at = frame;
	if (!frame) return false;
	mode_t mask = umask(0);
	umask(mask);
	at = put_number(at, (uint32_t)length, 4);
	at = put_number(at, FRAME_REQUEST, 1);
	at = put_number(at, SHIM_PROTOCOL_VERSION, 2);
	at = put_number(at, (isatty(1) ? FLAG_STDOUT_IS_TTY : 0) | (isatty(2) ? FLAG_STDERR_IS_TTY : 0), 1);
	at = put_number(at, (uint32_t)mask, 4);
	at = put_number(at, (uint32_t)getpid(), 4);
	at = put_number(at, (uint32_t)getsid(0), 4);
	at = put_text(put_text(put_text(at, name), program), cwd);
	at = put_number(at, (uint32_t)count, 4);
	for (char **word = words + 1; *word; word++) at = put_text(at, *word);
	at = put_number(at, (uint32_t)environment, 4);
	for (char **entry = environ; *entry; entry++) {
		if (is_guard_entry(*entry)) continue;
		size_t bytes = strlen(*entry) + 1;
		memcpy(at, *entry, bytes);
		at += bytes;
	}
	bool sent = send_all(fd, frame, (size_t)(at - frame));
	free(frame);
	return sent;
}

/* ---- signals while the job runs elsewhere ---- */

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
#define FORWARDED (sizeof forwarded / sizeof *forwarded)
static struct sigaction action_before[FORWARDED];
static sigset_t mask_before;
static volatile sig_atomic_t arrived[FORWARDED];
static int fatal; /* the first of HUP, INT, QUIT, TERM */

static void on_signal(int number) {
	for (size_t index = 0; index < FORWARDED; index++)
		if (forwarded[index] == number) arrived[index] = 1;
}

/* Handlers run inside ppoll only. What the caller ignores (nohup) stays ignored. */
static void watch_signals(void) {
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

static void unwatch_signals(void) {
	for (size_t index = 0; index < FORWARDED; index++) sigaction(forwarded[index], &action_before[index], NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

static void forward_signals(int fd) {
	for (size_t index = 0; index < FORWARDED; index++) {
		if (!arrived[index]) continue;
		arrived[index] = 0;
		unsigned char frame[6];
		put_number(put_number(put_number(frame, 2, 4), FRAME_SIGNAL, 1), (uint32_t)forwarded[index], 1);
		/* Undeliverable: the socket's end or the time limit says so soon enough. */
		send_all(fd, frame, sizeof frame);
		if (!fatal && forwarded[index] != SIGUSR1 && forwarded[index] != SIGUSR2) fatal = forwarded[index];
	}
}

/* As the job died; the core, if any, was the job's to write. */
static void die_by(int number) {
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

/* ---- output, held until the end ---- */

static struct {
	struct run {
		int fd;
		size_t length;
	} *runs;
	size_t run_count, run_room;
	unsigned char *bytes;
	size_t length, room;
} held;

static bool grow(void **block, size_t *room, size_t wanted, size_t item) {
	if (wanted <= *room) return true;
	size_t larger = *room * 2 > wanted ? *room * 2 : wanted + 4096 / item;
	void *moved = realloc(*block, larger * item);
	if (!moved) return false;
	*block = moved;
	*room = larger;
	return true;
}

static bool hold_output(int fd, const unsigned char *bytes, size_t length) {
	if (held.length + length > HELD_LIMIT_BYTES) return false;
	void *block = held.bytes;
	if (!grow(&block, &held.room, held.length + length, 1)) return false;
	held.bytes = block;
	memcpy(held.bytes + held.length, bytes, length);
	held.length += length;
	if (held.run_count == 0 || held.runs[held.run_count - 1].fd != fd) {
		block = held.runs;
		if (!grow(&block, &held.run_room, held.run_count + 1, sizeof *held.runs)) return false;
		held.runs = block;
		held.runs[held.run_count++] = (struct run){fd, 0};
	}
	held.runs[held.run_count - 1].length += length;
	return true;
}

static bool write_all(int fd, const unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EAGAIN) {
			struct pollfd wait = {fd, POLLOUT, 0};
			poll(&wait, 1, -1);
			continue;
		}
		if (written < 0 && errno == EINTR) continue;
		if (written <= 0) return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* A stream that is closed or full does not stop the other one. */
static void write_held(void) {
	const unsigned char *at = held.bytes;
	bool broken[3] = {false, false, false};
	for (size_t index = 0; index < held.run_count; index++) {
		const struct run *run = &held.runs[index];
		if (!broken[run->fd]) broken[run->fd] = !write_all(run->fd, at, run->length);
		at += run->length;
	}
}

/* ---- the process title ---- */

/* The area that the kernel filled with the words and the environment, as far as they lie in one piece. */
static void find_title_area(char **argv) {
	if (argv == no_words) return;
	title_start = title_end = argv[0];
	for (char **word = argv; *word && *word == title_end; word++) title_end += strlen(*word) + 1;
	for (char **entry = environ; *entry && *entry == title_end; entry++) title_end += strlen(*entry) + 1;
}

/* Moves a list's texts out of the title area; they are needed when the job comes back to us. */
static bool copy_texts(char **list) {
	size_t total = 0;
	for (char **text = list; *text; text++) total += strlen(*text) + 1;
	char *block = malloc(total + 1);
	if (!block) return false;
	for (char **text = list; *text; text++) {
		size_t length = strlen(*text) + 1;
		memcpy(block, *text, length);
		*text = block;
		block += length;
	}
	return true;
}

/* ps shows the node: `pcc[n2] gcc -c a.c`. */
static void show_node(const unsigned char *node, size_t length) {
	static bool is_copied;
	static char *name_copy;
	char where[64], title[PATH_MAX];
	if (length > 48) length = 48;
	format(where, sizeof where, "pcc[%.*s]", (int)length, (const char *)node);
	for (char *at = where; *at; at++)
		if (*at < ' ' || *at > '~') *at = '?';
	prctl(PR_SET_NAME, where);
	if (!is_copied) {
		/* `name` may point into a word. */
		name_copy = strdup(name);
		if (!name_copy || !copy_texts(words) || !copy_texts(environ)) return;
		guard.path = "";
		name = name_copy;
		is_copied = true;
	}
	size_t used = (size_t)snprintf(title, sizeof title, "%s %s", where, name);
	for (char **word = words + 1; *word && used < sizeof title; word++)
		used += (size_t)snprintf(title + used, sizeof title - used, " %s", *word);
	size_t room = (size_t)(title_end - title_start);
	if (room == 0) return;
	memset(title_start, 0, room);
	memcpy(title_start, title, strnlen(title, room - 1 < sizeof title - 1 ? room - 1 : sizeof title - 1));
}

/* ---- the job ---- */

enum verdict { UNDECIDED, RUN_HERE, BROKEN };

static bool is_placed; /* a node has, or had, the job */

/* One frame of the dispatcher. Does not return when the job has ended. */
static enum verdict take_frame(int type, const unsigned char *payload, size_t length) {
	switch (type) {
	case FRAME_RUN_HERE:
		/* At the limit it stays as it is, which is nice enough. */
		if (length >= 1 && payload[0] < 40) (void)!nice(payload[0]);
		return RUN_HERE;
	case FRAME_OUTPUT:
		if (length < 1 || (payload[0] != 1 && payload[0] != 2)) return BROKEN;
		return hold_output(payload[0], payload + 1, length - 1) ? UNDECIDED : BROKEN;
	case FRAME_NODE:
		is_placed = true;
		show_node(payload, length);
		return UNDECIDED;
	case FRAME_EXITED:
	case FRAME_SIGNALLED:
		if (length < 1) return BROKEN;
		if (type == FRAME_SIGNALLED && (payload[0] == 0 || payload[0] >= NSIG)) return BROKEN;
		unwatch_signals();
		write_held();
		if (type == FRAME_SIGNALLED) die_by(payload[0]);
		_exit(type == FRAME_SIGNALLED ? 128 + payload[0] : payload[0]);
	default: /* FRAME_REFUSED, and what a later version may say */
		return BROKEN;
	}
}

static struct {
	unsigned char *bytes;
	size_t length, room;
} received;

/* All whole frames in what was received. */
static enum verdict take_frames(void) {
	size_t at = 0;
	enum verdict verdict = UNDECIDED;
	while (verdict == UNDECIDED && received.length - at >= 4) {
		const unsigned char *head = received.bytes + at;
		size_t length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
		if (length == 0 || length > MAX_FRAME_BYTES) return BROKEN;
		if (received.length - at < 4 + length) break;
		verdict = take_frame(head[4], head + 5, length - 1);
		at += 4 + length;
	}
	received.length -= at;
	memmove(received.bytes, received.bytes + at, received.length);
	return verdict;
}

static enum verdict receive(int fd) {
	void *block = received.bytes;
	if (!grow(&block, &received.room, received.length + 65536, 1)) return BROKEN;
	received.bytes = block;
	ssize_t length = recv(fd, received.bytes + received.length, received.room - received.length, MSG_DONTWAIT);
	if (length < 0 && (errno == EINTR || errno == EAGAIN)) return UNDECIDED;
	if (length <= 0) return BROKEN;
	received.length += (size_t)length;
	return take_frames();
}

/* A dispatcher may let a job wait for hours, but it reads at once what shims send. */
static bool is_unread(int fd) {
	int bytes = 0;
	return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

/* The process that listens at the other end, 0 when it is not to be seen from here. */
static pid_t peer_of(int fd) {
	struct ucred peer = {0};
	socklen_t length = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

static enum verdict await_verdict(int fd) {
	pid_t dispatcher = peer_of(fd);
	long long start = now_ms(), deadline = start + READ_LIMIT_MS, used = cpu_ms(dispatcher);
	bool is_dying = false;
	enum verdict verdict = UNDECIDED;
	while (verdict == UNDECIDED) {
		struct pollfd wait = {fd, POLLIN, 0};
		if (deadline && now_ms() >= deadline) {
			if (is_dying) return BROKEN;
			deadline = 0;
			if (is_unread(fd)) {
				long long now_used = cpu_ms(dispatcher);
				bool has_worked = now_used - used > STIR_MS;
				if (!has_worked || now_ms() - start >= READ_MOST_MS) return BROKEN;
				used = now_used;
				deadline = now_ms() + READ_LIMIT_MS;
			}
		}
		/* One look at the clock: a second one may be past the deadline, and ppoll refuses a time below zero. */
		long long left = deadline ? deadline - now_ms() : 0;
		if (left < 0) left = 0;
		struct timespec limit = {(time_t)(left / 1000), (long)(left % 1000 * 1000000)};
		int count = ppoll(&wait, 1, deadline ? &limit : NULL, &mask_before);
		if (count < 0 && errno != EINTR) return BROKEN;
		forward_signals(fd);
		if (fatal && !is_dying) {
			is_dying = true;
			deadline = now_ms() + SIGNAL_LIMIT_MS;
		}
		if (count > 0) verdict = receive(fd);
	}
	return verdict;
}

/* Returns when the command is to run here; true when the dispatcher counts it. */
static bool dispatch(void) {
	int fd = reach_dispatcher();
	if (fd < 0) return false;
	if (!send_request(fd)) {
		close(fd);
		return false;
	}
	watch_signals();
	enum verdict verdict = await_verdict(fd);
	unwatch_signals();
	if (fatal) die_by(fatal);
	if (verdict == RUN_HERE) return true;
	close(fd);
	if (is_placed) sleep_ms(FENCE_MS);
	return false;
}

/* ---- what pmake asks of pcc itself ---- */

static int answer_pmake(const char *question, const char *operand) {
	const char *why = "the runtime directory cannot be used (it must be yours alone, mode 0700)";
	find_runtime();
	if (strcmp(question, "--pmake-which") == 0) {
		if (!operand) return 2;
		if (!find_program(operand, program)) no_program(operand);
		return puts(program) < 0 || fflush(stdout) != 0;
	}
	if (strcmp(question, "--pmake-runtime-dir") == 0) {
		if (*runtime) return puts(runtime) < 0 || fflush(stdout) != 0;
	} else if (*runtime) {
		int fd = connect_dispatcher();
		why = "the path of its socket is too long";
		if (fd < 0 && errno != ENAMETOOLONG) fd = start_dispatcher(true, &why);
		if (fd >= 0) return 0;
	}
	fprintf(stderr, "pmake: no dispatcher: %s%s%s%s\n", why, *runtime ? "; see " : "", runtime,
	        *runtime ? "/dispatcher.log" : "");
	return 1;
}

static bool is_question(const char *word) {
	return strcmp(word, "--pmake-start-dispatcher") == 0 || strcmp(word, "--pmake-runtime-dir") == 0 ||
	       strcmp(word, "--pmake-which") == 0;
}

int main(int argc, char **argv) {
	if (argc < 1) {
		no_words[0] = (char *)"pcc";
		argv = no_words;
	}
	find_title_area(argv);
	leave_preload();
	find_self(argv[0]);
	if (argc > 1 && strcmp(base_name(argv[0]), "pcc") == 0 && is_question(argv[1]))
		return answer_pmake(argv[1], argv[2]);
	read_guard();
	bool is_plain = is_inside_job() || is_on("PMAKE_LOCAL") || is_on("PMAKE_DISABLE");
	choose_program(argv);
	check_depth();
	if (is_cache(program)) {
		leave_path();
		if (!is_plain) run_cache();
	}
	if (is_plain) run_program('p');
	find_runtime();
	if (!dispatch()) take_slot();
	run_program('p');
}
