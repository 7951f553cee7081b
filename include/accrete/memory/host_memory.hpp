/// Zeroed, 64-byte aligned memory for backends that compute on the CPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

/// `bytes` zeroed bytes on a 64-byte boundary, released with the last handle. Throws an Error that
/// names the size where the machine has no such memory.
[[nodiscard]] inline std::shared_ptr<std::byte[]> allocate_host_memory(Index bytes) {
  constexpr std::size_t alignment = 64;
  auto const size = static_cast<std::size_t>(std::max<Index>(bytes, 1));
  void* const memory = ::operator new (size, std::align_val_t{alignment}, std::nothrow);
  if (memory == nullptr)
    throw Error(
        message("out of memory: ", bytes, " bytes were asked for; use a smaller batch or model"));
  std::memset(memory, 0, size);
  return {static_cast<std::byte*>(memory),
          [](std::byte* pointer) { ::operator delete (pointer, std::align_val_t{alignment}); }};
}

ACCRETE_END_NAMESPACE
