/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "unit.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union address
address_of(const char *text)
{
	union address a = {.v4.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		return a;
	a = (union address){.v6.sin6_family = AF_INET6};
	ck_assert_int_eq(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
	return a;
}

START_TEST(peers__an_address_is_one_whatever_its_socket_and_an_ipv6_site_is_one)
{
	static const struct {
		const char *a;
		const char *b;
		bool same;
	} rows[] = {{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true}, {"192.0.2.1", "::ffff:192.0.2.3", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peers *p = peers_new();
		union address a = address_of(rows[i].a);
		union address b = address_of(rows[i].b);
		unsigned count;
		struct peer *first = peers_join(p, &a.any, &count);
		struct peer *second = peers_join(p, &b.any, &count);

		ck_assert_msg((first == second) == rows[i].same, "%s and %s", rows[i].a, rows[i].b);
		ck_assert_uint_eq(count, rows[i].same ? 2 : 1);
		ck_assert_uint_eq(peers_connections(p, &a.any), count);
		peers_leave(p, first);
		peers_leave(p, second);
		ck_assert_uint_eq(peers_connections(p, &a.any), 0);
		first = peers_join(p, &a.any, &count);
		ck_assert_uint_eq(count, 1);
		peers_leave(p, first);
		peers_free(p);
	}
}
END_TEST

START_TEST(peers__what_an_address_is_called_nobody_can_foresee)
{
	union address a = address_of("192.0.2.1");
	struct peers *one = peers_new();
	struct peers *two = peers_new();
	unsigned count;
	struct peer *first = peers_join(one, &a.any, &count);
	struct peer *second = peers_join(two, &a.any, &count);

	ck_assert_uint_ne(first->name, second->name);
	peers_leave(one, first);
	peers_leave(two, second);
	peers_free(one);
	peers_free(two);
	peers_free(NULL);
}
END_TEST

void
peers_tests(TCase *c)
{
	tcase_add_test(c, peers__what_an_address_is_called_nobody_can_foresee);
	tcase_add_test(c, peers__an_address_is_one_whatever_its_socket_and_an_ipv6_site_is_one);
}
