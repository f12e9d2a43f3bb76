// SPDX-License-Identifier: Apache-2.0
/* The signature files of this host (tls_signature_file.h), and which of them is for a file. */
#ifndef OPERAGLASS_TLS_SIGNATURES_H
#define OPERAGLASS_TLS_SIGNATURES_H

#include "tls_signature_file.h"

/* Where they lie: /etc/operaglass/tls-signatures.d, and tls-signatures.d of the state directory. */
struct tls_signature_directories {
	const char *list[3]; /* ends with NULL */
	char state[1024];
};

void tls_signatures_directories(const char *state_dir,
				struct tls_signature_directories *ret_directories);

/*
 * The signature of this image among the files of the directories (ends with NULL). path: its name, for
 * `file`. 0; -ENOENT: none; -EINVAL: there is one that is refused, with the reason in ret_error. In the
 * other cases ret_error is empty, or names a signature for another build of this file, when none of an
 * operator fits.
 */
int tls_signatures_find(const char *const *directories, const struct tls_image *image,
			const char *path, struct tls_signature *ret_signature,
			struct config_error *ret_error);

/* Gives every file that is refused whatever the image, with the reason, to `refuse`. */
void tls_signatures_check(const char *const *directories,
			  void (*refuse)(void *context, const char *reason), void *context);

/* What the observer finds is kept of so many builds: anybody can write one more. */
#define TLS_SIGNATURES_KEPT 64

/* Keeps what was found in this directory, in place of the oldest find when there are so many; never of an
 * operator's. 0 or -errno, as tls_signature_save. */
int tls_signatures_keep(const char *directory, const struct tls_signature *signature);

#endif
