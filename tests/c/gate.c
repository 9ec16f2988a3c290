/* Gates, guards and changes: used as they are meant, used wrongly, and asked by many threads while they change. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <time.h>

_Static_assert(CIDRGATE_ERR_REFUSED == 7, "status");

static const uint8_t ONE[4] = { 192, 0, 2, 1 }, TWO[4] = { 192, 0, 2, 2 };

/* Pointers that a call must overwrite. */
static int rubbish;

static cidrgate_gate *gate_of(const char *text)
{
    cidrgate_policy *policy = policy_of(text, 0);
    cidrgate_gate *gate;
    CHECK(cidrgate_gate_new(policy, &gate) == CIDRGATE_OK && gate != NULL);
    /* The gate shares it. */
    cidrgate_policy_free(policy);
    return gate;
}

static cidrgate_status replace(cidrgate_gate *gate, const char *text, const cidrgate_guards *guards,
                               cidrgate_change **change, cidrgate_error **error)
{
    cidrgate_policy *next = policy_of(text, 0);
    cidrgate_status status = cidrgate_gate_replace(gate, next, guards, change, error);
    cidrgate_policy_free(next);
    return status;
}

static cidrgate_status replace_for(cidrgate_gate *gate, const char *text, uint64_t milliseconds)
{
    cidrgate_policy *next = policy_of(text, 0);
    cidrgate_status status = cidrgate_gate_replace_for(gate, next, NULL, milliseconds, NULL, NULL);
    cidrgate_policy_free(next);
    return status;
}

/* Every way to ask, which must agree. */
static bool allows(const cidrgate_gate *gate, const uint8_t octets[4])
{
    address wide = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, octets[0], octets[1], octets[2], octets[3] } };
    cidrgate_policy *now = cidrgate_gate_snapshot(gate);
    cidrgate_decision decision;
    bool allowed = cidrgate_gate_allows_v4(gate, octets);

    CHECK(now != NULL);
    CHECK(cidrgate_gate_allows_v6(gate, wide.octets) == allowed);
    CHECK(cidrgate_policy_allows_v4(now, octets) == allowed);
    memset(&decision, 0xaa, sizeof decision);
    CHECK(cidrgate_gate_decide(gate, wide.octets, &decision) == CIDRGATE_OK);
    CHECK((decision.action == 1) == allowed);
    CHECK(memcmp(decision.reserved, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19) == 0);
    cidrgate_policy_free(now);
    return allowed;
}

static void check_set(cidrgate_status status, cidrgate_set *set, const char *expected)
{
    cidrgate_buffer *text;
    CHECK(status == CIDRGATE_OK);
    CHECK(cidrgate_set_write(set, 0, &text) == CIDRGATE_OK);
    CHECK_BUFFER(text, expected);
    cidrgate_set_free(set);
}

static void check_change(cidrgate_change *change, uint64_t generation, const char *allowed, const char *denied)
{
    cidrgate_set *set;
    cidrgate_status status;
    CHECK(change != NULL && cidrgate_change_generation(change) == generation);
    status = cidrgate_change_newly_allowed(change, &set);
    check_set(status, set, allowed);
    status = cidrgate_change_newly_denied(change, &set);
    check_set(status, set, denied);
    cidrgate_change_free(change);
}

static void changes(void)
{
    cidrgate_gate *gate = gate_of("allow 192.0.2.1 # one\n");
    cidrgate_policy *before = cidrgate_gate_snapshot(gate), *after;
    const address asked = address_of("192.0.2.1");
    cidrgate_change *change;
    cidrgate_error *error = (void *)&rubbish;
    cidrgate_decision decision;

    CHECK(cidrgate_gate_generation(gate) == 1);
    CHECK(allows(gate, ONE) && !allows(gate, TWO));
    CHECK(replace(gate, "deny 192.0.2.1 # two\nallow 192.0.2.0/30\n", NULL, &change, &error) == CIDRGATE_OK);
    CHECK(error == NULL);
    check_change(change, 2, "192.0.2.0/32\n192.0.2.2/31\n", "192.0.2.1/32\n");
    CHECK(cidrgate_gate_generation(gate) == 2);
    CHECK(!allows(gate, ONE) && allows(gate, TWO));

    /* A snapshot is a policy, and stays as it is. */
    CHECK(cidrgate_policy_decide(before, asked.octets, &decision) == CIDRGATE_OK && decision.action == 1);
    CHECK_TEXT(cidrgate_policy_rule_note(before, decision.rule), "one");
    after = cidrgate_gate_snapshot(gate);
    CHECK(cidrgate_gate_decide(gate, asked.octets, &decision) == CIDRGATE_OK);
    CHECK(decision.action == 0 && decision.rule == 0 && decision.line == 1 && decision.prefix_len == 128);
    CHECK_TEXT(cidrgate_policy_rule_note(after, decision.rule), "two");
    cidrgate_policy_free(before);

    /* What is handed out lives on. */
    cidrgate_gate_free(gate);
    CHECK(cidrgate_policy_allows_v4(after, TWO));
    cidrgate_policy_free(after);

    /* One that knows no rules. */
    {
        cidrgate_policy *verdicts = policy_of("allow 192.0.2.1", CIDRGATE_VERDICTS_ONLY);
        CHECK(cidrgate_gate_new(verdicts, &gate) == CIDRGATE_OK);
        CHECK(cidrgate_gate_decide(gate, asked.octets, &decision) == CIDRGATE_OK);
        CHECK(decision.action == 1 && decision.rule == UINT32_MAX);
        /* The same policy again is a change of nothing. */
        CHECK(cidrgate_gate_replace(gate, verdicts, NULL, &change, NULL) == CIDRGATE_OK);
        check_change(change, 2, "", "");
        cidrgate_policy_free(verdicts);
        CHECK(allows(gate, ONE));
        cidrgate_gate_free(gate);
    }
}

/* Refused: with an address in the error, the change that would have been, and nothing changed. */
static void refused(const cidrgate_guards *guards, const char *text, const char *message, const char *allowed,
                    const char *denied)
{
    cidrgate_gate *gate = gate_of("allow 192.0.2.1, 198.51.100.0/24\n");
    cidrgate_policy *next = policy_of(text, 0);
    cidrgate_change *change = NULL;
    cidrgate_error *error = NULL;

    CHECK(cidrgate_gate_replace(gate, next, guards, &change, &error) == CIDRGATE_ERR_REFUSED);
    CHECK(cidrgate_error_count(error) == 1 && cidrgate_error_code(error, 0) == CIDRGATE_ERR_REFUSED);
    CHECK(cidrgate_error_line(error, 0) == 0 && cidrgate_error_column(error, 0) == 0);
    CHECK_TEXT(cidrgate_error_message(error, 0), message);
    CHECK_TEXT(cidrgate_error_text(error), message);
    cidrgate_error_free(error);
    check_change(change, 0, allowed, denied);
    CHECK(cidrgate_gate_replace_for(gate, next, guards, 60000, &change, NULL) == CIDRGATE_ERR_REFUSED);
    check_change(change, 0, allowed, denied);
    CHECK(cidrgate_gate_replace(gate, next, guards, NULL, NULL) == CIDRGATE_ERR_REFUSED);
    CHECK(cidrgate_gate_generation(gate) == 1 && allows(gate, ONE) && !allows(gate, TWO));
    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_ERR_REFUSED);
    /* Without the guards it would do. */
    CHECK(cidrgate_gate_replace(gate, next, NULL, NULL, NULL) == CIDRGATE_OK);
    cidrgate_policy_free(next);
    cidrgate_gate_free(gate);
}

static void guards(void)
{
    cidrgate_guards *guards = cidrgate_guards_new();
    cidrgate_set *one = set_of("192.0.2.1\n"), *two = set_of("192.0.2.2\n");

    CHECK(cidrgate_guards_keep_allowed(guards, one) == CIDRGATE_OK);
    refused(guards, "allow 192.0.2.2", "would deny 192.0.2.1, which must stay allowed", "192.0.2.2/32\n",
            "192.0.2.1/32\n198.51.100.0/24\n");
    CHECK(cidrgate_guards_keep_denied(guards, two) == CIDRGATE_OK);
    cidrgate_set_free(one);
    cidrgate_set_free(two);
    refused(guards, "allow 192.0.2.1-192.0.2.2", "would allow 192.0.2.2, which must stay denied", "192.0.2.2/32\n",
            "198.51.100.0/24\n");
    CHECK(cidrgate_guards_max_newly_allowed(guards, 2) == CIDRGATE_OK);
    refused(guards, "allow 192.0.2.1, 203.0.113.0-203.0.113.2",
            "would newly allow 3 addresses, the first 203.0.113.0; at most 2 may be",
            "203.0.113.0/31\n203.0.113.2/32\n", "198.51.100.0/24\n");
    CHECK(cidrgate_guards_max_newly_denied(guards, 255) == CIDRGATE_OK);
    refused(guards, "allow 192.0.2.1, 203.0.113.0/31",
            "would newly deny 256 addresses, the first 198.51.100.0; at most 255 may be", "203.0.113.0/31\n",
            "198.51.100.0/24\n");
    cidrgate_guards_free(guards);

    /* Some guards, and none. */
    guards = cidrgate_guards_new();
    {
        cidrgate_gate *gate = gate_of("allow 192.0.2.1\n");
        CHECK(replace(gate, "default allow", guards, NULL, NULL) == CIDRGATE_OK);
        CHECK(cidrgate_guards_max_newly_denied(guards, UINT64_MAX) == CIDRGATE_OK);
        CHECK(replace(gate, "default deny", guards, NULL, NULL) == CIDRGATE_ERR_REFUSED);
        CHECK(cidrgate_gate_generation(gate) == 2 && allows(gate, TWO));
        cidrgate_gate_free(gate);
    }
    cidrgate_guards_free(guards);
}

static void sleep_for(long milliseconds)
{
    const struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static void trials(void)
{
    cidrgate_gate *gate = gate_of("allow 192.0.2.1\n");
    cidrgate_policy *next = policy_of("allow 192.0.2.2\n", 0);
    cidrgate_change *change;
    cidrgate_error *error = (void *)&rubbish;

    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_ERR_REFUSED);
    CHECK(cidrgate_gate_replace_for(gate, next, NULL, 60000, &change, &error) == CIDRGATE_OK && error == NULL);
    check_change(change, 2, "192.0.2.2/32\n", "192.0.2.1/32\n");
    cidrgate_policy_free(next);
    CHECK(allows(gate, TWO) && cidrgate_gate_generation(gate) == 2);
    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_OK);
    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_ERR_REFUSED);
    CHECK(allows(gate, TWO) && cidrgate_gate_generation(gate) == 2);

    /* Not confirmed in time. */
    CHECK(replace_for(gate, "allow 192.0.2.1", 100) == CIDRGATE_OK);
    sleep_for(150);
    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_ERR_REFUSED);
    CHECK(allows(gate, TWO) && !allows(gate, ONE) && cidrgate_gate_generation(gate) == 4);
    CHECK(replace_for(gate, "allow 192.0.2.1", 0) == CIDRGATE_OK);
    CHECK(allows(gate, TWO) && cidrgate_gate_generation(gate) == 6);

    /* Superseded, and without end. */
    CHECK(replace_for(gate, "default allow", UINT64_MAX) == CIDRGATE_OK);
    CHECK(replace(gate, "allow 192.0.2.1", NULL, NULL, NULL) == CIDRGATE_OK);
    CHECK(cidrgate_gate_confirm(gate) == CIDRGATE_ERR_REFUSED);
    CHECK(allows(gate, ONE) && !allows(gate, TWO) && cidrgate_gate_generation(gate) == 8);
    cidrgate_gate_free(gate);
}

static void misuse(void)
{
    cidrgate_policy *policy = policy_of("allow 192.0.2.1", 0);
    cidrgate_gate *gate = gate_of("allow 192.0.2.1"), *made = (void *)&rubbish;
    cidrgate_guards *guards = cidrgate_guards_new();
    cidrgate_change *change;
    cidrgate_error *error;
    cidrgate_set *set = (void *)&rubbish;
    cidrgate_decision decision;
    const address addr = address_of("192.0.2.1");
    const cidrgate_status null = CIDRGATE_ERR_NULL;
    unsigned c;

    CHECK(cidrgate_gate_new(NULL, &made) == null && made == NULL);
    CHECK(cidrgate_gate_new(policy, NULL) == null);
    CHECK(!cidrgate_gate_allows_v4(NULL, ONE) && !cidrgate_gate_allows_v4(gate, NULL));
    CHECK(!cidrgate_gate_allows_v6(NULL, addr.octets) && !cidrgate_gate_allows_v6(gate, NULL));
    for (c = 1; c < 8; c++) {
        memset(&decision, 1, sizeof decision);
        CHECK(cidrgate_gate_decide((c & 1) != 0 ? NULL : gate, (c & 2) != 0 ? NULL : addr.octets,
                                   (c & 4) != 0 ? NULL : &decision) == null);
        CHECK((c & 4) != 0 || (decision.action == 0 && decision.rule == UINT32_MAX && decision.line == 0));
    }
    CHECK(cidrgate_gate_snapshot(NULL) == NULL && cidrgate_gate_generation(NULL) == 0);
    for (c = 1; c < 4; c++) {
        change = (void *)&rubbish, error = (void *)&rubbish;
        CHECK(cidrgate_gate_replace((c & 1) != 0 ? NULL : gate, (c & 2) != 0 ? NULL : policy, guards, &change, &error) ==
              null);
        CHECK(change == NULL && error == NULL);
        change = (void *)&rubbish, error = (void *)&rubbish;
        CHECK(cidrgate_gate_replace_for((c & 1) != 0 ? NULL : gate, (c & 2) != 0 ? NULL : policy, guards, 0, &change,
                                        &error) == null);
        CHECK(change == NULL && error == NULL);
    }
    CHECK(cidrgate_gate_confirm(NULL) == null);
    CHECK(cidrgate_gate_generation(gate) == 1 && allows(gate, ONE));

    CHECK(cidrgate_guards_keep_allowed(guards, NULL) == null && cidrgate_guards_keep_denied(guards, NULL) == null);
    CHECK(cidrgate_guards_max_newly_allowed(NULL, 0) == null && cidrgate_guards_max_newly_denied(NULL, 0) == null);
    CHECK(cidrgate_change_newly_allowed(NULL, &set) == null && set == NULL);
    set = (void *)&rubbish;
    CHECK(cidrgate_change_newly_denied(NULL, &set) == null && set == NULL);
    CHECK(cidrgate_change_generation(NULL) == 0);
    CHECK(cidrgate_gate_replace(gate, policy, guards, &change, NULL) == CIDRGATE_OK);
    CHECK(cidrgate_change_newly_allowed(change, NULL) == null && cidrgate_change_newly_denied(change, NULL) == null);
    set = set_of("192.0.2.1\n");
    CHECK(cidrgate_guards_keep_allowed(NULL, set) == null && cidrgate_guards_keep_denied(NULL, set) == null);
    cidrgate_set_free(set);
    cidrgate_change_free(change);
    cidrgate_gate_free(NULL);
    cidrgate_guards_free(NULL);
    cidrgate_change_free(NULL);
    cidrgate_guards_free(guards);
    cidrgate_gate_free(gate);
    cidrgate_policy_free(policy);
}

/* Eight threads ask while one replaces: each generation is one policy as a whole. Odd ones allow the pair .1, even ones the
 * pair .2. */
enum { READERS = 8 };

static cidrgate_gate *busy;
static unsigned long looks[READERS];
static int done;
static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_done(void)
{
    bool is;
    pthread_mutex_lock(&done_lock);
    is = done != 0;
    pthread_mutex_unlock(&done_lock);
    return is;
}

static void *reads(void *argument)
{
    static const uint8_t pairs[4][4] = { { 192, 0, 2, 1 }, { 198, 51, 100, 1 }, { 192, 0, 2, 2 }, { 198, 51, 100, 2 } };
    const address asked = address_of("198.51.100.1");
    unsigned long *count = argument;
    uint64_t last = 0;

    while (!is_done()) {
        cidrgate_policy *now = cidrgate_gate_snapshot(busy);
        cidrgate_decision decision;
        bool allowed[4];
        uint64_t generation;
        const char *note;

        cidrgate_policy_allows_batch_v4(now, pairs[0], 4, allowed);
        CHECK(allowed[0] == allowed[1] && allowed[2] == allowed[3] && allowed[0] != allowed[2]);
        CHECK(cidrgate_policy_decide(now, asked.octets, &decision) == CIDRGATE_OK);
        CHECK((decision.action == 1) == allowed[0] && (decision.rule != UINT32_MAX) == allowed[0]);
        note = cidrgate_policy_rule_note(now, allowed[0] ? decision.rule : 0);
        CHECK_TEXT(note, allowed[0] ? "odd" : "even");
        cidrgate_policy_free(now);
        CHECK(cidrgate_gate_decide(busy, asked.octets, &decision) == CIDRGATE_OK);
        CHECK((decision.action == 1) == (decision.rule != UINT32_MAX));
        /* The answer for its moment, whichever that is. */
        if (cidrgate_gate_allows_v4(busy, pairs[0]))
            ++*count;
        generation = cidrgate_gate_generation(busy);
        CHECK(last <= generation);
        last = generation;
        ++*count;
    }
    return NULL;
}

static void stress(void)
{
    const char *wanted = getenv("CIDRGATE_REPLACES");
    const unsigned long replaces = wanted != NULL ? strtoul(wanted, NULL, 10) : 20000;
    cidrgate_guards *guards = cidrgate_guards_new();
    pthread_t threads[READERS];
    unsigned long at, sum = 0;
    int i;

    CHECK(cidrgate_guards_max_newly_denied(guards, 2) == CIDRGATE_OK);
    busy = gate_of("allow 192.0.2.1, 198.51.100.1 # odd\n");
    for (i = 0; i < READERS; i++)
        CHECK(pthread_create(&threads[i], NULL, reads, &looks[i]) == 0);
    for (at = 2; at <= replaces; at++) {
        /* Its own each time, so that what is freed too early is really gone. */
        cidrgate_policy *next =
            policy_of(at % 2 == 1 ? "allow 192.0.2.1, 198.51.100.1 # odd\n" : "allow 192.0.2.2, 198.51.100.2 # even\n", 0);
        cidrgate_status status;
        if (at % 8 == 3) {
            status = cidrgate_gate_replace_for(busy, next, guards, 60000, NULL, NULL);
            if (at % 16 == 3)
                CHECK(cidrgate_gate_confirm(busy) == CIDRGATE_OK);
        } else {
            status = cidrgate_gate_replace(busy, next, guards, NULL, NULL);
        }
        CHECK(status == CIDRGATE_OK);
        cidrgate_policy_free(next);
    }
    CHECK(cidrgate_gate_generation(busy) == replaces);
    pthread_mutex_lock(&done_lock);
    done = 1;
    pthread_mutex_unlock(&done_lock);
    for (i = 0; i < READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        sum += looks[i];
    }
    printf("gate: %lu replaces, %lu looks by %d threads\n", replaces, sum, READERS);
    cidrgate_gate_free(busy);
    cidrgate_guards_free(guards);
}

void test_gate(void)
{
    changes();
    guards();
    trials();
    misuse();
    stress();
}
