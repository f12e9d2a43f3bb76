// SPDX-License-Identifier: Apache-2.0
#include "web_gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_note.h"
#include "senders.h"
#include "web_routes.h"

#define SECOND UINT64_C(1000000000)
/* Refused credentials that are told at once, and how many a second after that. */
#define AUDIT_BURST    60
#define AUDIT_INTERVAL SECOND

const char *const web_refusal_names[WEB_REFUSALS] = {
	[WEB_REFUSED_MALFORMED] = "malformed",
	[WEB_REFUSED_RATE] = "rate_limit",
	[WEB_REFUSED_MISSING] = "no_credentials",
	[WEB_REFUSED_CREDENTIALS] = "bad_credentials",
	[WEB_REFUSED_PASSWORD] = "bad_password",
	[WEB_REFUSED_TOKEN] = "bad_token",
	[WEB_REFUSED_CERTIFICATE] = "bad_certificate",
	[WEB_REFUSED_OFF] = "ingestion_off",
	[WEB_REFUSED_BUSY] = "busy",
	[WEB_REFUSED_SLOW] = "too_slow",
	[WEB_REFUSED_EVICTED] = "evicted",
};

static const char *const header_names[WEB_HEADERS] = {
	[WEB_HEADER_CSP] = "Content-Security-Policy",
	[WEB_HEADER_FRAME_OPTIONS] = "X-Frame-Options",
	[WEB_HEADER_CONTENT_TYPE_OPTIONS] = "X-Content-Type-Options",
	[WEB_HEADER_XSS_PROTECTION] = "X-XSS-Protection",
	[WEB_HEADER_HSTS] = "Strict-Transport-Security",
};

/* How each verdict is told. */
static const struct {
	unsigned status;
	enum web_refusal refusal;
	struct web_problem problem;
	bool audited;
} refusals[WEB_VERDICTS] = {
	[WEB_MISSING] = {MHD_HTTP_UNAUTHORIZED,
			 WEB_REFUSED_MISSING,
			 {"unauthorized", "",
			  "credentials are needed; WWW-Authenticate says which"},
			 false},
	[WEB_BAD_TOKEN] = {MHD_HTTP_UNAUTHORIZED,
			   WEB_REFUSED_TOKEN,
			   {"unauthorized", "", "this is not the token"},
			   true},
	[WEB_BAD_PASSWORD] = {MHD_HTTP_UNAUTHORIZED,
			      WEB_REFUSED_PASSWORD,
			      {"unauthorized", "", "wrong name or password"},
			      true},
	[WEB_MALFORMED] =
		{MHD_HTTP_UNAUTHORIZED,
		 WEB_REFUSED_CREDENTIALS,
		 {"unauthorized", "",
		  "these credentials are not understood; WWW-Authenticate says which are"},
		 true},
	[WEB_OFF] =
		{MHD_HTTP_FORBIDDEN,
		 WEB_REFUSED_OFF,
		 {"ingestion_off", "",
		  "events are not taken on this address: configure a token for ingestion, or use "
		  "the unix socket"},
		 false},
	[WEB_CROWDED] = {MHD_HTTP_SERVICE_UNAVAILABLE,
			 WEB_REFUSED_BUSY,
			 {"busy", "", "too many passwords are being checked; try again"},
			 false},
};

struct admission {
	struct web_waiter waiter; /* first: the waiter is the admission */
	struct web_request *request;
	unsigned *ingesting; /* NULL: not counted */
	bool decided;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

int web_gate_create(struct web_gate **ret_gate)
{
	struct web_gate *gate = calloc(1, sizeof(*gate));
	int err = gate ? web_auth_create(&gate->auth) : -ENOMEM;

	if (err) {
		free(gate);
		return err;
	}
	gate->audits = (struct web_bucket){.interval_ns = AUDIT_INTERVAL, .burst = AUDIT_BURST};
	*ret_gate = gate;
	return 0;
}

void web_gate_free(struct web_gate *gate)
{
	if (!gate)
		return;
	web_auth_free(gate->auth);
	free(gate);
}

void web_gate_configure(struct web_gate *gate, const struct web_settings *settings)
{
	web_auth_set_users(gate->auth, settings->users, settings->user_count);
	memcpy(gate->headers, settings->headers, sizeof(gate->headers));
	gate->requests.interval_ns = settings->rate_interval_ns;
	gate->requests.burst = settings->rate_burst;
}

void web_gate_add_headers(const struct web_gate *gate, struct MHD_Response *response)
{
	const char *before;
	int i;

	for (i = 0; i < WEB_HEADERS; i++) {
		if (!*gate->headers[i])
			continue;
		before = MHD_get_response_header(response, header_names[i]);
		if (before)
			MHD_del_response_header(response, header_names[i], before);
		MHD_add_response_header(response, header_names[i], gate->headers[i]);
	}
}

static int answered(enum MHD_Result result, unsigned status)
{
	return result == MHD_YES ? (int)status : -EIO;
}

static void count(const struct web_request *request, enum web_refusal refusal, bool audited)
{
	const struct web_site *site = &request->shared->site;
	struct web_gate *gate = request->shared->gate;
	char actor[API_ACTOR_SIZE];

	gate->refused[refusal]++;
	if (!audited || !site->refused || !web_bucket_take(&gate->audits, now_ns()))
		return;
	api_actor(request, actor);
	site->refused(site->context, refusal, actor, request->path);
}

enum MHD_Result web_gate_refuse_fault(struct web_request *request)
{
	static const struct web_header headers[] = {{"Connection", "close"}, {NULL, NULL}};
	const struct web_problem problem = {"malformed", "",
					    web_fault_texts[request->origin->guard->fault]};

	count(request, WEB_REFUSED_MALFORMED, false);
	return web_refuse(request, MHD_HTTP_BAD_REQUEST, &problem, headers);
}

static int refuse_rate(struct web_request *request, uint64_t seconds)
{
	static const struct web_problem problem = {"rate_limited", "", "too many requests"};
	char text[24];
	const struct web_header headers[] = {{"Retry-After", text}, {NULL, NULL}};

	snprintf(text, sizeof(text), "%llu", (unsigned long long)seconds);
	count(request, WEB_REFUSED_RATE, false);
	return answered(web_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, &problem, headers),
			MHD_HTTP_TOO_MANY_REQUESTS);
}

static int refuse(struct web_request *request, enum web_verdict verdict, bool ingest)
{
	const struct web_header challenge[] = {
		{"WWW-Authenticate", web_auth_challenge(request->shared->gate->auth, ingest)},
		{NULL, NULL}};
	const struct web_header *headers = web_no_headers;
	unsigned status = refusals[verdict].status;

	if (status == MHD_HTTP_UNAUTHORIZED)
		headers = challenge;
	else if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		headers = web_busy_headers;
	count(request, refusals[verdict].refusal, refusals[verdict].audited);
	return answered(web_refuse(request, status, &refusals[verdict].problem, headers), status);
}

static void release(struct web_request *request)
{
	struct admission *admission = request->admission;

	web_auth_leave(&admission->waiter);
	if (admission->ingesting)
		--*admission->ingesting;
	free(admission);
}

static struct admission *admission_of(struct web_request *request)
{
	struct admission *admission = request->admission;

	if (admission)
		return admission;
	admission = calloc(1, sizeof(*admission));
	if (!admission)
		return NULL;
	admission->request = request;
	request->admission = admission;
	request->release_admission = release;
	return admission;
}

/* The worker's result is there. */
static void resume(struct web_waiter *waiter)
{
	struct admission *admission = (struct admission *)waiter;

	admission->decided = true;
	web_resume(admission->request);
}

static int admit_reader(struct web_request *request, const char *credentials)
{
	struct admission *admission = admission_of(request);
	enum web_verdict verdict;

	if (!admission)
		return -ENOMEM;
	if (admission->decided) {
		verdict = admission->waiter.verdict;
	} else {
		admission->waiter.ready = resume;
		verdict =
			web_auth_read(request->shared->gate->auth, credentials, &admission->waiter);
	}
	if (verdict == WEB_PENDING) {
		web_suspend(request, NULL);
		return -EINPROGRESS;
	}
	request->origin->may_read = verdict == WEB_GRANTED;
	return verdict == WEB_GRANTED ? 0 : refuse(request, verdict, false);
}

static int admit_report(struct web_request *request)
{
	static const struct web_problem busy = {
		"busy", "", "too many reports are being taken at once; try again"};
	unsigned *ingesting = &request->shared->gate->ingesting[request->origin->way == WAY_STREAM];
	struct admission *admission;

	request->origin->may_ingest = true;
	/* A method that the path does not have is answered at once. */
	if (request->method != WEB_POST)
		return 0;
	admission = admission_of(request);
	if (!admission)
		return -ENOMEM;
	if (*ingesting >= WEB_INGEST_MAX) {
		count(request, WEB_REFUSED_BUSY, false);
		return answered(
			web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &busy, web_busy_headers),
			MHD_HTTP_SERVICE_UNAVAILABLE);
	}
	++*ingesting;
	admission->ingesting = ingesting;
	return 0;
}

/* Whoever may report by the unix socket may read there; any other local user is as on the web. */
static bool is_trusted(const struct web_request *request)
{
	const struct reporting_settings *settings = request->shared->reporting.settings;
	struct sender sender;

	return settings && !sender_of_stream(request->origin->fd, &sender) &&
	       sender_may_report(settings, &sender);
}

int web_admit(struct web_request *request)
{
	const bool ingest = request->route && request->route->access == ACCESS_INGEST;
	const struct admission *admission = request->admission;
	struct web_gate *gate = request->shared->gate;
	enum web_verdict verdict;
	struct web_joined joined;
	const char *credentials;

	if (request->origin->guard && request->origin->guard->fault)
		return answered(web_gate_refuse_fault(request), MHD_HTTP_BAD_REQUEST);
	if (request->route && request->route->access == ACCESS_OPEN)
		return 0;
	if (request->origin->way == WAY_STREAM && ingest)
		return admit_report(request); /* which looks at who it is */
	if (request->origin->way == WAY_STREAM && is_trusted(request)) {
		request->origin->may_read = true;
		return 0;
	}
	/* A request that comes back from the worker was counted before. */
	if (!(admission && admission->decided) && !web_bucket_take(&gate->requests, now_ns()))
		return refuse_rate(request, web_bucket_wait(&gate->requests, now_ns()));
	credentials = web_header(request, "Authorization", &joined);
	if (!ingest)
		return admit_reader(request, credentials);
	verdict = web_auth_ingest(gate->auth, credentials);
	return verdict == WEB_GRANTED ? admit_report(request) : refuse(request, verdict, true);
}
