/* The adapters for socket addresses. */
#include "check.h"

#include <arpa/inet.h>
#include <sys/un.h>

/* Asks for an address at every offset, since what a program read from somewhere need not be aligned. */
static void check_sockaddr(const cidrgate_policy *policy, const void *addr, size_t len, const char *expected,
                           uint32_t action)
{
    cidrgate_gate *gate;
    size_t shift;

    CHECK(cidrgate_gate_new(policy, &gate) == CIDRGATE_OK);
    for (shift = 0; shift < 4; shift++) {
        char room[sizeof(struct sockaddr_un) + 4];
        const struct sockaddr *moved = (const void *)(room + shift);
        cidrgate_decision decision;
        uint8_t octets[16];
        size_t cut;

        memcpy(room + shift, addr, len);
        memset(octets, 1, sizeof octets);
        CHECK(cidrgate_sockaddr_octets(moved, len, octets) == (expected != NULL));
        {
            const address wanted = address_of(expected != NULL ? expected : "::");
            CHECK(memcmp(octets, wanted.octets, 16) == 0);
        }
        CHECK(cidrgate_policy_allows_sockaddr(policy, moved, len) == (action == 1));
        CHECK(cidrgate_policy_decide_sockaddr(policy, moved, len, &decision) ==
              (expected != NULL ? CIDRGATE_OK : CIDRGATE_ERR_NULL));
        CHECK(decision.action == action);
        CHECK(cidrgate_gate_allows_sockaddr(gate, moved, len) == (action == 1));
        CHECK(cidrgate_gate_decide_sockaddr(gate, moved, len, &decision) ==
              (expected != NULL ? CIDRGATE_OK : CIDRGATE_ERR_NULL));
        CHECK(decision.action == action);

        /* Cut short at every length. */
        for (cut = 0; expected != NULL && cut < len; cut++) {
            CHECK(!cidrgate_sockaddr_octets(moved, cut, octets));
            CHECK(!cidrgate_policy_allows_sockaddr(policy, moved, cut));
            CHECK(cidrgate_policy_decide_sockaddr(policy, moved, cut, &decision) == CIDRGATE_ERR_NULL);
            CHECK(decision.action == 0 && decision.rule == UINT32_MAX);
            CHECK(!cidrgate_gate_allows_sockaddr(gate, moved, cut));
            CHECK(cidrgate_gate_decide_sockaddr(gate, moved, cut, &decision) == CIDRGATE_ERR_NULL);
            CHECK(decision.action == 0 && decision.rule == UINT32_MAX);
        }
    }
    CHECK(!cidrgate_policy_allows_sockaddr(NULL, addr, len));
    CHECK(!cidrgate_gate_allows_sockaddr(NULL, addr, len));
    cidrgate_gate_free(gate);
}

void test_sockaddr(void)
{
    cidrgate_policy *policy = policy_of("allow 203.0.113.0/24\nallow 2001:db8::/32\n", 0);
    /* Even a policy that allows everything denies what it cannot know. */
    cidrgate_policy *open = policy_of("allow all\n", 0);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
    cidrgate_decision decision;
    uint8_t octets[16];

    memset(&v4, 0, sizeof v4);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(443);
    CHECK(inet_pton(AF_INET, "203.0.113.10", &v4.sin_addr) == 1);
    check_sockaddr(policy, &v4, sizeof v4, "203.0.113.10", 1);
    CHECK(cidrgate_policy_allows_in_addr(policy, v4.sin_addr));
    CHECK(!cidrgate_policy_allows_in_addr(NULL, v4.sin_addr));
    CHECK(inet_pton(AF_INET, "203.0.114.10", &v4.sin_addr) == 1);
    check_sockaddr(policy, &v4, sizeof v4, "203.0.114.10", 0);
    CHECK(!cidrgate_policy_allows_in_addr(policy, v4.sin_addr));

    memset(&v6, 0, sizeof v6);
    v6.sin6_family = AF_INET6;
    v6.sin6_scope_id = 7;
    CHECK(inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr) == 1);
    check_sockaddr(policy, &v6, sizeof v6, "2001:db8::1", 1);
    CHECK(cidrgate_policy_allows_in6_addr(policy, v6.sin6_addr));
    CHECK(!cidrgate_policy_allows_in6_addr(NULL, v6.sin6_addr));
    CHECK(inet_pton(AF_INET6, "2001:db9::1", &v6.sin6_addr) == 1);
    check_sockaddr(policy, &v6, sizeof v6, "2001:db9::1", 0);

    /* What a dual-stack socket delivers. */
    CHECK(inet_pton(AF_INET6, "::ffff:203.0.113.10", &v6.sin6_addr) == 1);
    check_sockaddr(policy, &v6, sizeof v6, "203.0.113.10", 1);
    CHECK(cidrgate_policy_allows_in6_addr(policy, v6.sin6_addr));
    CHECK(inet_pton(AF_INET6, "::ffff:203.0.114.10", &v6.sin6_addr) == 1);
    check_sockaddr(policy, &v6, sizeof v6, "203.0.114.10", 0);

    memset(&path, 0, sizeof path);
    path.sun_family = AF_UNIX;
    strcpy(path.sun_path, "/run/cidrgate");
    check_sockaddr(open, &path, sizeof path, NULL, 0);
    path.sun_family = AF_UNSPEC;
    check_sockaddr(open, &path, sizeof path, NULL, 0);

    memset(octets, 1, sizeof octets);
    CHECK(!cidrgate_sockaddr_octets(NULL, sizeof v6, octets) && octets[0] == 0 && octets[15] == 0);
    CHECK(!cidrgate_policy_allows_sockaddr(open, NULL, 0));
    CHECK(cidrgate_policy_decide_sockaddr(open, NULL, sizeof v6, &decision) == CIDRGATE_ERR_NULL);
    CHECK(decision.action == 0 && decision.rule == UINT32_MAX);
    CHECK(cidrgate_policy_decide_sockaddr(policy, (const struct sockaddr *)&v4, sizeof v4, NULL) == CIDRGATE_ERR_NULL);
    cidrgate_policy_free(open);
    cidrgate_policy_free(policy);
}
