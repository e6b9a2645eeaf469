/* libFuzzer: the record by which prun learns what a job inherits (start.c): streams, limits, environment. */
#include "../../shims/start.c"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
	static struct start start;
	struct rest rest = {malloc(size ? size : 1), size};
	unsigned char *whole = rest.at;
	if (!whole) return 0;
	memcpy(whole, data, size);
	memset(&start, 0, sizeof start);
	if (read_streams(&rest, &start) && read_inherited(&rest, &start) && read_environment(&rest, &start)) {
		size_t bytes = 0, entries = 0;
		for (char **entry = start.environment; *entry; entry++, entries++) bytes += strlen(*entry) + 1;
		/* Every byte of the block is of one entry. */
		if (entries != start.entries || bytes != rest.length || start.terminal_count > MAX_TERMINALS) abort();
	}
	free(start.environment);
	free(whole);
	return 0;
}
