/*
 * The program `pmake`: it execs Node.js with pmake's script. If Node.js cannot run, because a resource limit is too low
 * or it is not installed, the program execs plain make, and prints a line where the summary would be shown.
 *
 * Of the rest of pmake, it knows only how make is found and what a nested pmake must see
 * (src/make/invocation/find-make.ts, src/make/make-environment.ts). shims/pmake.sh replaces it where there is no C compiler.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common.h"

#ifndef PMAKE_NODE
#define PMAKE_NODE "node"
#endif

/* A chain of two is explained by a script called make; at this length, every make on PATH is such a script. */
#define MAX_CHAIN 10
#define CHAIN_VARIABLE "PMAKE_CHAIN"
/* The prefix of variables that are meant for make, and that the Node.js of pmake must not read. */
#define HIDDEN_PREFIX "_PMAKE_HIDDEN_"

static char self[PATH_MAX]; /* the real path of this executable; "" if it is unknown */

/* Writes the line in place of the summary: on a terminal, unless PMAKE_SUMMARY says otherwise. */
static void say(const char *why) {
	const char *wanted = setting("PMAKE_SUMMARY");
	if (wanted ? strcmp(wanted, "0") != 0 : isatty(2)) fprintf(stderr, "pmake: all of it here, by plain make: %s\n", why);
}

/* ---- the search for make ---- */

static bool is_program(const char *path) {
	struct stat found;
	return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0;
}

/* Whether it is this program, or the script that it starts, of any installation. */
static bool is_pmake(const char *path) {
	char real[PATH_MAX];
	if (!realpath(path, real)) return false;
	if (strcmp(real, self) == 0 || strcmp(base_name(real), "pmake.cjs") == 0) return true;
	size_t length = (size_t)(base_name(real) - real);
	char script[PATH_MAX];
	return strcmp(real + length, "pmake") == 0 &&
	       format(script, sizeof script, "%.*s../cli/pmake.cjs", (int)length, real) && access(script, F_OK) == 0;
}

/* How many pmakes lead to this one without a make in between. */
static int chain_length(void) {
	const char *value = getenv(CHAIN_VARIABLE), *level = getenv("MAKELEVEL");
	if (!level) level = "";
	size_t length = strlen(level);
	if (!value || strncmp(value, level, length) != 0 || value[length] != '/') return 0;
	long count = strtol(value + length + 1, NULL, 10);
	return count > 0 && count <= MAX_CHAIN ? (int)count : 0;
}

/*
 * The program at `index` among those of that name on PATH that are not pmake, or the last of them. `is_first` tells
 * whether it is the first of that name on PATH.
 */
static bool find_on_path(const char *name, int index, char out[PATH_MAX], bool *is_first) {
	const char *path = getenv("PATH");
	char candidate[PATH_MAX];
	bool is_any = false;
	int others = 0;
	if (!path) path = "/usr/local/bin:/usr/bin:/bin";
	for (bool last = false; !last && others <= index;) {
		size_t length = strcspn(path, ":");
		bool fits = *path == '/' && format(candidate, sizeof candidate, "%.*s/%s", (int)length, path, name);
		last = path[length] == '\0';
		path += length + 1;
		if (!fits || !is_program(candidate)) continue;
		bool is_other = !is_pmake(candidate);
		if (is_other) {
			strcpy(out, candidate);
			*is_first = !is_any;
			others++;
		}
		is_any = true;
	}
	return others > 0;
}

static void no_make(const char *why, const char *named) {
	fprintf(stderr, why, named);
	_exit(127);
}

static const char *find_make(char out[PATH_MAX]) {
	static const char *const names[] = {"make", "gmake"};
	const char *named = setting("PMAKE_MAKE");
	bool is_first = false;
	int chain = chain_length();
	if (chain >= MAX_CHAIN) no_make("pmake: \"%s\" leads back to pmake; set PMAKE_MAKE to the real make\n", named ? named : "make");
	if (named) {
		bool is_found = strchr(named, '/') ? format(out, PATH_MAX, "%s", named) && is_program(out)
		                                   : find_on_path(named, 0, out, &is_first);
		if (!is_found) no_make("pmake: make was not found: PMAKE_MAKE is \"%s\", which is not an executable program\n", named);
		if (is_pmake(out)) no_make("pmake: \"%s\" leads back to pmake; set PMAKE_MAKE to the real make\n", named);
		return named;
	}
	for (size_t index = 0; index < sizeof names / sizeof *names; index++)
		if (find_on_path(names[index], chain, out, &is_first)) return is_first ? names[index] : out;
	no_make("pmake: make was not found: there is no %s on PATH, and PMAKE_MAKE is not set\n", "make or gmake");
	return NULL;
}

/* ---- whether Node.js can run ---- */

/*
 * Node.js reserves far more address space than it uses; if that is refused, it dies of a signal before it runs a line.
 */
struct needed_limit {
	int resource;
	rlim_t least;
	const char *option; /* of ulimit */
	rlim_t unit;        /* of ulimit's figure */
	const char *what;
};

/*
 * Measured with Node 20 by lowering each limit until pmake or the dispatcher failed: 780 MB of address space, 100 MB of
 * data, 24 files; with less than 60 MB of data, it hangs. The values are about twice that, for other versions and
 * larger builds. V8 assumes a stack of 984 KiB. pmake uses a few tenths of a second of CPU time to start, and a few
 * seconds in an hour.
 */
static const struct needed_limit needed_limits[] = {
	{RLIMIT_AS, (rlim_t)1536 * 1024 * 1024, "v", 1024, "address space"},
	{RLIMIT_DATA, (rlim_t)256 * 1024 * 1024, "d", 1024, "data"},
	{RLIMIT_STACK, (rlim_t)1024 * 1024, "s", 1024, "stack"},
	{RLIMIT_NOFILE, 64, "n", 1, "open files"},
	{RLIMIT_CPU, 60, "t", 1, "CPU time"},
};
#define NEEDED_LIMITS (sizeof needed_limits / sizeof *needed_limits)

/* The first limit that is too low for Node.js, with its value in *value; NULL if none exists. */
static const struct needed_limit *limit_too_low(rlim_t *value) {
	for (size_t index = 0; index < NEEDED_LIMITS; index++) {
		struct rlimit limit;
		if (getrlimit(needed_limits[index].resource, &limit) != 0) continue;
		*value = limit.rlim_cur;
		if (*value != RLIM_INFINITY && *value < needed_limits[index].least) return &needed_limits[index];
	}
	return NULL;
}

/* ---- exec of make or Node.js ---- */

/* Removes pmake's own switches that need no Node.js; refuses the others. */
static void take_own_words(char **words) {
	char **kept = words;
	bool is_make = false;
	for (; *words; words++) {
		if (strcmp(*words, "--") == 0) is_make = true;
		if (!is_make && strcmp(*words, "--pmake-local") == 0) continue;
		if (!is_make && strncmp(*words, "--pmake-", 8) == 0) {
			fprintf(stderr, "pmake: %s needs Node.js, which cannot run here\n", *words);
			_exit(2);
		}
		*kept++ = *words;
	}
	*kept = NULL;
}

static void become_make(char **words, const char *why) {
	char make[PATH_MAX], chain[PATH_MAX];
	take_own_words(words + 1);
	words[0] = (char *)find_make(make);
	const char *level = getenv("MAKELEVEL");
	if (format(chain, sizeof chain, "%s/%d", level ? level : "", chain_length() + 1)) setenv(CHAIN_VARIABLE, chain, 1);
	setenv("PMAKE_LOCAL", "1", 1);
	say(why);
	execv(make, words);
	int code = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "pmake: %s cannot be run: %s\n", make, strerror(errno));
	_exit(code);
}

/* Variables for a recipe's Node.js could open a debugger port in pmake's own, or load a file that does not exist. */
static void hide_variables(void) {
	for (char **entry = environ; *entry; entry++) {
		if (!is_read_by_node(*entry)) continue;
		size_t size = sizeof HIDDEN_PREFIX + strlen(*entry);
		char *hidden = malloc(size);
		if (hidden && format(hidden, size, HIDDEN_PREFIX "%s", *entry)) *entry = hidden;
	}
}

static void show_variables(void) {
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, HIDDEN_PREFIX, sizeof HIDDEN_PREFIX - 1) == 0) *entry += sizeof HIDDEN_PREFIX - 1;
}

static void become_node(char **words, const char *script) {
	size_t count = 0;
	while (words[count]) count++;
	char **all = calloc(count + 2, sizeof *all);
	if (!all) return;
	all[0] = (char *)"node";
	all[1] = (char *)script;
	memcpy(all + 2, words + 1, count * sizeof *all);
	hide_variables();
	/* Use the node on PATH, as the script's first line would; else the one that installed pmake. */
	execvp("node", all);
	execv(PMAKE_NODE, all);
	show_variables();
	free(all);
}

int main(int argc, char **argv) {
	static char *no_words[2];
	char script[PATH_MAX], why[256];
	rlim_t value;
	if (argc < 1) argv = no_words;
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *executed = (const char *)getauxval(AT_EXECFN);
	self[length > 0 ? length : 0] = '\0';
	if (!*self && (!executed || !realpath(executed, self))) *self = '\0';
	bool is_known = format(script, sizeof script, "%.*s../cli/pmake.cjs", (int)(base_name(self) - self), self);
	if (!*self || !is_known || access(script, R_OK) != 0) become_make(argv, "pmake's own files were not found");
	const struct needed_limit *low = limit_too_low(&value);
	if (low) {
		format(why, sizeof why, "\"ulimit -%s %llu\" leaves too little %s for Node.js, which needs %llu", low->option,
		       (unsigned long long)(value / low->unit), low->what, (unsigned long long)(low->least / low->unit));
		become_make(argv, why);
	}
	become_node(argv, script);
	become_make(argv, "there is no Node.js on PATH");
}
