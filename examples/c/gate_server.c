/* gate_server POLICY ADDRESS PORT [KEEP]: says "welcome" to those whom the policy allows, and closes the connection of
 * others before a byte is read. SIGHUP has the policy read again: a bad one is not taken, nor one that would lock out an
 * address of the list KEEP.
 *
 * ADDRESS is where it listens: 0.0.0.0 for IPv4, ::1 and the like for IPv6, :: for both at once. On such a dual-stack
 * socket an IPv4 client has an address like ::ffff:192.0.2.1, which is that IPv4 address to the policy. PORT 0 takes a
 * free one.
 */
#include <cidrgate.h>
#include <cidrgate_sockaddr.h>

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

static char text[1 << 20];

/* Reads a file into `text`, as a whole. */
static bool read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    bool whole;

    *len = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    whole = file != NULL && feof(file);
    if (!whole)
        fprintf(stderr, "gate_server: %s cannot be read, or is larger than 1 MiB\n", path);
    if (file != NULL)
        fclose(file);
    return whole;
}

static void tell(const char *path, cidrgate_status status, cidrgate_error *error)
{
    const char *words = error != NULL ? cidrgate_error_text(error) : cidrgate_status_name(status);
    fprintf(stderr, "gate_server: %s: %s\n", path, words);
    cidrgate_error_free(error);
}

static cidrgate_policy *read_policy(const char *path)
{
    cidrgate_policy *policy = NULL;
    cidrgate_error *error;
    cidrgate_status status;
    size_t len;

    if (read_file(path, &len)) {
        status = cidrgate_policy_parse(text, len, 0, &policy, &error);
        if (status != CIDRGATE_OK)
            tell(path, status, error);
    }
    return policy;
}

/* Guards for those who must never be locked out; NULL if there can be none. */
static cidrgate_guards *guards_for(const char *path)
{
    cidrgate_guards *guards = cidrgate_guards_new();
    cidrgate_set *set;
    cidrgate_error *error;
    cidrgate_status status;
    size_t len;

    if (path == NULL)
        return guards;
    if (read_file(path, &len)) {
        status = cidrgate_set_parse(text, len, 0, &set, &error);
        if (status == CIDRGATE_OK) {
            status = cidrgate_guards_keep_allowed(guards, set);
            cidrgate_set_free(set);
            if (status == CIDRGATE_OK)
                return guards;
        }
        tell(path, status, error);
    }
    cidrgate_guards_free(guards);
    return NULL;
}

/* Takes the policy as it is now, unless it is a bad one. */
static void reload(cidrgate_gate *gate, const char *path, const cidrgate_guards *guards)
{
    cidrgate_policy *next = read_policy(path);
    cidrgate_change *change = NULL;
    cidrgate_error *error = NULL;
    cidrgate_status status;

    if (next != NULL) {
        status = cidrgate_gate_replace(gate, next, guards, &change, &error);
        if (status == CIDRGATE_OK)
            printf("replaced, generation %lu\n", (unsigned long)cidrgate_change_generation(change));
        else
            tell(path, status, error);
    }
    /* The gate has its own share. */
    cidrgate_policy_free(next);
    cidrgate_change_free(change);
}

static volatile sig_atomic_t hung_up;

static void hang_up(int number)
{
    (void)number;
    hung_up = 1;
}

/* Listens and says where. -1 if that is not possible. */
static int listen_at(const char *address, const char *port)
{
    struct addrinfo hints, *at;
    struct sockaddr_storage here;
    socklen_t len = sizeof here;
    char name[128], service[16];
    int server, on = 1, off = 0;

    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(address, port, &hints, &at) != 0)
        return -1;
    server = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
    if (server >= 0) {
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (at->ai_family == AF_INET6)
            setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(server, at->ai_addr, at->ai_addrlen) != 0 || listen(server, 64) != 0 ||
            getsockname(server, (struct sockaddr *)&here, &len) != 0 ||
            getnameinfo((struct sockaddr *)&here, len, name, sizeof name, service, sizeof service,
                        NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
            close(server);
            server = -1;
        } else {
            printf("listening at %s port %s\n", name, service);
        }
    }
    freeaddrinfo(at);
    return server;
}

/* Whether the peer may come in; says of each who it is, and of those denied why. */
static bool admit(const cidrgate_gate *gate, const struct sockaddr *peer, socklen_t len)
{
    /* The answer and the words of the rule, both of one policy. */
    cidrgate_policy *now = cidrgate_gate_snapshot(gate);
    char name[128] = "?";
    cidrgate_decision decision;
    bool allowed;

    getnameinfo(peer, len, name, sizeof name, NULL, 0, NI_NUMERICHOST);
    allowed = cidrgate_policy_decide_sockaddr(now, peer, len, &decision) == CIDRGATE_OK && decision.action == 1;
    if (allowed) {
        printf("%s allowed\n", name);
    } else if (decision.rule == UINT32_MAX) {
        printf("%s denied: no rule allows it\n", name);
    } else {
        const char *note = cidrgate_policy_rule_note(now, decision.rule);
        printf("%s denied by line %u: %s\n", name, (unsigned)decision.line, note != NULL ? note : "no note");
    }
    cidrgate_policy_free(now);
    return allowed;
}

int main(int argc, char **argv)
{
    static const char welcome[] = "welcome\n";
    const char *keep = argc == 5 ? argv[4] : NULL;
    cidrgate_policy *policy = argc == 4 || argc == 5 ? read_policy(argv[1]) : NULL;
    cidrgate_guards *guards = policy != NULL ? guards_for(keep) : NULL;
    cidrgate_gate *gate = NULL;
    struct sigaction action;
    sigset_t blocked, before;
    int server;

    /* Each line at once, also into a file. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (guards == NULL || cidrgate_gate_new(policy, &gate) != CIDRGATE_OK)
        return fprintf(stderr, "usage: gate_server POLICY ADDRESS PORT [KEEP]\n"), 2;
    cidrgate_policy_free(policy);

    /* The signal comes while we wait, and at no other time. */
    memset(&action, 0, sizeof action);
    action.sa_handler = hang_up;
    sigaction(SIGHUP, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, &before);

    server = listen_at(argv[2], argv[3]);
    if (server < 0)
        return perror("gate_server: cannot listen"), 2;
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        fd_set waiting;
        int client;

        FD_ZERO(&waiting);
        FD_SET(server, &waiting);
        if (pselect(server + 1, &waiting, NULL, NULL, NULL, &before) < 0) {
            if (hung_up) {
                hung_up = 0;
                reload(gate, argv[1], guards);
            }
            continue;
        }
        client = accept(server, (struct sockaddr *)&peer, &len);
        if (client < 0) {
            /* Such as too many open files: it may pass. */
            perror("gate_server: accept");
            sleep(1);
            continue;
        }
        if (admit(gate, (const struct sockaddr *)&peer, len) && write(client, welcome, sizeof welcome - 1) < 0)
            perror("gate_server: write");
        close(client);
    }
}
