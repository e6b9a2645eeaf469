/*
 * The command, which depends on how the shim was called: by a compiler's name (masquerade), as `pcc PROGRAM ...`, or as
 * CC=pcc. It relies on the executed file and the arguments, because argv[0] may be anything (`exec -a x gcc`).
 */
#define _GNU_SOURCE
#include <sys/auxv.h>

#include "shim.h"

char program[PATH_MAX];
const char *name;
const char *argv0;
char **words;
char self_path[PATH_MAX];

static char started[PATH_MAX]; /* the path that was executed */

static bool is_pcc_name(const char *file) {
	return strcmp(file, "pcc") == 0 || strcmp(file, "p++") == 0;
}

/* A descriptor has no name (fexecve): the executable's name or argv[0] is then used. */
static bool is_descriptor(const char *path) {
	static const char *const places[] = {"/dev/fd/", "/proc/self/fd/"};
	for (size_t index = 0; index < sizeof places / sizeof *places; index++) {
		size_t length = strlen(places[index]);
		if (strncmp(path, places[index], length) == 0 && !strchr(path + length, '/')) return true;
	}
	return false;
}

void find_self(const char *called) {
	const char *executed = (const char *)getauxval(AT_EXECFN);
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
	self_path[length > 0 ? length : 0] = '\0';
	if (!executed || !*executed) executed = called;
	if (is_descriptor(executed)) executed = is_pcc_name(base_name(self_path)) || !*self_path ? called : self_path;
	if (!format(started, sizeof started, "%s", executed)) *started = '\0';
	know_self(started);
	char *real = *self_path ? NULL : realpath(started, NULL);
	if (real && !format(self_path, sizeof self_path, "%s", real)) *self_path = '\0';
	free(real);
}

bool is_called_pcc(void) {
	return strcmp(base_name(started), "pcc") == 0;
}

static bool is_on_path(const char *wanted, size_t wanted_length) {
	const char *path = search_path(), *directory;
	size_t length;
	while (next_directory(&path, &directory, &length))
		if (length == wanted_length && memcmp(directory, wanted, length) == 0) return true;
	return false;
}

/* Whether the shim was found by a PATH search, which keeps the directory as it is in PATH, and not called by a path. */
static bool is_found_on_path(const char *called) {
	const char *slash = strrchr(started, '/');
	return !strchr(called, '/') && slash && is_on_path(started, (size_t)(slash - started));
}

/* The shim was called by a compiler's name. A link to a masquerade's shim stands for the same program as that shim. */
static void choose_by_name(const char *called) {
	char home[PATH_MAX];
	bool has_home = *self_path && find_home(self_path, home) && !is_pcc_name(base_name(self_path));
	name = has_home ? base_name(self_path) : base_name(started);
	argv0 = called;
	bool is_by_path = has_home && (!is_found_on_path(called) || strcmp(base_name(started), name) != 0);
	if (is_by_path && find_recorded(self_path, program)) return;
	if (!find_on_path(name, program)) no_program(name);
}

/* The first program of that name on PATH, which may be a shim. */
static bool find_first(const char *wanted, char out[PATH_MAX], struct stat *found) {
	const char *path = search_path(), *directory;
	size_t length;
	while (next_directory(&path, &directory, &length))
		if (absolute(out, directory, length, wanted) && is_program(out, found)) return true;
	return false;
}

/* Whether the word names this shim. There is another program called pcc, the Portable C Compiler. */
static bool is_pcc(const char *word) {
	struct stat found;
	char path[PATH_MAX];
	if (!word || !is_pcc_name(base_name(word))) return false;
	if (strchr(word, '/')) return find_by_path(word, path, &found) && is_shim(path, &found);
	return !find_first(word, path, &found) || is_shim(path, &found);
}

static bool is_source(const char *word) {
	static const char *const suffixes[] = {"c",  "cc", "cp", "cpp", "cxx", "c++", "C",  "CPP", "i", "ii", "s",  "S",
	                                       "sx", "o",  "lo", "obj", "a",   "so",  "la", "m",   "mi", "mm", "M", "h",
	                                       "hh", "H",  "hp", "hpp", "hxx", "f",   "F",  "for", "f90", "F90", "f95",
	                                       "bc", "ll"};
	const char *base = base_name(word), *dot = strrchr(base, '.');
	if (!dot) return false;
	for (size_t index = 0; index < sizeof suffixes / sizeof *suffixes; index++)
		if (strcmp(dot + 1, suffixes[index]) == 0) return true;
	/* libfoo.so.1.2 */
	const char *version = strstr(base, ".so.");
	return version && strspn(version + 4, "0123456789.") == strlen(version + 4);
}

/* Whether the word after `pcc` is a program, which is then found, and not the first argument for cc. */
static bool is_program_word(const char *word, char out[PATH_MAX]) {
	if (!word || !*word || *word == '-' || *word == '@' || is_source(word)) return false;
	return find_program(word, out) && (!strchr(word, '/') || !is_linkable(out));
}

/*
 * If a link to the shim with a compiler's name was resolved by `realpath`, the name is lost: cc would be a guess, and
 * the object could come from another compiler than the intended one.
 */
static void refuse_own_path(const char *called) {
	if (!strchr(called, '/') || strcmp(started, self_path) != 0) return;
	fprintf(stderr,
	        "%s: this is pmake's shim by its own path, and no compiler is named: which one is meant is not known.\n"
	        "%s: perhaps a link by a compiler's name was resolved to here (realpath, readlink -f). Name the compiler, as in "
	        "\"pcc gcc -c a.c\", or say plain \"pcc\" (found on PATH) where cc is meant.\n",
	        called, called);
	_exit(OWN_PATH_EXIT_CODE);
}

/* The preload library's form, `pcc --pmake-as ARGV0 PATH ...`, names the program exactly. */
static bool is_handed_over(void) {
	struct stat found;
	if (!words[1] || strcmp(words[1], "--pmake-as") != 0 || !words[2] || !words[3]) return false;
	argv0 = words[2];
	words += 3;
	name = base_name(words[0]);
	if (!find_by_path(words[0], program, &found)) no_program(words[0]);
	return true;
}

void choose_program(char **argv) {
	const char *called = base_name(started);
	words = argv;
	if (*called && !is_pcc_name(called)) {
		choose_by_name(argv[0]);
		return;
	}
	if (is_handed_over()) return;
	bool is_plus = strcmp(called, "p++") == 0;
	/* `pcc pcc gcc` results from CCACHE_PREFIX=pcc together with CC="pcc gcc". */
	while (is_pcc(words[1])) words++;
	if (is_program_word(words[1], program)) {
		words++;
		name = base_name(words[0]);
		argv0 = words[0];
		return;
	}
	refuse_own_path(argv[0]);
	name = argv0 = is_plus ? "c++" : "cc";
	if (!find_on_path(name, program)) no_program(name);
}

/* ---- argv[0] ---- */

/*
 * The program gets the argv[0] that it would have without pmake. But gcc uses it to search for itself, so an argv[0]
 * that leads to a shim, or to another program of the same name, is replaced by the program's path.
 */
void settle_argv0(void) {
	struct stat found, real;
	char path[PATH_MAX];
	if (strchr(argv0, '/')) {
		if (find_by_path(argv0, path, &found) && is_shim(path, &found)) argv0 = program;
		return;
	}
	if (!find_first(argv0, path, &found)) return;
	if (stat(program, &real) == 0 && is_same(&found, &real)) return;
	if (strcmp(argv0, name) == 0 || is_shim(path, &found)) argv0 = program;
}

/*
 * `ccache pcc gcc ...` becomes `ccache gcc ...`, and `ccache pcc -c ...` becomes `ccache cc -c ...`, so that the cache
 * sees the compiler.
 */
void skip_pcc_in_cache(void) {
	char path[PATH_MAX];
	bool is_plus = false, is_any = false;
	char **behind = words + 1;
	for (; is_pcc(*behind); behind++, is_any = true) is_plus = strcmp(base_name(*behind), "p++") == 0;
	if (!is_any) return;
	if (!is_program_word(*behind, path)) *--behind = (char *)(is_plus ? "c++" : "cc");
	*--behind = words[0];
	words = behind;
}
