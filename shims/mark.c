/*
 * The mark that every pcc carries, by which a shim of another installation or version is told from a compiler. An ELF note,
 * because linkers put notes right behind the program headers: one short read at the beginning of the file finds it, and
 * strip(1) leaves it there.
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

/* C has no empty translation unit. */
typedef int mark_is_in_the_file;
