// SPDX-License-Identifier: Apache-2.0
/*
 * A signature file: where the functions of a stripped library lie, said by whoever has found out, for
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
#ifndef OPERAGLASS_TLS_SIGNATURE_FILE_H
#define OPERAGLASS_TLS_SIGNATURE_FILE_H

#include <sys/types.h>

#include "config.h"
#include "tls_image.h"
#include "tls_stacks.h"

struct tls_signature {
	char build_id[TLS_BUILD_ID_SIZE];
	char file[256];				   /* pattern; empty: not said */
	uint64_t offsets[TLS_STACK_FUNCTIONS_MAX]; /* as the functions of TLS_STACK_BORINGSSL */
	bool searched;				   /* found by the observer itself */
};

/* Pure. 0, or -EINVAL or -ENOMEM with a line in ret_error. */
int tls_signature_parse(const char *text, size_t size, const char *file_name,
			struct tls_signature *ret_signature, struct config_error *ret_error);

/* The same of an open file, which must be root's. */
int tls_signature_read(int file, const char *path, struct tls_signature *ret_signature,
		       struct config_error *ret_error);

/* Whether only root can have said what is in this file, or directory. type: S_IFREG or S_IFDIR. */
bool tls_signature_is_roots(int file, mode_t type);

/* Keeps what was found as <build-id>.yaml of this directory, which is made when it is needed. 0 or
 * -errno; -EINVAL without a build-id. */
int tls_signature_save(const char *directory, const struct tls_signature *signature);

#endif
