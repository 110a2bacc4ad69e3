/* What the tests share: the namespaces A, B and C around the relay's, requests for flows, and packets. */
#ifndef RELAY_H
#define RELAY_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../device.h"

#define A "10.1.0.2"
#define RELAY_A "10.1.0.1"
#define B "10.2.0.2"
#define RELAY_B "10.2.0.1"
#define RTP_A 40000
#define RTP_B 40002
/* Long enough for a packet to cross two veth pairs on a slow machine; absence is waited for as well. */
#define ARRIVES_MS 3000
#define ABSENT_MS 60

/* ---- world.c ---- */

/* The device, raw sockets in A, B and C, and a socket of the relay's own at RELAY_A, RTP_A. */
extern int device, raw_a, raw_b, raw_c, local;
/* The test that runs, and how many checks have failed. */
extern const char *test;
extern int failures;

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)

void check(int holds, const char *what, const char *file, int line);
uint64_t now_ms(void);
__attribute__((format(printf, 1, 2))) void run(const char *format, ...);
void load_module(void);
void enter(const char *name);
void set_gro(const char *name, int on);
int raw_socket(const char *name);
int udp_socket(const char *name, const char *address, int port);
void set_up(void);

/* ---- requests.c ---- */

union request flow_request(int type, const char *remote, const char *to, int port);
union request flow(int type, const char *remote, const char *to, int port, const char *source, int source_port,
		   const char *dest, int dest_port, int locked);
union request a_to_b(int type, int locked);
union request b_to_a(int type, int locked);
union request nth(int type, int i);
void put_all(const union request *r, int n);
uint64_t count(int which);
int refused(union request r, int error, uint32_t reason, size_t offset);

/* ---- packets.c ---- */

struct packet {
	int sport, dport, ttl, tos, len, first, seq, no_checksum, options, ipid;
	const char *from, *to;
	uint32_t stamp;
};

uint16_t fold(uint32_t sum);
uint32_t pseudo(const uint8_t *ip, int udp_len);
int build(uint8_t *b, const struct packet *p);
void send_raw(int fd, const void *b, int n);
void send_packet(int fd, struct packet p);
void from_a(int sport, int seq);
int receive(int fd, int dport, uint8_t *b, int ms);
int is_good(const uint8_t *b, const char *from, int sport, const char *to);
int reaches_b(void);
int reaches(int fd, int port);
int nothing(int fd, int port);
int is_left(int sport);

/* ---- tests, by file ---- */

void hello(void);
void outlives_the_file(void);
void needs_the_capability(void);

void relays(void);
void keeps_no_checksum(void);
void mends_partial_checksum(void);
void sets_dscp(void);
void holds(void);
void relays_rtcp(void);
void admits(void);
void measures_jitter(void);

void learns(void);
void passes_strangers(void);

void leaves_the_unusual(void);
void leaves_the_aggregated(void);
void leaves_a_vrf(void);
void obeys_ipsec(void);

void waits_for_a_neighbour(void);
void follows_changes(void);

void refuses(void);
void survives_a_killed_writer(void);
void keeps_flows_over_max_flows(void);

void takes_many(void);
void tells_what_has_moved(void);
void counts(void);

void looks_ahead(void);

void expires(void);
void tells_of_lost_events(void);

void lives_in_namespaces(void);
void namespaces_go_under_traffic(void);

void withstands_noise(void);
void withstands_churn(void);
void unloads_under_traffic(void);

#endif /* RELAY_H */
