/// The reference backend: plain loops in any element type. It is read first and is the oracle of
/// the tests.
#pragma once

#include <string>

#include <accrete/concepts/backend.hpp>
#include <accrete/memory/host_memory.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
class ReferenceBackend {
 public:
  using Element = T;
  using Master = T;
  using Statistic = T;
  using Accumulator = T;
  using Space = HostSpace;

  [[nodiscard]] std::shared_ptr<std::byte[]> allocate(Index bytes) const {
    return allocate_host_memory(bytes);
  }
  [[nodiscard]] std::string description() const {
    return sizeof(T) == 8 ? "reference loops, double" : "reference loops, float";
  }
};
static_assert(HostBackend<ReferenceBackend<double>>);

ACCRETE_END_NAMESPACE
