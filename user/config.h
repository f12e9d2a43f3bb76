// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration: a YAML text in, one flat value out.
 *
 * Invariants of every struct config that a function here returns:
 *  - it holds no pointer: copy it by assignment, nothing is to be freed (it is some 150 KiB: keep
 *    it off small stacks);
 *  - defaults are already merged in; every bound below has been checked;
 *  - agent types, agent names, upstream names and hosts are unique; texts are NUL-terminated, and
 *    zero-padded to the end of their array, so that they can serve as map keys as they are;
 *  - names, hosts, cidrs and ports refer to their agent or upstream by its array index, which is no
 *    id of the kernel half: those are given by name and outlive a reload (include/limits.h);
 *  - the defaults stand at the front, also where a user's entry replaces them; new entries follow in
 *    the order of the file.
 *
 * Parsing does no I/O, but for looking up the users and groups that it names, and does not log. Errors are one printable line, ready for the log:
 * `FILE:LINE:COLUMN: what is wrong (what is allowed)`.
 */
#ifndef OPERAGLASS_CONFIG_H
#define OPERAGLASS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reporting.h"

/* A label value and its NUL: TYPE_NAME_SIZE and UPSTREAM_NAME_SIZE of include/limits.h. */
#define CONFIG_LABEL_SIZE 32
/* An executable's name and its NUL: IMAGE_NAME_SIZE, the key of the look-up at exec. */
#define CONFIG_NAME_SIZE 32
/* MAX_AGENT_TYPES ids, and id 0 is "not an agent". */
#define CONFIG_AGENTS_MAX 63
/* About four spellings for each agent type. */
#define CONFIG_NAMES_MAX 256
/* Python alone needs one for each of its versions; 32 holds every common interpreter. */
#define CONFIG_INTERPRETERS_MAX 32
/* MAX_UPSTREAMS ids, and id 0 is "not watched". */
#define CONFIG_UPSTREAMS_MAX 31
/* About eight for each upstream. */
#define CONFIG_HOSTS_MAX 256
/* RFC 1035: 255 octets on the wire are 253 characters in text, and a NUL; with the dot before a
 * wildcard's text it still fits HOST_NAME_SIZE. */
#define CONFIG_HOST_SIZE 254
/* About eight for each upstream. */
#define CONFIG_CIDRS_MAX 256
/* Two for each upstream; the same port in two upstreams counts twice. */
#define CONFIG_PORTS_MAX 64
/* HISTOGRAM_BOUNDS: with +Inf 21 buckets for each label set. */
#define CONFIG_BOUNDS_MAX 20
/* Everything above written out in full takes about 150 KiB. */
#define CONFIG_FILE_MAX 1048576

/* A file that the configuration names, and its NUL. */
#define CONFIG_PATH_SIZE 512

#define CONFIG_ERROR_SIZE 1024

/* What runs on a connection. The numbers are written into maps: never reuse one. */
enum config_kind {
	CONFIG_KIND_TELEGRAM = 1, /* HTTPS, Bot API paths, in the telegram_* families */
	CONFIG_KIND_HTTPS = 2,
	CONFIG_KIND_DATABASE = 3, /* plain TCP or TLS, also in database_connection_pool_* */
	CONFIG_KIND_TCP = 4,	  /* plain TCP or TLS */
};

enum config_tls_scope {
	CONFIG_TLS_ALL = 0,    /* decode in every process */
	CONFIG_TLS_AGENTS = 1, /* decode in agents and what they spawned */
};

struct config_agent {
	char type[CONFIG_LABEL_SIZE];
	bool relaunches; /* a direct child of the same type is the same agent */
};

/* By its name a process is known as an agent. */
struct config_agent_name {
	char text[CONFIG_NAME_SIZE]; /* basename, or the last two path components ("dir/file") */
	uint32_t agent;		     /* index into agents */
};

struct config_interpreter {
	char text[CONFIG_NAME_SIZE]; /* basename of an executable whose argument is a script */
};

/*
 * A connection belongs to an upstream by its host (SNI, else DNS; an exact host goes before a
 * wildcard, a longer wildcard before a shorter one), else by the longest matching CIDR, and in
 * both cases only on one of the upstream's ports. An upstream of kind database or tcp that has
 * neither hosts nor CIDRs takes what is left on its ports.
 */
struct config_upstream {
	char name[CONFIG_LABEL_SIZE];
	enum config_kind kind;
	uint64_t quiet_ns; /* an opaque call is over when its connection was quiet that long */
};

struct config_host {
	char text[CONFIG_HOST_SIZE]; /* lower case, no trailing dot, without the "*." */
	bool wildcard;		     /* "*.": matches every name below text, not text itself */
	uint8_t upstream;	     /* index into upstreams */
};

struct config_cidr {
	uint8_t address[16]; /* network byte order, IPv4 as ::ffff:a.b.c.d; no bits after prefix */
	uint8_t prefix;	     /* 0..128, in the 128-bit space: an IPv4 /20 is 116 */
	uint8_t upstream;
};

struct config_port {
	uint16_t port; /* host byte order, never 0 */
	uint8_t upstream;
};

/* Table sizes of the kernel half, in entries. */
struct config_limits {
	uint32_t processes;
	uint32_t connections;
	uint32_t endpoints; /* over all upstreams; then `other` */
	uint32_t tools;	    /* then `other` */
};

/* Upper bounds (`le`), strictly ascending, 1..CONFIG_BOUNDS_MAX of them, +Inf not included. */
struct config_bounds {
	uint32_t count;
	uint64_t bound[CONFIG_BOUNDS_MAX]; /* nanoseconds, or bytes; 0 after count */
};

struct config_histograms {
	struct config_bounds call;	/* ns */
	struct config_bounds connect;	/* ns: DNS, connect, handshake, first byte, round trip */
	struct config_bounds execution; /* ns */
	struct config_bounds memory;	/* bytes */
};

/*
 * What applications report. The settings are complete but for what stands in files (tokens, the
 * key): reporting.h of this folder reads those.
 */
struct config_reporting {
	struct reporting_settings settings;
	/* Absolute; "" without one. */
	char token_file[CONFIG_PATH_SIZE];
	char read_token_file[CONFIG_PATH_SIZE];
	char session_key_file[CONFIG_PATH_SIZE];
};

struct config {
	uint32_t agent_count;
	uint32_t name_count;
	uint32_t interpreter_count;
	uint32_t upstream_count;
	uint32_t host_count;
	uint32_t cidr_count;
	uint32_t port_count;
	struct config_agent agents[CONFIG_AGENTS_MAX];
	struct config_agent_name names[CONFIG_NAMES_MAX];
	struct config_interpreter interpreters[CONFIG_INTERPRETERS_MAX];
	struct config_upstream upstreams[CONFIG_UPSTREAMS_MAX];
	struct config_host hosts[CONFIG_HOSTS_MAX];
	struct config_cidr cidrs[CONFIG_CIDRS_MAX];
	struct config_port ports[CONFIG_PORTS_MAX];
	struct config_limits limits;
	struct config_histograms histograms;
	uint64_t health_window_ns; /* telegram_service_health looks back that far */
	uint64_t idle_after_ns;	   /* no CPU and no call for so long: the agent is idle */
	bool bpf_stats;		   /* publish the run time of every program */
	enum config_tls_scope tls_scope;
	bool tls_return_probes; /* false: none, for programs that switch stacks inside of a call */
	bool tls_stepped_probes; /* slow probes of TLS libraries where no cheap one shows everything */
	struct config_reporting reporting;
};

struct config_error {
	unsigned int line;   /* 1-based; 0: the error is about the file as a whole */
	unsigned int column; /* 1-based, in characters; 0 with line 0 */
	char text[CONFIG_ERROR_SIZE];
};

/* The configuration of an empty file. */
void config_defaults(struct config *ret_config);

/*
 * text need not end in NUL; file_name is only quoted in errors. Returns 0, -EINVAL (the text is
 * wrong) or -ENOMEM. ret_error is written on failure only, ret_config on success only.
 */
int config_parse(const char *text, size_t size, const char *file_name, struct config *ret_config,
		 struct config_error *ret_error);

/*
 * Reads and parses one file. Besides config_parse's codes: the -errno of open and read, -EISDIR,
 * and -EFBIG above CONFIG_FILE_MAX; ret_error says which, and what to do.
 */
int config_load(const char *path, struct config *ret_config, struct config_error *ret_error);

/* A table size or a bound of a histogram differs. */
bool config_needs_reload_of_programs(const struct config *old_config,
				     const struct config *new_config);

/* "telegram", "https", "database", "tcp". */
const char *config_kind_name(enum config_kind kind);

/*
 * Writes the whole configuration as YAML, every key spelled out, in a fixed order and with
 * `defaults: false`: parsing it again gives the same configuration. Returns 0 or -EIO.
 */
int config_dump(const struct config *config, FILE *out);

#endif
