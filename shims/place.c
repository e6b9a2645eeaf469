/*
 * Moves outputs that a node wrote under temporary names into place. The shim does this, not the dispatcher, because
 * this process has the user's umask and limits, and each job has its own. The result looks, above all to make, as if
 * the compiler had written it: files inherit what their directory hands down, and their times keep their order and
 * differences while none is older than the directory's time, which the move has changed.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "shim.h"

/* More outputs than any compile writes. */
#define MAX_MOVES 1000
#define COPY_BYTES 65536
/* Access control lists are a few hundred bytes; a longer one is assumed to have inheritable entries. */
#define MAX_ACL_BYTES 4096
/* The flags of an inheritable entry in NFS 4 lists (RFC 7530, section 6.2.1.4): files or directories inherit it. */
#define NFS4_INHERITED 0x3

struct move {
	int kind;
	char *from, *to;
	struct timespec mtime; /* of the moved file */
	bool is_placed;
};

/* ---- inheritance from a directory ---- */

static uint32_t big_endian(const unsigned char *at) {
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The format is XDR: a count, then type, flags, mask and name of each entry. */
static bool inherits_by_nfs4(const unsigned char *acl, size_t length) {
	if (length < 4) return false;
	size_t at = 4;
	for (uint32_t count = big_endian(acl); count > 0; count--) {
		if (length - at < 16) return true;
		uint32_t name_bytes = big_endian(acl + at + 12);
		if ((big_endian(acl + at + 4) & NFS4_INHERITED) != 0 || name_bytes > length) return true;
		at += 16 + (name_bytes + 3) / 4 * 4;
		if (at > length) return true;
	}
	return false;
}

/*
 * Whether a new file in this directory gets an access control list. NFS 4 has no POSIX lists; the server provides its
 * own kind.
 */
static bool hands_down_acl(const char *directory) {
	unsigned char acl[MAX_ACL_BYTES];
	if (getxattr(directory, "system.posix_acl_default", NULL, 0) > 0) return true;
	if (errno != EOPNOTSUPP) return false;
	ssize_t length = getxattr(directory, "system.nfs4_acl", acl, sizeof acl);
	if (length < 0) return errno == ERANGE;
	return inherits_by_nfs4(acl, (size_t)length);
}

/* ---- one file ---- */

/*
 * Creates the file as a compiler does: an existing file is removed, and open(2) determines the new file's attributes.
 */
static bool copy_file(const char *from, const char *to) {
	static char buffer[COPY_BYTES];
	if (unlink(to) != 0 && errno != ENOENT) return false;
	struct stat found;
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_file = in >= 0 && fstat(in, &found) == 0 && S_ISREG(found.st_mode);
	int out = !is_file ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	bool is_whole = out >= 0;
	while (is_whole) {
		ssize_t count = read(in, buffer, sizeof buffer);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) {
			is_whole = count == 0;
			break;
		}
		is_whole = write_all(out, (const unsigned char *)buffer, (size_t)count);
	}
	int cause = errno;
	/* A file server may report a full disk only now. */
	if (out >= 0 && close(out) != 0 && is_whole) {
		is_whole = false;
		cause = errno;
	}
	if (in >= 0) close(in);
	unlink(is_whole ? from : to);
	errno = cause;
	return is_whole;
}

/* An existing file is replaced only if a compiler would also replace it by a new file. */
static bool may_replace(const char *to) {
	struct stat old;
	if (lstat(to, &old) != 0) return errno == ENOENT;
	if (S_ISREG(old.st_mode) && old.st_nlink == 1) return true;
	errno = EEXIST;
	return false;
}

static bool directory_of(char out[PATH_MAX], const char *path) {
	size_t length = (size_t)(base_name(path) - path);
	return length > 0 && format(out, PATH_MAX, "%.*s", (int)length, path);
}

static bool move_file(struct move *move) {
	struct stat file, above;
	char directory[PATH_MAX];
	if (lstat(move->from, &file) != 0) return false;
	if (!S_ISREG(file.st_mode) || !directory_of(directory, move->to)) {
		errno = EINVAL;
		return false;
	}
	move->mtime = file.st_mtim;
	if (!may_replace(move->to) || stat(directory, &above) != 0) return false;
	bool is_others = (above.st_mode & S_ISGID) != 0 && above.st_gid != file.st_gid;
	bool must_copy = hands_down_acl(directory) || (is_others && lchown(move->from, (uid_t)-1, above.st_gid) != 0);
	/* EXDEV: only the rename reveals the boundary of a mount or a quota. */
	if (must_copy || rename(move->from, move->to) != 0) {
		if (!must_copy && errno != EXDEV) return false;
		if (!copy_file(move->from, move->to)) return false;
	}
	move->is_placed = true;
	return true;
}

/* Removes only a regular file, because kbuild compiles with -o /dev/null. */
static bool remove_file(const char *path) {
	struct stat file;
	if (lstat(path, &file) != 0) return errno == ENOENT;
	return !S_ISREG(file.st_mode) || unlink(path) == 0 || errno == ENOENT;
}

/* ---- times ---- */

static bool is_later(const struct timespec *one, const struct timespec *other) {
	return one->tv_sec != other->tv_sec ? one->tv_sec > other->tv_sec : one->tv_nsec > other->tv_nsec;
}

static void note_latest(struct timespec *latest, const struct timespec *time) {
	if (is_later(time, latest)) *latest = *time;
}

/* later - (newest - time) */
static struct timespec shifted(struct timespec time, struct timespec newest, struct timespec later) {
	struct timespec result = {later.tv_sec - (newest.tv_sec - time.tv_sec), later.tv_nsec - (newest.tv_nsec - time.tv_nsec)};
	while (result.tv_nsec < 0) {
		result.tv_sec--;
		result.tv_nsec += 1000000000;
	}
	while (result.tv_nsec >= 1000000000) {
		result.tv_sec++;
		result.tv_nsec -= 1000000000;
	}
	return result;
}

/*
 * A rule may name the directory as a prerequisite of a file in it. So the newest file gets the time of the moves, as
 * stamped by the file system's own clock, and the others are shifted by the same amount.
 */
static void set_times(const struct move *moves, size_t count) {
	struct timespec newest = {0, 0}, later = {0, 0};
	struct stat file;
	char directory[PATH_MAX];
	for (size_t index = 0; index < count; index++) {
		if (!moves[index].is_placed) continue;
		note_latest(&newest, &moves[index].mtime);
		if (lstat(moves[index].to, &file) == 0) note_latest(&later, &file.st_ctim);
		if (directory_of(directory, moves[index].to) && stat(directory, &file) == 0) note_latest(&later, &file.st_mtim);
	}
	for (size_t index = 0; index < count; index++) {
		if (!moves[index].is_placed) continue;
		struct timespec times[2] = {{0, UTIME_OMIT}, shifted(moves[index].mtime, newest, later)};
		utimensat(AT_FDCWD, moves[index].to, times, AT_SYMLINK_NOFOLLOW);
	}
}

/* ---- the frame ---- */

static bool take_number(const unsigned char **at, const unsigned char *end, uint32_t *value) {
	if (end - *at < 4) return false;
	*value = (uint32_t)(*at)[0] | (uint32_t)(*at)[1] << 8 | (uint32_t)(*at)[2] << 16 | (uint32_t)(*at)[3] << 24;
	*at += 4;
	return true;
}

/* An absolute path without a NUL. NULL for anything else. */
static char *take_path(const unsigned char **at, const unsigned char *end) {
	uint32_t length;
	if (!take_number(at, end, &length) || (size_t)(end - *at) < length) return NULL;
	if (length == 0 || length >= PATH_MAX || **at != '/' || memchr(*at, 0, length)) return NULL;
	char *path = strndup((const char *)*at, length);
	*at += length;
	return path;
}

static bool decode(const unsigned char *at, size_t length, struct move *moves, uint32_t *count) {
	const unsigned char *end = at + length;
	if (!take_number(&at, end, count) || *count > MAX_MOVES) return false;
	for (uint32_t index = 0; index < *count; index++) {
		struct move *move = &moves[index];
		if (at == end) return false;
		move->kind = *at++;
		if (move->kind != PLACE_MOVE && move->kind != PLACE_REMOVE) return false;
		if (move->kind == PLACE_MOVE && !(move->from = take_path(&at, end))) return false;
		if (!(move->to = take_path(&at, end))) return false;
	}
	return at == end;
}

bool place_outputs(const unsigned char *payload, size_t length, struct place_failure *failure) {
	static struct move moves[MAX_MOVES];
	uint32_t count = 0;
	*failure = (struct place_failure){0, EBADMSG};
	memset(moves, 0, sizeof moves);
	if (!decode(payload, length, moves, &count)) return false;
	for (uint32_t index = 0; index < count; index++) {
		struct move *move = &moves[index];
		if (move->kind == PLACE_MOVE ? move_file(move) : remove_file(move->to)) continue;
		*failure = (struct place_failure){index, (uint32_t)errno};
		return false;
	}
	set_times(moves, count);
	return true;
}
