// What every processor of the architecture has: vectors of 16 bytes, no fused multiply-add.
#define RECURRA_ISA baseline
#define RECURRA_VECTOR_BYTES 16
#include "elementwise.inl"
