// SPDX-License-Identifier: Apache-2.0
#include "defaults.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A name is the basename of the executable or of the script that an interpreter runs, or the last
 * two components of its path where the basename alone says too little (cli.js). Left out on
 * purpose: names that other tools have too (q, code, agent, continue).
 *
 * relaunches: the command is a launcher that starts the agent proper as its child under the same
 * name (a script that spawns the native binary beside it, or a process that starts itself again
 * with other options), so that child is not a second agent.
 */
const struct default_agent default_agents[] = {
	/* type, relaunches, names */
	{"claude-code", false, {"claude", "claude-code/cli.js", "claude-agent-sdk/cli.js"}},
	{"codex", true, {"codex", "codex.js"}},
	{"gemini", true, {"gemini", "gemini-cli", "bundle/gemini.js"}},
	{"aider", false, {"aider"}},
	{"opencode", true, {"opencode"}},
	{"goose", false, {"goose", "goosed"}},
	{"cursor-agent", false, {"cursor-agent"}},
	{"copilot", true, {"copilot", "copilot/index.js"}},
	{"amp", false, {"amp"}},
	{"qwen-code", true, {"qwen", "qwen-code"}},
	{"crush", true, {"crush"}},
	{"openhands", false, {"openhands"}},
	{"plandex", false, {"plandex"}},
	{"cline", false, {"cline"}},
	{"continue", false, {"cn"}},
	{"droid", false, {"droid"}},
	{"kiro-cli", true, {"kiro-cli", "kiro-cli-chat"}},
	{"auggie", false, {"auggie"}},
};
const size_t default_agent_count = COUNT(default_agents);

/* The databases have no host: whoever talks to their port on any host talks to them. */
const struct default_upstream default_upstreams[] = {
	{"telegram", CONFIG_KIND_TELEGRAM, 443, {"api.telegram.org"}},
	{"anthropic", CONFIG_KIND_HTTPS, 443, {"api.anthropic.com"}},
	{"openai", CONFIG_KIND_HTTPS, 443, {"api.openai.com", "chatgpt.com"}},
	{"google",
	 CONFIG_KIND_HTTPS,
	 443,
	 {"generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com"}},
	{"openrouter", CONFIG_KIND_HTTPS, 443, {"openrouter.ai"}},
	{"mistral", CONFIG_KIND_HTTPS, 443, {"api.mistral.ai"}},
	{"github-copilot",
	 CONFIG_KIND_HTTPS,
	 443,
	 {"api.githubcopilot.com", "*.githubcopilot.com"}},
	{"twilio", CONFIG_KIND_HTTPS, 443, {"api.twilio.com"}},
	{"slack", CONFIG_KIND_HTTPS, 443, {"slack.com", "*.slack.com"}},
	{"postgres", CONFIG_KIND_DATABASE, 5432, {NULL}},
	{"mysql", CONFIG_KIND_DATABASE, 3306, {NULL}},
	{"redis", CONFIG_KIND_DATABASE, 6379, {NULL}},
	{"sqlserver", CONFIG_KIND_DATABASE, 1433, {NULL}},
};
const size_t default_upstream_count = COUNT(default_upstreams);

/*
 * With their versions: the kernel knows an executable by the file that a link like `python3` leads
 * to, which is `python3.11`.
 */
const char *const default_interpreters[] = {
	"node",	      "nodejs",	    "bun",	 "deno",       "tsx",	     "python",
	"python3",    "python3.8",  "python3.9", "python3.10", "python3.11", "python3.12",
	"python3.13", "python3.14", "pypy3",	 "ruby",       "perl",	     "php",
	"sh",	      "bash",	    "dash",	 "ash",	       "zsh",	     "ksh",
	"busybox",    "env",
};
const size_t default_interpreter_count = COUNT(default_interpreters);

const struct config_limits default_limits = {
	.processes = 32768,
	.connections = 8192,
	.endpoints = 512,
	.tools = 1024,
};

#define US(n)  ((n)*UINT64_C(1000))
#define MS(n)  ((n)*UINT64_C(1000000))
#define S(n)   ((n)*UINT64_C(1000000000))
#define MIB(n) ((n)*UINT64_C(1048576))

const struct config_histograms default_histograms = {
	.call = {13,
		 {MS(5), MS(10), MS(25), MS(50), MS(100), MS(250), MS(500), S(1), MS(2500), S(5),
		  S(10), S(30), S(60)}},
	.connect = {13,
		    {US(500), MS(1), US(2500), MS(5), MS(10), MS(25), MS(50), MS(100), MS(250),
		     MS(500), S(1), MS(2500), S(5)}},
	.execution = {16,
		      {MS(1), MS(5), MS(10), MS(50), MS(100), MS(500), S(1), S(5), S(10), S(30),
		       S(60), S(300), S(600), S(1800), S(3600), S(14400)}},
	.memory = {14,
		   {MIB(1), MIB(4), MIB(16), MIB(64), MIB(128), MIB(256), MIB(512), MIB(1024),
		    MIB(2048), MIB(4096), MIB(8192), MIB(16384), MIB(32768), MIB(65536)}},
};
