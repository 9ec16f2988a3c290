/* Every function used wrongly: it denies or returns a status, gives nothing, and does not crash. */
#include "check.h"

#include <limits.h>

static const char TEXT[] = "allow 10.0.0.0/8 # note\n";
static const uint8_t TEN[4] = { 10, 0, 0, 1 };

/* Whether a combination leaves out argument `index`. */
static bool without(unsigned combination, unsigned index)
{
    return (combination >> index & 1) != 0;
}

/* Pointers that a call must overwrite. */
static int rubbish;

/* Calls with every combination of NULL, and with every flag that is not known, until what comes out is no more than a
 * status. `len` is not 0, so a text that is NULL is a fault. */
static void nulls(cidrgate_policy *policy, cidrgate_set *set, cidrgate_reader *reader)
{
    const address addr = address_of("10.0.0.1");
    const address zeros = { { 0 } };
    unsigned c;

    for (c = 1; c < 8; c++) {
        const char *text = without(c, 0) ? NULL : "10.0.0.0/8";
        const uint8_t *octets = without(c, 1) ? NULL : addr.octets;
        const cidrgate_policy *asked = without(c, 0) ? NULL : policy;
        uint8_t out[16], len = 1, digest[32];
        bool allowed = true;
        cidrgate_error *error = (void *)&rubbish;
        cidrgate_policy *made = (void *)&rubbish;
        cidrgate_set *made_set = (void *)&rubbish;
        cidrgate_buffer *buffer = (void *)&rubbish;
        cidrgate_decision decision;
        cidrgate_status status, null = CIDRGATE_ERR_NULL;

        /* Addresses: without the text or the output; an error that is not wanted is fine. */
        memset(out, 1, sizeof out);
        status = cidrgate_addr_parse(text, 8, without(c, 1) ? NULL : out, without(c, 2) ? NULL : &error);
        CHECK(status == (c == 4 ? CIDRGATE_OK : null));
        CHECK(without(c, 2) || error == NULL);
        CHECK(without(c, 1) || memcmp(out, status == CIDRGATE_OK ? addr.octets : zeros.octets, 15) == 0);

        error = (void *)&rubbish;
        memset(out, 1, sizeof out);
        status = cidrgate_net_parse(text, 10, 0, without(c, 1) ? NULL : out, without(c, 2) ? NULL : &len, &error);
        CHECK(status == null && error == NULL && (without(c, 2) || len == 0));
        CHECK(without(c, 1) || memcmp(out, zeros.octets, 16) == 0);
        status = cidrgate_net_parse(text, 10, 0, without(c, 1) ? NULL : out, without(c, 2) ? NULL : &len, NULL);
        CHECK(status == null);

        /* Policies and lists: without the text or the object that is to be made. */
        error = (void *)&rubbish;
        status = cidrgate_policy_parse(without(c, 0) ? NULL : TEXT, strlen(TEXT), 0, without(c, 1) ? NULL : &made,
                                       without(c, 2) ? NULL : &error);
        CHECK(status == (c == 4 ? CIDRGATE_OK : null));
        CHECK(without(c, 2) || error == NULL);
        CHECK(without(c, 1) || (made != NULL) == (status == CIDRGATE_OK));
        cidrgate_policy_free(status == CIDRGATE_OK ? made : NULL);

        error = (void *)&rubbish;
        status = cidrgate_set_parse(text, 10, 0, without(c, 1) ? NULL : &made_set, without(c, 2) ? NULL : &error);
        CHECK(status == (c == 4 ? CIDRGATE_OK : null));
        CHECK(without(c, 2) || error == NULL);
        CHECK(without(c, 1) || (made_set != NULL) == (status == CIDRGATE_OK));
        cidrgate_set_free(status == CIDRGATE_OK ? made_set : NULL);

        /* Questions. */
        memset(&decision, 1, sizeof decision);
        status = cidrgate_policy_decide(asked, octets, without(c, 2) ? NULL : &decision);
        CHECK(status == null);
        CHECK(without(c, 2) || (decision.action == 0 && decision.rule == UINT32_MAX && decision.line == 0 &&
                                memcmp(decision.network, zeros.octets, 16) == 0 && decision.prefix_len == 0));
        CHECK(cidrgate_policy_explain(asked, octets, 0, without(c, 2) ? NULL : &buffer) == null);
        CHECK(without(c, 2) || buffer == NULL);
        cidrgate_policy_allows_batch_v4(asked, without(c, 1) ? NULL : TEN, 1, without(c, 2) ? NULL : &allowed);
        cidrgate_policy_allows_batch_v6(asked, octets, 1, without(c, 2) ? NULL : &allowed);
        CHECK(without(c, 2) || !allowed);
        if ((c & 3) != 0) {
            CHECK(!cidrgate_policy_allows_v4(asked, without(c, 1) ? NULL : TEN));
            CHECK(!cidrgate_policy_allows_v6(asked, octets));
            CHECK(!cidrgate_policy_allows_text(asked, without(c, 1) ? NULL : "10.0.0.1", 8));
            CHECK(!cidrgate_set_contains_v4(without(c, 0) ? NULL : set, without(c, 1) ? NULL : TEN));
            CHECK(!cidrgate_set_contains_v6(without(c, 0) ? NULL : set, octets));
            CHECK(!cidrgate_set_equal(without(c, 0) ? NULL : set, without(c, 1) ? NULL : set));
            CHECK(!cidrgate_set_is_subset(without(c, 0) ? NULL : set, without(c, 1) ? NULL : set));

            buffer = (void *)&rubbish;
            CHECK(cidrgate_policy_lint(asked, 0, without(c, 1) ? NULL : &buffer) == null);
            CHECK(cidrgate_policy_write(asked, 0, without(c, 1) ? NULL : &buffer) == null);
            CHECK(cidrgate_set_write(without(c, 0) ? NULL : set, 0, without(c, 1) ? NULL : &buffer) == null);
            CHECK(without(c, 1) || buffer == NULL);
            buffer = (void *)&rubbish, error = (void *)&rubbish;
            CHECK(cidrgate_policy_save(asked, without(c, 1) ? NULL : &buffer, &error) == null && error == NULL);
            CHECK(cidrgate_policy_save(asked, without(c, 1) ? NULL : &buffer, NULL) == null);
            CHECK(without(c, 1) || buffer == NULL);
            made = (void *)&rubbish, error = (void *)&rubbish;
            CHECK(cidrgate_policy_load(without(c, 0) ? NULL : TEN, 4, without(c, 1) ? NULL : &made, &error) == null);
            CHECK(error == NULL && (without(c, 1) || made == NULL));
            CHECK(cidrgate_policy_load(without(c, 0) ? NULL : TEN, 4, without(c, 1) ? NULL : &made, NULL) == null);
            made_set = (void *)&rubbish;
            CHECK(cidrgate_policy_allowed(asked, without(c, 1) ? NULL : &made_set) == null);
            CHECK(without(c, 1) || made_set == NULL);
            made_set = (void *)&rubbish;
            CHECK(cidrgate_set_complement(without(c, 0) ? NULL : set, without(c, 1) ? NULL : &made_set) == null);
            CHECK(without(c, 1) || made_set == NULL);
            memset(digest, 1, sizeof digest);
            cidrgate_policy_fingerprint(asked, without(c, 1) ? NULL : digest);
            CHECK(without(c, 1) || (memcmp(digest, zeros.octets, 16) == 0 && memcmp(digest + 16, zeros.octets, 16) == 0));
        }

        /* Two sets and a result. */
        {
            const cidrgate_set *a = without(c, 0) ? NULL : set, *b = without(c, 1) ? NULL : set;
            cidrgate_set **result = without(c, 2) ? NULL : &made_set;
            made_set = (void *)&rubbish;
            CHECK(cidrgate_set_union(a, b, result) == null);
            CHECK(result == NULL || made_set == NULL);
            made_set = (void *)&rubbish;
            CHECK(cidrgate_set_intersection(a, b, result) == null);
            CHECK(result == NULL || made_set == NULL);
            made_set = (void *)&rubbish;
            CHECK(cidrgate_set_difference(a, b, result) == null);
            CHECK(result == NULL || made_set == NULL);
            made_set = (void *)&rubbish;
            CHECK(cidrgate_set_symmetric_difference(a, b, result) == null);
            CHECK(result == NULL || made_set == NULL);
        }

        /* A reader, a name and a set; a reader, a text and a policy. */
        error = (void *)&rubbish;
        CHECK(cidrgate_reader_set(without(c, 0) ? NULL : reader, without(c, 1) ? NULL : "name", 4,
                                  without(c, 2) ? NULL : set, &error) == null);
        CHECK(error == NULL);
        made = (void *)&rubbish;
        CHECK(cidrgate_reader_parse(without(c, 0) ? NULL : reader, without(c, 1) ? NULL : TEXT, strlen(TEXT), 0,
                                    without(c, 2) ? NULL : &made, NULL) == null);
        CHECK(without(c, 2) || made == NULL);
    }

    /* Both at once: the digest of nothing, at nothing. */
    cidrgate_policy_fingerprint(NULL, NULL);
    CHECK(cidrgate_policy_rule_note(NULL, 0) == NULL);
    CHECK(cidrgate_policy_warning_count(NULL) == 0 && cidrgate_policy_warning(NULL, 0) == NULL);
    CHECK(cidrgate_buffer_data(NULL) == NULL && cidrgate_buffer_len(NULL) == 0);
    cidrgate_buffer_free(NULL);
    cidrgate_error_free(NULL);
    cidrgate_policy_free(NULL);
    cidrgate_reader_free(NULL);
    cidrgate_set_free(NULL);
}

/* Every bit that a call has no use for is refused, alone and beside the bits that it knows. */
static void flags(const cidrgate_policy *policy, const cidrgate_set *set, const cidrgate_reader *reader)
{
    const uint32_t parse = CIDRGATE_LENIENT | CIDRGATE_JSON | CIDRGATE_VERDICTS_ONLY;
    const address addr = address_of("10.0.0.1");
    unsigned bit;

    for (bit = 0; bit < 32; bit++) {
        const uint32_t flag = UINT32_C(1) << bit;
        const cidrgate_status refused = CIDRGATE_ERR_FLAGS;
        cidrgate_policy *made = (void *)&rubbish;
        cidrgate_set *made_set = (void *)&rubbish;
        cidrgate_buffer *text = (void *)&rubbish;
        cidrgate_error *error = (void *)&rubbish;
        uint8_t octets[16], len;

        if ((flag & CIDRGATE_LENIENT) == 0) {
            CHECK(cidrgate_net_parse("::/0", 4, flag, octets, &len, &error) == refused && error == NULL);
            CHECK(cidrgate_net_parse("::/0", 4, flag | CIDRGATE_LENIENT, octets, &len, NULL) == refused);
            CHECK(cidrgate_set_parse("::/0", 4, flag, &made_set, &error) == refused);
            CHECK(made_set == NULL && error == NULL);
            CHECK(cidrgate_set_parse("::/0", 4, flag | CIDRGATE_LENIENT, &made_set, NULL) == refused);
        }
        if ((flag & parse) == 0) {
            CHECK(cidrgate_policy_parse(TEXT, strlen(TEXT), flag, &made, &error) == refused);
            CHECK(made == NULL && error == NULL);
            CHECK(cidrgate_policy_parse(TEXT, strlen(TEXT), flag | parse, &made, NULL) == refused);
            made = (void *)&rubbish;
            CHECK(cidrgate_reader_parse(reader, TEXT, strlen(TEXT), flag, &made, &error) == refused);
            CHECK(made == NULL && error == NULL);
            CHECK(cidrgate_reader_parse(reader, TEXT, strlen(TEXT), flag | parse, &made, NULL) == refused);
        }
        if ((flag & CIDRGATE_JSON) == 0) {
            CHECK(cidrgate_policy_explain(policy, addr.octets, flag, &text) == refused && text == NULL);
            CHECK(cidrgate_policy_explain(policy, addr.octets, flag | CIDRGATE_JSON, &text) == refused);
            CHECK(cidrgate_policy_lint(policy, flag, &text) == refused && text == NULL);
            CHECK(cidrgate_policy_lint(policy, flag | CIDRGATE_JSON, &text) == refused);
            CHECK(cidrgate_policy_write(policy, flag, &text) == refused && text == NULL);
            CHECK(cidrgate_policy_write(policy, flag | CIDRGATE_JSON, &text) == refused);
        }
        if ((flag & CIDRGATE_RANGES) == 0) {
            text = (void *)&rubbish;
            CHECK(cidrgate_set_write(set, flag, &text) == refused && text == NULL);
            CHECK(cidrgate_set_write(set, flag | CIDRGATE_RANGES, &text) == refused);
        }
    }
}

/* A length that no object has is not believed. */
static void lengths(const cidrgate_policy *policy, cidrgate_set *set, cidrgate_reader *reader)
{
    const size_t huge[] = { SIZE_MAX, SIZE_MAX / 2 + 1 };
    size_t i;

    for (i = 0; i < 2; i++) {
        cidrgate_policy *made = (void *)&rubbish;
        cidrgate_set *made_set = (void *)&rubbish;
        cidrgate_error *error = (void *)&rubbish;
        uint8_t octets[16], len;
        bool allowed = false;

        CHECK(cidrgate_addr_parse(TEXT, huge[i], octets, &error) == CIDRGATE_ERR_LIMIT && error == NULL);
        CHECK(cidrgate_net_parse(TEXT, huge[i], 0, octets, &len, &error) == CIDRGATE_ERR_LIMIT);
        CHECK(cidrgate_policy_parse(TEXT, huge[i], 0, &made, &error) == CIDRGATE_ERR_LIMIT && made == NULL);
        CHECK(cidrgate_reader_parse(reader, TEXT, huge[i], 0, &made, &error) == CIDRGATE_ERR_LIMIT);
        made = (void *)&rubbish;
        CHECK(cidrgate_policy_load(TEN, huge[i], &made, &error) == CIDRGATE_ERR_LIMIT && made == NULL && error == NULL);
        CHECK(cidrgate_policy_load(NULL, huge[i], &made, &error) == CIDRGATE_ERR_NULL && made == NULL);
        CHECK(cidrgate_set_parse(TEXT, huge[i], 0, &made_set, &error) == CIDRGATE_ERR_LIMIT && made_set == NULL);
        CHECK(cidrgate_reader_set(reader, TEXT, huge[i], set, &error) == CIDRGATE_ERR_LIMIT);
        CHECK(cidrgate_policy_parse(NULL, huge[i], 0, &made, &error) == CIDRGATE_ERR_NULL && made == NULL);
        CHECK(!cidrgate_policy_allows_text(policy, TEXT, huge[i]));
        cidrgate_policy_allows_batch_v4(policy, TEN, huge[i], &allowed);
        cidrgate_policy_allows_batch_v6(policy, TEN, huge[i], &allowed);
        CHECK(!allowed);
    }

    /* No text: NULL and length 0. */
    {
        cidrgate_set *empty, *other = set_of("");
        CHECK(cidrgate_set_parse(NULL, 0, 0, &empty, NULL) == CIDRGATE_OK);
        CHECK(cidrgate_set_equal(empty, other));
        cidrgate_set_free(empty);
        cidrgate_set_free(other);
        CHECK(!cidrgate_policy_allows_text(policy, NULL, 0));
        CHECK(!cidrgate_policy_allows_text(policy, "", 0));
    }

    /* Beyond the end. */
    CHECK(cidrgate_policy_rule_note(policy, 1) == NULL && cidrgate_policy_rule_note(policy, UINT32_MAX) == NULL);
    CHECK(cidrgate_policy_warning(policy, 0) == NULL && cidrgate_policy_warning(policy, SIZE_MAX) == NULL);
}

void test_misuse(void)
{
    cidrgate_policy *policy = policy_of(TEXT, 0);
    cidrgate_set *set = set_of("10.0.0.0/8\n");
    cidrgate_reader *reader = cidrgate_reader_new();

    nulls(policy, set, reader);
    flags(policy, set, reader);
    lengths(policy, set, reader);

    /* Nothing of that has changed anything. */
    CHECK(cidrgate_policy_allows_v4(policy, TEN) && cidrgate_set_contains_v4(set, TEN));
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 0), "note");
    cidrgate_policy_free(policy);
    cidrgate_set_free(set);
    cidrgate_reader_free(reader);
}
