// SPDX-License-Identifier: Apache-2.0
/* Takes memory until the kernel takes the process; ends with a code of its own if it does not. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PIECE = 1 << 20,
	PATIENCE_SECONDS = 60,
	EXIT_REFUSED = 98
};

int main(void)
{
	alarm(PATIENCE_SECONDS);
	for (;;) {
		char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

		if (piece == MAP_FAILED)
			return EXIT_REFUSED;
		memset(piece, 1, PIECE);
	}
}
