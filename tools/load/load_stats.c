/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load/load_stats.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/doc.h"

static const char *const step_names[LOAD_STEPS] = {"q", "o", "h", "f"};
static const double shares[] = {0.5, 0.9, 0.99, 1};
enum { SHARES = sizeof(shares) / sizeof(shares[0]) };

/* ---- Counting */

static size_t
bucket_of(uint64_t us)
{
	int power = 63 - __builtin_clzll(us | 1);
	size_t bucket;

	if (power < 3) /* the first eight have a bucket each */
		return (size_t)us;
	/* The power of two chooses eight, the three bits below the highest one of them. */
	bucket = (size_t)(power - 2) * 8 + (size_t)(us >> (power - 3) & 7);
	return bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1;
}

/* The largest number in a bucket, so that what is said of a latency is never better than it was. */
static uint64_t
bucket_top(size_t bucket)
{
	if (bucket < 8)
		return bucket;
	return ((8 + bucket % 8 + 1) << (bucket / 8 - 1)) - 1;
}

void
load_stats_note_latency(struct load_counts *c, enum load_step step, uint64_t us)
{
	c->latency[step][bucket_of(us)]++;
}

void
load_stats_add(struct load_counts *sum, const struct load_counts *more)
{
	for (int step = 0; step < LOAD_STEPS; step++) {
		for (int i = 0; i < LOAD_STATUS_MAX; i++)
			sum->status[step][i] += more->status[step][i];
		for (int i = 0; i < LOAD_BUCKETS; i++)
			sum->latency[step][i] += more->latency[step][i];
		sum->bytes[step] += more->bytes[step];
	}
	sum->polls += more->polls;
	sum->updates += more->updates;
	sum->wrong += more->wrong;
	sum->told_later += more->told_later;
	sum->late += more->late;
	sum->unanswered += more->unanswered;
	if (more->unanswered_us > sum->unanswered_us)
		sum->unanswered_us = more->unanswered_us;
	sum->waiting += more->waiting;
	sum->not_begun += more->not_begun;
	/* The first of some thread; which came first of all is not worth a lock. */
	if (sum->error[0] == '\0')
		memcpy(sum->error, more->error, sizeof(sum->error));
}

static uint64_t
count_requests(const struct load_counts *c, enum load_step step)
{
	uint64_t count = 0;

	for (int i = 0; i < LOAD_STATUS_MAX; i++)
		count += c->status[step][i];
	return count;
}

/* To be told to come back is an answer. */
bool
load_stats_is_good(const struct load_counts *c)
{
	uint64_t failed = c->wrong;

	for (int step = 0; step < LOAD_STEPS; step++)
		failed += c->status[step][0];
	return failed == 0 && c->polls > 0;
}

/* The bucket in which that many of the requests are behind us; 100 is the slowest one's. */
uint64_t
load_stats_percentile_us(const struct load_counts *c, enum load_step step, double percent)
{
	uint64_t total = 0;
	uint64_t seen = 0;

	for (int i = 0; i < LOAD_BUCKETS; i++)
		total += c->latency[step][i];
	for (size_t i = 0; i < LOAD_BUCKETS; i++) {
		seen += c->latency[step][i];
		if (seen > 0 && (double)seen >= (double)total * percent / 100)
			return bucket_top(i);
	}
	return 0;
}

double
load_stats_until_s(const struct load_report *r, double share)
{
	uint64_t newest = r->sample_count > 0 ? r->samples[r->sample_count - 1].newest : 0;
	double first_s = -1;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct load_sample *s = &r->samples[i];

		/* Before it was announced the share is that of an older version. */
		if (s->newest != newest)
			continue;
		if (first_s < 0)
			first_s = s->at_s;
		if (s->share >= share)
			return s->at_s - first_s;
	}
	return -1;
}

/* ---- Showing */

enum { PLOT_WIDTH = 60, PLOT_HEIGHT = 10 };

/* The lowest share of the samples in a column of the plot; where it has none, that of the last
 * before. */
static double
column_share(const struct load_report *r, int column, double end_s)
{
	double from_s = end_s * column / PLOT_WIDTH;
	double to_s = end_s * (column + 1) / PLOT_WIDTH;
	double lowest = -1;
	double before = r->samples[0].share;

	for (size_t i = 0; i < r->sample_count && r->samples[i].at_s <= to_s; i++) {
		if (r->samples[i].at_s < from_s)
			before = r->samples[i].share;
		else if (lowest < 0 || r->samples[i].share < lowest)
			lowest = r->samples[i].share;
	}
	return lowest < 0 ? before : lowest;
}

static void
print_plot(const struct load_report *r)
{
	double end_s = r->sample_count > 0 ? r->samples[r->sample_count - 1].at_s : 0;

	if (end_s <= 0)
		return;
	(void)fputs("\nClients that are current:\n", stdout);
	for (int row = PLOT_HEIGHT; row >= 1; row--) {
		(void)printf("%4d %% |", row * 100 / PLOT_HEIGHT);
		for (int column = 0; column < PLOT_WIDTH; column++) {
			double share = column_share(r, column, end_s) * PLOT_HEIGHT;

			/* A full column must not miss its top by the rounding of a sum. */
			(void)fputc(share >= row - 0.0001 ? '#'
				    : share > row - 1	  ? '.'
							  : ' ',
				stdout);
		}
		(void)putchar('\n');
	}
	(void)printf("       +------------------------------------------------------------\n"
		     "        0 s %54.0f s\n",
		end_s);
}

static void
print_step(const struct load_report *r, enum load_step step)
{
	const struct load_counts *c = &r->counts;
	char bytes[32];

	if (count_requests(c, step) == 0)
		return;
	(void)printf("%-2s %9" PRIu64 " %10s %8.2f %8.2f %8.2f %9.2f ", step_names[step],
		count_requests(c, step), num_bytes_text(c->bytes[step], bytes, sizeof(bytes)),
		(double)load_stats_percentile_us(c, step, 50) / 1000,
		(double)load_stats_percentile_us(c, step, 90) / 1000,
		(double)load_stats_percentile_us(c, step, 99) / 1000,
		(double)load_stats_percentile_us(c, step, 100) / 1000);
	for (int i = 0; i < LOAD_STATUS_MAX; i++)
		if (c->status[step][i] > 0)
			(void)printf(
				" %s%d:%" PRIu64, i == 0 ? "failed" : "", i, c->status[step][i]);
	(void)putchar('\n');
}

static void
print_ends(const struct load_counts *c)
{
	if (c->polls == 0)
		(void)puts("no client was due yet: nothing was asked");
	if (c->late > 0)
		(void)printf("%" PRIu64 " visits began late: this machine makes no more load\n",
			c->late);
	if (c->not_begun > 0)
		(void)printf("%" PRIu64 " clients were due and never came: no place was free\n",
			c->not_begun);
	if (c->waiting > 0)
		(void)printf(
			"%" PRIu64 " clients wait at the end, as a 503 told them\n", c->waiting);
	if (c->unanswered > 0)
		(void)printf("%" PRIu64
			     " requests had no answer at the end, the oldest for %.1f s\n",
			c->unanswered, (double)c->unanswered_us / 1000000);
	if (c->wrong > 0)
		(void)printf("%" PRIu64 " answers were wrong, or did not come\n", c->wrong);
	if (c->error[0] != '\0') {
		AUTO_FREE char *error = cli_cleaned(c->error);

		(void)printf("the first error: %s\n", error);
	}
}

void
load_stats_print_text(const struct load_report *r)
{
	const struct load_counts *c = &r->counts;

	(void)printf("%" PRIu64 " clients, %.0f s (%.0f s of theirs): %" PRIu64
		     " polls (%.0f/s), %" PRIu64 " updates, told to come back %" PRIu64
		     " times\n\n",
		r->clients, r->seconds, r->seconds * r->speed, c->polls,
		(double)c->polls / r->seconds, c->updates, c->told_later);
	(void)fputs("    requests      bytes   p50 ms   p90 ms   p99 ms    max ms  status:count\n",
		stdout);
	for (int step = 0; step < LOAD_STEPS; step++)
		print_step(r, (enum load_step)step);
	print_plot(r);
	for (size_t i = 0; i < SHARES; i++) {
		double s = load_stats_until_s(r, shares[i]);

		if (s >= 0)
			(void)printf(
				"%3.0f %% had the newest version %.1f s after it was announced\n",
				shares[i] * 100, s);
	}
	print_ends(c);
}

static json_t *
json_step(const struct load_counts *c, enum load_step step)
{
	json_t *statuses = json_object();

	for (int i = 0; i < LOAD_STATUS_MAX; i++) {
		char name[16];

		if (c->status[step][i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%d", i);
		(void)json_object_set_new(
			statuses, name, json_integer((json_int_t)c->status[step][i]));
	}
	return json_pack("{s:I,s:I,s:o,s:{s:f,s:f,s:f,s:f,s:f}}", "requests",
		(json_int_t)count_requests(c, step), "bytes", (json_int_t)c->bytes[step], "status",
		statuses, "latency_ms", "p50", (double)load_stats_percentile_us(c, step, 50) / 1000,
		"p90", (double)load_stats_percentile_us(c, step, 90) / 1000, "p99",
		(double)load_stats_percentile_us(c, step, 99) / 1000, "p999",
		(double)load_stats_percentile_us(c, step, 99.9) / 1000, "max",
		(double)load_stats_percentile_us(c, step, 100) / 1000);
}

void
load_stats_print_json(const struct load_report *r)
{
	const struct load_counts *c = &r->counts;
	json_t *steps = json_object();
	json_t *curve = json_array();
	json_t *until = json_object();

	for (int step = 0; step < LOAD_STEPS; step++)
		(void)json_object_set_new(
			steps, step_names[step], json_step(c, (enum load_step)step));
	for (size_t i = 0; i < r->sample_count; i++)
		(void)json_array_append_new(
			curve, json_pack("[f,f,I]", r->samples[i].at_s, r->samples[i].share,
				       (json_int_t)r->samples[i].newest));
	for (size_t i = 0; i < SHARES; i++) {
		double s = load_stats_until_s(r, shares[i]);
		char name[16];

		(void)snprintf(name, sizeof(name), "%.0f", shares[i] * 100);
		(void)json_object_set_new(until, name, s >= 0 ? json_real(s) : json_null());
	}
	cli_print_json(
		json_pack("{s:I,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:o,s:o,s:o,s:o}",
			"clients", (json_int_t)r->clients, "seconds", r->seconds, "speed", r->speed,
			"polls", (json_int_t)c->polls, "updates", (json_int_t)c->updates,
			"told_later", (json_int_t)c->told_later, "late", (json_int_t)c->late,
			"wrong", (json_int_t)c->wrong, "unanswered", (json_int_t)c->unanswered,
			"unanswered_oldest_s", (double)c->unanswered_us / 1000000, "waiting",
			(json_int_t)c->waiting, "not_begun", (json_int_t)c->not_begun, "error",
			cli_json_text(c->error), "requests", steps, "seconds_until_percent_current",
			until, "curve", curve));
}

/* Coordinates of SVG: y grows downwards. Of a run without samples there are the axes alone. */
void
load_stats_print_svg(const struct load_report *r, FILE *to)
{
	enum { LEFT = 60, TOP = 30, WIDTH = 560, HEIGHT = 280 };
	double end_s = r->sample_count > 0 ? r->samples[r->sample_count - 1].at_s : 0;

	if (end_s <= 0)
		end_s = 1;
	(void)fprintf(to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%d\" y=\"18\">Share of %" PRIu64
		" clients that have the newest version</text>\n",
		LEFT + WIDTH + 20, TOP + HEIGHT + 40, LEFT, r->clients);
	for (int i = 0; i <= 4; i++) {
		int y = TOP + HEIGHT - HEIGHT * i / 4;
		int x = LEFT + WIDTH * i / 4;

		(void)fprintf(to,
			"<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#ccc\"/>\n"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d %%</text>\n"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.0f s</text>\n",
			LEFT, y, LEFT + WIDTH, y, LEFT - 6, y + 4, 25 * i, x, TOP + HEIGHT + 18,
			end_s * i / 4);
	}
	(void)fputs("<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"2\" points=\"", to);
	for (size_t i = 0; i < r->sample_count; i++)
		(void)fprintf(to, "%.1f,%.1f ", LEFT + WIDTH * r->samples[i].at_s / end_s,
			TOP + HEIGHT * (1 - r->samples[i].share));
	(void)fputs("\"/>\n</svg>\n", to);
}
