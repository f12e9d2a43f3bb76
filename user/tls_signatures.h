// SPDX-License-Identifier: Apache-2.0
/*
 * Signature files: where the functions of a stripped library lie, said by whoever has found out, for
 * one build and no other. A file `*.yaml` is
 *
 *     build_id: 8ddf81da3fc5ff4b5a09c2b3a8a1a0b8a2f1a1f0   # as `operaglass tls inspect` prints it
 *     file: claude                    # optional: whose build it is; a name or a pattern, with a / of paths
 *     functions:                      # the names say what the arguments are
 *       SSL_write: 0x2607c30          # of the first instruction, from the begin of the file
 *       SSL_read: 0x2586500
 *     found_by: anchors               # only in files that the observer wrote (tls_anchors.h)
 *
 * `file` never makes a signature fit. It is there so that one whose file has become another build, by an
 * update say, is refused by name instead of lying there unused and unnoticed.
 *
 * What the observer found is believed no further than the file at hand bears it out, because a build-id
 * can be copied; and an operator's file for the same build takes its place.
 *
 * Offsets are where a program will be stopped: a file counts only when it and its directory belong
 * to root and nobody else may write them.
 */
#ifndef OPERAGLASS_TLS_SIGNATURES_H
#define OPERAGLASS_TLS_SIGNATURES_H

#include "config.h"
#include "tls_image.h"
#include "tls_stacks.h"

/* Where they lie: /etc/operaglass/tls-signatures.d, and tls-signatures.d of the state directory. */
struct tls_signature_directories {
	const char *list[3]; /* ends with NULL */
	char state[1024];
};

void tls_signatures_directories(const char *state_dir,
				struct tls_signature_directories *ret_directories);

struct tls_signature {
	char build_id[TLS_BUILD_ID_SIZE];
	char file[256];				   /* pattern; empty: not said */
	uint64_t offsets[TLS_STACK_FUNCTIONS_MAX]; /* as the functions of TLS_STACK_BORINGSSL */
	bool searched;				   /* found by the observer itself */
};

/* Pure. 0, or -EINVAL or -ENOMEM with a line in ret_error. */
int tls_signature_parse(const char *text, size_t size, const char *file_name,
			struct tls_signature *ret_signature, struct config_error *ret_error);

/*
 * The signature of this image among the files of the directories (ends with NULL). path: its name, for
 * `file`. 0; -ENOENT: none; -EINVAL: there is one that is refused, with the reason in ret_error. In the
 * other cases ret_error is empty, or names a signature for another build of this file, when none of an
 * operator fits.
 */
int tls_signatures_find(const char *const *directories, const struct tls_image *image,
			const char *path, struct tls_signature *ret_signature,
			struct config_error *ret_error);

/* Keeps what was found as <build-id>.yaml of this directory, which is made when it is needed. 0 or
 * -errno; -EINVAL without a build-id. */
int tls_signature_save(const char *directory, const struct tls_signature *signature);

/* Gives every file that is refused whatever the image, with the reason, to `refuse`. */
void tls_signatures_check(const char *const *directories,
			  void (*refuse)(void *context, const char *reason), void *context);

#endif
