// SPDX-License-Identifier: Apache-2.0
/*
 * How every component is, and since when. Pure: facts and a time in, a judgement and JSON out.
 */
#ifndef EXPORTER_HEALTH_H
#define EXPORTER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder.h"
#include "text.h"

enum health_component {
	HEALTH_OBSERVER,
	HEALTH_PROGRAMS, /* in the kernel */
	HEALTH_JOURNAL,
	HEALTH_QUEUE,	  /* events that wait for the journal */
	HEALTH_APPROVALS, /* expired ones are decided in time */
	HEALTH_COMPONENTS
};

enum health_status {
	HEALTH_OFF, /* is not configured; as good as up */
	HEALTH_UP,
	HEALTH_DEGRADED, /* works with losses; the whole still answers 200 */
	HEALTH_DOWN,
};

/* What is so at the moment. */
struct health_facts {
	bool handed_over; /* the observer has attached everything and handed it over */
	bool readable;	  /* and the maps are being read */
	unsigned programs, attached;
	bool records;			/* there is a recorder */
	struct recorder_health journal; /* of it */
	uint64_t pending;		/* approvals */
	double overdue_seconds;		/* of the approval that is longest past its time; 0: none */
};

struct health_entry {
	enum health_status status;
	int64_t since_us; /* Unix; of the present status */
	char detail[192]; /* one line */
};

/* Zeroed: nothing was judged yet. */
struct health {
	struct health_entry entries[HEALTH_COMPONENTS];
};

/* An expired approval is marked within this time, or something is wrong with the clockwork. */
#define HEALTH_OVERDUE_SECONDS 5.0

void health_judge(struct health *health, const struct health_facts *facts, int64_t now_us);
bool health_works(const struct health *health);
/* {"status","time","components":{NAME:{"status","detail","since"}}}. 0 or -ENOMEM. */
int health_render(const struct health *health, int64_t now_us, struct text *out);

#endif
