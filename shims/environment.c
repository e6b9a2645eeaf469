/*
 * Removal of pmake's own settings from the environment: the real program must not inherit the preload library and the
 * masquerades in PATH. It also runs the programs that finally call a compiler: caches, which search for it themselves,
 * and scripts, which keep both settings.
 */
#define _GNU_SOURCE

#include "shim.h"

static const char *preload_before, *shims_before; /* the inherited values; NULL if unset */

/*
 * Removes only the library from LD_PRELOAD: what a compiler runs is part of its job, locally and on a node. If this
 * program is not static, the library is also loaded into it, and must not intercept its own execv.
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

/* A script may call the compiler by its full path, and the library must intercept that call. */
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

/* Removes the directories for which `is_ours` is true from PATH. */
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
 * The real program searches PATH for itself and for others, and must find what it would find without pmake. A directory
 * of the user's that contains a shim among other files stays.
 */
void leave_masquerades(void) {
	leave_directories(is_masquerade);
}

static const char *cached; /* the name of the compiler that the cache calls */

static bool hides_compiler(const char *directory, size_t length) {
	return holds_shim(directory, length, name) || holds_shim(directory, length, cached);
}

/*
 * A cache must find the compiler itself, not the shim, whose date and size would then take the place of the compiler's
 * in its hashes: after an upgrade of the compiler, the cache would return an old object.
 */
void leave_shims(void) {
	/* `ccache gcc ...` names the compiler; a link to ccache has the compiler's name. */
	cached = words[1] && *words[1] != '-' ? base_name(words[1]) : name;
	leave_directories(hides_compiler);
}

/* ---- programs that run locally at once ---- */

/* Takes no slot: a hit costs nothing, and on a miss the cache calls the shim for the compile. */
void run_cache(void) {
	char pcc[PATH_MAX];
	if (find_pcc(pcc) && !strpbrk(pcc, " \t") && !setting("CCACHE_PREFIX")) setenv("CCACHE_PREFIX", pcc, 1);
	run_program('c');
}

/*
 * A script with a compiler's name may examine its arguments, so it gets the user's own. It runs at once and takes no
 * slot. The compiler that it calls is the job: it is found by name through PATH, which keeps the masquerades, or by
 * path through the preload library.
 */
void run_script(void) {
	take_preload_back();
	run_program('c');
}
