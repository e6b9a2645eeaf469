/*
 * Declarations shared by the files of pcc, under the name of the file that defines them. A file calls only functions
 * that are declared above its own part.
 */
#ifndef PMAKE_SHIM_H
#define PMAKE_SHIM_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common.h"
#include "protocol.h"

extern char **environ;

/* The command that finally runs, locally or on a node. */
extern char program[PATH_MAX]; /* absolute path of the real program */
extern const char *name;       /* without the directory */
extern const char *argv0;      /* the program's argv[0] */
extern char **words;           /* words[0] becomes `argv0`, the rest are the command's arguments */

/* file-kind.c: the kind of a file, by its content. */
enum file_kind { FILE_ELF, FILE_SHIM, FILE_SCRIPT };
enum file_kind kind_of(const char *path);
/* Whether it is an object, a library or another input of a linker, even if its mode makes it executable. */
bool is_linkable(const char *path);

/* guard.c: the recursion guard, and the final exec. */
struct guard {
	bool set;
	int depth;
	pid_t pid;
	char mode;
	const char *path;
};
extern struct guard guard;
void read_guard(void);
bool is_inside_job(void);
void check_depth(void);
/* Execs `program`; protocol.h defines `mode`. Does not return. */
void run_program(char mode);

/* find-program.c: programs by path and on PATH. */
void know_self(const char *started);
bool is_same(const struct stat *one, const struct stat *other);
bool is_program(const char *path, struct stat *found);
/* Whether it is this executable under any name, or the shim of another version or installation. */
bool is_shim(const char *path, const struct stat *found);
/* Whether it is the program that the guard names. */
bool is_guarded(const struct stat *found);
bool absolute(char out[PATH_MAX], const char *directory, size_t length, const char *file);
const char *search_path(void);
/* The next entry of a list like PATH; `path` becomes NULL after the last one. */
bool next_directory(const char **path, const char **directory, size_t *length);
bool find_on_path(const char *wanted, char out[PATH_MAX]);
bool find_by_path(const char *word, char out[PATH_MAX], struct stat *found);
bool find_program(const char *word, char out[PATH_MAX]);
void no_program(const char *wanted);

/* masquerade.c: the directory that a shim belongs to. */
/* The HOME that a shim's path is in; false if it is in none. */
bool find_home(const char *shim, char home[PATH_MAX]);
/* The real program that was on PATH when the masquerade of this shim was created. */
bool find_recorded(const char *shim, char out[PATH_MAX]);
bool is_masquerade(const char *directory, size_t length);
bool find_installed(char directory[PATH_MAX]);
bool find_pcc(char out[PATH_MAX]);

/* call.c: the command to run. */
extern char self_path[PATH_MAX]; /* this executable; "" if it is unknown */
void find_self(const char *called);
bool is_called_pcc(void);
void choose_program(char **argv);
void settle_argv0(void);
void skip_pcc_in_cache(void);

/* environment.c: removal of pmake's own settings, which the program must not inherit. */
void leave_preload(void);
bool is_cache(const char *path);
void leave_masquerades(void);
void leave_shims(void);
void run_cache(void);
void run_script(void);

/* dispatcher.c: the runtime directory, and the connection to the dispatcher, which is started if necessary. */
extern char runtime[PATH_MAX]; /* "" if there is no usable one */
void find_runtime(void);
int open_in_runtime(const char *file, int flags);
int connect_dispatcher(void);
int start_dispatcher(bool insist, const char **why);
int reach_dispatcher(void);
/* The CPU time of a process; 0 if it is gone or unknown. */
long long cpu_ms(pid_t pid);

/* special-files.c: facts about the arguments, including those in response files. */
struct word_facts {
	bool compiles;      /* -c or -S */
	bool preprocesses;  /* -E */
	bool names_special; /* a FIFO, a device, a descriptor, standard input or output; the rest is then not examined */
};
struct word_facts look_at_words(void);

/* local-slots.c: the limit on local jobs while no dispatcher counts them. */
void take_slot(void);

/* title.c: the process title. */
void find_title_area(char **argv);
void show_node(const unsigned char *node, size_t length);

/* signals.c: signals that arrive while the job runs on a node. */
extern sigset_t mask_before;
extern int fatal; /* the first of HUP, INT, QUIT, TERM that arrived */
void watch_signals(void);
void unwatch_signals(void);
void forward_signals(int fd);
void die_by(int number);

/* output.c: the job's output, held until its end. */
bool grow(void **block, size_t *room, size_t wanted, size_t item);
bool hold_output(int fd, const unsigned char *bytes, size_t length);
void drop_held(void);
void write_held(void);
bool write_all(int fd, const unsigned char *bytes, size_t length);

/* place.c: moves outputs that a node wrote under temporary names into place. */
struct place_failure {
	uint32_t index, cause; /* the index of the move that failed, and errno */
};
bool place_outputs(const unsigned char *payload, size_t length, struct place_failure *failure);

/* inherited.c: inherited state that a compile can observe. Each function returns the position after what it wrote. */
#define MAX_STREAMS_BYTES (2 + 3 * 9)
unsigned char *put_inherited(unsigned char *at);
unsigned char *put_streams(unsigned char *at);

/* request.c: the request to the dispatcher. */
bool send_all(int fd, const unsigned char *bytes, size_t length);
bool send_request(int fd);

/* job.c: the command while the dispatcher has it. */
bool dispatch(void);

#endif
