// AVX-512 and AMX: products of bfloat16 on tiles; everything else is AVX-512's.
#define RECURRA_ISA amx
#define RECURRA_ISA_ID 4
#define RECURRA_VECTOR_BYTES 64
#define RECURRA_TILES
#include "recurra/dispatch.h"

namespace recurra::avx512 {
const Table& table();
}

#include "kernels.inl"
