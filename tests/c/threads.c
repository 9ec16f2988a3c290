/* Eight threads ask one policy and one set while each reads, asks and frees its own. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 200 };

static const cidrgate_policy *shared_policy;
static const cidrgate_set *shared_set;
static const cidrgate_reader *shared_reader;

static void *work(void *argument)
{
    const uint8_t mine = *(const uint8_t *)argument;
    const address inside = address_of("203.0.113.10");
    int round;

    for (round = 0; round < ROUNDS; round++) {
        const uint8_t ask[2][4] = { { 203, 0, 113, mine }, { 203, 0, 112, mine } };
        const uint8_t own[4] = { 10, mine, 0, 1 };
        bool allowed[2] = { false, true };
        char text[64], wrong[64];
        cidrgate_policy *policy, *named;
        cidrgate_set *set, *both;
        cidrgate_error *error;
        cidrgate_buffer *buffer;
        cidrgate_decision decision;

        CHECK(cidrgate_policy_allows_v4(shared_policy, ask[0]) && !cidrgate_policy_allows_v4(shared_policy, ask[1]));
        cidrgate_policy_allows_batch_v4(shared_policy, ask[0], 2, allowed);
        CHECK(allowed[0] && !allowed[1]);
        CHECK(cidrgate_policy_decide(shared_policy, inside.octets, &decision) == CIDRGATE_OK && decision.line == 1);
        CHECK_TEXT(cidrgate_policy_rule_note(shared_policy, decision.rule), "the office");
        CHECK(cidrgate_policy_explain(shared_policy, inside.octets, 0, &buffer) == CIDRGATE_OK);
        cidrgate_buffer_free(buffer);

        /* Its own, of which nobody else knows. */
        snprintf(text, sizeof text, "allow 10.%u.0.0/16 # %u\n", mine, mine);
        policy = policy_of(text, round % 2 == 0 ? 0 : CIDRGATE_VERDICTS_ONLY);
        CHECK(cidrgate_policy_allows_v4(policy, own) && !cidrgate_policy_allows_v4(policy, ask[0]));
        CHECK(cidrgate_policy_allowed(policy, &set) == CIDRGATE_OK);
        cidrgate_policy_free(policy);
        CHECK(cidrgate_set_union(set, shared_set, &both) == CIDRGATE_OK);
        cidrgate_set_free(set);
        CHECK(cidrgate_set_contains_v4(both, own) && cidrgate_set_contains_v4(both, ask[0]));
        CHECK(cidrgate_set_is_subset(shared_set, both) && !cidrgate_set_is_subset(both, shared_set));
        cidrgate_set_free(both);

        CHECK(cidrgate_reader_parse(shared_reader, "allow @office", 13, 0, &named, NULL) == CIDRGATE_OK);
        CHECK(cidrgate_policy_allows_v4(named, ask[0]));
        cidrgate_policy_free(named);

        /* And its own errors. */
        snprintf(wrong, sizeof wrong, "allow 10.%u.0.1/16\n", mine);
        CHECK(cidrgate_policy_parse(wrong, strlen(wrong), 0, &policy, &error) == CIDRGATE_ERR_TEXT && policy == NULL);
        snprintf(text, sizeof text, "10.%u.0.0/16", mine);
        CHECK(strstr(cidrgate_error_text(error), text) != NULL);
        cidrgate_error_free(error);
    }
    return NULL;
}

void test_threads(void)
{
    cidrgate_policy *policy = policy_of("allow 203.0.113.0/24 # the office\n", 0);
    cidrgate_set *set = set_of("203.0.113.0/24\n");
    cidrgate_reader *reader = cidrgate_reader_new();
    pthread_t threads[THREADS];
    uint8_t numbers[THREADS];
    int i;

    CHECK(cidrgate_reader_set(reader, "office", 6, set, NULL) == CIDRGATE_OK);
    shared_policy = policy;
    shared_set = set;
    shared_reader = reader;
    for (i = 0; i < THREADS; i++) {
        numbers[i] = (uint8_t)(i + 1);
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    cidrgate_policy_free(policy);
    cidrgate_set_free(set);
    cidrgate_reader_free(reader);
}
