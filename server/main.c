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

#include "admin/admin_http.h"
#include "admin/control_server.h"
#include "admin/freeze.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cache/announce.h"
#include "cache/builder.h"
#include "cache/legacy.h"
#include "cache/retain.h"
#include "cache/scrub.h"
#include "cache/stock.h"
#include "cache/usage.h"
#include "cloud/fetcher.h"
#include "cloud/probe.h"
#include "cloud/vouch_root.h"
#include "http/http.h"
#include "log.h"
#include "settings.h"
#include "timers.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, WORKERS = 2 };

/* Everything there is, in the order in which it is started. Nobody else sees it whole. */
struct server {
	struct options options;
	struct stop ending;   /* wanted: what takes long is given up */
	char id[HOPS_ID + 1]; /* of this run, in Via */
	struct settings *settings;
	struct stock *stock;
	struct jobs *jobs;
	struct arrivals *arrivals;
	struct workers *workers;
	struct workers *builders; /* for what takes long; everything else goes first */
	struct builder_turns *turns;
	struct builder_parts builder; /* what the builders' jobs use */
	struct usage *usage;
	struct ledger *ledger;
	struct retain *retain;
	struct legacy *legacy;
	struct scrub *scrub;
	struct announce *announce;
	struct freeze *freeze;
	struct vouch *vouch; /* NULL: no root is pinned */
	struct fetcher *fetcher;
	struct http *http;
	struct control_server *control;
	struct admin_http *admin;  /* NULL: it is off */
	struct timers_parts timed; /* what the timers use */
	struct timers *timers;
};

/*
 * A task is added for each job that is queued, but one task takes all that there are: those after
 * it find nothing left to do.
 */
static void
run_checks(void *context)
{
	struct server *s = context;
	struct job *job;

	while ((job = jobs_take(s->jobs, QUEUE_WORKERS)) != NULL)
		scrub_check(s->stock, s->jobs, job);
}

/*
 * As run_checks. builder_start comes back when the job has ended or waits for another one, so that
 * a job that waits holds no thread.
 */
static void
run_builds(void *context)
{
	struct server *s = context;
	struct job *job;

	while ((job = jobs_take(s->jobs, QUEUE_BUILDERS)) != NULL)
		builder_start(&s->builder, job);
}

/*
 * Called by whoever asked for a job, which may be an HTTP thread or the timers: it hands the work
 * on, and does none of it.
 */
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

/* ---- The cache */

/* Parts of downloads go on after a restart; everything else that was not finished is of no use. */
static int
clear_staged(void *context, int dir, const char *name, struct err *e)
{
	const char *dot = strrchr(name, '.');

	(void)context;
	return dot != NULL && strcmp(dot, ".part") == 0 ? 0 : fs_remove(dir, name, e);
}

static void
save_setting(void *context, const char *name, uint64_t *value)
{
	(void)stock_put_setting(context, name, *value, NULL);
}

/*
 * What guts2-cache has to know to say what this server will do: the numbers that count here. Where
 * nobody set cacheMinFreeBytes it depends on the disk, and the tool is told what came of that.
 */
static void
save_settings(struct server *s)
{
	struct options told = s->options; /* its texts stay ours */
	uint64_t disk_bytes;
	uint64_t free_bytes;

	repo_disk(stock_repo(s->stock), &disk_bytes, &free_bytes);
	told.cacheMinFreeBytes = retain_min_free_bytes(&s->options, disk_bytes);
	options_each_number(&told, save_setting, s->stock);
}

static int
open_cache(struct server *s, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2/updates", s->options.root);

	/*
	 * The cache's lock first: until then stage/ may be another server's, with its downloads in
	 * it.
	 */
	if (stock_open(path, &s->stock, e) != 0 ||
		fs_each(repo_stage_dir(stock_repo(s->stock)), ".", clear_staged, NULL, e) != 0)
		return -1;
	repo_set_stop(stock_repo(s->stock), &s->ending);
	save_settings(s);
	(void)malloc_trim(0); /* what the records took is not needed again */
	return 0;
}

/* ---- Starting and ending */

static int
create_id(struct server *s, struct err *e)
{
	unsigned char bytes[8];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_sys(e, "getrandom");
	(void)hops_id(bytes, s->id);
	return 0;
}

/* What works on the cache. */
static void
start_cache(struct server *s)
{
	s->turns = builder_turns_new();
	s->usage = usage_new();
	s->ledger = ledger_new(stock_repo(s->stock));
	s->retain = retain_new(&(struct retain_parts){
		&s->options, s->settings, s->stock, s->jobs, s->workers, s->turns, s->ledger});
	s->legacy = legacy_new(&(struct legacy_parts){&s->options, s->settings, s->stock, s->jobs});
	s->scrub = scrub_new(&(struct scrub_parts){&s->options, s->stock, s->legacy, s->builders});
	s->announce = announce_new(&(struct announce_parts){
		&s->options, s->settings, s->usage, s->stock, s->jobs, s->workers});
	s->builder = (struct builder_parts){s->stock, s->jobs, s->builders, s->turns, s->retain};
}

/* What talks to somebody. */
static int
start_network(struct server *s, struct err *e)
{
	const struct fetcher_parts fetches = {&s->options, s->id, s->settings, s->stock, s->jobs,
		s->workers, s->retain, s->arrivals, s->announce, s->vouch};
	struct verbs_parts verbs = {&s->options, s->stock, s->announce, s->freeze, s->jobs, NULL,
		&s->ending, (uint64_t)time(NULL)};

	/* Before HTTP, whose threads tell the fetcher who has polled. */
	if (fetcher_start(&fetches, &s->fetcher, e) != 0)
		return -1;
	/* What is stored was allowed when the last run ended. */
	announce_policy(s->announce);
	if (http_start(&(struct reply_parts){&s->options, s->id, s->settings, s->stock, s->jobs,
			       s->usage, s->legacy, s->fetcher, s->arrivals},
		    &s->http, e) != 0)
		return -1;
	verbs.upstreams = fetcher_upstreams(s->fetcher);
	/* Serving does not depend on it. */
	if (control_server_start(&verbs, &s->control, e) != 0)
		log_note(EVENT_WARNING, "guts2-cache cannot ask this server: %s", e->text);
	/* Somebody has asked for it, and would look for it there. */
	return admin_http_start(&verbs, &s->options, &s->admin, e);
}

static int
start(struct server *s, struct err *e)
{
	AUTO_FREE char *logs = mem_printf("%s/logs", s->options.root);

	/*
	 * The cache before the logs: who does not get its lock must not write into the logs of the
	 * server that has it.
	 */
	if (create_id(s, e) != 0 || open_cache(s, e) != 0 || log_start(logs, e) != 0)
		return -1;
	s->jobs = jobs_new(on_queued, s);
	s->arrivals = arrivals_new();
	if (workers_start(WORKERS, false, &s->workers, e) != 0 ||
		workers_start(loop_processors(), true, &s->builders, e) != 0)
		return -1;
	start_cache(s);
	if (freeze_open(&s->options, s->announce, &s->freeze, e) != 0 ||
		vouch_open(&(struct vouch_parts){&s->options, s->settings, s->stock, s->announce,
				   s->jobs, &s->ending},
			&s->vouch, e) != 0 ||
		start_network(s, e) != 0)
		return -1;
	/* Last: their first look asks for the announcement, which takes all of the above. */
	s->timed = (struct timers_parts){&s->options, s->settings, s->jobs, s->workers, s->announce,
		s->retain, s->scrub, s->legacy, s->http, s->admin, s->vouch, s->arrivals};
	return timers_start(&s->timed, &s->timers, e);
}

/*
 * In an order in which nobody is called that has ended, and also after a start that got half way:
 * what is NULL was not started.
 *
 * The timers and the control socket go first, since they begin things. jobs_stop resumes all
 * answers that are held: libmicrohttpd may not be stopped while a connection is suspended
 * (microhttpd.h). The fetcher ends before the workers, to which it hands over what has arrived;
 * they finish what they were given, but for what takes long: that is given up (stop.h), while
 * answers that are on their way go out.
 *
 * Only when no thread is left is anything freed. The stock is closed after the scrub and the legacy
 * list, which write to the index what they have not written yet.
 */
static void
stop(struct server *s)
{
	s->ending.wanted = true;
	timers_stop(s->timers);
	control_server_stop(s->control);
	if (s->jobs != NULL)
		jobs_stop(s->jobs);
	fetcher_stop(s->fetcher);
	arrivals_stop(s->arrivals);
	http_stop(s->http, s->options.drainTime);
	admin_http_stop(s->admin);
	vouch_stop(s->vouch);
	workers_stop(s->workers);
	workers_stop(s->builders);
	fetcher_free(s->fetcher);
	vouch_close(s->vouch);
	scrub_free(s->scrub);
	legacy_free(s->legacy);
	usage_free(s->usage);
	freeze_close(s->freeze);
	announce_free(s->announce);
	retain_free(s->retain);
	ledger_free(s->ledger);
	builder_turns_free(s->turns);
	workers_free(s->workers);
	workers_free(s->builders);
	jobs_free(s->jobs);
	arrivals_free(s->arrivals);
	stock_close(s->stock);
	log_stop();
}

/* By the main thread, which does nothing else: SIGHUP is handled here, where files may be read. */
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
			timers_apply_settings(&s->timed);
	}
}

static int
serve(struct server *s)
{
	sigset_t signals;
	struct err e = {0};

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	/*
	 * Before any thread is started: each inherits it, and sigwait(3) alone takes the signals.
	 */
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	/* A client that goes away while it is written to is an error of that write, and no more. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (start(s, &e) != 0) {
		log_note(EVENT_FAILED, "%s", e.text);
		stop(s);
		return EXIT_FAILED;
	}
	/*
	 * For whoever started it, who learns here which port the kernel chose. A pipe would keep
	 * the line in stdio's buffer.
	 */
	(void)printf("guts2d ready: http://%s/guts2\n", http_address(s->http));
	(void)fflush(stdout);
	if (s->vouch == NULL)
		log_note(EVENT_TRUST, "not signed: no root is pinned (guts2-trust(7), SERVERS)");
	log_note(EVENT_STARTED, "http://%s/guts2 upstream %s id %s admin %s", http_address(s->http),
		s->options.guts2ServerUrl, s->id,
		s->admin != NULL ? admin_http_address(s->admin) : "off");
	(void)sd_notify(0, "READY=1");
	wait_for_signals(s, &signals);
	(void)sd_notify(0, "STOPPING=1");
	stop(s);
	log_note(EVENT_STOPPED, "by a signal");
	return EXIT_OK;
}

/* What needs the settings and the files that an administrator edits. */
static int
run_with_settings(struct server *s)
{
	struct err e = {0};
	int code = EXIT_OK;

	if (settings_new(&s->options, &s->settings, &e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\n", e.text);
		/*
		 * What is wrong in a file is a mistake of who wrote it; that it cannot be read is
		 * none.
		 */
		return e.code == ERR_INPUT || e.code == ERR_LIMIT ? EXIT_USAGE : EXIT_FAILED;
	}
	if (s->options.check_only) {
		options_print_values(&s->options, stdout);
		settings_print(s->settings, stdout);
		code = vouch_root_print(&s->options, stdout) == 0 ? EXIT_OK : EXIT_USAGE;
	} else if (s->options.test_upstream) {
		code = probe_upstreams(&s->options, s->settings, stdout) == 0 ? EXIT_OK
									      : EXIT_FAILED;
	} else {
		code = serve(s);
	}
	settings_free(s->settings);
	return code;
}

int
main(int argc, char **argv)
{
	struct server s = {0};
	struct err e = {0};
	int code = EXIT_OK;

	mem_return_large();
	if (fs_open_standard(&e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\n", e.text);
		return EXIT_FAILED;
	}
	if (options_read(&s.options, argc, argv, &e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\nTry 'guts2d --help'.\n", e.text);
		code = EXIT_USAGE;
	} else if (s.options.show_help) {
		options_print_help(stdout);
	} else if (s.options.show_version) {
		(void)printf("guts2d %s\n", GUTS2_VERSION);
	} else {
		code = run_with_settings(&s);
	}
	options_free(&s.options);
	if (fs_flush_standard(&e) != 0) {
		(void)fprintf(stderr, "guts2d: %s\n", e.text);
		return EXIT_FAILED;
	}
	return code;
}
