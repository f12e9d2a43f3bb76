// SPDX-License-Identifier: Apache-2.0
/* The host's own TLS files, probed before the first process maps them: so that the first call of
 * the first process is read too. */
#ifndef OPERAGLASS_TLS_KNOWN_FILES_H
#define OPERAGLASS_TLS_KNOWN_FILES_H

/* Gives every file of the linker's cache, of the usual directories and of PATH whose name is one of a
 * TLS stack, or of a program with a TLS of its own, to `take`, with a descriptor open for reading that
 * is closed afterwards. */
void tls_known_files(void (*take)(void *context, const char *path, int file), void *context);

#endif
