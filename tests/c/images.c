/* Images: what is loaded answers as what was saved, and what is no image is refused. */
#include "check.h"

static const char OFFICE[] = "deny  203.0.113.77    # lost laptop\n"
                             "allow 203.0.113.0/24, 2001:db8:10::/48  # the office\n"
                             "allow 198.51.100.8\n";

/* The same decision, byte for byte. */
static void check_same(const cidrgate_policy *a, const cidrgate_policy *b, const char *addr)
{
    const address asked = address_of(addr);
    cidrgate_decision decisions[2];

    CHECK(cidrgate_policy_decide(a, asked.octets, &decisions[0]) == CIDRGATE_OK);
    CHECK(cidrgate_policy_decide(b, asked.octets, &decisions[1]) == CIDRGATE_OK);
    CHECK(memcmp(&decisions[0], &decisions[1], sizeof decisions[0]) == 0);
    CHECK(cidrgate_policy_allows_v6(a, asked.octets) == cidrgate_policy_allows_v6(b, asked.octets));
}

static void check_round_trip(uint32_t flags)
{
    const char *addrs[] = { "203.0.113.77", "203.0.113.10", "198.51.100.8", "10.0.0.1", "2001:db8:10::1", "::", "::1" };
    cidrgate_policy *policy = policy_of(OFFICE, flags), *loaded = image_of(policy);
    const address laptop = address_of("203.0.113.77");
    cidrgate_buffer *images[2], *text = NULL;
    uint8_t digests[2][32];
    size_t i;

    for (i = 0; i < sizeof addrs / sizeof *addrs; i++)
        check_same(policy, loaded, addrs[i]);
    for (i = 0; i < 5; i++)
        CHECK_TEXT(cidrgate_policy_rule_note(loaded, (uint32_t)i), cidrgate_policy_rule_note(policy, (uint32_t)i));
    cidrgate_policy_fingerprint(policy, digests[0]);
    cidrgate_policy_fingerprint(loaded, digests[1]);
    CHECK(memcmp(digests[0], digests[1], 32) == 0);

    /* Saved again it is the same, byte for byte. */
    CHECK(cidrgate_policy_save(policy, &images[0], NULL) == CIDRGATE_OK);
    CHECK(cidrgate_policy_save(loaded, &images[1], NULL) == CIDRGATE_OK);
    CHECK(cidrgate_buffer_len(images[0]) == cidrgate_buffer_len(images[1]));
    CHECK(memcmp(cidrgate_buffer_data(images[0]), cidrgate_buffer_data(images[1]), cidrgate_buffer_len(images[0])) == 0);
    cidrgate_buffer_free(images[0]);
    cidrgate_buffer_free(images[1]);

    /* The text is gone. */
    CHECK(cidrgate_policy_warning_count(loaded) == 0);
    CHECK(cidrgate_policy_explain(loaded, laptop.octets, 0, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);
    CHECK(cidrgate_policy_lint(loaded, CIDRGATE_JSON, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);
    CHECK(cidrgate_policy_write(loaded, 0, &text) == CIDRGATE_ERR_NO_SOURCE && text == NULL);
    cidrgate_policy_free(policy);
    cidrgate_policy_free(loaded);
}

/* Refused, with this offset and these words. */
static void check_refused(const uint8_t *image, size_t len, size_t offset, const char *words)
{
    cidrgate_policy *policy = (void *)&offset;
    cidrgate_error *error = NULL;

    CHECK(cidrgate_policy_load(image, len, &policy, &error) == CIDRGATE_ERR_IMAGE && policy == NULL);
    CHECK(cidrgate_error_count(error) == 1 && cidrgate_error_code(error, 0) == CIDRGATE_ERR_IMAGE);
    CHECK(cidrgate_error_line(error, 0) == 0 && cidrgate_error_column(error, 0) == 0);
    CHECK(cidrgate_error_offset(error, 0) == offset);
    CHECK(strstr(cidrgate_error_message(error, 0), words) != NULL);
    CHECK(strstr(cidrgate_error_text(error), words) != NULL);
    cidrgate_error_free(error);
    CHECK(cidrgate_policy_load(image, len, &policy, NULL) == CIDRGATE_ERR_IMAGE && policy == NULL);
}

static void check_bad(void)
{
    cidrgate_policy *policy = policy_of(OFFICE, 0), *loaded;
    cidrgate_buffer *buffer;
    const uint8_t *image;
    uint8_t *copy;
    size_t len, i;

    CHECK(cidrgate_policy_save(policy, &buffer, NULL) == CIDRGATE_OK);
    image = cidrgate_buffer_data(buffer);
    len = cidrgate_buffer_len(buffer);
    copy = malloc(len + 1);
    CHECK(copy != NULL);

    check_refused(NULL, 0, 0, "no image");
    check_refused((const uint8_t *)OFFICE, strlen(OFFICE), 0, "no image");
    for (i = 1; i < len; i++) {
        /* Memory of this length exactly, so that a tool sees a read beyond it. */
        uint8_t *cut = malloc(i);
        CHECK(cut != NULL);
        memcpy(cut, image, i);
        check_refused(cut, i, i, "cut short");
        free(cut);
    }
    memcpy(copy, image, len);
    copy[len] = 0;
    check_refused(copy, len + 1, 16, "bytes");
    for (i = 0; i < len; i++) {
        cidrgate_error *error;
        memcpy(copy, image, len);
        copy[i] ^= 0x10;
        CHECK(cidrgate_policy_load(copy, len, &loaded, &error) == CIDRGATE_ERR_IMAGE && loaded == NULL);
        cidrgate_error_free(error);
    }
    memcpy(copy, image, len);
    copy[8] = 2;
    check_refused(copy, len, 8, "version 2");

    /* It may lie at any address, and is not needed after. */
    memcpy(copy + 1, image, len);
    CHECK(cidrgate_policy_load(copy + 1, len, &loaded, NULL) == CIDRGATE_OK);
    free(copy);
    cidrgate_buffer_free(buffer);
    check_same(policy, loaded, "203.0.113.77");
    cidrgate_policy_free(policy);
    CHECK_TEXT(cidrgate_policy_rule_note(loaded, 0), "lost laptop");
    cidrgate_policy_free(loaded);
}

void test_images(void)
{
    check_round_trip(0);
    check_round_trip(CIDRGATE_VERDICTS_ONLY);
    check_bad();
}
