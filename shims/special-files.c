/*
 * Check whether the arguments name something that another process may be writing or reading at the same time: a FIFO, a
 * device, a descriptor. It opens regular files only. Unaware of what options mean, except for those that cannot contain
 * a name.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

/* Response files are lists of arguments; the rest of a larger one is not examined. */
#define RESPONSE_LIMIT_BYTES ((size_t)1024 * 1024)
/* The limit for response files that name each other. */
#define MAX_DEPTH 8

static bool is_special_file(const char *path) {
	struct stat found;
	if (strcmp(path, "/dev/null") == 0) return false;
	if (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0) return true;
	return stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

/* Options that contain no names, which are most of a compile's arguments. */
static bool holds_no_name(const char *word) {
	if (word[0] != '-' || !word[1]) return false;
	if (word[1] == 'W') return !word[2] || !strchr("alp", word[2]) || word[3] != ',';
	if (word[1] == 'f') {
		const char *equals = strchr(word, '=');
		return !equals || (!strpbrk(equals, "/.") && strncmp(word, "-fplugin-arg-", 13) != 0);
	}
	return strchr("DUOmg", word[1]) != NULL || strncmp(word, "-std=", 5) == 0;
}

static void look_at_word(const char *word, int depth, struct word_facts *facts);

/* Splits at white space and drops the quotes, which is good enough to find a name. */
static void look_at_text(char *text, int depth, struct word_facts *facts) {
	static const char blanks[] = " \t\r\n\v\f";
	char *rest = NULL;
	/* Stop at the first one: otherwise, files that name themselves would take forever. */
	for (char *word = strtok_r(text, blanks, &rest); word && !facts->names_special; word = strtok_r(NULL, blanks, &rest)) {
		char *to = word;
		for (const char *from = word; *from; from++)
			if (*from != '"' && *from != '\'') *to++ = *from;
		*to = '\0';
		if (*word) look_at_word(word, depth, facts);
	}
}

static void look_into(const char *path, int depth, struct word_facts *facts) {
	struct stat found;
	if (depth == MAX_DEPTH || is_special_file(path)) {
		facts->names_special = true;
		return;
	}
	if (stat(path, &found) != 0 || !S_ISREG(found.st_mode)) return;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) return;
	size_t size = (size_t)found.st_size < RESPONSE_LIMIT_BYTES ? (size_t)found.st_size : RESPONSE_LIMIT_BYTES;
	char *text = fstat(fd, &found) == 0 && S_ISREG(found.st_mode) ? malloc(size + 1) : NULL;
	ssize_t length = text ? read(fd, text, size) : -1;
	close(fd);
	if (length >= 0) {
		text[length] = '\0';
		look_at_text(text, depth + 1, facts);
	}
	free(text);
}

/* Examines a word, or a part of one, as a whole. */
static void look_at_name(const char *word, int depth, struct word_facts *facts) {
	if (strcmp(word, "-c") == 0 || strcmp(word, "-S") == 0) facts->compiles = true;
	if (strcmp(word, "-") == 0 || strcmp(word, "-o-") == 0) facts->names_special = true;
	if (strcmp(word, "-E") == 0) facts->preprocesses = true;
	if (*word == '@') look_into(word + 1, depth, facts);
	if (holds_no_name(word)) return;
	if (*word != '-') {
		facts->names_special |= is_special_file(word);
		return;
	}
	static const char *const joined[] = {"-include", "-imacros", "-aux-info"};
	for (size_t index = 0; index < sizeof joined / sizeof *joined; index++)
		if (strncmp(word, joined[index], strlen(joined[index])) == 0)
			facts->names_special |= is_special_file(word + strlen(joined[index]));
	size_t length = strlen(word);
	/* `-oFILE`, `-MFFILE`; `-include/dev/fd/63`. */
	const char *slash = strchr(word, '/');
	if (length > 2) facts->names_special |= is_special_file(word + 2);
	if (length > 3) facts->names_special |= is_special_file(word + 3);
	if (slash) facts->names_special |= is_special_file(slash);
}

/* Examines every part of a word that may be a name, once each: `-specs=FILE`, `-Wl,-T,FILE`. */
static void look_at_word(const char *word, int depth, struct word_facts *facts) {
	look_at_name(word, depth, facts);
	if (*word != '-' || holds_no_name(word)) return;
	const char *at = word;
	while (!facts->names_special && (at = strpbrk(at, "=,"))) {
		char part[PATH_MAX];
		size_t part_length = strcspn(++at, ",");
		if (part_length == 0 || part_length >= sizeof part) continue;
		memcpy(part, at, part_length);
		part[part_length] = '\0';
		look_at_name(part, depth, facts);
	}
}

struct word_facts look_at_words(void) {
	struct word_facts facts = {false, false, false};
	for (char **word = words + 1; *word && !facts.names_special; word++) look_at_word(*word, 0, &facts);
	return facts;
}
