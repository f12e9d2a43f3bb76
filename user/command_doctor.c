// SPDX-License-Identifier: Apache-2.0
#include "bpf_load.h"
#include "commands.h"
#include "doctor_checks.h"
#include "log.h"

int command_doctor(const struct options *options)
{
	static struct doctor_report report;
	static struct config config;
	struct config_error error;

	log_settings.component = "doctor";
	config_defaults(&config);
	if (options->config_file && config_load(options->config_file, &config, &error))
		return log_error(EXIT_USAGE, "%s", error.text);
	bpf_load_silence();
	doctor_check_host(options, &report);
	doctor_check_tls(options, &report);
	doctor_check_programs(&config, &report);
	(options->json ? doctor_print_json : doctor_print_table)(&report, stdout);
	return (int)doctor_verdict(&report);
}
