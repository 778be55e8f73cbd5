// AVX2 and FMA: vectors of 32 bytes, 16 registers.
#define RECURRA_ISA avx2
#define RECURRA_VECTOR_BYTES 32
#include "elementwise.inl"
