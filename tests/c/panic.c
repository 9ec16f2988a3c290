/* A build of the library in which every call panics while it is told so: each gives the safe answer, and no output. */
#include "check.h"

void cidrgate_test_panic(bool panic);

static const char TEXT[] = "allow 10.0.0.0/8 # note\nallow 11.0.0.1/8\n";
static const uint8_t TEN[4] = { 10, 0, 0, 1 };

/* Pointers that a call must overwrite. */
static int rubbish;

int main(void)
{
    const cidrgate_status panicked = CIDRGATE_ERR_PANIC;
    const address ten = address_of("10.0.0.1"), zeros = { { 0 } };
    cidrgate_policy *policy = policy_of(TEXT, CIDRGATE_LENIENT), *made = (void *)&rubbish;
    cidrgate_set *set = set_of("10.0.0.0/8\n"), *result = (void *)&rubbish;
    cidrgate_reader *reader = cidrgate_reader_new();
    cidrgate_error *fault, *error = (void *)&rubbish;
    cidrgate_buffer *text, *buffer = (void *)&rubbish;
    cidrgate_decision decision;
    uint8_t octets[16], digest[32], len = 1;
    bool allowed = true;

    CHECK(cidrgate_policy_parse("alow", 4, 0, &made, &fault) == CIDRGATE_ERR_TEXT);
    CHECK(cidrgate_policy_write(policy, 0, &text) == CIDRGATE_OK);
    made = (void *)&rubbish;
    cidrgate_test_panic(true);

    /* These three do nothing that could go wrong. */
    CHECK(cidrgate_check_abi() && cidrgate_abi_version() == CIDRGATE_ABI_VERSION);
    CHECK(strlen(cidrgate_version()) > 0);
    CHECK_TEXT(cidrgate_status_name(CIDRGATE_ERR_PANIC), "a fault in the library");

    memset(octets, 1, sizeof octets);
    CHECK(cidrgate_addr_parse("::1", 3, octets, &error) == panicked && error == NULL);
    CHECK(memcmp(octets, zeros.octets, 16) == 0);
    error = (void *)&rubbish;
    memset(octets, 1, sizeof octets);
    CHECK(cidrgate_net_parse("::1", 3, 0, octets, &len, &error) == panicked && error == NULL && len == 0);
    CHECK(memcmp(octets, zeros.octets, 16) == 0);

    error = (void *)&rubbish;
    CHECK(cidrgate_policy_parse(TEXT, strlen(TEXT), 0, &made, &error) == panicked && made == NULL && error == NULL);
    made = (void *)&rubbish, error = (void *)&rubbish;
    CHECK(cidrgate_reader_parse(reader, TEXT, strlen(TEXT), 0, &made, &error) == panicked);
    CHECK(made == NULL && error == NULL);
    made = (void *)&rubbish, error = (void *)&rubbish;
    CHECK(cidrgate_policy_load(TEN, 4, &made, &error) == panicked && made == NULL && error == NULL);
    error = (void *)&rubbish;
    CHECK(cidrgate_policy_save(policy, &buffer, &error) == panicked && buffer == NULL && error == NULL);
    buffer = (void *)&rubbish, error = (void *)&rubbish;
    CHECK(cidrgate_reader_set(reader, "name", 4, set, &error) == panicked && error == NULL);
    CHECK(cidrgate_reader_new() == NULL);
    error = (void *)&rubbish;
    CHECK(cidrgate_set_parse("::1", 3, 0, &result, &error) == panicked && result == NULL && error == NULL);

    CHECK(!cidrgate_policy_allows_v4(policy, TEN));
    CHECK(!cidrgate_policy_allows_v6(policy, ten.octets));
    CHECK(!cidrgate_policy_allows_text(policy, "10.0.0.1", 8));
    cidrgate_policy_allows_batch_v4(policy, TEN, 1, &allowed);
    CHECK(!allowed);
    allowed = true;
    cidrgate_policy_allows_batch_v6(policy, ten.octets, 1, &allowed);
    CHECK(!allowed);
    memset(&decision, 1, sizeof decision);
    CHECK(cidrgate_policy_decide(policy, ten.octets, &decision) == panicked);
    CHECK(decision.action == 0 && decision.rule == UINT32_MAX && decision.line == 0 && decision.prefix_len == 0);
    CHECK(cidrgate_policy_rule_note(policy, 0) == NULL);
    CHECK(cidrgate_policy_warning_count(policy) == 0 && cidrgate_policy_warning(policy, 0) == NULL);
    CHECK(cidrgate_policy_explain(policy, ten.octets, 0, &buffer) == panicked && buffer == NULL);
    buffer = (void *)&rubbish;
    CHECK(cidrgate_policy_lint(policy, 0, &buffer) == panicked && buffer == NULL);
    buffer = (void *)&rubbish;
    CHECK(cidrgate_policy_write(policy, 0, &buffer) == panicked && buffer == NULL);
    result = (void *)&rubbish;
    CHECK(cidrgate_policy_allowed(policy, &result) == panicked && result == NULL);
    memset(digest, 1, sizeof digest);
    cidrgate_policy_fingerprint(policy, digest);
    CHECK(memcmp(digest, zeros.octets, 16) == 0 && memcmp(digest + 16, zeros.octets, 16) == 0);

    result = (void *)&rubbish;
    CHECK(cidrgate_set_union(set, set, &result) == panicked && result == NULL);
    result = (void *)&rubbish;
    CHECK(cidrgate_set_intersection(set, set, &result) == panicked && result == NULL);
    result = (void *)&rubbish;
    CHECK(cidrgate_set_difference(set, set, &result) == panicked && result == NULL);
    result = (void *)&rubbish;
    CHECK(cidrgate_set_symmetric_difference(set, set, &result) == panicked && result == NULL);
    result = (void *)&rubbish;
    CHECK(cidrgate_set_complement(set, &result) == panicked && result == NULL);
    CHECK(!cidrgate_set_contains_v4(set, TEN) && !cidrgate_set_contains_v6(set, ten.octets));
    CHECK(!cidrgate_set_equal(set, set) && !cidrgate_set_is_subset(set, set));
    buffer = (void *)&rubbish;
    CHECK(cidrgate_set_write(set, 0, &buffer) == panicked && buffer == NULL);

    CHECK(cidrgate_buffer_data(text) == NULL && cidrgate_buffer_len(text) == 0);
    CHECK(cidrgate_error_count(fault) == 0 && cidrgate_error_code(fault, 0) == panicked);
    CHECK(cidrgate_error_line(fault, 0) == 0 && cidrgate_error_column(fault, 0) == 0);
    CHECK(cidrgate_error_offset(fault, 0) == 0 && cidrgate_error_message(fault, 0) == NULL);
    CHECK(cidrgate_error_text(fault) == NULL);

    /* The objects are as they were. */
    cidrgate_test_panic(false);
    CHECK(cidrgate_policy_allows_v4(policy, TEN) && cidrgate_set_contains_v4(set, TEN));
    CHECK(cidrgate_error_count(fault) == 1 && cidrgate_buffer_len(text) > 0);
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 0), "note");

    /* What was given back is gone, also when giving it back panics. */
    cidrgate_test_panic(true);
    cidrgate_policy_free(policy);
    cidrgate_set_free(set);
    cidrgate_reader_free(reader);
    cidrgate_error_free(fault);
    cidrgate_buffer_free(text);
    printf("panics: caught\n");
    return 0;
}
