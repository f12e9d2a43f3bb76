// SPDX-License-Identifier: Apache-2.0
/* What the subject of a proof needs of a TLS library: connections between two objects in its own memory,
 * by a key that both ends know, so that no certificate and no socket is needed. */
#ifndef OPERAGLASS_SUBJECT_LIBRARY_H
#define OPERAGLASS_SUBJECT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBJECT_KEY_SIZE    16
#define SUBJECT_RANDOM_SIZE 32

enum subject_version {
	SUBJECT_TLS_1_2,
	SUBJECT_TLS_1_3,
};

struct subject_library {
	/* Loads the file; false: it is no such library. */
	bool (*load)(const char *path);
	/* A client's and a server's object, after their handshake. Called often. */
	bool (*connect)(enum subject_version version, void *pair[2]);
	/* The client random of an object, by the library's own function. */
	bool (*random)(void *object, uint8_t ret_random[SUBJECT_RANDOM_SIZE]);
	void (*free)(void *object);
	/* Bytes moved, or less than 1: those that are probed. */
	long (*write)(void *object, const void *buffer, int length);
	long (*read)(void *object, void *buffer, int length);
	/* The same by functions that return the number by a pointer. False: there are none. */
	bool (*write_ex)(void *object, const void *buffer, size_t length, size_t *ret_moved);
	bool (*read_ex)(void *object, void *buffer, size_t length, size_t *ret_moved);
	bool (*has_ex)(void);
};

extern const struct subject_library subject_openssl, subject_gnutls;

/* Functions of a loaded file. */
struct subject_symbol {
	const char *name;
	void *into; /* pointer to a function pointer */
};

/* Loads the file and finds its functions, the first `needed` of which must be there. */
bool subject_load(const char *path, const struct subject_symbol *symbols, size_t count,
		  size_t needed);

#endif
