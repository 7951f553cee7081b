/// Memory that a kernel's task needs while it runs.
#pragma once

#include <cstddef>
#include <memory>

#include <accrete/core/index.hpp>
#include <accrete/memory/host_memory.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// At least `count` numbers, on a cache line of their own, with any content. Each thread keeps one
/// block per `Owner` and only ever grows it, so that a steady state allocates nothing. A kernel must
/// not ask again while it still uses what it got.
template <class T, class Owner>
[[nodiscard]] T* scratch(Index count) {
  thread_local std::shared_ptr<std::byte[]> memory;
  thread_local Index capacity = 0;
  if (count > capacity) {
    memory.reset();
    capacity = 0;
    memory = allocate_host_memory(count * static_cast<Index>(sizeof(T)));
    capacity = count;
  }
  return reinterpret_cast<T*>(memory.get());
}

}  // namespace detail
ACCRETE_END_NAMESPACE
