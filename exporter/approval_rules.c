// SPDX-License-Identifier: Apache-2.0
/* What each input does to an approval in each state, and to one that nobody knows. */
#include "approvals.h"

#define TAKEN(state)                 \
	{                            \
		VERDICT_TAKEN, state \
	}
#define DUPLICATE                    \
	{                            \
		VERDICT_DUPLICATE, 0 \
	}
#define LATE                    \
	{                       \
		VERDICT_LATE, 0 \
	}
#define UNMATCHED                    \
	{                            \
		VERDICT_UNMATCHED, 0 \
	}
#define IGNORED                    \
	{                          \
		VERDICT_IGNORED, 0 \
	}

/* clang-format off */
const struct approval_transition approval_transitions[APPROVAL_STATES + 1][APPROVAL_INPUTS] = {
	/*			 request    accept		      reject			 cancel			     timeout			 expire			     message */
	[APPROVAL_PENDING]   = { DUPLICATE, TAKEN(APPROVAL_ACCEPTED), TAKEN(APPROVAL_REJECTED), TAKEN(APPROVAL_CANCELLED), TAKEN(APPROVAL_TIMED_OUT), TAKEN(APPROVAL_TIMED_OUT), TAKEN(APPROVAL_PENDING) },
	[APPROVAL_ACCEPTED]  = { DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, IGNORED, IGNORED },
	[APPROVAL_REJECTED]  = { DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, IGNORED, IGNORED },
	[APPROVAL_CANCELLED] = { DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE, IGNORED, IGNORED },
	[APPROVAL_TIMED_OUT] = { DUPLICATE, LATE, LATE, LATE, DUPLICATE, IGNORED, IGNORED },
	[APPROVAL_STATES]    = { TAKEN(APPROVAL_PENDING), UNMATCHED, UNMATCHED, UNMATCHED, UNMATCHED, IGNORED, IGNORED },
};
/* clang-format on */
