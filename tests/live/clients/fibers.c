// SPDX-License-Identifier: Apache-2.0
/*
 * Two fibers in one thread, each inside SSL_read of its own object when the other one runs: their BIO's
 * read switches stacks while nothing is there. Waits for a line; prints what was read; ends with 0.
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum {
	MESSAGES = 4,
	STACK = 256 * 1024,
};

static struct fiber {
	ucontext_t context;
	char stack[STACK];
	SSL *client, *server;
	BIO *wire;
} fibers[2];
static ucontext_t scheduler;

static int read_wire(BIO *bio, char *bytes, int size)
{
	struct fiber *fiber = BIO_get_data(bio);
	int got;

	while ((got = BIO_read(fiber->wire, bytes, size)) <= 0)
		swapcontext(&fiber->context, &scheduler);
	return got;
}

static int write_wire(BIO *bio, const char *bytes, int size)
{
	struct fiber *fiber = BIO_get_data(bio);

	return BIO_write(fiber->wire, bytes, size);
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static unsigned give_key(unsigned char *key)
{
	memset(key, 1, 16);
	return 16;
}

static unsigned client_key(SSL *ssl, const char *hint, char *identity, unsigned room,
			   unsigned char *key, unsigned size)
{
	(void)ssl, (void)hint, (void)room, (void)size;
	memcpy(identity, "f", 2);
	return give_key(key);
}

static unsigned server_key(SSL *ssl, const char *identity, unsigned char *key, unsigned size)
{
	(void)ssl, (void)identity, (void)size;
	return give_key(key);
}

static void run(int number)
{
	struct fiber *fiber = &fibers[number];
	char text[64];
	int message, got;

	SSL_connect(fiber->client);
	for (message = 0; message < MESSAGES; message++) {
		got = SSL_read(fiber->client, text, sizeof(text));
		printf("fiber %d read %.*s\n", number, got, text);
	}
	swapcontext(&fiber->context, &scheduler);
}

static void begin(struct fiber *fiber, SSL_CTX *client, SSL_CTX *server, BIO_METHOD *method)
{
	BIO *far, *own = BIO_new(method);

	BIO_new_bio_pair(&fiber->wire, 0, &far, 0);
	BIO_set_data(own, fiber);
	BIO_set_init(own, 1);
	fiber->client = SSL_new(client);
	fiber->server = SSL_new(server);
	SSL_set_bio(fiber->client, own, own);
	SSL_set_bio(fiber->server, far, far);
	SSL_set_accept_state(fiber->server);
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK;
	makecontext(&fiber->context, (void (*)(void))run, 1, (int)(fiber - fibers));
}

int main(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index(), "fiber");
	SSL_CTX *client = SSL_CTX_new(TLS_client_method()),
		*server = SSL_CTX_new(TLS_server_method());
	char text[64];
	int i, step;

	BIO_meth_set_read(method, read_wire);
	BIO_meth_set_write(method, write_wire);
	BIO_meth_set_ctrl(method, control);
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(client, "PSK");
	SSL_CTX_set_cipher_list(server, "PSK");
	SSL_CTX_set_psk_client_callback(client, client_key);
	SSL_CTX_set_psk_server_callback(server, server_key);
	for (i = 0; i < 2; i++)
		begin(&fibers[i], client, server, method);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(text, sizeof(text), stdin))
		return 2;
	for (step = 0; step < 20; step++) {
		swapcontext(&scheduler, &fibers[step % 2].context);
		SSL_do_handshake(fibers[step % 2].server);
	}
	/* Both wait; now the one that began to first, now the other one is answered first. */
	for (step = 0; step < 2 * MESSAGES; step++) {
		i = (step / 2 + step) % 2;
		SSL_write(fibers[i].server, text, (int)snprintf(text, sizeof(text), "%d", step));
		swapcontext(&scheduler, &fibers[i].context);
	}
	return 0;
}
