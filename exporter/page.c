// SPDX-License-Identifier: Apache-2.0
#include "page.h"

#include <errno.h>
#include <string.h>

/* $V and $P stand for the version and the telemetry path. No script, nothing from elsewhere. */
static const char page[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Operaglass</title>\n"
	"<style>\n"
	":root{color-scheme:light dark;--ink:#1d2328;--soft:#5b666f;--line:#dde2e6;--paper:#fbfbfa;"
	"--mark:#8a1538}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e8eaec;--soft:#9aa5ae;--line:#333b42;"
	"--paper:#15191c;--mark:#f08aa5}}\n"
	"body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\n"
	"main{max-width:40rem;margin:12vh auto;padding:0 1.5rem}\n"
	"h1{margin:0;font-size:2.1rem;letter-spacing:-.02em}\n"
	"h1 small{font-size:.95rem;font-weight:400;color:var(--soft);letter-spacing:0}\n"
	"p{color:var(--soft)}\n"
	"ul{list-style:none;margin:2rem 0 0;padding:0;border-top:1px solid var(--line)}\n"
	"li a{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;justify-content:space-between;padding:.8rem 0;"
	"border-bottom:1px solid var(--line);color:inherit;text-decoration:none}\n"
	"li a:hover,li a:focus-visible{color:var(--mark)}\n"
	"code{font:.95rem ui-monospace,monospace;color:var(--mark)}\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<main>\n"
	"<h1>Operaglass <small>$V</small></h1>\n"
	"<p>What the AI agents of this host do, what they cost, why they ended, and how long their calls\n"
	"to Telegram and to every other upstream took.</p>\n"
	"<ul>\n"
	"<li><a href=\"$P\"><code>$P</code><span>metrics, as Prometheus text or OpenMetrics</span></a></li>\n"
	"<li><a href=\"/-/ready\"><code>/-/ready</code><span>200 once everything is attached</span></a></li>\n"
	"<li><a href=\"/-/healthy\"><code>/-/healthy</code><span>200 while the exporter runs</span></a></li>\n"
	"<li><a href=\"/health\"><code>/health</code><span>every component, and since when</span></a></li>\n"
	"<li><a href=\"/orchestrate/metrics\"><code>/orchestrate/metrics</code><span>messages, replies and "
	"approvals of the last hour and of today</span></a></li>\n"
	"<li><a href=\"/api/approvals\"><code>/api/approvals</code><span>what waits for a decision</span></a></li>\n"
	"<li><a href=\"/api/cost/report\"><code>/api/cost/report</code><span>what the models cost this month</span></a></li>\n"
	"<li><a href=\"/api/analytics/agents\"><code>/api/analytics/agents</code><span>how every kind of agent does</span></a></li>\n"
	"<li><a href=\"/api/audit\"><code>/api/audit</code><span>who decided and changed what</span></a></li>\n"
	"<li><a href=\"/api/diagnostics/metrics\"><code>/api/diagnostics/metrics</code><span>every metric as JSON</span></a></li>\n"
	"<li><a href=\"/api/openapi.json\"><code>/api/openapi.json</code><span>all of this as OpenAPI 3.1</span></a></li>\n"
	"</ul>\n"
	"</main>\n"
	"</body>\n"
	"</html>\n";

static int append(struct text *out, const char *string, size_t size)
{
	if (text_reserve(out, size))
		return -ENOMEM;
	memcpy(out->data + out->size, string, size);
	out->size += size;
	return 0;
}

static int append_escaped(struct text *out, const char *string)
{
	static const struct {
		char plain;
		const char *escaped;
	} escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
	const char *piece;
	int err = 0;
	size_t i;

	for (; *string && !err; string++) {
		piece = NULL;
		for (i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
			if (*string == escapes[i].plain)
				piece = escapes[i].escaped;
		err = piece ? append(out, piece, strlen(piece)) : append(out, string, 1);
	}
	return err;
}

int page_render(const char *version, const char *telemetry_path, struct text *out)
{
	const char *at = page, *mark;
	int err = 0;

	while (!err && (mark = strchr(at, '$'))) {
		err = append(out, at, (size_t)(mark - at));
		if (!err)
			err = append_escaped(out, mark[1] == 'V' ? version : telemetry_path);
		at = mark + 2;
	}
	return err ? err : append(out, at, strlen(at));
}
