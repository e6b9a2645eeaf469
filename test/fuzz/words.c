/* libFuzzer: what the shim sees in its words and in response files (special-files.c). */
#include "../../shims/special-files.c"

char **words;

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
	char *given[66] = {(char *)"gcc"}, *text = malloc(size + 1), *again = malloc(size + 1);
	struct word_facts facts = {false, false, false};
	if (!text || !again) abort();
	memcpy(text, data, size);
	memcpy(again, data, size);
	text[size] = again[size] = '\0';
	size_t count = 1;
	for (char *at = text; at < text + size && count < 65; at += strlen(at) + 1) given[count++] = at;
	words = given;
	look_at_words();
	/* As it stands in a response file. */
	look_at_text(again, 1, &facts);
	free(text);
	free(again);
	return 0;
}
