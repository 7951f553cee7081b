/// 16 bytes of numbers, the most that a thread loads at once.
#pragma once

#include <cstdint>
#include <cstring>

#include <accrete/backend/cuda/numbers.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct alignas(16) Pack {
  static constexpr Index size = 16 / Index{sizeof(T)};
  T values[16 / sizeof(T)];
};

template <class T>
[[nodiscard]] bool begins_on_pack(T const* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % sizeof(Pack<T>) == 0;
}

/// From where 16 bytes begin, in one load.
template <class T>
[[nodiscard]] ACCRETE_KERNEL Pack<T> load_pack(T const* from) {
  Pack<T> pack;
  std::memcpy(&pack, __builtin_assume_aligned(from, sizeof(pack)), sizeof(pack));
  return pack;
}

/// From anywhere, one by one; 0 for what lies beyond the first `count`.
template <class T>
[[nodiscard]] ACCRETE_KERNEL Pack<T> load_numbers(T const* from, Index count) {
  Pack<T> pack;
  for (Index i = 0; i < Pack<T>::size; ++i)
    pack.values[i] = i < count ? from[i] : static_cast<T>(0);
  return pack;
}

ACCRETE_END_CUDA_NAMESPACE
