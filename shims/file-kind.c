/*
 * Kind of a file, by its content: a shim, an ELF program, another executable, or an input of a linker. Unaware of PATH
 * and of how the shim was called.
 */
#define _GNU_SOURCE
#include <elf.h>

#include "shim.h"

#define MAX_PROGRAM_HEADERS 128
#define MAX_DYNAMIC_ENTRIES 1024

/* The beginning of a file. */
struct head {
	unsigned char bytes[SHIM_MARK_WITHIN];
	size_t length;
};

static int open_head(const char *path, struct head *head) {
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) return -1;
	ssize_t length;
	do length = read(fd, head->bytes, sizeof head->bytes);
	while (length < 0 && errno == EINTR);
	if (length < 0) {
		close(fd);
		return -1;
	}
	head->length = (size_t)length;
	return fd;
}

static bool is_elf(const struct head *head) {
	return head->length >= EI_NIDENT && memcmp(head->bytes, ELFMAG, SELFMAG) == 0;
}

enum file_kind kind_of(const char *path) {
	struct head head;
	int fd = open_head(path, &head);
	/*
	 * A file that can be executed but not read is hardly ever a script: the interpreter could not read it either.
	 */
	if (fd < 0) return FILE_ELF;
	close(fd);
	if (!is_elf(&head)) return FILE_SCRIPT;
	return holds_mark(head.bytes, head.length) ? FILE_SHIM : FILE_ELF;
}

/* ---- inputs of a linker ---- */

/* An ELF file of either class and byte order. */
struct elf {
	int fd;
	const struct head *head;
	bool is_64, is_big;
};

static uint64_t number(const struct elf *elf, const unsigned char *at, int bytes) {
	uint64_t value = 0;
	for (int index = 0; index < bytes; index++) value = value << 8 | at[elf->is_big ? index : bytes - 1 - index];
	return value;
}

static uint64_t header(const struct elf *elf, size_t offset_32, size_t offset_64, int bytes_32, int bytes_64) {
	const unsigned char *at = elf->head->bytes + (elf->is_64 ? offset_64 : offset_32);
	return number(elf, at, elf->is_64 ? bytes_64 : bytes_32);
}

/* Whether it is a position-independent program without a loader (static-pie). */
static bool says_pie(const struct elf *elf, uint64_t offset, uint64_t size) {
	int half = elf->is_64 ? 8 : 4;
	unsigned char entry[16];
	for (uint64_t index = 0; index < MAX_DYNAMIC_ENTRIES && (index + 1) * 2 * (uint64_t)half <= size; index++) {
		off_t at = (off_t)(offset + index * 2 * (uint64_t)half);
		if (pread(elf->fd, entry, (size_t)half * 2, at) != half * 2) return false;
		uint64_t tag = number(elf, entry, half);
		if (tag == DT_NULL) return false;
		if (tag == DT_FLAGS_1) return (number(elf, entry + half, half) & DF_1_PIE) != 0;
	}
	return false;
}

/* A program that is linked like a library (PIE) names a loader, or has a flag that identifies it. */
static bool is_pie(const struct elf *elf) {
	uint64_t table = header(elf, offsetof(Elf32_Ehdr, e_phoff), offsetof(Elf64_Ehdr, e_phoff), 4, 8);
	uint64_t size = header(elf, offsetof(Elf32_Ehdr, e_phentsize), offsetof(Elf64_Ehdr, e_phentsize), 2, 2);
	uint64_t count = header(elf, offsetof(Elf32_Ehdr, e_phnum), offsetof(Elf64_Ehdr, e_phnum), 2, 2);
	unsigned char entry[sizeof(Elf64_Phdr)];
	size_t length = elf->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (size < length || count > MAX_PROGRAM_HEADERS) return false;
	for (uint64_t index = 0; index < count; index++) {
		if (pread(elf->fd, entry, length, (off_t)(table + index * size)) != (ssize_t)length) return false;
		uint64_t type = number(elf, entry, 4);
		if (type == PT_INTERP) return true;
		if (type != PT_DYNAMIC) continue;
		size_t at = elf->is_64 ? offsetof(Elf64_Phdr, p_offset) : offsetof(Elf32_Phdr, p_offset);
		size_t room = elf->is_64 ? offsetof(Elf64_Phdr, p_filesz) : offsetof(Elf32_Phdr, p_filesz);
		int bytes = elf->is_64 ? 8 : 4;
		if (says_pie(elf, number(elf, entry + at, bytes), number(elf, entry + room, bytes))) return true;
	}
	return false;
}

static bool is_linkable_elf(int fd, const struct head *head) {
	struct elf elf = {fd, head, head->bytes[EI_CLASS] == ELFCLASS64, head->bytes[EI_DATA] == ELFDATA2MSB};
	if (head->length < sizeof(Elf64_Ehdr)) return true;
	uint64_t type = header(&elf, offsetof(Elf32_Ehdr, e_type), offsetof(Elf64_Ehdr, e_type), 2, 2);
	return type != ET_EXEC && (type != ET_DYN || !is_pie(&elf));
}

/*
 * Shared libraries often have an executable mode, and on some file systems every file does. Text without an interpreter
 * line counts as a script only if its name has no suffix: linker scripts and the like have one.
 */
bool is_linkable(const char *path) {
	struct head head;
	int fd = open_head(path, &head);
	if (fd < 0) return false;
	bool is_linked = is_elf(&head) ? is_linkable_elf(fd, &head)
	                               : !(head.length >= 2 && memcmp(head.bytes, "#!", 2) == 0) &&
	                                     strchr(base_name(path), '.') != NULL;
	if (head.length >= 4 && memcmp(head.bytes, "BC\xc0\xde", 4) == 0) is_linked = true;
	if (head.length >= 7 && (memcmp(head.bytes, "!<arch>", 7) == 0 || memcmp(head.bytes, "!<thin>", 7) == 0))
		is_linked = true;
	close(fd);
	return is_linked;
}
