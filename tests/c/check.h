/* The harness: checks that end the program, and short ways to make objects. */
#ifndef CHECK_H
#define CHECK_H

#include <cidrgate.h>
#include <cidrgate_sockaddr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
/* Two texts, of which either may be NULL. */
#define CHECK_TEXT(found, expected) check_text(__FILE__, __LINE__, #found, (found), (expected))

_Noreturn static inline void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(1);
}

static inline void check_text(const char *file, int line, const char *what, const char *found, const char *expected)
{
    if (found == expected || (found != NULL && expected != NULL && strcmp(found, expected) == 0))
        return;
    fprintf(stderr, "%s:%d: %s\nfound:    %s\nexpected: %s\n", file, line, what, found != NULL ? found : "NULL",
            expected != NULL ? expected : "NULL");
    exit(1);
}

/* A policy from text that is known to be good. */
static inline cidrgate_policy *policy_of(const char *text, uint32_t flags)
{
    cidrgate_policy *policy;
    cidrgate_error *error;
    if (cidrgate_policy_parse(text, strlen(text), flags, &policy, &error) != CIDRGATE_OK)
        check_failed("policy", 0, cidrgate_error_text(error));
    CHECK(policy != NULL && error == NULL);
    return policy;
}

/* What loading the policy's image gives. */
static inline cidrgate_policy *image_of(const cidrgate_policy *policy)
{
    cidrgate_policy *loaded;
    cidrgate_buffer *image;
    cidrgate_error *error;
    CHECK(cidrgate_policy_save(policy, &image, &error) == CIDRGATE_OK && error == NULL);
    if (cidrgate_policy_load(cidrgate_buffer_data(image), cidrgate_buffer_len(image), &loaded, &error) != CIDRGATE_OK)
        check_failed("image", 0, cidrgate_error_text(error));
    CHECK(loaded != NULL && error == NULL);
    cidrgate_buffer_free(image);
    return loaded;
}

static inline cidrgate_set *set_of(const char *text)
{
    cidrgate_set *set;
    cidrgate_error *error;
    if (cidrgate_set_parse(text, strlen(text), 0, &set, &error) != CIDRGATE_OK)
        check_failed("set", 0, cidrgate_error_text(error));
    CHECK(set != NULL && error == NULL);
    return set;
}

/* The 16 octets of an address. */
typedef struct address {
    uint8_t octets[16];
} address;

static inline address address_of(const char *text)
{
    address address;
    CHECK(cidrgate_addr_parse(text, strlen(text), address.octets, NULL) == CIDRGATE_OK);
    return address;
}

/* Compares a buffer with a text, and frees it. */
#define CHECK_BUFFER(buffer, expected)                                   \
    do {                                                                 \
        const char *check_data = (const char *)cidrgate_buffer_data(buffer); \
        CHECK_TEXT(check_data, (expected));                              \
        CHECK(cidrgate_buffer_len(buffer) == strlen(check_data));        \
        cidrgate_buffer_free(buffer);                                    \
    } while (0)

/* Every test; main.c has the list. */
void test_values(void);
void test_policy(void);
void test_words(void);
void test_verdicts_only(void);
void test_batch(void);
void test_errors(void);
void test_sets(void);
void test_reader(void);
void test_misuse(void);
void test_sockaddr(void);
void test_threads(void);
void test_images(void);
void test_corpus(const char *folder);

#endif
