/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2d - stands between a vendor's cloud and the clients of a network.
 *
 * Everything is started and ended here, and nowhere else.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "cache/announce.h"
#include "admin/control_server.h"
#include "cloud/fetch.h"
#include "base/fs.h"
#include "http/http.h"
#include "timers.h"
#include "cache/land.h"
#include "cache/legacy.h"
#include "log.h"
#include "cache/builder.h"
#include "cache/builder_turns.h"
#include "base/mem.h"
#include "settings.h"
#include "cloud/probe.h"
#include "cache/retain.h"
#include "server.h"
#include "cache/scrub.h"
#include "cache/usage.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, WORKERS = 2, PART_AGE_MAX_S = 7 * 86400 };

struct parts {
	struct server server;
	struct http *http;
	struct timers *timers;
	struct control_server *control_server;
};

static void
run_checks(void *context)
{
	struct server *s = context;
	struct job *job;

	while ((job = jobs_take(s->jobs, QUEUE_WORKERS)) != NULL)
		land_check(s, job);
}

static void
run_builds(void *context)
{
	struct server *s = context;
	struct job *job;

	while ((job = jobs_take(s->jobs, QUEUE_BUILDERS)) != NULL)
		builder_start(s, job);
}

static void
on_queued(void *context, enum job_queue queue)
{
	struct server *s = context;

	if (queue == QUEUE_WORKERS)
		workers_add(s->workers, run_checks, s);
	else if (queue == QUEUE_BUILDERS)
		workers_add(s->builders, run_builds, s);
	else
		fetcher_wake(s->fetcher);
}

/* Parts of downloads go on after a restart; everything else that was not finished is of no use. */
static int
clear_staged(void *context, int dir, const char *name, struct err *e)
{
	const char *dot = strrchr(name, '.');
	struct stat st;

	(void)context;
	if (dot != NULL && strcmp(dot, ".part") == 0 &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		st.st_mtime > time(NULL) - PART_AGE_MAX_S)
		return 0;
	return fs_remove(dir, name, e);
}

static int
read_cache(struct server *s, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2/updates", s->options.root);
	AUTO_IDENTS struct idents query = {0};
	AUTO_RECORDS struct records records = {0};
	bool rebuilt;
	int result;

	if (depot_open(path, &s->depot, &rebuilt, e) != 0 ||
		fs_each(repo_stage_dir(depot_repo(s->depot)), ".", clear_staged, NULL, e) != 0 ||
		depot_query(s->depot, &query, e) != 0)
		return -1;
	(void)depot_put_setting(
		s->depot, "keepGuts2UpdatesCount", s->options.keepGuts2UpdatesCount, NULL);
	(void)depot_put_setting(s->depot, "cacheMaxBytes", s->options.cacheMaxBytes, NULL);
	(void)depot_put_setting(s->depot, "cacheMinFreeBytes", s->options.cacheMinFreeBytes, NULL);
	(void)depot_put_setting(s->depot, "localDifferences", s->options.localDifferences, NULL);
	s->views = view_holder_new();
	result = depot_records(s->depot, &records, e);
	if (result == 0)
		view_load(s->views, records.at, records.count);
	if (result == 0 && query.count > 0)
		view_set_query(s->views, &query);
	if (result == 0 && rebuilt)
		log_note(EVENT_INDEX_REBUILT, "%zu items", records.count);
	return result;
}

/* What the records took is not needed again. */
static int
open_cache(struct server *s, struct err *e)
{
	int result = read_cache(s, e);

	(void)malloc_trim(0);
	return result;
}

static unsigned
builder_count(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors > 1 ? (unsigned)processors : 1;
}

static int
make_id(struct server *s, struct err *e)
{
	unsigned char bytes[8];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_sys(e, "getrandom");
	(void)hops_id(bytes, s->id);
	return 0;
}

static int
start(struct parts *p, struct err *e)
{
	struct server *s = &p->server;
	AUTO_FREE char *logs = mem_printf("%s/logs", s->options.root);

	if (make_id(s, e) != 0 || open_cache(s, e) != 0 || log_start(logs, e) != 0)
		return -1;
	s->jobs = jobs_new(on_queued, s);
	s->builder_turns = builder_turns_new();
	s->retain = retain_new(s);
	s->scrub = scrub_new(s);
	s->legacy = legacy_new(s);
	s->usage = usage_new();
	s->announcer = announcer_new(s);
	if (workers_start(WORKERS, false, &s->workers, e) != 0 ||
		workers_start(builder_count(), true, &s->builders, e) != 0 ||
		fetcher_start(s, &s->fetcher, e) != 0 || http_start(s, &p->http, e) != 0)
		return -1;
	if (control_server_start(s, &p->control_server, e) != 0) /* serving does not depend on it */
		log_note(EVENT_WARNING, "guts2-cache cannot ask this server: %s", e->text);
	return timers_start(s, p->http, &p->timers, e);
}

/* Held answers first, or the HTTP library would wait for them; what stores things last. */
static void
stop(struct parts *p)
{
	struct server *s = &p->server;

	timers_stop(p->timers);
	control_server_stop(p->control_server);
	if (s->jobs != NULL)
		jobs_stop(s->jobs);
	http_stop(p->http);
	fetcher_stop(s->fetcher);
	workers_stop(s->workers);
	workers_stop(s->builders);
	fetcher_free(s->fetcher);
	scrub_free(s->scrub);
	legacy_free(s->legacy);
	usage_free(s->usage);
	announcer_free(s->announcer);
	retain_free(s->retain);
	builder_turns_free(s->builder_turns);
	workers_free(s->workers);
	workers_free(s->builders);
	jobs_free(s->jobs);
	view_holder_free(s->views);
	depot_close(s->depot);
	log_stop();
}

static void
wait_for_signals(struct server *s, const sigset_t *signals)
{
	int number;

	for (;;) {
		if (sigwait(signals, &number) != 0)
			continue;
		if (number != SIGHUP)
			return;
		log_reopen();
		if (settings_reload(s->settings))
			timers_apply_policy(s);
	}
}

static int
serve(struct parts *p)
{
	sigset_t signals;
	struct err e = {0};

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (start(p, &e) != 0) {
		log_note(EVENT_FAILED, "%s", e.text);
		stop(p);
		return EXIT_FAILED;
	}
	(void)printf("guts2d ready: http://%s/guts2\n", http_address(p->http));
	(void)fflush(stdout);
	log_note(EVENT_STARTED, "http://%s/guts2 upstream %s id %s", http_address(p->http),
		p->server.options.guts2ServerUrl, p->server.id);
	(void)sd_notify(0, "READY=1");
	wait_for_signals(&p->server, &signals);
	(void)sd_notify(0, "STOPPING=1");
	stop(p);
	log_note(EVENT_STOPPED, "by a signal");
	return EXIT_OK;
}

/* What needs the settings and the files that an administrator edits. */
static int
run_with_policy(struct parts *p)
{
	struct server *s = &p->server;
	struct err e = {0};
	int code = EXIT_OK;

	if (settings_new(&s->options, &s->settings, &e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\n", e.text);
		return e.code == ERR_INPUT || e.code == ERR_LIMIT ? EXIT_USAGE : EXIT_FAILED;
	}
	if (s->options.check_only) {
		options_print_values(&s->options, stdout);
		settings_print(s->settings, stdout);
	} else if (s->options.test_upstream) {
		code = probe_upstreams(s, stdout) == 0 ? EXIT_OK : EXIT_FAILED;
	} else {
		code = serve(p);
	}
	settings_free(s->settings);
	return code;
}

int
main(int argc, char **argv)
{
	struct parts p = {0};
	struct err e = {0};
	int code = EXIT_OK;

	if (options_read(&p.server.options, argc, argv, &e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\nTry 'guts2d --help'.\n", e.text);
		code = EXIT_USAGE;
	} else if (p.server.options.show_help) {
		options_print_help(stdout);
	} else if (p.server.options.show_version) {
		(void)printf("guts2d %s\n", GUTS2_VERSION);
	} else {
		code = run_with_policy(&p);
	}
	options_free(&p.server.options);
	return code;
}
