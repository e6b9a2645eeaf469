/*
 * Request to the dispatcher: one frame with everything that determines the command. src/protocol/shim.ts is the
 * contract.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inherited.h"
#include "shim.h"

static unsigned char *put_text(unsigned char *at, const char *text) {
	size_t length = strlen(text);
	at = put_number(at, (uint32_t)length, 4);
	memcpy(at, text, length);
	return at + length;
}

static bool is_guard_entry(const char *entry) {
	return strncmp(entry, GUARD_VARIABLE "=", sizeof GUARD_VARIABLE) == 0;
}

bool send_all(int fd, const unsigned char *bytes, size_t length) {
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR) continue;
		if (sent <= 0) return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Sends one frame at once. False if the request does not fit or the dispatcher does not accept it. */
bool send_request(int fd) {
	char cwd[PATH_MAX];
	/* The program's argv[0], from which clang derives the language. */
	const char *told = base_name(argv0);
	size_t environment = 0, count = 0, text = 0;
	if (!getcwd(cwd, sizeof cwd) || *cwd != '/') return false;
	for (char **word = words + 1; *word; word++, count++) text += 4 + strlen(*word);
	for (char **entry = environ; *entry; entry++)
		if (!is_guard_entry(*entry)) environment += strlen(*entry) + 1;
	text += 12 + strlen(told) + strlen(program) + strlen(cwd);
	unsigned char streams[MAX_STREAMS_BYTES];
	size_t stream_bytes = (size_t)(put_streams(streams) - streams);
	size_t length = 1 + 2 + stream_bytes + 4 + 4 + 4 + text + 4 + 4 + INHERITED_BYTES + 4 + environment;
	if (length > MAX_FRAME_BYTES || count > MAX_ARGV_WORDS) return false;
	unsigned char *frame = malloc(4 + length), *at = frame;
	if (!frame) return false;
	mode_t mask = umask(0);
	umask(mask);
	at = put_number(at, (uint32_t)length, 4);
	at = put_number(at, FRAME_REQUEST, 1);
	at = put_number(at, SHIM_PROTOCOL_VERSION, 2);
	memcpy(at, streams, stream_bytes);
	at += stream_bytes;
	at = put_number(at, (uint32_t)mask, 4);
	at = put_number(at, (uint32_t)getpid(), 4);
	at = put_number(at, (uint32_t)getsid(0), 4);
	at = put_text(put_text(put_text(at, told), program), cwd);
	at = put_number(at, (uint32_t)count, 4);
	for (char **word = words + 1; *word; word++) at = put_text(at, *word);
	at = put_inherited(at);
	at = put_number(at, (uint32_t)environment, 4);
	for (char **entry = environ; *entry; entry++) {
		if (is_guard_entry(*entry)) continue;
		size_t bytes = strlen(*entry) + 1;
		memcpy(at, *entry, bytes);
		at += bytes;
	}
	bool sent = send_all(fd, frame, (size_t)(at - frame));
	free(frame);
	return sent;
}
