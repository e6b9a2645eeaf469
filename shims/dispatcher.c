/*
 * The runtime directory, and the connection to the dispatcher in it. The first shim that finds no dispatcher starts
 * one. Unaware of jobs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

#ifndef PMAKE_NODE
#define PMAKE_NODE "node"
#endif

/*
 * A dispatcher is usually up 0.2 s after its start. On a machine that is busy with a build, it may take much longer, so
 * START_LIMIT_MS counts only the time without CPU use. START_MOST_MS also ends a dispatcher that spins.
 */
#define START_LIMIT_MS 5000
#define START_MOST_MS 60000
/* The interval at which a starting dispatcher is checked. */
#define PROGRESS_LOOK_MS 500
/* The interval at which the other shims check whether it is up. */
#define START_LOOK_MS 10
/* After a failed start, the next attempt is made only after this time: not every compile must wait for 5 s. */
#define START_AGAIN_S 30
/* The timeout of connect and of each send, for a dispatcher that exists but is stopped. */
#define SEND_LIMIT_S 5
#define LOG_LIMIT_BYTES (1024 * 1024)

char runtime[PATH_MAX];

static bool is_private(const char *path) {
	struct stat found;
	if (lstat(path, &found) != 0) {
		if (errno != ENOENT || (mkdir(path, 0700) != 0 && errno != EEXIST)) return false;
		if (lstat(path, &found) != 0) return false;
	}
	return S_ISDIR(found.st_mode) && found.st_uid == geteuid() && (found.st_mode & 077) == 0;
}

static bool is_owned(const char *path) {
	struct stat found;
	return stat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == geteuid();
}

/*
 * The runtime directory to use if another user has taken the usual name. Hosts may share this file system, so the name
 * includes the host's.
 */
static bool find_own_runtime(void) {
	const char *cache = setting("XDG_CACHE_HOME"), *home = setting("HOME");
	bool is_cache = cache && *cache == '/';
	const char *base = is_cache ? cache : home;
	char parent[PATH_MAX], host[HOST_NAME_MAX + 1];
	/* Root with another user's HOME must not leave files there. */
	if (!base || *base != '/' || !is_owned(base)) return false;
	if (gethostname(host, sizeof host) != 0 || strchr(host, '/')) return false;
	if (!format(parent, sizeof parent, is_cache ? "%s" : "%s/.cache", base)) return false;
	mkdir(parent, 0700);
	if (!format(runtime, sizeof runtime, "%s/pmake", parent)) return false;
	mkdir(runtime, 0700);
	return format(runtime, sizeof runtime, "%s/pmake/run-%s", parent, host) && is_private(runtime);
}

void find_runtime(void) {
	const char *chosen = setting("PMAKE_RUNTIME_DIR");
	const char *xdg = setting("XDG_RUNTIME_DIR");
	bool fits;
	if (chosen)
		fits = *chosen == '/' && format(runtime, sizeof runtime, "%s", chosen);
	else if (xdg && *xdg == '/' && is_owned(xdg))
		fits = format(runtime, sizeof runtime, "%s/pmake", xdg);
	else
		fits = format(runtime, sizeof runtime, "/tmp/pmake-%ld", (long)geteuid());
	if (fits && is_private(runtime)) return;
	if (chosen || !find_own_runtime()) *runtime = '\0';
}

int open_in_runtime(const char *file, int flags) {
	char path[PATH_MAX];
	if (!format(path, sizeof path, "%s/%s", runtime, file)) return -1;
	return open(path, flags | O_CREAT | O_NOFOLLOW | O_NOCTTY, 0600);
}

/*
 * Under a small hard limit on descriptors, the socket has a low number. That is harmless while the job runs on a node;
 * before it runs locally, job.c closes the socket.
 */
static int open_socket(void) {
	int fd = move_high(socket(AF_UNIX, SOCK_STREAM, 0), false);
	if (fd >= 0) return fd;
	int low = socket(AF_UNIX, SOCK_STREAM, 0);
	fd = low < 0 ? -1 : fcntl(low, F_DUPFD, 3);
	if (low >= 0) close(low);
	return fd;
}

/* Sets errno. ENOENT and ECONNREFUSED mean that no dispatcher runs. */
int connect_dispatcher(void) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {SEND_LIMIT_S, 0};
	if (!format(address.sun_path, sizeof address.sun_path, "%s/dispatcher.sock", runtime)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open_socket();
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

/*
 * The limits that a dispatcher needs for a day of builds, whichever shell starts it. Node.js alone takes 0.7 GiB of
 * address space.
 */
static const struct {
	int resource;
	unsigned long long least;
} needs[] = {{RLIMIT_CPU, 3600},        {RLIMIT_FSIZE, 64ULL << 20}, {RLIMIT_DATA, 1ULL << 30},
             {RLIMIT_STACK, 1ULL << 20}, {RLIMIT_NOFILE, 256},        {RLIMIT_AS, 4ULL << 30}};
#define NEEDS (sizeof needs / sizeof *needs)

static bool has_room(void) {
	struct rlimit limit;
	for (size_t index = 0; index < NEEDS; index++)
		if (getrlimit(needs[index].resource, &limit) == 0 && limit.rlim_max != RLIM_INFINITY &&
		    limit.rlim_max < needs[index].least)
			return false;
	return true;
}

/* The dispatcher also serves other shells than this one. */
static void lift_limits(void) {
	struct rlimit limit;
	for (size_t index = 0; index < NEEDS; index++) {
		if (getrlimit(needs[index].resource, &limit) != 0) continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(needs[index].resource, &limit);
	}
}

/*
 * Drops variables of the build, which the dispatcher outlives, and those of Node.js, which could open a debugger port,
 * load a file that is meant for another program, or take one of the descriptors for its parent's.
 */
static bool is_dropped(const char *entry) {
	static const char *const names[] = {"MAKEFLAGS",    "MFLAGS",       "GNUMAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES",
	                                    "MAKE_TERMOUT", "MAKE_TERMERR", GUARD_VARIABLE, PRELOAD_VARIABLE,
	                                    /*
	                                     * The dispatcher outlives their purpose, and would pass them to its
	                                     * workers.
	                                     */
	                                    "LD_PRELOAD", "LD_AUDIT", "LD_PROFILE", "LD_DEBUG", "LD_SHOW_AUXV"};
	size_t length = strcspn(entry, "=");
	for (size_t index = 0; index < sizeof names / sizeof *names; index++)
		if (strlen(names[index]) == length && memcmp(entry, names[index], length) == 0) return true;
	return is_read_by_node(entry);
}

static void drop_variables(void) {
	char **kept = environ;
	for (char **entry = environ; *entry; entry++)
		if (!is_dropped(*entry)) *kept++ = *entry;
	*kept = NULL;
}

/*
 * Runs in the grandchild. It inherits nothing of the build: an inherited jobserver pipe would make make wait forever.
 */
static void become_dispatcher(const char *script, int ready, int lock) {
	struct stat log;
	pid_t own_id = getpid();
	if (write(ready, &own_id, sizeof own_id) != sizeof own_id) _exit(1);
	reset_signals();
	lift_limits();
	umask(077);
	/*
	 * The dispatcher inherits the lock until it listens: this shim may be killed before, and no other shim must
	 * start a second dispatcher.
	 */
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
	drop_variables();
	setenv("PMAKE_READY_FD", "3", 1);
	setenv("PMAKE_START_LOCK_FD", "4", 1);
	setenv("PMAKE_RUNTIME_DIR", runtime, 1);
	execl(PMAKE_NODE, PMAKE_NODE, script, (char *)NULL);
	execlp("node", "node", script, (char *)NULL);
	fprintf(stderr, "pmake: cannot run " PMAKE_NODE " or node: %s\n", strerror(errno));
	_exit(127);
}

/* The CPU time of a process; 0 if it is gone or unknown. Pid 0 would mean this process. */
long long cpu_ms(pid_t pid) {
	clockid_t clock;
	struct timespec used;
	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
	return (long long)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Waits for the byte that means "ready". The process first writes its pid to the pipe. */
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
	/* Otherwise, one more stuck process would be left after every START_AGAIN_S. */
	kill(-group, SIGKILL);
	return now_ms() - start < START_MOST_MS ? "it was not ready, and stood still for 5 s"
	                                        : "it was not ready within a minute";
}

/* Starts the dispatcher and waits until it is ready. Returns NULL, or why it failed. */
static const char *launch(int lock) {
	char script[PATH_MAX], installed[PATH_MAX];
	int ready[2];
	if (!find_installed(installed)) return "where pmake is installed is not known";
	if (!format(script, sizeof script, "%s/../cli/dispatcher.cjs", installed)) return "its path is too long";
	if (access(script, R_OK) != 0) return "its program ../cli/dispatcher.cjs is missing, seen from pcc";
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

/*
 * Connects to the dispatcher that this shim, or the holder of the start lock, starts. Returns -1 and sets *why on
 * failure.
 */
int start_dispatcher(bool insist, const char **why) {
	/* The holder of the lock gives up before that. */
	long long deadline = now_ms() + START_MOST_MS + 1000;
	*why = "the hard resource limits of this shell (ulimit -Ha) are too low for it";
	if (!has_room()) return -1;
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
	/* Between the first attempt and the lock, another shim may have started a dispatcher, or failed to. */
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

int reach_dispatcher(void) {
	const char *why;
	if (!*runtime) return -1;
	int fd = connect_dispatcher();
	if (fd >= 0) return fd;
	if ((errno != ENOENT && errno != ECONNREFUSED) || failed_lately()) return -1;
	return start_dispatcher(false, &why);
}
