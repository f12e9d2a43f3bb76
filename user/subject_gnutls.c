// SPDX-License-Identifier: Apache-2.0
#include "subject_library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Numbers of gnutls/gnutls.h. */
enum {
	GNUTLS_IS_SERVER = 1,
	GNUTLS_IS_CLIENT = 2,
	GNUTLS_CRD_PSK = 4,
	GNUTLS_PSK_KEY_IS_RAW = 0,
	ROUNDS = 40, /* of a handshake, many times what it takes */
	ROOM = 64 * 1024,
};

struct datum {
	unsigned char *data;
	unsigned int size;
};

static struct {
	int (*init)(void **, unsigned);
	void (*deinit)(void *);
	int (*priority)(void *, const char *, const char **);
	int (*credentials)(void *, int, void *);
	int (*client_new)(void **), (*server_new)(void **);
	int (*client_set)(void *, const char *, const struct datum *, int);
	void (*server_set)(void *, void *);
	void (*set_pointer)(void *, void *);
	void (*set_push)(void *, void *), (*set_pull)(void *, void *);
	void (*set_pull_timeout)(void *, void *);
	void (*set_errno)(void *, int);
	int (*handshake)(void *);
	void (*random)(void *, struct datum *, struct datum *);
	void *(*allocate)(size_t);
	ssize_t (*send)(void *, const void *, size_t);
	ssize_t (*receive)(void *, void *, size_t);
} library;

static bool load(const char *path)
{
	void **allocator = NULL;
	const struct subject_symbol symbols[] = {
		{"gnutls_init", &library.init},
		{"gnutls_deinit", &library.deinit},
		{"gnutls_priority_set_direct", &library.priority},
		{"gnutls_credentials_set", &library.credentials},
		{"gnutls_psk_allocate_client_credentials", &library.client_new},
		{"gnutls_psk_allocate_server_credentials", &library.server_new},
		{"gnutls_psk_set_client_credentials", &library.client_set},
		{"gnutls_psk_set_server_credentials_function", &library.server_set},
		{"gnutls_transport_set_ptr", &library.set_pointer},
		{"gnutls_transport_set_push_function", &library.set_push},
		{"gnutls_transport_set_pull_function", &library.set_pull},
		{"gnutls_transport_set_pull_timeout_function", &library.set_pull_timeout},
		{"gnutls_transport_set_errno", &library.set_errno},
		{"gnutls_handshake", &library.handshake},
		{"gnutls_session_get_random", &library.random},
		{"gnutls_record_send", &library.send},
		{"gnutls_record_recv", &library.receive},
		{"gnutls_malloc", &allocator}, /* a variable */
	};

	if (!subject_load(path, symbols, sizeof(symbols) / sizeof(symbols[0]), 18))
		return false;
	memcpy(&library.allocate, allocator, sizeof(library.allocate));
	return true;
}

/* One direction's bytes on their way. An end knows its peer's, whose pull takes them. */
struct end {
	void *session;
	struct end *peer;
	size_t used;
	char bytes[ROOM];
};

static ssize_t push(void *pointer, const void *bytes, size_t size)
{
	struct end *to = ((struct end *)pointer)->peer;

	if (size > ROOM - to->used) {
		library.set_errno(((struct end *)pointer)->session, EAGAIN);
		return -1;
	}
	memcpy(to->bytes + to->used, bytes, size);
	to->used += size;
	return (ssize_t)size;
}

static ssize_t pull(void *pointer, void *bytes, size_t size)
{
	struct end *end = pointer;

	if (!end->used) {
		library.set_errno(end->session, EAGAIN);
		return -1;
	}
	if (size > end->used)
		size = end->used;
	memcpy(bytes, end->bytes, size);
	end->used -= size;
	memmove(end->bytes, end->bytes + size, end->used);
	return (ssize_t)size;
}

static int wait_for_bytes(void *pointer, unsigned milliseconds)
{
	(void)milliseconds;
	return ((struct end *)pointer)->used != 0;
}

static int server_key(void *session, const char *identity, struct datum *key)
{
	(void)session, (void)identity;
	key->data = library.allocate(SUBJECT_KEY_SIZE);
	if (!key->data)
		return -1;
	memset(key->data, 0x5a, SUBJECT_KEY_SIZE);
	key->size = SUBJECT_KEY_SIZE;
	return 0;
}

static bool give_key(void *session, bool client)
{
	unsigned char bytes[SUBJECT_KEY_SIZE];
	const struct datum key = {bytes, sizeof(bytes)};
	void *credentials; /* for as long as the process lives */

	memset(bytes, 0x5a, sizeof(bytes));
	if (client ? library.client_new(&credentials) : library.server_new(&credentials))
		return false;
	if (!client)
		library.server_set(credentials, (void *)(uintptr_t)server_key);
	else if (library.client_set(credentials, "o", &key, GNUTLS_PSK_KEY_IS_RAW))
		return false;
	return !library.credentials(session, GNUTLS_CRD_PSK, credentials);
}

static bool begin(enum subject_version version, struct end *end, bool client)
{
	const char *priority = version == SUBJECT_TLS_1_2
				       ? "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK"
				       : "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK:+DHE-PSK";

	if (library.init(&end->session, client ? GNUTLS_IS_CLIENT : GNUTLS_IS_SERVER) ||
	    library.priority(end->session, priority, NULL) || !give_key(end->session, client))
		return false;
	library.set_pointer(end->session, end);
	library.set_push(end->session, (void *)(uintptr_t)push);
	library.set_pull(end->session, (void *)(uintptr_t)pull);
	library.set_pull_timeout(end->session, (void *)(uintptr_t)wait_for_bytes);
	return true;
}

static bool connect_pair(enum subject_version version, void *pair[2])
{
	struct end *ends = calloc(2, sizeof(*ends)); /* for as long as the process lives */
	int i, left[2] = {1, 1};

	for (i = 0; i < 2; i++) {
		if (!ends || !begin(version, &ends[i], i == 0))
			return false;
		ends[i].peer = &ends[!i];
		pair[i] = ends[i].session;
	}
	for (i = 0; i < ROUNDS && (left[0] || left[1]); i++)
		if (left[i % 2])
			left[i % 2] = library.handshake(pair[i % 2]);
	return !left[0] && !left[1];
}

static bool get_random(void *object, uint8_t ret_random[SUBJECT_RANDOM_SIZE])
{
	struct datum client = {}, server = {};

	library.random(object, &client, &server);
	if (!client.data || client.size != SUBJECT_RANDOM_SIZE)
		return false;
	memcpy(ret_random, client.data, SUBJECT_RANDOM_SIZE);
	return true;
}

static void free_object(void *object)
{
	library.deinit(object);
}

static long write_some(void *object, const void *buffer, int length)
{
	return length < 0 ? -1 : library.send(object, buffer, (size_t)length);
}

static long read_some(void *object, void *buffer, int length)
{
	return length < 0 ? -1 : library.receive(object, buffer, (size_t)length);
}

static bool has_ex(void)
{
	return false;
}

const struct subject_library subject_gnutls = {
	.load = load,
	.connect = connect_pair,
	.random = get_random,
	.free = free_object,
	.write = write_some,
	.read = read_some,
	.has_ex = has_ex,
};
