/*
 * The mark that every pcc carries, which tells a shim of another installation or version from a compiler. It is an ELF
 * note, because linkers put notes directly after the program headers: one short read at the beginning of the file finds
 * it, and strip(1) keeps it.
 */
#include "protocol.h"

__asm__(".pushsection .note.pmake, \"a\", %note\n"
        ".balign 4\n"
        ".long 6, 21f - 20f, 1\n"
        ".asciz \"pmake\"\n"
        ".balign 4\n"
        "20: .asciz \"" SHIM_MARK "\"\n"
        "21: .balign 4\n"
        ".popsection\n");

/* C does not allow an empty translation unit. */
typedef int mark_is_in_the_file;
