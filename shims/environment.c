/*
 * What of ours the real program must not inherit: the preload library for all of them, our directories in PATH for a
 * compiler cache.
 */
#define _GNU_SOURCE

#include "shim.h"

/*
 * Out of LD_PRELOAD with it, and with nothing else: what a compiler runs is part of its job, here and on a node. Where
 * we are no static program it is loaded in ourselves too, and must not catch our own execv.
 */
void leave_preload(void) {
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

bool is_cache(const char *path) {
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
void leave_path(void) {
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
void run_cache(void) {
	if (*self_path && !strpbrk(self_path, " \t") && !setting("CCACHE_PREFIX")) setenv("CCACHE_PREFIX", self_path, 1);
	run_program('c');
}
