/* The ceiling that stage_rows compares with: the sound of every row in one thread of C, with one
 * call of the kernel a packet. It does what the media process does with plain G.711 in a good
 * network (receive, parse, sort in, decode to 16 kHz, voice detection, encode, header, send), keeps
 * the same rings, and leaves out whatever makes a gateway of it: loss, jitter, digits, encryption,
 * mixing, reports, other codecs. It is built by the bench and belongs to no product. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 320, NARROW = 160, HEADER = 12, SLOTS = 64, RING = 100, QUEUE = 128, PARTS = 10,
       TAPS = 24, PAST = TAPS - 1, EVERY = 15 };
static const float LOUD = 1e10f;

typedef struct { /* what the bench has at hand: webrtcvad's own functions, and G.711's tables */
    int (*create)(void **);
    int (*init)(void *);
    int (*set_mode)(void *, int);
    int (*process)(void *, int, const int16_t *, size_t);
    void (*free)(void *);
    const int16_t *decoded;  /* 256 */
    const uint8_t *encoded;  /* 65536 */
    const float *taps;       /* TAPS */
    const uint8_t *speech;   /* frames x NARROW, coded */
    int frames;
} Given;

typedef struct {
    int fd;
    struct sockaddr_in here, peer;
    void *detector;
    uint8_t slots[SLOTS][NARROW];
    uint8_t there[SLOTS];
    int16_t heard[RING][FRAME], said[RING][FRAME], queue[QUEUE][FRAME];
    uint8_t speech[RING];
    float past_in[PAST], past_even[PAST], past_odd[PAST];
    float power, least, parts[PARTS];
    int voiced, speaking, begun;
    uint16_t sequence, next;
    uint32_t timestamp;
    long received, lost, beat;
} Row;

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int16_t rounded(float x) {
    return x > 32767 ? 32767 : x < -32768 ? -32768 : (int16_t)lrintf(x);
}

static void filter(const float *taps, const float *in, float *out) {
    memset(out, 0, NARROW * sizeof *out);
    for (int k = 0; k < TAPS; k++)
        for (int i = 0; i < NARROW; i++) out[i] += taps[k] * in[i + k];
}

static void sort_in(Row *row, const uint8_t *octets, long length, const struct sockaddr_in *from) {
    if (length < HEADER || octets[0] >> 6 != 2 || (octets[1] & 0x7f) != 0) return;
    if (memcmp(from, &row->peer, 8)) return;
    uint16_t sequence = octets[2] << 8 | octets[3];
    int ahead = row->received ? (int16_t)(sequence - row->next) : 0;
    if (ahead > 0) row->lost += ahead;
    if (!row->received || ahead >= 0) row->next = sequence + 1;
    row->received++;
    memcpy(row->slots[sequence % SLOTS], octets + HEADER, NARROW);
    row->there[sequence % SLOTS] = 1;
}

static void hear(Row *row, const Given *given) {
    float joined[PAST + NARROW], between[NARROW], power = 0;
    int16_t narrow[NARROW], *sound = row->heard[row->beat % RING];
    int slot = (uint16_t)(row->next - 1) % SLOTS;
    for (int i = 0; i < NARROW; i++)
        narrow[i] = row->there[slot] ? given->decoded[row->slots[slot][i]] : 0;
    row->there[slot] = 0;
    memcpy(joined, row->past_in, sizeof row->past_in);
    for (int i = 0; i < NARROW; i++) joined[PAST + i] = narrow[i];
    memcpy(row->past_in, joined + NARROW, sizeof row->past_in);
    filter(given->taps, joined, between);
    for (int i = 0; i < NARROW; i++) {
        sound[2 * i] = (int16_t)joined[TAPS / 2 - 1 + i];
        sound[2 * i + 1] = rounded(between[i]);
        power += (float)narrow[i] * narrow[i];
    }
    power /= NARROW;
    row->power = row->begun ? row->power + (power - row->power) * 0.6f : power;
    row->begun = 1;
    row->least = fminf(row->least, row->power);
    float floor = row->least;
    for (int i = 0; i < PARTS; i++) floor = fminf(floor, row->parts[i]);
    if (row->beat % EVERY == 0) {
        row->parts[row->beat / EVERY % PARTS] = row->least;
        row->least = LOUD;
    }
    int voiced = given->process(row->detector, 8000, narrow, NARROW) == 1;
    voiced &= power > 10000 && power > floor * (row->speaking ? 2.8f : 6.3f);
    row->voiced = (row->voiced << 1 | voiced) & 31;
    row->speaking = row->speaking ? (row->voiced & 15) != 0 : __builtin_popcount(row->voiced) >= 3;
    row->speech[row->beat % RING] = row->speaking ? 1 + voiced : 0;
}

static void speak(Row *row, const Given *given, uint8_t *packet) {
    float even[PAST + NARROW], odd[PAST + NARROW], between[NARROW];
    int16_t *said = row->said[row->beat % RING];
    memcpy(said, row->queue[row->beat % QUEUE], sizeof row->said[0]);
    memcpy(even, row->past_even, sizeof row->past_even);
    memcpy(odd, row->past_odd, sizeof row->past_odd);
    for (int i = 0; i < NARROW; i++) even[PAST + i] = said[2 * i], odd[PAST + i] = said[2 * i + 1];
    memcpy(row->past_even, even + NARROW, sizeof row->past_even);
    memcpy(row->past_odd, odd + NARROW, sizeof row->past_odd);
    filter(given->taps, odd, between);
    for (int i = 0; i < NARROW; i++)
        packet[HEADER + i] =
            given->encoded[(uint16_t)rounded((even[TAPS / 2 + i] + between[i]) * 0.5f)];
    uint32_t timestamp = htonl(row->timestamp), ssrc = htonl(row->fd);
    packet[0] = 0x80, packet[1] = 0;
    packet[2] = row->sequence >> 8, packet[3] = row->sequence & 255;
    memcpy(packet + 4, &timestamp, 4), memcpy(packet + 8, &ssrc, 4);
    row->sequence++, row->timestamp += NARROW, row->beat++;
}

static int udp(struct sockaddr_in *here) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof *here;
    *here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (void *)here, size);
    getsockname(fd, (void *)here, &size);
    return fd;
}

/* `spent`: seconds of CPU of each beat: receive, compute, send. Returns packets that were lost. */
long ceiling(int count, int beats, const Given *given, double *spent) {
    Row *rows = calloc(count, sizeof *rows);
    uint8_t (*packets)[HEADER + NARROW] = calloc(count, sizeof *packets), octets[2048];
    struct epoll_event *events = calloc(count, sizeof *events);
    struct sockaddr_in here;
    int peer = udp(&here), epoll = epoll_create1(EPOLL_CLOEXEC), room = 64 << 20;
    long lost = 0;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    for (int i = 0; i < count; i++) {
        Row *row = rows + i;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = row};
        row->fd = udp(&row->here), row->peer = here, row->least = LOUD;
        for (int k = 0; k < PARTS; k++) row->parts[k] = LOUD;
        for (int k = 0; k < QUEUE * NARROW; k++) {
            int16_t sample = given->decoded[given->speech[k % (given->frames * NARROW)]];
            int16_t *frame = row->queue[k / NARROW];
            frame[2 * (k % NARROW)] = frame[2 * (k % NARROW) + 1] = sample;
        }
        given->create(&row->detector);
        given->init(row->detector), given->set_mode(row->detector, 2);
        epoll_ctl(epoll, EPOLL_CTL_ADD, row->fd, &event);
    }
    for (int n = 0; n < beats; n++) {
        uint8_t packet[HEADER + NARROW] = {0x80, 0, n >> 8, n & 255};
        memcpy(packet + HEADER, given->speech + n % given->frames * NARROW, NARROW);
        for (int i = 0; i < count; i++)
            sendto(peer, packet, sizeof packet, 0, (void *)&rows[i].here, sizeof here);

        double at = cpu();
        for (int found; (found = epoll_wait(epoll, events, count, 0)) > 0;)
            for (int i = 0; i < found; i++) {
                Row *row = events[i].data.ptr;
                struct sockaddr_in from;
                socklen_t size = sizeof from;
                long length = recvfrom(row->fd, octets, sizeof octets, 0, (void *)&from, &size);
                sort_in(row, octets, length, &from);
            }
        double then = cpu();
        spent[3 * n] = then - at;
        for (int i = 0; i < count; i++) {
            hear(rows + i, given);
            speak(rows + i, given, packets[i]);
        }
        at = cpu();
        spent[3 * n + 1] = at - then;
        for (int i = 0; i < count; i++)
            lost += sendto(rows[i].fd, packets[i], sizeof packets[i], 0, (void *)&rows[i].peer,
                           sizeof here) < 0;
        spent[3 * n + 2] = cpu() - at;
        while (recv(peer, octets, 1, 0) >= 0) continue;
    }
    for (int i = 0; i < count; i++) {
        lost += rows[i].lost + beats - rows[i].received;
        given->free(rows[i].detector);
        close(rows[i].fd);
    }
    close(peer), close(epoll);
    free(rows), free(packets), free(events);
    return lost;
}
