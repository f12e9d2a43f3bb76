// SPDX-License-Identifier: Apache-2.0
/* Both ends of one plain TCP connection to a database's port on the loopback.
 *
 *	database serve	returns as soon as it listens; answers one request in the background
 *	database ask	connects, sends one request, reads the answer, closes
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DATABASE_PORT = 5432,
	PATIENCE_SECONDS = 30
};

static const char question[] = "how much is the fish?";
static const char answer[] = "one row";

static int complain(const char *what)
{
	perror(what);
	return 1;
}

static int answer_one(int listener)
{
	char request[sizeof(question)];
	int connection = accept(listener, NULL, NULL);

	if (connection < 0)
		return complain("database: cannot accept");
	if (recv(connection, request, sizeof(request), MSG_WAITALL) != sizeof(request))
		return complain("database: no whole request");
	if (write(connection, answer, sizeof(answer)) != sizeof(answer))
		return complain("database: cannot answer");
	/* The client closes first. */
	if (read(connection, request, 1) != 0)
		return complain("database: the client went on talking");
	close(connection);
	return 0;
}

static int serve(const struct sockaddr_in *address)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (const void *)address, sizeof(*address)) < 0 ||
	    listen(listener, 1) < 0)
		return complain("database: cannot listen on port 5432");
	pid_t server = fork();
	if (server < 0)
		return complain("database: cannot fork");
	if (server > 0)
		return 0;
	alarm(PATIENCE_SECONDS);
	return answer_one(listener);
}

static int ask(const struct sockaddr_in *address)
{
	char response[sizeof(answer)];
	int connection = socket(AF_INET, SOCK_STREAM, 0);

	alarm(PATIENCE_SECONDS);
	if (connection < 0 || connect(connection, (const void *)address, sizeof(*address)) < 0)
		return complain("database: cannot connect to port 5432");
	if (write(connection, question, sizeof(question)) != sizeof(question))
		return complain("database: cannot ask");
	if (recv(connection, response, sizeof(response), MSG_WAITALL) != sizeof(response) ||
	    memcmp(response, answer, sizeof(answer)) != 0)
		return complain("database: wrong answer");
	close(connection);
	return 0;
}

int main(int argc, char **argv)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(DATABASE_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve(&address);
	if (argc == 2 && strcmp(argv[1], "ask") == 0)
		return ask(&address);
	fputs("usage: database serve|ask\n", stderr);
	return 2;
}
