/*
 * A compiler for tests: says over a unix socket ($FAKE_COMPILER_SOCKET) how it was called, then does what the test
 * sends: so a test decides what it prints and when it ends, and nothing needs a sleep. Framed as in src/protocol/frame.ts.
 *
 * Sent:      type 1: u32 pid, u32 umask, then as u32 length and bytes: cwd, /proc/self/cmdline, /proc/self/environ.
 * Received:  type 1, 2: write to that fd. 3: exit with the u8 code. 4: die by the u8 signal. 5: start ("sh -c") the payload.
 * The socket's end without an order is exit code 250. With $FAKE_COMPILER_MAKES, exit code 0 leaves the file that -o
 * names, as a compiler's would: where it is missing or empty, it is written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned char hello[4 * 1024 * 1024];
static size_t used = 4;

static void number(uint32_t value) {
	for (int byte = 0; byte < 4; byte++) hello[used++] = (unsigned char)(value >> 8 * byte);
}

static void file(const char *path) {
	size_t start = used;
	int fd = open(path, O_RDONLY);
	ssize_t count;
	used += 4;
	while ((count = read(fd, hello + used, sizeof hello - used)) > 0) used += (size_t)count;
	close(fd);
	size_t end = used;
	used = start;
	number((uint32_t)(end - start - 4));
	used = end;
}

static void whole(int fd, unsigned char *at, size_t length, int writes) {
	while (length > 0) {
		ssize_t count = writes ? write(fd, at, length) : read(fd, at, length);
		if (count <= 0) _exit(250);
		at += count;
		length -= (size_t)count;
	}
}

static int is_set(const char *name) {
	const char *value = getenv(name);
	return value && *value;
}

static void make_object(char **words) {
	while (*words && strcmp(*words, "-o") != 0) words++;
	if (!*words || !words[1]) return;
	int fd = open(words[1], O_WRONLY | O_CREAT | O_APPEND, 0666);
	struct stat found;
	if (fd >= 0 && fstat(fd, &found) == 0 && found.st_size == 0 && write(fd, "object\n", 7) != 7) _exit(254);
	if (fd >= 0) close(fd);
}

int main(int count, char **words) {
	(void)count;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char cwd[PATH_MAX];
	mode_t mask = umask(0);
	umask(mask);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", getenv("FAKE_COMPILER_SOCKET"));
	int low = socket(AF_UNIX, SOCK_STREAM, 0), fd = fcntl(low, F_DUPFD_CLOEXEC, 200);
	close(low);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || !getcwd(cwd, sizeof cwd)) return 251;
	hello[used++] = 1;
	number((uint32_t)getpid());
	number((uint32_t)mask);
	number((uint32_t)strlen(cwd));
	memcpy(hello + used, cwd, strlen(cwd));
	used += strlen(cwd);
	file("/proc/self/cmdline");
	file("/proc/self/environ");
	size_t total = used;
	used = 0;
	number((uint32_t)(total - 4));
	whole(fd, hello, total, 1);
	for (;;) {
		static unsigned char head[5], body[1024 * 1024];
		whole(fd, head, sizeof head, 0);
		size_t length = (head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24) - 1;
		if (length >= sizeof body) return 252;
		whole(fd, body, length, 0);
		body[length] = '\0';
		if (head[4] == 1 || head[4] == 2) whole(head[4], body, length, 1);
		if (head[4] == 3 && body[0] == 0 && is_set("FAKE_COMPILER_MAKES")) make_object(words);
		if (head[4] == 3) _exit(body[0]);
		if (head[4] == 4) {
			signal(body[0], SIG_DFL);
			kill(getpid(), body[0]);
		}
		if (head[4] == 5 && system((const char *)body) != 0) return 253;
	}
}
