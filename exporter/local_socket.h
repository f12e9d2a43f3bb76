// SPDX-License-Identifier: Apache-2.0
/* Where local programs report: a unix socket at a path. */
#ifndef EXPORTER_LOCAL_SOCKET_H
#define EXPORTER_LOCAL_SOCKET_H

/*
 * Binds a socket (SOCK_DGRAM, or SOCK_STREAM, which then listens) at `path` that everybody may write
 * to: who may report is judged by the kernel's credentials. The directory must exist. A socket that
 * nobody answers on is replaced. To be called before privileges go. 0; -EADDRINUSE when another
 * process answers there, -EEXIST when `path` is no socket, or -errno; nothing is logged.
 */
int local_socket_listen(const char *path, int type, int *ret_fd);

#endif
