/* cidrgate.h - may this source address in?
 *
 * Made from the Rust source of the library; do not edit.
 *
 * A policy is an ordered list of networks, ranges and sets to allow or deny, and a default. It is read from text or
 * JSON, or loaded from an image of one, compiled once, and then asked as often as you like:
 *
 *     #include <cidrgate.h>
 *     #include <stdio.h>
 *     #include <string.h>
 *
 *     int main(void)
 *     {
 *         const char *text = "deny  203.0.113.77    # lost laptop\n"
 *                            "allow 203.0.113.0/24  # the office\n";
 *         const uint8_t addr[4] = { 203, 0, 113, 77 };
 *         const uint8_t wide[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 77 };
 *         cidrgate_policy *policy;
 *         cidrgate_error *error;
 *         cidrgate_decision decision;
 *
 *         if (!cidrgate_check_abi())
 *             return 2;
 *         if (cidrgate_policy_parse(text, strlen(text), 0, &policy, &error) != CIDRGATE_OK) {
 *             fprintf(stderr, "%s\n", cidrgate_error_text(error));
 *             cidrgate_error_free(error);
 *             return 2;
 *         }
 *         printf("%s\n", cidrgate_policy_allows_v4(policy, addr) ? "allowed" : "denied");
 *         if (cidrgate_policy_decide(policy, wide, &decision) == CIDRGATE_OK && decision.rule != UINT32_MAX) {
 *             const char *note = cidrgate_policy_rule_note(policy, decision.rule);
 *             printf("line %u: %s\n", (unsigned)decision.line, note != NULL ? note : "no note");
 *         }
 *         cidrgate_policy_free(policy);
 *         return 0;
 *     }
 *
 * It prints "denied" and "line 1: lost laptop". Compile it with
 *
 *     cc example.c $(pkg-config --cflags --libs cidrgate)
 *     cc -static example.c $(pkg-config --cflags --libs --static cidrgate)
 *
 * The rules, for every function:
 *
 * Failure.   What can fail returns a cidrgate_status, 0 for success. Outputs are set to NULL or zeros before any work
 *            and written last, so after a failure there is nothing to free but the error. A question that cannot be
 *            answered (a NULL policy, a text that is no address, a fault in the library) is answered with false: deny.
 *            `error` may be NULL for those who need no detail; on success, and where there is nothing more to say than
 *            the status (NULL, FLAGS, PANIC, a length that nothing has), *error is NULL; every function on errors takes
 *            that.
 * Ownership. What a function hands over through a pointer to a pointer is yours: free it with the _free of its type,
 *            once. NULL is fine there. `const char *` and `const uint8_t *` results belong to the object they were asked
 *            of and live as long as it. Objects share what they have in common; each is freed by itself.
 * Images.    An image is a compiled policy as bytes. cidrgate_policy_save writes it, cidrgate_policy_load and programs in
 *            other languages load it without the text; `cidrgate compile` is the command. It gives the same answers and
 *            reasons, but cannot be explained, linted or written as text.
 * Threads.   Functions that take const pointers may run at the same time on one object. Others need it for themselves,
 *            and _free must not race with any use. The library has no global state and starts no thread.
 * Pointers.  A text is a pointer and a length in bytes; it need not end in NUL and is not kept. NULL is fine where the
 *            length is 0. All pointers must be NULL or point at what the parameter says. Freeing twice, using what was
 *            freed and lying about a length are mistakes that no library can see; no other one crashes.
 * Bytes.     Addresses are octets in network order, as sockets have them: 4 for IPv4, 16 for either family, where IPv4
 *            is ::ffff:a.b.c.d, which is what a dual-stack socket delivers. cidrgate_sockaddr.h takes a sockaddr.
 * Flags.     Bits from one list, CIDRGATE_LENIENT and so on. A bit that a call has no use for is refused.
 * Panics.    A fault in the library is caught at its border and becomes CIDRGATE_ERR_PANIC or the safe answer; Rust
 *            then prints a message on standard error.
 *
 * The policy language, and what the answers mean, is in cidrgate(5).
 */


#ifndef CIDRGATE_H
#define CIDRGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIDRGATE_VERSION_MAJOR 0
#define CIDRGATE_VERSION_MINOR 1
#define CIDRGATE_VERSION_PATCH 0

#ifndef CIDRGATE_API
#  if defined(_WIN32) && defined(CIDRGATE_SHARED)
#    define CIDRGATE_API __declspec(dllimport)
#  else
#    define CIDRGATE_API
#  endif
#endif

#ifndef CIDRGATE_NODISCARD
#  if defined(__GNUC__) || defined(__clang__)
#    define CIDRGATE_NODISCARD __attribute__((warn_unused_result))
#  else
#    define CIDRGATE_NODISCARD
#  endif
#endif

// Whether the library that is running speaks the interface of this header.
#define cidrgate_check_abi() (cidrgate_abi_version() == CIDRGATE_ABI_VERSION)


// The number of this interface. It changes when a program that was compiled against an older one would break.
#define CIDRGATE_ABI_VERSION 1

// Host bits (172.0.0.10/16) are cleared with a warning instead of being a fault.
#define CIDRGATE_LENIENT 1

// Policies: the text is JSON, whatever it starts with. Results: as JSON.
#define CIDRGATE_JSON 2

// Sets are written as ranges instead of networks.
#define CIDRGATE_RANGES 4

// Only the answers are kept, not who gave them: less memory, no rules, no notes, no text.
#define CIDRGATE_VERDICTS_ONLY 8

// How a call went. 0 is success; numbers never change their meaning.
enum cidrgate_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It went well.
    CIDRGATE_OK = 0,
    // An argument is NULL that must not be.
    CIDRGATE_ERR_NULL = 1,
    // A flag that the call has no use for.
    CIDRGATE_ERR_FLAGS = 2,
    // A fault in the text; the error says which, and where.
    CIDRGATE_ERR_TEXT = 3,
    // A fault in the image; the error says which, and where.
    CIDRGATE_ERR_IMAGE = 4,
    // A line, a text or a policy beyond its limit.
    CIDRGATE_ERR_LIMIT = 5,
    // Out of memory.
    CIDRGATE_ERR_MEMORY = 6,
    // The policy does not know its text (an image, or CIDRGATE_VERDICTS_ONLY).
    CIDRGATE_ERR_NO_SOURCE = 8,
    // A fault in the library itself, caught; please report it.
    CIDRGATE_ERR_PANIC = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum cidrgate_status cidrgate_status;
#else
typedef uint32_t cidrgate_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Bytes that a call made. Immutable; free it with cidrgate_buffer_free.
typedef struct cidrgate_buffer cidrgate_buffer;

// Why a text or an image was refused: every fault with its place, the first hundred with their messages. (Of an image
// the first fault only.) Immutable; free it with cidrgate_error_free.
typedef struct cidrgate_error cidrgate_error;

// A compiled policy, from text or from an image. Immutable, so any number of threads may ask it at once; free it with
// cidrgate_policy_free.
typedef struct cidrgate_policy cidrgate_policy;

// Reads policies that name sets which the program hands over. One thread at a time may add to it; free it with
// cidrgate_reader_free.
typedef struct cidrgate_reader cidrgate_reader;

// A set of IPv4 and IPv6 addresses. Immutable, so any number of threads may use it at once; free it with
// cidrgate_set_free.
typedef struct cidrgate_set cidrgate_set;

// An answer with its reason.
typedef struct cidrgate_decision {
    // 1 allows, 0 denies.
    uint32_t action;
    // The rule that decided, in the order of the text from 0; UINT32_MAX if it was the default, or is not known.
    uint32_t rule;
    // The line of that rule, from 1; 0 if there is none.
    uint32_t line;
    // The largest network round the address in which the same rule decides, as octets in network order ...
    uint8_t network[16];
    // ... and its length, from 0 to 128, that of IPv4 plus 96.
    uint8_t prefix_len;
    // Zeros.
    uint8_t reserved[19];
} cidrgate_decision;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library that is running, such as "0.1.0". Lives for ever.
CIDRGATE_API const char *cidrgate_version(void);

// The number of the interface that is running; compare it with CIDRGATE_ABI_VERSION, or call cidrgate_check_abi.
CIDRGATE_API
uint32_t cidrgate_abi_version(void);

// What a status means, in a few words. Any number may be asked for. Lives for ever.
CIDRGATE_API const char *cidrgate_status_name(uint32_t status);

// Reads one address in strict text: four decimal octets, or IPv6 as RFC 4291 has it. Writes its 16 octets in network
// order, IPv4 as ::ffff:a.b.c.d; zeros on failure. `error` may be NULL. Allocates only for an error.
//
// Fails with CIDRGATE_ERR_TEXT (the error has the offset), CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_addr_parse(const char *text,
                                    size_t len,
                                    uint8_t octets[16],
                                    cidrgate_error **error);

// Reads one network in strict text, ADDRESS/LENGTH; an address alone is the network of that address. Writes the
// octets as cidrgate_addr_parse does, and the length from 0 to 128, that of IPv4 plus 96; zeros on failure. `error` may
// be NULL. Allocates only for an error.
//
// Flags: CIDRGATE_LENIENT clears host bits, which are a fault otherwise.
// Fails with CIDRGATE_ERR_TEXT (the error has the offset), CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_net_parse(const char *text,
                                   size_t len,
                                   uint32_t flags,
                                   uint8_t octets[16],
                                   uint8_t *prefix_len,
                                   cidrgate_error **error);

// The bytes, which live as long as the buffer. A NUL that does not count follows them, so a text can be printed with
// "%s". NULL for a NULL buffer.
CIDRGATE_API
const uint8_t *cidrgate_buffer_data(const cidrgate_buffer *buffer);

// How many bytes there are. 0 for a NULL buffer.
CIDRGATE_API size_t cidrgate_buffer_len(const cidrgate_buffer *buffer);

// Frees a buffer. NULL is fine.
CIDRGATE_API void cidrgate_buffer_free(cidrgate_buffer *buffer);

// How many faults can be asked for by index: all of them, but at most 100. 0 for a NULL error.
CIDRGATE_API size_t cidrgate_error_count(const cidrgate_error *error);

// The status that stands for a fault: CIDRGATE_ERR_TEXT, _IMAGE, _LIMIT or _MEMORY. CIDRGATE_OK if there is no such
// fault.
CIDRGATE_API
cidrgate_status cidrgate_error_code(const cidrgate_error *error,
                                    size_t index);

// The line of a fault, from 1; 0 if it has no place or there is no such fault.
CIDRGATE_API uint32_t cidrgate_error_line(const cidrgate_error *error, size_t index);

// The column of a fault, from 1, in bytes; 0 if it has no place or there is no such fault.
CIDRGATE_API uint32_t cidrgate_error_column(const cidrgate_error *error, size_t index);

// Where a fault is, in bytes from the start of the text or image.
CIDRGATE_API size_t cidrgate_error_offset(const cidrgate_error *error, size_t index);

// What was found and what was expected, one printable line. Lives as long as the error. NULL if there is no such
// fault.
CIDRGATE_API
const char *cidrgate_error_message(const cidrgate_error *error,
                                   size_t index);

// All of it, one fault a line with its place, then how many more there are. Lives as long as the error. NULL for a
// NULL error.
CIDRGATE_API
const char *cidrgate_error_text(const cidrgate_error *error);

// Frees an error. NULL is fine.
CIDRGATE_API void cidrgate_error_free(cidrgate_error *error);

// Reads and compiles a policy: text, or JSON if it starts with '{'. On success *policy is to be freed; on failure it is
// NULL, and nothing of the text was taken. `error` may be NULL. Time is n log n in the length of the text.
//
// Flags: CIDRGATE_LENIENT clears host bits with a warning; CIDRGATE_JSON reads JSON whatever the text starts with;
// CIDRGATE_VERDICTS_ONLY keeps the answers and neither rules nor text.
// Fails with CIDRGATE_ERR_TEXT (all faults are in the error), CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY,
// CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_parse(const char *text,
                                      size_t len,
                                      uint32_t flags,
                                      cidrgate_policy **policy,
                                      cidrgate_error **error);

// Whether the IPv4 address may come in. false for NULL. Costs one look-up, allocates nothing.
CIDRGATE_API bool cidrgate_policy_allows_v4(const cidrgate_policy *policy, const uint8_t octets[4]);

// Whether the address may come in; an IPv4-mapped one is the IPv4 address. false for NULL. Costs one look-up, allocates
// nothing.
CIDRGATE_API
bool cidrgate_policy_allows_v6(const cidrgate_policy *policy,
                               const uint8_t octets[16]);

// Whether the address in strict text may come in. false for NULL, and for what is no address. Allocates nothing.
CIDRGATE_API
bool cidrgate_policy_allows_text(const cidrgate_policy *policy,
                                 const char *text,
                                 size_t len);

// Answers for `count` IPv4 addresses, 4 octets each, one after the other: allowed[i] is whether address i may come in.
// All are false first, and stay so for a NULL policy or NULL octets. Allocates nothing.
CIDRGATE_API
void cidrgate_policy_allows_batch_v4(const cidrgate_policy *policy,
                                     const uint8_t *octets,
                                     size_t count,
                                     bool *allowed);

// The same for addresses of 16 octets; IPv4-mapped ones are the IPv4 addresses.
CIDRGATE_API
void cidrgate_policy_allows_batch_v6(const cidrgate_policy *policy,
                                     const uint8_t *octets,
                                     size_t count,
                                     bool *allowed);

// The answer with its reason, for 16 octets in network order; an IPv4-mapped address is the IPv4 address. On failure
// the decision denies and its rule is UINT32_MAX. Allocates nothing.
//
// Fails with CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_decide(const cidrgate_policy *policy,
                                       const uint8_t octets[16],
                                       cidrgate_decision *decision);

// What people say about a rule. Lives as long as the policy. NULL if nothing, or if there is no such rule.
CIDRGATE_API const char *cidrgate_policy_rule_note(const cidrgate_policy *policy, uint32_t rule);

// How many warnings the policy was read with. 0 for NULL.
CIDRGATE_API size_t cidrgate_policy_warning_count(const cidrgate_policy *policy);

// A warning: place, level, code and sentence in one printable line. Lives as long as the policy. NULL if there is no
// such warning.
CIDRGATE_API
const char *cidrgate_policy_warning(const cidrgate_policy *policy,
                                    size_t index);

// Why an address (16 octets) gets its answer: a line for the rule that decides, one for each that loses and why, one for
// each that nearly matches.
//
// Flags: CIDRGATE_JSON makes it one JSON object.
// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_explain(const cidrgate_policy *policy,
                                        const uint8_t octets[16],
                                        uint32_t flags,
                                        cidrgate_buffer **text);

// What the policy's author probably did not mean, one finding a line: LINE:COLUMN: level[code]: sentence. No text if
// there is nothing to say.
//
// Flags: CIDRGATE_JSON makes each line a JSON object.
// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_lint(const cidrgate_policy *policy,
                                     uint32_t flags,
                                     cidrgate_buffer **text);

// Writes the policy as text that reads back as an equal policy, one rule a line.
//
// Flags: CIDRGATE_JSON writes JSON.
// Fails with CIDRGATE_ERR_NO_SOURCE, CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_write(const cidrgate_policy *policy,
                                      uint32_t flags,
                                      cidrgate_buffer **text);

// Every address that may come in. The set is to be freed; it shares the policy's memory.
//
// Fails with CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_allowed(const cidrgate_policy *policy,
                                        cidrgate_set **set);

// SHA-256 of the answers: policies that answer alike have the same, in every language and version. Zeros for a NULL
// policy. One pass over the policy.
CIDRGATE_API
void cidrgate_policy_fingerprint(const cidrgate_policy *policy,
                                 uint8_t digest[32]);

// Writes the policy as an image: bytes that cidrgate_policy_load, the command and programs in other languages load
// without the text. Policies that are equal have equal images, byte for byte. The image is to be freed; `error` may be
// NULL. The text is not in it, so what it is loaded to has no source. One pass over the policy.
//
// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_save(const cidrgate_policy *policy,
                                     cidrgate_buffer **image,
                                     cidrgate_error **error);

// Loads an image, and checks all of it. On success *policy is to be freed; on failure it is NULL. The image is not
// needed any more then, and may lie at any address. `error` may be NULL; its offset says where in the image the fault
// is. Time is linear in the length of the image.
//
// The policy answers as the one that was saved, with the same rules, lines and notes; it has no source and no warnings.
// The checksum of an image is against accidents: whoever can write the image can write the policy. Keep it where
// policies are kept.
//
// Fails with CIDRGATE_ERR_IMAGE, CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_LIMIT (a length that nothing has), CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_policy_load(const uint8_t *image,
                                     size_t len,
                                     cidrgate_policy **policy,
                                     cidrgate_error **error);

// Frees a policy. NULL is fine.
CIDRGATE_API void cidrgate_policy_free(cidrgate_policy *policy);

// A reader without sets. NULL only if the library is at fault.
CIDRGATE_API CIDRGATE_NODISCARD cidrgate_reader *cidrgate_reader_new(void);

// Hands over a set that policies may use as @NAME: a letter or digit, then up to 127 letters, digits, '.', '_' or '-'.
// The reader shares the set; the caller still frees its own. `error` may be NULL. A name that was handed over before
// gets the new set.
//
// Fails with CIDRGATE_ERR_TEXT (no such name), CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_reader_set(cidrgate_reader *reader,
                                    const char *name,
                                    size_t len,
                                    const cidrgate_set *set,
                                    cidrgate_error **error);

// As cidrgate_policy_parse, with the sets that were handed over. The policy does not need the reader any more.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_reader_parse(const cidrgate_reader *reader,
                                      const char *text,
                                      size_t len,
                                      uint32_t flags,
                                      cidrgate_policy **policy,
                                      cidrgate_error **error);

// Frees a reader. NULL is fine.
CIDRGATE_API void cidrgate_reader_free(cidrgate_reader *reader);

// Reads a plain list: one address, network or range a line, comments after '#' or ';'. `error` may be NULL. Time is
// n log n, memory follows what the list covers.
//
// Flags: CIDRGATE_LENIENT clears host bits, which are a fault otherwise.
// Fails with CIDRGATE_ERR_TEXT (all faults are in the error), CIDRGATE_ERR_LIMIT, CIDRGATE_ERR_MEMORY,
// CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_parse(const char *text,
                                   size_t len,
                                   uint32_t flags,
                                   cidrgate_set **set,
                                   cidrgate_error **error);

// The addresses in either set. One pass over both; so are the three that follow.
//
// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_union(const cidrgate_set *a,
                                   const cidrgate_set *b,
                                   cidrgate_set **result);

// The addresses in both sets.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_intersection(const cidrgate_set *a,
                                          const cidrgate_set *b,
                                          cidrgate_set **result);

// The addresses in `a` and not in `b`.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_difference(const cidrgate_set *a,
                                        const cidrgate_set *b,
                                        cidrgate_set **result);

// The addresses in exactly one of the sets.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_symmetric_difference(const cidrgate_set *a,
                                                  const cidrgate_set *b,
                                                  cidrgate_set **result);

// The addresses of both families that are not in the set. One pass.
//
// Fails with CIDRGATE_ERR_MEMORY, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_complement(const cidrgate_set *a,
                                        cidrgate_set **result);

// Whether the IPv4 address is in the set. false for NULL. log n.
CIDRGATE_API bool cidrgate_set_contains_v4(const cidrgate_set *set, const uint8_t octets[4]);

// Whether the address is in the set; an IPv4-mapped one is the IPv4 address. false for NULL. log n.
CIDRGATE_API bool cidrgate_set_contains_v6(const cidrgate_set *set, const uint8_t octets[16]);

// Whether both sets have the same addresses. false if one is NULL. One pass.
CIDRGATE_API bool cidrgate_set_equal(const cidrgate_set *a, const cidrgate_set *b);

// Whether every address of `a` is in `b`. false if one is NULL. One pass.
CIDRGATE_API bool cidrgate_set_is_subset(const cidrgate_set *a, const cidrgate_set *b);

// Writes the smallest list of networks, one a line, IPv4 first: a plain list that reads back as the same set.
//
// Flags: CIDRGATE_RANGES writes the smallest list of ranges, FIRST-LAST, instead.
// Fails with CIDRGATE_ERR_FLAGS, CIDRGATE_ERR_NULL.
CIDRGATE_API
CIDRGATE_NODISCARD
cidrgate_status cidrgate_set_write(const cidrgate_set *set,
                                   uint32_t flags,
                                   cidrgate_buffer **text);

// Frees a set. NULL is fine.
CIDRGATE_API void cidrgate_set_free(cidrgate_set *set);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CIDRGATE_H */
