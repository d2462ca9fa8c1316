/*
 * A multi-threaded process for the demo: every thread owns a block of heap that it keeps changing, the main thread checks all blocks ten times a
 * second and writes one line to a file that it holds open. Start it as: worker FILE. It ends with 1 when a block is not what it must be.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS 4
#define WORDS (1 << 17) /* 1 MiB of heap per thread */

struct block {
    pthread_mutex_t lock;
    uint64_t *words;
    uint64_t steps; /* words[i] is seed(i) + steps */
};

static struct block blocks[THREADS];

static uint64_t seed(uint64_t i) {
    return (i + 1) * 0x9e3779b97f4a7c15u;
}

static void pause_ms(long ms) {
    struct timespec t = {0, ms * 1000000};
    nanosleep(&t, NULL);
}

static void *work(void *arg) {
    struct block *b = arg;
    for (;;) {
        pthread_mutex_lock(&b->lock);
        for (uint64_t i = 0; i < WORDS; i++)
            b->words[i]++;
        b->steps++;
        pthread_mutex_unlock(&b->lock);
        pause_ms(50);
    }
    return NULL;
}

static int check(struct block *b, uint64_t *steps) {
    int ok = 1;
    pthread_mutex_lock(&b->lock);
    for (uint64_t i = 0; i < WORDS; i++)
        ok &= b->words[i] == seed(i) + b->steps;
    *steps += b->steps;
    pthread_mutex_unlock(&b->lock);
    return ok;
}

int main(int argc, char **argv) {
    FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (!out) {
        fprintf(stderr, "usage: worker FILE\n");
        return 2;
    }
    for (int t = 0; t < THREADS; t++) {
        struct block *b = &blocks[t];
        pthread_t thread;
        pthread_mutex_init(&b->lock, NULL);
        b->words = malloc(WORDS * sizeof *b->words);
        for (uint64_t i = 0; i < WORDS; i++)
            b->words[i] = seed(i);
        if (pthread_create(&thread, NULL, work, b) != 0)
            return 2;
    }
    for (unsigned line = 1;; line++) {
        uint64_t steps = 0;
        int ok = 1;
        for (int t = 0; t < THREADS; t++)
            ok &= check(&blocks[t], &steps);
        fprintf(out, "%u heap %s steps %llu\n", line, ok ? "ok" : "DAMAGED", (unsigned long long)steps);
        fflush(out);
        if (!ok)
            return 1;
        pause_ms(100);
    }
}
