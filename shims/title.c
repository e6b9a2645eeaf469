/*
 * Process title: while a node has the job, ps shows the node. Unaware of what runs on it.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>

#include "shim.h"

static char *title_start, *title_end;

/* The area that the kernel filled with the arguments and the environment, as far as it is contiguous. */
void find_title_area(char **argv) {
	title_start = title_end = argv[0];
	for (char **word = argv; *word && *word == title_end; word++) title_end += strlen(*word) + 1;
	for (char **entry = environ; *entry && *entry == title_end; entry++) title_end += strlen(*entry) + 1;
}

/* Copies a list's texts out of the title area; they are needed if the job must run locally after all. */
static bool copy_texts(char **list) {
	size_t total = 0;
	for (char **text = list; *text; text++) total += strlen(*text) + 1;
	char *block = malloc(total + 1);
	if (!block) return false;
	for (char **text = list; *text; text++) {
		size_t length = strlen(*text) + 1;
		memcpy(block, *text, length);
		*text = block;
		block += length;
	}
	return true;
}

/* ps shows the node: `pcc[n2] gcc -c a.c`. */
void show_node(const unsigned char *node, size_t length) {
	static bool is_copied;
	static char *name_copy, *argv0_copy;
	char where[64], title[PATH_MAX];
	if (length > 48) length = 48;
	format(where, sizeof where, "pcc[%.*s]", (int)length, (const char *)node);
	for (char *at = where; *at; at++)
		if (*at < ' ' || *at > '~') *at = '?';
	prctl(PR_SET_NAME, where);
	if (!is_copied) {
		/* Both may point into an argument. */
		name_copy = strdup(name);
		argv0_copy = strdup(argv0);
		if (!name_copy || !argv0_copy || !copy_texts(words) || !copy_texts(environ)) return;
		guard.path = "";
		name = name_copy;
		argv0 = argv0_copy;
		is_copied = true;
	}
	size_t used = (size_t)snprintf(title, sizeof title, "%s %s", where, name);
	for (char **word = words + 1; *word && used < sizeof title; word++)
		used += (size_t)snprintf(title + used, sizeof title - used, " %s", *word);
	size_t room = (size_t)(title_end - title_start);
	if (room == 0) return;
	memset(title_start, 0, room);
	memcpy(title_start, title, strnlen(title, room - 1 < sizeof title - 1 ? room - 1 : sizeof title - 1));
}
