/*
 * pcc, the shim: make finds it in place of a compiler, linker or archiver, and it asks the dispatcher where the command
 * must run. It is called by the program's own name (masquerade), as `pcc gcc ...`, or as CC=pcc.
 *
 * It is unaware of compiler options (except -c, -S and -E for the local limit), of nodes and of the build's files.
 * Every failure ends in execv of the real program: nothing is printed unless there is no program at all.
 */
#define _GNU_SOURCE
#include "shim.h"

static char *no_words[2];

static int answer_pmake(const char *question, const char *operand) {
	const char *why = "the runtime directory cannot be used (it must be yours alone, mode 0700)";
	find_runtime();
	if (strcmp(question, "--pmake-which") == 0) {
		if (!operand) return 2;
		if (!find_program(operand, program)) no_program(operand);
		return puts(program) < 0 || fflush(stdout) != 0;
	}
	if (strcmp(question, "--pmake-runtime-dir") == 0) {
		if (*runtime) return puts(runtime) < 0 || fflush(stdout) != 0;
	} else if (*runtime) {
		int fd = connect_dispatcher();
		why = "the path of its socket is too long";
		if (fd < 0 && errno != ENAMETOOLONG) fd = start_dispatcher(true, &why);
		if (fd >= 0) return 0;
	}
	fprintf(stderr, "pmake: no dispatcher: %s%s%s%s\n", why, *runtime ? "; see " : "", runtime,
	        *runtime ? "/dispatcher.log" : "");
	return 1;
}

static bool is_question(const char *word) {
	return strcmp(word, "--pmake-start-dispatcher") == 0 || strcmp(word, "--pmake-runtime-dir") == 0 ||
	       strcmp(word, "--pmake-which") == 0;
}

int main(int argc, char **argv) {
	if (argc < 1) {
		no_words[0] = (char *)"pcc";
		argv = no_words;
	} else {
		find_title_area(argv);
	}
	leave_preload();
	find_self(argv[0]);
	if (argc > 1 && is_called_pcc() && is_question(argv[1])) return answer_pmake(argv[1], argv[2]);
	read_guard();
	bool is_plain = is_inside_job() || is_on("PMAKE_LOCAL") || is_on("PMAKE_DISABLE");
	choose_program(argv);
	check_depth();
	if (is_cache(program)) {
		skip_pcc_in_cache();
		leave_shims();
		settle_argv0();
		if (!is_plain) run_cache();
	} else if (kind_of(program) == FILE_SCRIPT) {
		settle_argv0();
		if (!is_plain) run_script();
	} else {
		leave_masquerades();
		settle_argv0();
	}
	if (is_plain) run_program('p');
	find_runtime();
	if (!dispatch()) take_slot();
	run_program('p');
}
