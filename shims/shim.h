/*
 * What the files of pcc say to each other. Each part is declared under the name of the file that has it; a file calls
 * only what stands above its own part.
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

/* The command: what runs in the end, here or elsewhere. */
extern char program[PATH_MAX]; /* the real one, absolute */
extern const char *name;       /* without directory */
extern const char *argv0;      /* what it is told that it is called */
extern char **words;           /* words[0] becomes `argv0`, the rest are the command's words */

/* file-kind.c: what a file is by its content. */
enum file_kind { FILE_ELF, FILE_SHIM, FILE_SCRIPT };
enum file_kind kind_of(const char *path);
/* Is it an object, a library or the like, though its mode says that it can be executed? */
bool is_linkable(const char *path);

/* guard.c: the recursion guard, and the way out. */
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
/* Becomes `program`; `mode` is protocol.h's. Does not return. */
void run_program(char mode);

/* find-program.c: programs by path and on PATH. */
void know_self(const char *started);
bool is_same(const struct stat *one, const struct stat *other);
bool is_program(const char *path, struct stat *found);
/* This executable by any name, or one of another version or installation. */
bool is_shim(const char *path, const struct stat *found);
/* Is it the program that the guard names? */
bool is_guarded(const struct stat *found);
bool absolute(char out[PATH_MAX], const char *directory, size_t length, const char *file);
const char *search_path(void);
/* The next entry of a list like PATH; `path` becomes NULL behind the last one. */
bool next_directory(const char **path, const char **directory, size_t *length);
bool find_on_path(const char *wanted, char out[PATH_MAX]);
bool find_by_path(const char *word, char out[PATH_MAX], struct stat *found);
bool find_program(const char *word, char out[PATH_MAX]);
void no_program(const char *wanted);

/* masquerade.c: the directory that a shim belongs to. */
/* The HOME of a shim's path; false when it is in none. */
bool find_home(const char *shim, char home[PATH_MAX]);
/* Where PATH had the program that this shim of a masquerade stands for. */
bool find_recorded(const char *shim, char out[PATH_MAX]);
bool is_masquerade(const char *directory, size_t length);
bool find_installed(char directory[PATH_MAX]);
bool find_pcc(char out[PATH_MAX]);

/* call.c: which command this is. */
extern char self_path[PATH_MAX]; /* this executable; "" when it cannot be known */
void find_self(const char *called);
bool is_called_pcc(void);
void choose_program(char **argv);
void settle_argv0(void);
void skip_pcc_in_cache(void);

/* environment.c: what of ours the program must not inherit. */
void leave_preload(void);
bool is_cache(const char *path);
void leave_masquerades(void);
void leave_shims(void);
void run_cache(void);
void run_script(void);

/* dispatcher.c: the runtime directory, and reaching or starting the dispatcher. */
extern char runtime[PATH_MAX]; /* "" when there is no usable one */
void find_runtime(void);
int open_in_runtime(const char *file, int flags);
int connect_dispatcher(void);
int start_dispatcher(bool insist, const char **why);
int reach_dispatcher(void);
/* The CPU time of a process, 0 when it is gone or not known. */
long long cpu_ms(pid_t pid);

/* special-files.c: what the words say, response files included. */
struct word_facts {
	bool compiles;      /* -c or -S */
	bool preprocesses;  /* -E */
	bool names_special; /* a FIFO, a device, a descriptor, standard input or output; the rest was not looked at then */
};
struct word_facts look_at_words(void);

/* local-slots.c: the limit while no dispatcher counts. */
void take_slot(void);

/* title.c: what ps shows. */
void find_title_area(char **argv);
void show_node(const unsigned char *node, size_t length);

/* signals.c: those that arrive while the job runs elsewhere. */
extern sigset_t mask_before;
extern int fatal; /* the first of HUP, INT, QUIT, TERM that arrived */
void watch_signals(void);
void unwatch_signals(void);
void forward_signals(int fd);
void die_by(int number);

/* output.c: what the job prints, held until its end. */
bool grow(void **block, size_t *room, size_t wanted, size_t item);
bool hold_output(int fd, const unsigned char *bytes, size_t length);
void drop_held(void);
void write_held(void);
bool write_all(int fd, const unsigned char *bytes, size_t length);

/* place.c: what a node wrote under names of its own gets its place. */
struct place_failure {
	uint32_t index, cause; /* of the move that failed, and errno */
};
bool place_outputs(const unsigned char *payload, size_t length, struct place_failure *failure);

/* inherited.c: what we inherit and a compile can tell. Each returns what comes after it. */
#define MAX_STREAMS_BYTES (2 + 3 * 9)
unsigned char *put_inherited(unsigned char *at);
unsigned char *put_streams(unsigned char *at);

/* request.c: what we ask of the dispatcher. */
bool send_all(int fd, const unsigned char *bytes, size_t length);
bool send_request(int fd);

/* job.c: the command in the dispatcher's hands. */
bool dispatch(void);

#endif
