/*
 * Search for a program: the first of its name on PATH that is not a shim, or the one that a path names. Unaware of how
 * the shim was called and of what the program does, except that a cache or a wrapper searches for a compiler after
 * itself.
 */
#define _GNU_SOURCE
#include "shim.h"

static struct stat self; /* this executable */

bool is_same(const struct stat *one, const struct stat *other) {
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool is_program(const char *path, struct stat *found) {
	return stat(path, found) == 0 && S_ISREG(found->st_mode) && access(path, X_OK) == 0;
}

bool is_shim(const char *path, const struct stat *found) {
	return (self.st_ino && is_same(found, &self)) || kind_of(path) == FILE_SHIM;
}

void know_self(const char *started) {
	if (stat("/proc/self/exe", &self) != 0 && (!strchr(started, '/') || stat(started, &self) != 0)) self.st_ino = 0;
}

bool absolute(char out[PATH_MAX], const char *directory, size_t length, const char *file) {
	char cwd[PATH_MAX];
	if (length > 0 && directory[0] == '/') return format(out, PATH_MAX, "%.*s/%s", (int)length, directory, file);
	if (!getcwd(cwd, sizeof cwd)) return false;
	if (length == 0) return format(out, PATH_MAX, "%s/%s", cwd, file);
	return format(out, PATH_MAX, "%s/%.*s/%s", cwd, (int)length, directory, file);
}

bool next_directory(const char **path, const char **directory, size_t *length) {
	if (!*path) return false;
	*directory = *path;
	*length = strcspn(*path, ":");
	*path = (*path)[*length] ? *path + *length + 1 : NULL;
	return true;
}

const char *search_path(void) {
	const char *path = getenv("PATH");
	return path ? path : "/bin:/usr/bin";
}

bool is_guarded(const struct stat *found) {
	struct stat guarded;
	return guard.set && stat(guard.path, &guarded) == 0 && is_same(found, &guarded);
}

/*
 * The first program on PATH with that name that is not a shim. Under a guard, it is the next one after the guard's
 * program, because that program (such as ccache) searched for the compiler after itself and found the shim at the
 * front.
 */
bool find_on_path(const char *wanted, char out[PATH_MAX]) {
	const char *path = search_path(), *directory;
	size_t length;
	struct stat guarded, found;
	char candidate[PATH_MAX], first[PATH_MAX] = "", again[PATH_MAX] = "";
	bool has_guard = guard.set && stat(guard.path, &guarded) == 0;
	while (next_directory(&path, &directory, &length)) {
		if (!absolute(candidate, directory, length, wanted)) continue;
		if (!is_program(candidate, &found) || is_shim(candidate, &found)) continue;
		if (has_guard && is_same(&found, &guarded)) {
			if (!*again) strcpy(again, candidate);
		} else if (!has_guard || *again) {
			strcpy(out, candidate);
			return true;
		} else if (!*first) {
			strcpy(first, candidate);
		}
	}
	strcpy(out, *again ? again : first);
	return *out != '\0';
}

/* The file that the kernel would run for a word that contains a slash; false if that is not a program. */
bool find_by_path(const char *word, char out[PATH_MAX], struct stat *found) {
	if (!*word || !base_name(word)[0]) return false;
	bool fits = word[0] == '/' ? format(out, PATH_MAX, "%s", word) : absolute(out, "", 0, word);
	return fits && is_program(out, found);
}

/* Finds a path, or a name on PATH. If the path is a shim, finds the program behind it. */
bool find_program(const char *word, char out[PATH_MAX]) {
	struct stat found;
	if (!strchr(word, '/')) return find_on_path(word, out);
	if (!find_by_path(word, out, &found)) return false;
	if (!is_shim(out, &found)) return true;
	char shim[PATH_MAX];
	strcpy(shim, out);
	return find_recorded(shim, out) || find_on_path(base_name(word), out);
}

void no_program(const char *wanted) {
	const char *path = getenv("PATH");
	fprintf(stderr, "%s: command not found (pmake looked for a program other than its own shim in PATH=%s)\n", wanted,
	        path ? path : "");
	_exit(127);
}
