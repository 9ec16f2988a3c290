/* Every function used as it is meant. */
#include "check.h"

/* The layout is part of the interface. */
_Static_assert(sizeof(cidrgate_status) == 4, "cidrgate_status");
_Static_assert(sizeof(cidrgate_decision) == 48, "size");
_Static_assert(_Alignof(cidrgate_decision) == 4, "alignment");
_Static_assert(offsetof(cidrgate_decision, action) == 0, "action");
_Static_assert(offsetof(cidrgate_decision, rule) == 4, "rule");
_Static_assert(offsetof(cidrgate_decision, line) == 8, "line");
_Static_assert(offsetof(cidrgate_decision, network) == 12, "network");
_Static_assert(offsetof(cidrgate_decision, prefix_len) == 28, "prefix_len");
_Static_assert(offsetof(cidrgate_decision, reserved) == 29, "reserved");
_Static_assert(sizeof((cidrgate_decision *)0)->reserved == 19, "reserved");

_Static_assert(CIDRGATE_LENIENT == 1 && CIDRGATE_JSON == 2 && CIDRGATE_RANGES == 4 && CIDRGATE_VERDICTS_ONLY == 8,
               "flags");
_Static_assert(CIDRGATE_OK == 0 && CIDRGATE_ERR_NULL == 1 && CIDRGATE_ERR_FLAGS == 2 && CIDRGATE_ERR_TEXT == 3 &&
                   CIDRGATE_ERR_IMAGE == 4 && CIDRGATE_ERR_LIMIT == 5 && CIDRGATE_ERR_MEMORY == 6 && CIDRGATE_ERR_NO_SOURCE == 8 &&
                   CIDRGATE_ERR_PANIC == 9,
               "status");

static const char OFFICE[] = "deny  203.0.113.77    # lost laptop\n"
                             "allow 203.0.113.0/24, 2001:db8:10::/48  # the office\n"
                             "allow 198.51.100.8\n";

static const address ZEROS;

void test_values(void)
{
    char version[32];
    uint8_t octets[16], len;
    uint32_t status;

    snprintf(version, sizeof version, "%d.%d.%d", CIDRGATE_VERSION_MAJOR, CIDRGATE_VERSION_MINOR,
             CIDRGATE_VERSION_PATCH);
    CHECK_TEXT(cidrgate_version(), version);
    CHECK(cidrgate_abi_version() == CIDRGATE_ABI_VERSION);
    CHECK(cidrgate_check_abi());

    CHECK_TEXT(cidrgate_status_name(CIDRGATE_OK), "ok");
    CHECK_TEXT(cidrgate_status_name(12345), "unknown status");
    CHECK_TEXT(cidrgate_status_name(UINT32_MAX), "unknown status");
    for (status = 0; status < 20; status++)
        CHECK(strlen(cidrgate_status_name(status)) > 1);

    CHECK(cidrgate_addr_parse("192.0.2.1", 9, octets, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16) == 0);
    CHECK(cidrgate_addr_parse("::ffff:192.0.2.1 and more", 16, octets, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16) == 0);
    CHECK(cidrgate_addr_parse("2001:db8::1", 11, octets, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0);

    CHECK(cidrgate_net_parse("10.0.0.0/8", 10, 0, octets, &len, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\0", 16) == 0 && len == 104);
    CHECK(cidrgate_net_parse("::ffff:10.0.0.0/104", 19, 0, octets, &len, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\0", 16) == 0 && len == 104);
    CHECK(cidrgate_net_parse("::/0", 4, 0, octets, &len, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, &ZEROS, 16) == 0 && len == 0);
    CHECK(cidrgate_net_parse("2001:db8::1", 11, 0, octets, &len, NULL) == CIDRGATE_OK && len == 128);
    CHECK(cidrgate_net_parse("172.0.0.10/16", 13, 0, octets, &len, NULL) == CIDRGATE_ERR_TEXT && len == 0);
    CHECK(memcmp(octets, &ZEROS, 16) == 0);
    CHECK(cidrgate_net_parse("172.0.0.10/16", 13, CIDRGATE_LENIENT, octets, &len, NULL) == CIDRGATE_OK);
    CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xac\0\0\0", 16) == 0 && len == 112);
}

static void check_decision(const cidrgate_policy *policy, const char *addr, uint32_t action, uint32_t rule,
                           uint32_t line, const char *network, uint8_t prefix_len)
{
    const address asked = address_of(addr), base = address_of(network);
    cidrgate_decision decision;
    /* The library is to write every byte. */
    memset(&decision, 0xaa, sizeof decision);
    CHECK(cidrgate_policy_decide(policy, asked.octets, &decision) == CIDRGATE_OK);
    CHECK(decision.action == action && decision.rule == rule && decision.line == line);
    CHECK(memcmp(decision.network, base.octets, 16) == 0 && decision.prefix_len == prefix_len);
    CHECK(memcmp(decision.reserved, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19) == 0);
    CHECK(cidrgate_policy_allows_v6(policy, asked.octets) == (action == 1));
    CHECK(cidrgate_policy_allows_text(policy, addr, strlen(addr)) == (action == 1));
    if (memcmp(asked.octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
        CHECK(cidrgate_policy_allows_v4(policy, asked.octets + 12) == (action == 1));
}

void test_policy(void)
{
    cidrgate_policy *policy = policy_of(OFFICE, 0);
    check_decision(policy, "203.0.113.77", 0, 0, 1, "203.0.113.77", 128);
    check_decision(policy, "::ffff:203.0.113.77", 0, 0, 1, "203.0.113.77", 128);
    check_decision(policy, "203.0.113.10", 1, 1, 2, "203.0.113.0", 96 + 26);
    check_decision(policy, "2001:db8:10::1", 1, 2, 2, "2001:db8:10::", 48);
    check_decision(policy, "198.51.100.8", 1, 3, 3, "198.51.100.8", 128);
    check_decision(policy, "10.0.0.1", 0, UINT32_MAX, 0, "0.0.0.0", 96 + 1);
    check_decision(policy, "::1", 0, UINT32_MAX, 0, "::", 3);
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 0), "lost laptop");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 1), "the office");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 2), "the office");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 3), NULL);
    CHECK(!cidrgate_policy_allows_text(policy, "203.0.113.010", 13));
    CHECK(!cidrgate_policy_allows_text(policy, "203.0.113.10\0", 13));
    CHECK(cidrgate_policy_warning_count(policy) == 0);
    cidrgate_policy_free(policy);

    /* Notes stay with their rules where they are equal, absent, and equal again. */
    policy = policy_of("allow 10.0.0.0/8 # a\nallow 11.0.0.0/8\nallow 12.0.0.0/8 # a\nallow 13.0.0.0/8 # b\n", 0);
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 0), "a");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 1), NULL);
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 2), "a");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 3), "b");
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 4), NULL);
    cidrgate_policy_free(policy);

    /* Lenient: a warning instead of a fault. */
    policy = policy_of("allow 172.0.0.10/16\nallow 10.0.0.1/8\n", CIDRGATE_LENIENT);
    CHECK(cidrgate_policy_warning_count(policy) == 2);
    CHECK(strncmp(cidrgate_policy_warning(policy, 0), "line 1, column 7: warning[host-bits]: ", 38) == 0);
    CHECK(strncmp(cidrgate_policy_warning(policy, 1), "line 2, column 7: warning[host-bits]: ", 38) == 0);
    CHECK(cidrgate_policy_warning(policy, 2) == NULL);
    check_decision(policy, "172.0.255.1", 1, 0, 1, "172.0.0.0", 112);
    cidrgate_policy_free(policy);

    /* JSON is told by its first byte, or by the flag. */
    policy = policy_of("{\"rules\":[{\"action\":\"allow\",\"source\":\"10.0.0.0/8\"}]}", 0);
    check_decision(policy, "10.1.2.3", 1, 0, 1, "10.0.0.0", 104);
    cidrgate_policy_free(policy);
    policy = policy_of("\n {\"default\":\"allow\"}", CIDRGATE_JSON | CIDRGATE_LENIENT);
    CHECK(cidrgate_policy_allows_text(policy, "::1", 3));
    cidrgate_policy_free(policy);
}

void test_words(void)
{
    cidrgate_policy *policy = policy_of(OFFICE, 0), *again;
    const address laptop = address_of("203.0.113.77");
    cidrgate_buffer *text, *json;

    CHECK(cidrgate_policy_explain(policy, laptop.octets, 0, &text) == CIDRGATE_OK);
    CHECK(strstr((const char *)cidrgate_buffer_data(text), "lost laptop") != NULL);
    CHECK(strstr((const char *)cidrgate_buffer_data(text), "the office") != NULL);
    cidrgate_buffer_free(text);
    CHECK(cidrgate_policy_explain(policy, laptop.octets, CIDRGATE_JSON, &json) == CIDRGATE_OK);
    CHECK(cidrgate_buffer_data(json)[0] == '{');
    CHECK(strstr((const char *)cidrgate_buffer_data(json), "\"203.0.113.77\"") != NULL);
    cidrgate_buffer_free(json);

    /* What is written reads back as the same. */
    CHECK(cidrgate_policy_write(policy, 0, &text) == CIDRGATE_OK);
    again = policy_of((const char *)cidrgate_buffer_data(text), 0);
    CHECK(cidrgate_policy_write(policy, CIDRGATE_JSON, &json) == CIDRGATE_OK);
    cidrgate_policy_free(policy);
    policy = policy_of((const char *)cidrgate_buffer_data(json), CIDRGATE_JSON);
    cidrgate_buffer_free(json);
    CHECK(cidrgate_policy_write(policy, 0, &json) == CIDRGATE_OK);
    CHECK_BUFFER(json, (const char *)cidrgate_buffer_data(text));
    cidrgate_buffer_free(text);
    cidrgate_policy_free(policy);

    CHECK(cidrgate_policy_lint(again, 0, &text) == CIDRGATE_OK);
    CHECK_BUFFER(text, "");
    cidrgate_policy_free(again);

    policy = policy_of("allow 10.0.0.0/8\n  deny 10.1.0.0/16\n", 0);
    CHECK(cidrgate_policy_lint(policy, 0, &text) == CIDRGATE_OK);
    CHECK(strstr((const char *)cidrgate_buffer_data(text), "\n2:8: warning[shadowed]: ") != NULL);
    cidrgate_buffer_free(text);
    CHECK(cidrgate_policy_lint(policy, CIDRGATE_JSON, &json) == CIDRGATE_OK);
    CHECK(cidrgate_buffer_data(json)[0] == '{');
    CHECK(strstr((const char *)cidrgate_buffer_data(json), "\"code\":\"shadowed\"") != NULL);
    cidrgate_buffer_free(json);
    cidrgate_policy_free(policy);
}

void test_verdicts_only(void)
{
    cidrgate_policy *whole = policy_of(OFFICE, 0), *verdicts = policy_of(OFFICE, CIDRGATE_VERDICTS_ONLY);
    const address office = address_of("203.0.113.10");
    cidrgate_buffer *text = NULL;
    cidrgate_decision decision;
    uint8_t digests[2][32];

    CHECK(cidrgate_policy_decide(verdicts, office.octets, &decision) == CIDRGATE_OK);
    CHECK(decision.action == 1 && decision.rule == UINT32_MAX && decision.line == 0);
    CHECK(cidrgate_policy_rule_note(verdicts, 0) == NULL);
    CHECK(cidrgate_policy_explain(verdicts, office.octets, 0, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);
    CHECK(cidrgate_policy_lint(verdicts, CIDRGATE_JSON, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);
    CHECK(cidrgate_policy_write(verdicts, 0, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);

    cidrgate_policy_fingerprint(whole, digests[0]);
    cidrgate_policy_fingerprint(verdicts, digests[1]);
    CHECK(memcmp(digests[0], digests[1], 32) == 0);
    cidrgate_policy_free(verdicts);

    verdicts = policy_of("allow 203.0.113.0/24", CIDRGATE_VERDICTS_ONLY);
    cidrgate_policy_fingerprint(verdicts, digests[1]);
    CHECK(memcmp(digests[0], digests[1], 32) != 0);
    cidrgate_policy_free(verdicts);

    /* Warnings are kept. */
    verdicts = policy_of("allow 10.0.0.1/8", CIDRGATE_VERDICTS_ONLY | CIDRGATE_LENIENT);
    CHECK(cidrgate_policy_warning_count(verdicts) == 1);
    cidrgate_policy_free(verdicts);
    cidrgate_policy_free(whole);
}

void test_batch(void)
{
    enum { COUNT = 600 };
    static uint8_t v4[COUNT][4], v6[COUNT][16];
    static bool allowed[COUNT + 1];
    cidrgate_policy *policy = policy_of(OFFICE, 0);
    size_t i;

    for (i = 0; i < COUNT; i++) {
        const uint8_t octets[4] = { 203, 0, (uint8_t)(112 + i / 256), (uint8_t)i };
        memcpy(v4[i], octets, 4);
        v6[i][10] = v6[i][11] = 0xff;
        memcpy(v6[i] + 12, octets, 4);
    }
    memset(allowed, 1, sizeof allowed);
    cidrgate_policy_allows_batch_v4(policy, v4[0], COUNT, allowed);
    for (i = 0; i < COUNT; i++)
        CHECK(allowed[i] == cidrgate_policy_allows_v4(policy, v4[i]));
    CHECK(allowed[256 + 10] && !allowed[256 + 77] && !allowed[10]);
    memset(allowed, 0, sizeof allowed);
    allowed[COUNT] = true;
    cidrgate_policy_allows_batch_v6(policy, v6[0], COUNT, allowed);
    for (i = 0; i < COUNT; i++)
        CHECK(allowed[i] == cidrgate_policy_allows_v6(policy, v6[i]));
    CHECK(allowed[256 + 10] && !allowed[256 + 77] && allowed[COUNT]);

    /* Nothing to do is fine with and without pointers. */
    allowed[0] = true;
    cidrgate_policy_allows_batch_v4(policy, v4[0], 0, allowed);
    cidrgate_policy_allows_batch_v6(policy, NULL, 0, NULL);
    CHECK(allowed[0]);

    /* All false first, whatever is NULL. */
    memset(allowed, 1, sizeof allowed);
    cidrgate_policy_allows_batch_v4(NULL, v4[0], COUNT, allowed);
    for (i = 0; i < COUNT; i++)
        CHECK(!allowed[i]);
    CHECK(allowed[COUNT]);
    memset(allowed, 1, sizeof allowed);
    cidrgate_policy_allows_batch_v6(policy, NULL, COUNT, allowed);
    for (i = 0; i < COUNT; i++)
        CHECK(!allowed[i]);
    cidrgate_policy_free(policy);
}
