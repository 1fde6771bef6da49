/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_fspms.h"

#include "migrate/migrated.h"
#include "unit.h"

#define CHECK(cases) migrated_check(migrate_fspms_read, cases, sizeof(cases) / sizeof((cases)[0]))

START_TEST(migrate_fspms__lines_as_a_shell_reads_them)
{
	static const struct migrated_case cases[] = {
		{"", ""},
		{"# a comment; hostModulePort=1\n\n \t\r\n;\n", ""},
		{"hostModulePort=8081\n", "f:1: hostModulePort=8081\n    -> config/guts2d.conf: "
					  "hostModulePort=8081\n"},
		{"\n  export \t hostModulePort=\"8081\"",
			"f:2: hostModulePort=8081\n    -> config/guts2d.conf: "
			"hostModulePort=8081\n"},
		{"hostModulePort='80''81';hostModulePort=8\\\n082\n",
			"f:1: hostModulePort=8081\n    !! not taken: f:1 sets hostModulePort "
			"again\n"
			"f:1: hostModulePort=8082\n    -> config/guts2d.conf: "
			"hostModulePort=8082\n"},
		{"a=\"1\n2\"\nhostModulePort=8081", "f:1: a=***\n    -- has no meaning here\n"
						    "f:3: hostModulePort=8081\n    -> "
						    "config/guts2d.conf: hostModulePort=8081\n"},
		{"a=\\1\nb=\"\\x\"\nc='\\'", "f:1: a=***\n    -- has no meaning here\n"
					     "f:2: b=***\n    -- has no meaning here\n"
					     "f:3: c=***\n    -- has no meaning here\n"},
		{"a=\"open\nb=1\n",
			"f:1: a=***\n    !! not taken: not a line of the form name=\"value\"\n"
			"f:2: b=***\n    -- has no meaning here\n"},
		{"a b=1", "f:1: b=***\n    !! not taken: not a line of the form name=\"value\"\n"},
		{"=1", "f:1: ***\n    !! not taken: not a line of the form name=\"value\"\n"},
		{"hostModulePort=$PORT\nhostModulePort=`p`\n",
			"f:1: hostModulePort=***\n"
			"    !! not taken: its value depends on something else ($ or `)\n"
			"f:2: hostModulePort=***\n"
			"    !! not taken: its value depends on something else ($ or `)\n"},
		{"a=", "f:1: a=\n    -- has no meaning here\n"},
		{"hostModulePort=0x10",
			"f:1: hostModulePort=***\n    !! not taken: hostModulePort: "
			"'***' is not a whole number from 0 to 65535\n"},
	};

	CHECK(cases);
}
END_TEST

START_TEST(migrate_fspms__settings_among_the_arguments_of_java)
{
	static const struct migrated_case cases[] = {
		{"additional_java_args=\"-DkeepGuts2UpdatesCount=20\t -Xmx1024m\n-Dabc=secret\"",
			"f:1: -DkeepGuts2UpdatesCount=20\n"
			"    -> config/guts2d.conf: keepGuts2UpdatesCount=20\n"
			"f:1: -Xmx1024m\n    -- was for the Java virtual machine; there is none\n"
			"f:1: -Dabc=***\n    -- has no meaning here\n"},
		{"additional_java_args=\"-Dhttp.proxyHost=p -Dhttps.proxyPort=1 "
		 "-DHTTP.proxyUser=u\"",
			"f:1: -Dhttp.proxyHost=***\n    -- has no meaning here: the proxy is named "
			"in "
			"data/fspms.proxy.config\n"
			"f:1: -Dhttps.proxyPort=***\n    -- has no meaning here: the proxy is "
			"named in "
			"data/fspms.proxy.config\n"
			"f:1: -DHTTP.proxyUser=***\n    -- has no meaning here: the proxy is named "
			"in "
			"data/fspms.proxy.config\n"},
		{"additional_java_args='-Droot=/var -DholdMax -Xss=4 word'",
			"f:1: -Droot=/var\n    -- the root is the one given with --root\n"
			"f:1: -DholdMax\n    !! not taken: has no value\n"
			"f:1: -Xss=***\n    -- was for the Java virtual machine; there is none\n"
			"f:1: ***\n    -- was for the Java virtual machine; there is none\n"},
		{"additional_java_args=-DholdMax=1s\nadditional_java_args=-DholdMax=2s",
			"f:1: -DholdMax=1s\n"
			"    !! not taken: f:2 sets additional_java_args again\n"
			"f:2: -DholdMax=2s\n    -> config/guts2d.conf: holdMax=2s\n"},
		{"hostModulePort=1\nadditional_java_args=-DhostModulePort=2",
			"f:1: hostModulePort=1\n    !! not taken: f:2 sets hostModulePort again\n"
			"f:2: -DhostModulePort=2\n    -> config/guts2d.conf: hostModulePort=2\n"},
	};

	CHECK(cases);
}
END_TEST

#define URL(url) "    -> config/guts2d.conf: guts2ServerUrl=" url "\n"
#define NO_HOST                                                                                    \
	"    !! not taken: upstreamPmHost is no host name or address alone, without scheme, "      \
	"port, "                                                                                   \
	"path, user and blanks\n"

START_TEST(migrate_fspms__host_and_port_name_the_server_above)
{
	static const struct migrated_case cases[] = {
		{"upstreamPmHost=up", "f:1: upstreamPmHost=up\n" URL("http://up:80/guts2")},
		{"upstreamPmHost=up\nupstreamPmPort=",
			"f:1: upstreamPmHost=up, f:2: upstreamPmPort=\n" URL("http://up:80/guts2")},
		{"upstreamPmPort=443\nupstreamPmHost=up",
			"f:2: upstreamPmHost=up, f:1: upstreamPmPort=443\n" URL(
				"https://up:443/guts2")},
		{"upstreamPmHost=up\nupstreamPmPort=1\nupstreamPmPort=65535",
			"f:1: upstreamPmHost=up, f:3: upstreamPmPort=65535\n" URL(
				"http://up:65535/guts2") "f:2: upstreamPmPort=1\n"
							 "    !! not taken: f:3 sets "
							 "upstreamPmPort again\n"},
		{"upstreamPmHost=one\nupstreamPmHost=two",
			"f:1: upstreamPmHost=one\n"
			"    !! not taken: f:2 sets guts2ServerUrl again\n"
			"f:2: upstreamPmHost=two\n" URL("http://two:80/guts2")},
		{"upstreamPmHost=fe80::1\n",
			"f:1: upstreamPmHost=fe80::1\n" URL("http://[fe80::1]:80/guts2")},
		{"upstreamPmHost=[fe80::1]\n",
			"f:1: upstreamPmHost=[fe80::1]\n" URL("http://[fe80::1]:80/guts2")},
		{"upstreamPmHost=up:1", "f:1: upstreamPmHost=***\n" NO_HOST},
		{"upstreamPmHost=http://up", "f:1: upstreamPmHost=***\n" NO_HOST},
		{"upstreamPmHost=me@up", "f:1: upstreamPmHost=***\n" NO_HOST},
		{"upstreamPmHost=up/x", "f:1: upstreamPmHost=***\n" NO_HOST},
		{"upstreamPmHost=up\nupstreamPmPort=0",
			"f:1: upstreamPmHost=up, f:2: upstreamPmPort=0\n"
			"    !! not taken: upstreamPmPort is not 1 to 65535\n"},
		{"upstreamPmHost=up\nupstreamPmPort=65536",
			"f:1: upstreamPmHost=up, f:2: upstreamPmPort=65536\n"
			"    !! not taken: upstreamPmPort is not 1 to 65535\n"},
		{"upstreamPmPort=81", "f:1: upstreamPmPort=81\n"
				      "    !! not taken: there is no upstreamPmHost\n"},
		{"upstreamPmPort=81\nupstreamPmHost=",
			"f:1: upstreamPmPort=81\n    !! not taken: there is no upstreamPmHost\n"
			"f:2: upstreamPmHost=\n    -- has no meaning here\n"},
		{"upstreamPmPort=81\nupstreamPmHost=$H",
			"f:1: upstreamPmPort=81\n    !! not taken: there is no upstreamPmHost\n"
			"f:2: upstreamPmHost=***\n"
			"    !! not taken: its value depends on something else ($ or `)\n"},
	};

	CHECK(cases);
}
END_TEST

START_TEST(migrate_fspms__what_a_server_would_refuse_together_is_not_taken)
{
	static const struct migrated_case cases[] = {
		{"additional_java_args='-DretryAfterMin=60s -DretryAfterMax=30s'",
			"f:1: -DretryAfterMin=60s\n    -> config/guts2d.conf: retryAfterMin=60s\n"
			"f:1: -DretryAfterMax=30s\n    !! not taken: "},
	};
	struct migration m;

	migrated_set_up();
	ck_assert_int_eq(migrated_read(migrate_fspms_read, cases[0].old, &m, NULL), 0);
	ck_assert_uint_eq(m.option_count, 2);
	migrate_table_settle(&m);
	ck_assert_uint_eq(m.option_count, 1);
	ck_assert_str_eq(m.options[0].setting, "retryAfterMin=60s");
	unit_listen();
	migrate_table_print(&m, false);
	ck_assert_int_eq(strncmp(unit_output(), cases[0].table, strlen(cases[0].table)), 0);
	ck_assert_uint_eq(migrate_table_count(&m, MIGRATE_TAKEN), 1);
	ck_assert_uint_eq(migrate_table_count(&m, MIGRATE_WARNED), 1);
	ck_assert_uint_eq(migrate_table_count(&m, MIGRATE_NO_MEANING), 0);
	migrate_table_free(&m);
}
END_TEST

void
migrate_fspms_tests(TCase *c)
{
	tcase_add_test(c, migrate_fspms__lines_as_a_shell_reads_them);
	tcase_add_test(c, migrate_fspms__settings_among_the_arguments_of_java);
	tcase_add_test(c, migrate_fspms__host_and_port_name_the_server_above);
	tcase_add_test(c, migrate_fspms__what_a_server_would_refuse_together_is_not_taken);
}
