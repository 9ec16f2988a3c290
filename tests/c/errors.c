/* Errors with one fault and with many. */
#include "check.h"

static void check_fault(const cidrgate_error *error, size_t index, cidrgate_status code, uint32_t line,
                        uint32_t column, size_t offset)
{
    CHECK(cidrgate_error_code(error, index) == code);
    CHECK(cidrgate_error_line(error, index) == line);
    CHECK(cidrgate_error_column(error, index) == column);
    CHECK(cidrgate_error_offset(error, index) == offset);
    CHECK(strlen(cidrgate_error_message(error, index)) > 0);
    /* All of it has each message. */
    CHECK(strstr(cidrgate_error_text(error), cidrgate_error_message(error, index)) != NULL);
}

static cidrgate_error *refused(const char *text, size_t len)
{
    cidrgate_policy *policy = NULL;
    cidrgate_error *error = NULL;
    CHECK(cidrgate_policy_parse(text, len, 0, &policy, &error) == CIDRGATE_ERR_TEXT);
    CHECK(policy == NULL && error != NULL);
    return error;
}

void test_errors(void)
{
    static char many[150 * 10 + 1], line[70000];
    cidrgate_policy *policy;
    cidrgate_set *set;
    cidrgate_error *error;
    uint8_t octets[16], len;
    int i;

    error = refused("allow 10.0.0.0/8\nalow 11.0.0.0/8\nallow 172.0.0.10/16, 010.0.0.1\n", 64);
    CHECK(cidrgate_error_count(error) == 3);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 2, 1, 17);
    CHECK(strstr(cidrgate_error_message(error, 0), "allow") != NULL);
    check_fault(error, 1, CIDRGATE_ERR_TEXT, 3, 7, 39);
    CHECK(strstr(cidrgate_error_message(error, 1), "172.0.0.0/16") != NULL);
    check_fault(error, 2, CIDRGATE_ERR_TEXT, 3, 22, 54);
    CHECK(cidrgate_error_code(error, 3) == CIDRGATE_OK);
    CHECK(cidrgate_error_line(error, 3) == 0 && cidrgate_error_column(error, 3) == 0);
    CHECK(cidrgate_error_offset(error, 3) == 0 && cidrgate_error_message(error, 3) == NULL);
    cidrgate_error_free(error);

    /* More faults than are kept. */
    for (i = 0; i < 150; i++)
        memcpy(many + i * 10, "alow ::/0\n", 11);
    error = refused(many, strlen(many));
    CHECK(cidrgate_error_count(error) == 100);
    check_fault(error, 99, CIDRGATE_ERR_TEXT, 100, 1, 990);
    CHECK(strstr(cidrgate_error_text(error), "50") != NULL);
    cidrgate_error_free(error);

    /* NUL, and bytes that are no UTF-8, have a place and are not printed as they are. */
    error = refused("allow ::1\nallow \0::2\n", 21);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 2, 7, 16);
    cidrgate_error_free(error);
    error = refused("# \xff\nallow ::1\n", 14);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 1, 3, 2);
    CHECK(strchr(cidrgate_error_text(error), '\xff') == NULL);
    cidrgate_error_free(error);
    error = refused("allow ::\x1b[31m\n", 14);
    CHECK(strchr(cidrgate_error_text(error), '\x1b') == NULL);
    cidrgate_error_free(error);

    /* A text that says nothing. */
    cidrgate_error_free(refused("", 0));
    cidrgate_error_free(refused(NULL, 0));
    cidrgate_error_free(refused("# nothing\n", 10));

    /* An expectation that does not hold. */
    error = refused("allow 10.0.0.0/8\nexpect deny 10.0.0.1\n", 38);
    CHECK(cidrgate_error_count(error) == 1 && cidrgate_error_line(error, 0) == 2);
    CHECK(strstr(cidrgate_error_message(error, 0), "10.0.0.1") != NULL);
    cidrgate_error_free(error);

    /* JSON. */
    error = refused("{\"rules\":[{\"action\":\"allow\",\n\"source\":\"010.0.0.0/8\"}]}", 55);
    CHECK(cidrgate_error_line(error, 0) == 2);
    cidrgate_error_free(error);
    CHECK(cidrgate_policy_parse("allow ::1", 9, CIDRGATE_JSON, &policy, &error) == CIDRGATE_ERR_TEXT);
    CHECK(policy == NULL);
    cidrgate_error_free(error);

    /* A line beyond its limit. */
    memset(line, ' ', sizeof line);
    memcpy(line, "allow ::1", 9);
    CHECK(cidrgate_policy_parse(line, sizeof line, 0, &policy, &error) == CIDRGATE_ERR_LIMIT);
    CHECK(policy == NULL && cidrgate_error_code(error, 0) == CIDRGATE_ERR_LIMIT);
    CHECK(cidrgate_error_line(error, 0) == 1);
    cidrgate_error_free(error);
    CHECK(cidrgate_set_parse(line, sizeof line, 0, &set, &error) == CIDRGATE_ERR_LIMIT && set == NULL);
    cidrgate_error_free(error);

    /* One address, one network, one list. */
    CHECK(cidrgate_addr_parse("010.0.0.1", 9, octets, &error) == CIDRGATE_ERR_TEXT);
    CHECK(cidrgate_error_count(error) == 1);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 1, 1, 0);
    cidrgate_error_free(error);
    CHECK(cidrgate_addr_parse("10.0.0.1\0", 9, octets, &error) == CIDRGATE_ERR_TEXT);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 1, 9, 8);
    cidrgate_error_free(error);
    CHECK(cidrgate_addr_parse(NULL, 0, octets, &error) == CIDRGATE_ERR_TEXT);
    cidrgate_error_free(error);
    CHECK(cidrgate_net_parse("10.0.0.0/08", 11, 0, octets, &len, &error) == CIDRGATE_ERR_TEXT);
    CHECK(cidrgate_error_offset(error, 0) == 9);
    cidrgate_error_free(error);
    CHECK(cidrgate_set_parse("::1\nexample.org\n", 16, 0, &set, &error) == CIDRGATE_ERR_TEXT && set == NULL);
    check_fault(error, 0, CIDRGATE_ERR_TEXT, 2, 1, 4);
    cidrgate_error_free(error);

    /* Who needs no detail. */
    CHECK(cidrgate_policy_parse("alow", 4, 0, &policy, NULL) == CIDRGATE_ERR_TEXT && policy == NULL);

    CHECK(cidrgate_error_count(NULL) == 0 && cidrgate_error_code(NULL, 0) == CIDRGATE_OK);
    CHECK(cidrgate_error_line(NULL, 0) == 0 && cidrgate_error_column(NULL, 0) == 0);
    CHECK(cidrgate_error_offset(NULL, 0) == 0 && cidrgate_error_message(NULL, 0) == NULL);
    CHECK(cidrgate_error_text(NULL) == NULL);
    cidrgate_error_free(NULL);
}
