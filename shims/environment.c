/*
 * What of ours the real program must not inherit: the preload library, and our directories in PATH. Those that run here at
 * once, to call a compiler in the end: caches, which look for it by themselves, and scripts, which keep both.
 */
#define _GNU_SOURCE

#include "shim.h"

static const char *preload_before, *shims_before; /* as they came; NULL where they are not set */

/*
 * Out of LD_PRELOAD with it, and with nothing else: what a compiler runs is part of its job, here and on a node. Where
 * we are no static program it is loaded in ourselves too, and must not catch our own execv.
 */
void leave_preload(void) {
	const char *value = getenv("LD_PRELOAD");
	preload_before = value;
	shims_before = getenv(PRELOAD_VARIABLE);
	unsetenv(PRELOAD_VARIABLE);
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

/* A script may call the compiler by its full path, and then the library is to catch it. */
static void take_preload_back(void) {
	if (preload_before) setenv("LD_PRELOAD", preload_before, 1);
	if (shims_before) setenv(PRELOAD_VARIABLE, shims_before, 1);
}

bool is_cache(const char *path) {
	struct stat found;
	char *real = lstat(path, &found) == 0 && S_ISLNK(found.st_mode) ? realpath(path, NULL) : NULL;
	const char *base = base_name(real ? real : path);
	bool is_one = strcmp(base, "ccache") == 0 || strcmp(base, "sccache") == 0;
	free(real);
	return is_one;
}

/* ---- PATH ---- */

static bool holds_shim(const char *directory, size_t length, const char *file) {
	struct stat found;
	char path[PATH_MAX];
	return absolute(path, directory, length, file) && is_program(path, &found) && is_shim(path, &found);
}

/* Takes the directories out of PATH that `is_ours` says so of. */
static void leave_directories(bool (*is_ours)(const char *directory, size_t length)) {
	const char *path = getenv("PATH"), *directory;
	char *kept = path ? malloc(strlen(path) + 1) : NULL;
	size_t used = 0, length;
	if (!kept) return;
	bool is_first = true, is_any = false;
	while (next_directory(&path, &directory, &length)) {
		if (is_ours(directory, length)) {
			is_any = true;
			continue;
		}
		if (!is_first) kept[used++] = ':';
		is_first = false;
		memcpy(kept + used, directory, length);
		used += length;
	}
	kept[used] = '\0';
	if (is_any && used > 0) setenv("PATH", kept, 1);
	free(kept);
}

/*
 * The real program looks for itself and for others on PATH, and must find what it finds without us. A directory of the
 * user's that has a shim among other things stays.
 */
void leave_masquerades(void) {
	leave_directories(is_masquerade);
}

static const char *cached; /* what the cache is to compile with */

static bool hides_compiler(const char *directory, size_t length) {
	return holds_shim(directory, length, name) || holds_shim(directory, length, cached);
}

/*
 * A cache must find the compiler itself and not us, whose date and size would then stand for the compiler's in its
 * hashes: an object of the old compiler would come back after an upgrade.
 */
void leave_shims(void) {
	/* `ccache gcc ...` names the compiler, a link to ccache is named like it. */
	cached = words[1] && *words[1] != '-' ? base_name(words[1]) : name;
	leave_directories(hides_compiler);
}

/* ---- what runs here at once ---- */

/* Outside any slot: a hit costs nothing, and on a miss it calls us for the compile. */
void run_cache(void) {
	char pcc[PATH_MAX];
	if (find_pcc(pcc) && !strpbrk(pcc, " \t") && !setting("CCACHE_PREFIX")) setenv("CCACHE_PREFIX", pcc, 1);
	run_program('c');
}

/*
 * A script by a compiler's name looks at its words, so it gets the user's own, at once and outside any slot. The compiler
 * that it calls is the job: by name through PATH, which keeps our directories, by path through the preload library.
 */
void run_script(void) {
	take_preload_back();
	run_program('c');
}
