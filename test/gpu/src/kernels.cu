extern "C" __global__ void fill(unsigned *p, unsigned long long n, unsigned seed) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n; i += (unsigned long long)gridDim.x * blockDim.x)
    p[i] = (unsigned)i * 2654435761u ^ seed;
}
extern "C" __global__ void verify(const unsigned *p, unsigned long long n, unsigned seed, unsigned long long *c) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n; i += (unsigned long long)gridDim.x * blockDim.x)
    if (p[i] != ((unsigned)i * 2654435761u ^ seed)) atomicAdd(&c[1], 1ull);
}
extern "C" __global__ void inc(unsigned long long *c) { c[0] += 1; }
extern "C" __global__ void spin(unsigned long long ns) {
  unsigned long long a, b;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(a));
  do { __nanosleep(1000); asm volatile("mov.u64 %0, %globaltimer;" : "=l"(b)); } while (b - a < ns);
}
