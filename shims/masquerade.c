/*
 * The masquerade that a shim belongs to, which only its path determines: HOME/bin/NAME and HOME/pcc are shims of it
 * (protocol.h). HOME/found records the programs that were on PATH when it was created, for a build that was configured
 * to call HOME/bin/NAME by its path, perhaps long ago and with another PATH.
 */
#define _GNU_SOURCE
#include "shim.h"

/* Removes the last name from a path; false if nothing is left. */
static bool cut_name(char *path) {
	char *slash = strrchr(path, '/');
	if (!slash || slash == path) return false;
	*slash = '\0';
	return true;
}

static bool has_found(const char *home) {
	struct stat entry;
	char path[PATH_MAX];
	return format(path, sizeof path, "%s/found", home) && lstat(path, &entry) == 0 && S_ISDIR(entry.st_mode);
}

bool find_home(const char *shim, char home[PATH_MAX]) {
	if (*shim != '/' || !format(home, PATH_MAX, "%s", shim) || !cut_name(home)) return false;
	if (strcmp(base_name(shim), "pcc") == 0) return has_found(home);
	return strcmp(base_name(home), "bin") == 0 && cut_name(home) && has_found(home);
}

bool find_recorded(const char *shim, char out[PATH_MAX]) {
	char home[PATH_MAX], link[PATH_MAX];
	struct stat found;
	if (!find_home(shim, home) || !format(link, sizeof link, "%s/found/%s", home, base_name(shim))) return false;
	ssize_t length = readlink(link, out, PATH_MAX - 1);
	if (length <= 0 || *out != '/') return false;
	out[length] = '\0';
	return is_program(out, &found) && !is_shim(out, &found) && !is_guarded(&found);
}

bool is_masquerade(const char *directory, size_t length) {
	char path[PATH_MAX];
	struct stat found;
	return length > 0 && format(path, sizeof path, "%.*s/../found", (int)length, directory) &&
	       lstat(path, &found) == 0 && S_ISDIR(found.st_mode) &&
	       format(path, sizeof path, "%.*s/../pcc", (int)length, directory) && stat(path, &found) == 0 &&
	       is_shim(path, &found);
}

/* The directory that pcc is installed in; this copy may be anywhere. */
bool find_installed(char directory[PATH_MAX]) {
	char home[PATH_MAX], link[PATH_MAX];
	if (!*self_path) return false;
	if (!find_home(self_path, home)) {
		strcpy(directory, self_path);
		return cut_name(directory);
	}
	ssize_t length = format(link, sizeof link, "%s/installed", home) ? readlink(link, directory, PATH_MAX - 1) : -1;
	if (length <= 0) return false;
	directory[length] = '\0';
	return *directory == '/';
}

bool find_pcc(char out[PATH_MAX]) {
	char home[PATH_MAX];
	if (!*self_path) return false;
	const char *own = base_name(self_path);
	if (!find_home(self_path, home))
		return (strcmp(own, "pcc") == 0 || strcmp(own, "p++") == 0) && format(out, PATH_MAX, "%s", self_path);
	return format(out, PATH_MAX, "%s/pcc", home);
}
