// AVX-512: vectors of 64 bytes, 32 registers.
#define RECURRA_ISA avx512
#define RECURRA_VECTOR_BYTES 64
#include "elementwise.inl"
