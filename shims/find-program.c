/*
 * Which program a shim stands for: the first of its name on PATH that is no shim, or the one that its first word names.
 * Unaware of what the program does, but that ccache looks for a compiler behind itself.
 */
#define _GNU_SOURCE

#include "shim.h"

char program[PATH_MAX];
const char *name;
char **words;
char self_path[PATH_MAX];
static struct stat self; /* this executable */

static bool is_same(const struct stat *one, const struct stat *other) {
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool is_program(const char *path, struct stat *found) {
	return stat(path, found) == 0 && S_ISREG(found->st_mode) && access(path, X_OK) == 0;
}

/* This executable by any name, or the masquerade link of another installation. */
bool is_shim(const char *path, const struct stat *found) {
	if (self.st_ino && is_same(found, &self)) return true;
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length <= 0) return false;
	target[length] = '\0';
	return ends_with(target, "/shims/pcc");
}

bool absolute(char out[PATH_MAX], const char *directory, size_t length, const char *file) {
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
bool find_program(const char *word, char out[PATH_MAX]) {
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

void no_program(const char *wanted) {
	const char *path = getenv("PATH");
	fprintf(stderr, "%s: command not found (pmake looked for a program other than its own shim in PATH=%s)\n", wanted,
	        path ? path : "");
	_exit(127);
}

/* Sets program, name and words from how we were called. */
void choose_program(char **argv) {
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

void find_self(const char *called) {
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
	self_path[length > 0 ? length : 0] = '\0';
	if (stat("/proc/self/exe", &self) != 0 && (!strchr(called, '/') || stat(called, &self) != 0)) self.st_ino = 0;
}
