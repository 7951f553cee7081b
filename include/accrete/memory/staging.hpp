/// The host's numbers in a place that does not change, for work of a backend that is recorded once and repeated: the copies
/// between host and backend are part of that work.
#pragma once

#include <algorithm>
#include <span>

#include <accrete/memory/transfer.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {
/// Host memory that a backend may copy from and to while the host goes on, if it has any.
template <ComputeBackend Backend>
[[nodiscard]] std::shared_ptr<std::byte[]> staging_memory(Backend const& backend, Index bytes) {
  if constexpr (PinsHostMemory<Backend>)
    return backend.allocate_pinned(bytes);
  else
    return std::shared_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]);
}
}  // namespace detail

/// On the way to a backend: `stage` is the host's part, `copy` the backend's.
template <ComputeBackend Backend, class T, int Rank>
class StagedInput {
 public:
  /// Keeps `values`; waits until those before have been copied. Backends that compute in the host's memory read them where
  /// they are. Others read a copy, which keeps its place unless there come more values than ever before.
  void stage(Backend const& backend, HostView<T const, Rank> values) {
    if constexpr (HostBackend<Backend>) {
      values_ = values;
    } else {
      Index const count = values.count();
      if constexpr (PinsHostMemory<Backend>) backend.synchronize();
      if (count > capacity_) {
        capacity_ = 0;
        staging_ = detail::staging_memory(backend, detail::bytes_of<T>(count));
        memory_ = backend.allocate(detail::bytes_of<T>(count));
        capacity_ = count;
      }
      auto* const staged = reinterpret_cast<T*>(staging_.get());
      std::copy_n(values.data(), count, staged);
      values_ = {staged, values.sizes()};
    }
  }
  /// What was staged last, where the backend can read it.
  [[nodiscard]] TensorView<T const, Rank, typename Backend::Space> copy(
      Backend const& backend) const {
    if constexpr (HostBackend<Backend>) {
      return values_;
    } else {
      backend.copy_to_device(memory_.get(), values_.data(), detail::bytes_of<T>(values_.count()));
      return {reinterpret_cast<T const*>(memory_.get()), values_.sizes()};
    }
  }
  [[nodiscard]] Index count() const { return values_.count(); }

 private:
  HostView<T const, Rank> values_;
  std::shared_ptr<std::byte[]> staging_, memory_;
  Index capacity_ = 0;
};

/// On the way back: `fetch` is the backend's part, `read` the host's.
template <PinsHostMemory Backend, class T>
class StagedOutput {
 public:
  StagedOutput(Backend const& backend, Index capacity)
      : staging_(backend.allocate_pinned(detail::bytes_of<T>(capacity))) {}

  /// Copies `values`, at most as many as there is room for.
  void fetch(Backend const& backend, TensorView<T const, 1, typename Backend::Space> values) {
    count_ = static_cast<std::size_t>(values.count());
    backend.copy_to_pinned(staging_.get(), values.data(), detail::bytes_of<T>(values.count()));
  }
  /// What was fetched last, once all that was submitted is done.
  [[nodiscard]] std::span<T const> read(Backend const& backend) const {
    backend.synchronize();
    return {reinterpret_cast<T const*>(staging_.get()), count_};
  }

 private:
  std::shared_ptr<std::byte[]> staging_;
  std::size_t count_ = 0;
};

ACCRETE_END_NAMESPACE
