/*
 * Constants that the C programs share with the TypeScript side. src/protocol/frame.ts, shim.ts, runner.ts, inherited.ts
 * and streams.ts define their meaning; test/protocol/shim-header.test.ts fails when the two sides differ.
 *
 * Both sides find the runtime directory in the same way:
 *   1. $PMAKE_RUNTIME_DIR, when set and not empty; it must be absolute.
 *   2. $XDG_RUNTIME_DIR/pmake, when XDG_RUNTIME_DIR is absolute and a directory that the effective user owns.
 *   3. /tmp/pmake-UID (the effective user's, in decimal). It is created with mode 0700 if it is missing. Then lstat(2)
 * must report a directory (no symbolic link) that the effective user owns, without permission bits for group and
 * others. A directory that fails this test is not used, and no other one is tried: there is no dispatcher, and no limit
 * on local jobs. It contains dispatcher.sock, dispatcher.log (0600), dispatcher.start (flock'ed by the process that
 * starts the dispatcher), dispatcher.failed (its mtime is the time of the last failed start), slots/N (flock'ed by a
 * local job while no dispatcher counts jobs) and slots/queue (flock'ed by the first process that waits for a slot).
 *
 * The dispatcher is started as `NODE DIR/../cli/dispatcher.cjs`, where DIR is pcc's directory. It has a new session,
 * cwd /, umask 077, stdin /dev/null, stdout and stderr the log, fd 3 a pipe (PMAKE_READY_FD=3), fd 4 the start lock
 * (PMAKE_START_LOCK_FD=4), which it closes before it writes to the pipe, and no other open descriptor. It writes one
 * byte to fd 3 when its socket listens, and closes it; end of file without a byte means that it failed. The start is
 * abandoned, and the process killed, if it has used no CPU time for 5 s, or after a minute.
 */
#ifndef PMAKE_PROTOCOL_H
#define PMAKE_PROTOCOL_H

#define SHIM_PROTOCOL_VERSION 3
#define MAX_FRAME_BYTES (4 * 1024 * 1024)
#define MAX_ARGV_WORDS 100000

/* Shim to dispatcher. */
#define FRAME_REQUEST 0x01
#define FRAME_SIGNAL 0x02
#define FRAME_PLACED 0x05

/* Dispatcher to shim. */
#define FRAME_RUN_LOCALLY 0x11
#define FRAME_OUTPUT 0x12
#define FRAME_EXITED 0x13
#define FRAME_SIGNALLED 0x14
#define FRAME_NODE 0x15
#define FRAME_REFUSED 0x16
#define FRAME_PLACE 0x17

/* Kinds of moves in FRAME_PLACE. */
#define PLACE_MOVE 1
#define PLACE_REMOVE 2

/* The order of resource limits in the record of inherited state. */
#define LIMIT_CPU 0
#define LIMIT_FSIZE 1
#define LIMIT_DATA 2
#define LIMIT_STACK 3
#define LIMIT_CORE 4
#define LIMIT_NOFILE 5
#define LIMIT_AS 6
#define LIMIT_COUNT 7

/* For a compile on a node, and for one that runs on the submit host while there are nodes. */
#define JOB_NICENESS 5

/* Runner to worker, one record: u8 kind, u8 value, u16 zero, u32 KiB, u64 user us, u64 system us. */
#define RUNNER_REPORT_BYTES 24
#define RUNNER_EXITED 0
#define RUNNER_SIGNALLED 1
#define RUNNER_CWD_FAILED 2
#define RUNNER_EXEC_FAILED 3
#define RUNNER_LIMIT_FAILED 4
#define RUNNER_PERSONALITY_FAILED 5
#define RUNNER_TERMINAL_FAILED 6

/*
 * Set for every real program that a shim or a runner starts, as DEPTH:PID:MODE:PATH. PATH is the program, and PID the
 * process that became it. MODE p: calls from PID and its descendants pass straight through a shim (gcc's own call of ld
 * is part of gcc's job). MODE c: PATH is a compiler cache, and the compiler that it calls is a job.
 * The variable is never part of a request's environment.
 */
#define GUARD_VARIABLE "_PMAKE_GUARD"
#define GUARD_MAX_DEPTH 8
#define GUARD_EXIT_CODE 111
/* The exit code when pcc was called by its own path and without a program. */
#define OWN_PATH_EXIT_CODE 112

/*
 * A masquerade is a directory HOME, created by src/make/masquerade/, with
 *   HOME/bin/NAME   this program, as a hard link or a copy, for each compiler, linker and archiver that was on PATH,
 * and
 *                   links to the real objcopy, nm and other tools; PATH has this directory first
 *   HOME/found/NAME a link to the program of that name that was first on PATH
 *   HOME/pcc        this program
 *   HOME/installed  a link to the directory that pcc is installed in
 *   HOME/.libasan.so  a link to the preload library's directory
 */

/*
 * This text, with its NUL, identifies a shim under any name and of any version and installation. It is within the first
 * SHIM_MARK_WITHIN bytes of the file (mark.c). It must never change.
 */
#define SHIM_MARK "pmake compiler shim"
#define SHIM_MARK_WITHIN 4096

/*
 * Set by pmake together with LD_PRELOAD, to a masquerade: the preload library hands programs with the names in it to
 * its pcc. PRELOAD_FILE is the library's file name in LD_PRELOAD, in any directory.
 */
#define PRELOAD_VARIABLE "PMAKE_PRELOAD_SHIMS"
#define PRELOAD_FILE "pmake-preload.so"

#endif
