/* Sets, their algebra, and policies that name them. */
#include "check.h"

typedef cidrgate_status operation(const cidrgate_set *, const cidrgate_set *, cidrgate_set **);

static void check_operation(operation *operate, const char *a, const char *b, const char *expected)
{
    cidrgate_set *left = set_of(a), *right = set_of(b), *result, *wanted = set_of(expected);
    cidrgate_buffer *text;
    CHECK(operate(left, right, &result) == CIDRGATE_OK);
    CHECK(cidrgate_set_equal(result, wanted));
    CHECK(cidrgate_set_write(result, 0, &text) == CIDRGATE_OK);
    CHECK_BUFFER(text, expected);
    cidrgate_set_free(left);
    cidrgate_set_free(right);
    cidrgate_set_free(wanted);
    cidrgate_set_free(result);
}

void test_sets(void)
{
    const char *a = "10.0.0.0/8\n2001:db8::/32\n", *b = "10.128.0.0/9\n192.0.2.0/24\n";
    cidrgate_set *set, *other, *result;
    cidrgate_policy *policy;
    cidrgate_buffer *text;
    const uint8_t ten[4] = { 10, 1, 2, 3 }, eleven[4] = { 11, 0, 0, 0 };
    address addr;

    check_operation(cidrgate_set_union, a, b, "10.0.0.0/8\n192.0.2.0/24\n2001:db8::/32\n");
    check_operation(cidrgate_set_intersection, a, b, "10.128.0.0/9\n");
    check_operation(cidrgate_set_difference, a, b, "10.0.0.0/9\n2001:db8::/32\n");
    check_operation(cidrgate_set_symmetric_difference, a, b, "10.0.0.0/9\n192.0.2.0/24\n2001:db8::/32\n");
    check_operation(cidrgate_set_intersection, a, "", "");

    set = set_of("");
    CHECK(cidrgate_set_complement(set, &result) == CIDRGATE_OK);
    CHECK(cidrgate_set_contains_v4(result, ten));
    addr = address_of("::1");
    CHECK(cidrgate_set_contains_v6(result, addr.octets));
    CHECK(cidrgate_set_is_subset(set, result) && !cidrgate_set_is_subset(result, set));
    CHECK(cidrgate_set_complement(result, &other) == CIDRGATE_OK);
    CHECK(cidrgate_set_equal(set, other) && !cidrgate_set_equal(set, result));
    cidrgate_set_free(set);
    cidrgate_set_free(other);
    cidrgate_set_free(result);

    set = set_of(a);
    CHECK(cidrgate_set_contains_v4(set, ten) && !cidrgate_set_contains_v4(set, eleven));
    addr = address_of("::ffff:10.0.0.1");
    CHECK(cidrgate_set_contains_v6(set, addr.octets));
    addr = address_of("2001:db9::");
    CHECK(!cidrgate_set_contains_v6(set, addr.octets));
    CHECK(cidrgate_set_equal(set, set) && cidrgate_set_is_subset(set, set));
    cidrgate_set_free(set);

    /* Written and read again, as networks and as ranges. */
    set = set_of("10.0.0.1-10.0.0.6\n10.0.0.7\n2001:db8::1-2001:db8::2\n# a comment\n");
    CHECK(cidrgate_set_write(set, CIDRGATE_RANGES, &text) == CIDRGATE_OK);
    other = set_of((const char *)cidrgate_buffer_data(text));
    CHECK_BUFFER(text, "10.0.0.1-10.0.0.7\n2001:db8::1-2001:db8::2\n");
    CHECK(cidrgate_set_equal(set, other));
    cidrgate_set_free(other);
    CHECK(cidrgate_set_write(set, 0, &text) == CIDRGATE_OK);
    other = set_of((const char *)cidrgate_buffer_data(text));
    CHECK_BUFFER(text, "10.0.0.1/32\n10.0.0.2/31\n10.0.0.4/30\n2001:db8::1/128\n2001:db8::2/128\n");
    CHECK(cidrgate_set_equal(set, other));
    cidrgate_set_free(other);
    cidrgate_set_free(set);

    CHECK(cidrgate_set_parse("10.0.0.1/8", 10, CIDRGATE_LENIENT, &set, NULL) == CIDRGATE_OK);
    CHECK(cidrgate_set_contains_v4(set, ten));
    cidrgate_set_free(set);

    /* The allowed set lives on without its policy. */
    policy = policy_of("deny 10.0.0.0/9\nallow 10.0.0.0/8\n", 0);
    CHECK(cidrgate_policy_allowed(policy, &set) == CIDRGATE_OK);
    cidrgate_policy_free(policy);
    CHECK(cidrgate_set_write(set, 0, &text) == CIDRGATE_OK);
    CHECK_BUFFER(text, "10.128.0.0/9\n");
    cidrgate_set_free(set);
}

static cidrgate_status parse(const cidrgate_reader *reader, const char *text, cidrgate_policy **policy)
{
    cidrgate_error *error;
    cidrgate_status status = cidrgate_reader_parse(reader, text, strlen(text), 0, policy, &error);
    CHECK((error == NULL) == (status == CIDRGATE_OK));
    cidrgate_error_free(error);
    return status;
}

void test_reader(void)
{
    static const char *const bad[] = { "", "-a", ".a", "a b", "@a", "a\xc3\xa9", "\xff", "a\n" };
    char longest[129];
    cidrgate_reader *reader = cidrgate_reader_new();
    cidrgate_set *office = set_of("203.0.113.0/24\n"), *other = set_of("198.51.100.0/24\n");
    cidrgate_policy *policy, *next;
    cidrgate_error *error;
    size_t i;

    CHECK(reader != NULL);
    CHECK(parse(reader, "allow @office", &policy) == CIDRGATE_ERR_TEXT && policy == NULL);
    CHECK(cidrgate_reader_set(reader, "office and more", 6, office, &error) == CIDRGATE_OK && error == NULL);
    cidrgate_set_free(office);
    CHECK(parse(reader, "allow @office # them", &policy) == CIDRGATE_OK);

    /* Handed over again: for what is read from now on. */
    CHECK(cidrgate_reader_set(reader, "office", 6, other, NULL) == CIDRGATE_OK);
    CHECK(parse(reader, "allow @office", &next) == CIDRGATE_OK);
    CHECK(cidrgate_policy_allows_text(policy, "203.0.113.1", 11));
    CHECK(!cidrgate_policy_allows_text(policy, "198.51.100.1", 12));
    CHECK(!cidrgate_policy_allows_text(next, "203.0.113.1", 11));
    CHECK(cidrgate_policy_allows_text(next, "198.51.100.1", 12));
    CHECK(cidrgate_policy_warning_count(next) == 0);
    cidrgate_policy_free(next);

    /* Defined in the text too, and not used. */
    CHECK(parse(reader, "set office = ::1\nallow @office", &next) == CIDRGATE_ERR_TEXT);
    CHECK(parse(reader, "allow ::1", &next) == CIDRGATE_OK);
    CHECK(cidrgate_policy_warning_count(next) == 1);
    CHECK(strncmp(cidrgate_policy_warning(next, 0), "warning[unused-set]: ", 21) == 0);
    cidrgate_policy_free(next);

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(cidrgate_reader_set(reader, bad[i], strlen(bad[i]), other, &error) == CIDRGATE_ERR_TEXT);
        CHECK(cidrgate_error_count(error) == 1);
        cidrgate_error_free(error);
    }
    CHECK(cidrgate_reader_set(reader, "a\0b", 3, other, NULL) == CIDRGATE_ERR_TEXT);
    CHECK(cidrgate_reader_set(reader, NULL, 0, other, NULL) == CIDRGATE_ERR_TEXT);
    memset(longest, 'a', sizeof longest);
    CHECK(cidrgate_reader_set(reader, longest, 128, other, NULL) == CIDRGATE_OK);
    CHECK(cidrgate_reader_set(reader, longest, 129, other, NULL) == CIDRGATE_ERR_TEXT);

    cidrgate_set_free(other);
    cidrgate_reader_free(reader);
    CHECK(cidrgate_policy_allows_text(policy, "203.0.113.1", 11));
    CHECK_TEXT(cidrgate_policy_rule_note(policy, 0), "them");
    cidrgate_policy_free(policy);
}
