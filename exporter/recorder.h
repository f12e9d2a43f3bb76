// SPDX-License-Identifier: Apache-2.0
/*
 * The recorder: a thread that takes events from a bounded queue, writes them to the journal in
 * groups (one fsync for all that wait), and lets readers see them once they are on disk.
 *
 * All functions are for the event loop's thread. The queue is bounded in events and in bytes;
 * what finds no room is refused, never dropped in silence. While the journal cannot write (disk
 * full, I/O error) submissions are refused with -EIO and the recorder tries again by itself.
 */
#ifndef EXPORTER_RECORDER_H
#define EXPORTER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "event.h"
#include "model.h"

#define RECORDER_QUEUE_EVENTS 65536
#define RECORDER_QUEUE_BYTES  (16 * 1024 * 1024)

struct recorder;

/* What became of one event of a ticket. */
enum record_result {
	RECORD_STORED,	/* on disk */
	RECORD_KNOWN,	/* its id was stored before: on disk, and counted once */
	RECORD_REFUSED, /* by the accounts, see `why` */
	RECORD_FAILED,	/* the journal could not write */
};

/* Filled by the recorder; `done` runs in the loop's thread, inside recorder_run(). */
struct ticket {
	void (*done)(struct ticket *ticket);
	void *context;
	unsigned count;
	struct {
		enum record_result result;
		struct event_error why;
	} * events; /* `count` of them, the caller's memory */
	/* The recorder's own. */
	unsigned remaining;
	struct ticket *next;
};

/*
 * Opens (or creates, migrates, sets aside when damaged) the journal in `directory`, loads the
 * accounts from it, marks what expired meanwhile and starts the thread. 0; -EWOULDBLOCK when another
 * instance holds the directory; or -errno after one line of log.
 * `directory` NULL: no journal (tests): everything is in memory.
 */
int recorder_open(const char *directory, const struct reporting_settings *settings,
		  struct recorder **ret_recorder);
/* Writes what waits, ends the thread, and runs `done` of the tickets that are left. */
void recorder_close(struct recorder *recorder);

/* Takes over `count` events (also on failure) for one group. `ticket` NULL: nobody waits.
 * 0; -ENOBUFS: no room in the queue; -EIO: the journal does not work. */
int recorder_submit(struct recorder *recorder, struct event **events, unsigned count,
		    struct ticket *ticket);

/* Readable when tickets are done; then recorder_run() calls their `done`. */
int recorder_fd(const struct recorder *recorder);
void recorder_run(struct recorder *recorder);

int recorder_configure(struct recorder *recorder, const struct reporting_settings *settings);

/* Readers: the recorder's lock is taken inside, for microseconds and never across a disk write. */
void recorder_add(struct recorder *recorder,
		  struct model *model); /* accounts and operaglass_journal_* */
void recorder_each_pending(struct recorder *recorder,
			   int (*each)(void *context, const struct pending_approval *approval),
			   void *context);
unsigned recorder_waiting(struct recorder *recorder, struct waiting_root *roots, unsigned max);

struct recorder_health {
	bool works;
	int64_t since_us;	/* of the present state, Unix */
	char detail[192];	/* one line */
	uint64_t stored, bytes; /* events in the journal, its size */
	unsigned queued;
	uint64_t refused; /* datagrams that the accounts refused: nobody waited for the answer */
};
void recorder_health(struct recorder *recorder, struct recorder_health *ret_health);

/* The journal's file, for read-only connections of report code; NULL without a journal. */
const char *recorder_path(const struct recorder *recorder);

#endif
