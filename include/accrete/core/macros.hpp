/// What the language cannot do: the tagged inline namespace, the assertion, and refused compiler
/// settings.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <accrete/core/version.hpp>

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error \
    "accrete: -ffast-math (or -ffinite-math-only) breaks softmax, GELU and the NaN checks; remove it"
#endif

// Two translation units built for different vector units or product engines hold different code
// under the same names. The tag below is part of every mangled name, so that the linker refuses to
// mix them.
#if defined(__AVX512F__)
#define ACCRETE_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define ACCRETE_ISA avx2_fma
#elif defined(__AVX__)
#define ACCRETE_ISA avx
#elif defined(__SSE2__)
#define ACCRETE_ISA sse2
#elif defined(__ARM_NEON)
#define ACCRETE_ISA neon
#else
#define ACCRETE_ISA generic
#endif

#if defined(ACCRETE_USE_CBLAS)
#define ACCRETE_ENGINE cblas
#else
#define ACCRETE_ENGINE eigen
#endif

#define ACCRETE_DETAIL_JOIN4(a, b, c, d) a##b##_##c##_##d
#define ACCRETE_DETAIL_ABI(major, minor, engine, isa) \
  ACCRETE_DETAIL_JOIN4(v##major##_, minor, engine, isa)
#define ACCRETE_DETAIL_EXPAND_ABI(major, minor, engine, isa) \
  ACCRETE_DETAIL_ABI(major, minor, engine, isa)
#define ACCRETE_ABI                                                                       \
  ACCRETE_DETAIL_EXPAND_ABI(ACCRETE_VERSION_MAJOR, ACCRETE_VERSION_MINOR, ACCRETE_ENGINE, \
                            ACCRETE_ISA)

#define ACCRETE_DETAIL_TEXT(x) #x
#define ACCRETE_DETAIL_EXPAND_TEXT(x) ACCRETE_DETAIL_TEXT(x)
#define ACCRETE_ISA_STRING ACCRETE_DETAIL_EXPAND_TEXT(ACCRETE_ISA)

/// Every header opens and closes the library's namespace with these two.
#define ACCRETE_BEGIN_NAMESPACE \
  namespace accrete {           \
  inline namespace ACCRETE_ABI {
#define ACCRETE_END_NAMESPACE \
  }                           \
  }

/// What kernels of a CUDA device call, too.
#if defined(__CUDACC__)
#define ACCRETE_HOST_DEVICE __host__ __device__
#else
#define ACCRETE_HOST_DEVICE
#endif

/// A broken promise of the library itself, never of its user. Active unless NDEBUG is set.
#ifdef NDEBUG
#define ACCRETE_ASSERT(condition) static_cast<void>(0)
#else
#define ACCRETE_ASSERT(condition)                                                                \
  ((condition) ? static_cast<void>(0)                                                            \
               : (std::fprintf(stderr, "accrete: %s:%d: %s does not hold\n", __FILE__, __LINE__, \
                               #condition),                                                      \
                  std::abort()))
#endif
