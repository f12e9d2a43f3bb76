// SPDX-License-Identifier: Apache-2.0
#include "web_follow_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "reporting.h"
#include "web_settings.h"

/* The count of settings messages that was seen last. */
static uint32_t seen;

/* -ENOENT: none were handed over. */
static int take_web(struct web *web, const struct handover *handover)
{
	struct web_settings *settings = malloc(sizeof(*settings));
	char problem[256];
	int err;

	if (!settings)
		return -ENOMEM;
	err = handover_settings(handover, WEB_SETTINGS_NAME, settings, sizeof(*settings));
	if (!err) {
		err = web_configure(web, settings, problem, sizeof(problem));
		if (err)
			log_error(err, "the web configuration is not in force: %s", problem);
		explicit_bzero(settings, sizeof(*settings));
	}
	free(settings);
	return err;
}

static int take_tokens(struct web *web, const struct handover *handover)
{
	struct reporting_settings *settings = malloc(sizeof(*settings));
	int err;

	if (!settings)
		return -ENOMEM;
	err = handover_settings(handover, "reporting", settings, sizeof(*settings));
	if (!err) {
		web_set_tokens(web, settings->read_token, settings->ingest_token);
		explicit_bzero(settings, sizeof(*settings));
	}
	free(settings);
	return err;
}

int web_settings_begin(struct web *web, const struct handover *handover, bool required)
{
	int err = take_web(web, handover);

	seen = handover->settings;
	if (err && (err != -ENOENT || required))
		return log_error(err, "cannot serve without the web configuration");
	err = take_tokens(web, handover);
	if (err && err != -ENOENT)
		return log_error(err, "cannot serve without the tokens: %s", strerror(-err));
	return 0;
}

void web_settings_follow(struct web *web, const struct handover *handover)
{
	int err;

	if (seen == handover->settings)
		return;
	seen = handover->settings;
	err = take_web(web, handover);
	if (!err)
		log_info(0, "the web configuration is in force");
	err = take_tokens(web, handover);
	if (err && err != -ENOENT)
		log_error(err, "the tokens stay as they were: %s", strerror(-err));
}
