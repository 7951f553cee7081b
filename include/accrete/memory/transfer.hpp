/// Between the host's memory and a backend's own: for initial values, files, token ids and losses. Backends that compute in
/// the host's memory copy nothing.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {
template <class T>
[[nodiscard]] Index bytes_of(Index count) {
  return count * static_cast<Index>(sizeof(T));
}
}  // namespace detail

/// `values` where the CPU can read them: the values themselves, as a span, or a copy, as a vector.
template <ComputeBackend Backend, class T, int Rank>
[[nodiscard]] auto host_copy(Backend const& backend,
                             TensorView<T, Rank, typename Backend::Space> values) {
  if constexpr (HostBackend<Backend>) {
    return values.span();
  } else {
    std::vector<std::remove_const_t<T>> copy(static_cast<std::size_t>(values.count()));
    backend.copy_to_host(copy.data(), values.data(), detail::bytes_of<T>(values.count()));
    return copy;
  }
}

/// Lets f(span) write the numbers that `values` shall have, all of them, in host memory.
template <ComputeBackend Backend, class T, int Rank, class F>
void fill_from_host(Backend const& backend, TensorView<T, Rank, typename Backend::Space> values,
                    F&& f) {
  if constexpr (HostBackend<Backend>) {
    f(values.span());
  } else {
    std::vector<T> numbers(static_cast<std::size_t>(values.count()));
    f(std::span<T>(numbers));
    backend.copy_to_device(values.data(), numbers.data(), detail::bytes_of<T>(values.count()));
  }
}

/// Memory of a backend for numbers that the host makes anew again and again, such as token ids.
template <ComputeBackend Backend, class T>
class HostInput {
 public:
  /// `values` where the backend can read them: the values themselves, or a copy that stays until the next call.
  template <int Rank>
  [[nodiscard]] TensorView<T const, Rank, typename Backend::Space> on(
      Backend const& backend, HostView<T const, Rank> values) {
    if constexpr (HostBackend<Backend>) {
      return values;
    } else {
      if (Index const count = values.count(); count > capacity_) {
        memory_ = backend.allocate(detail::bytes_of<T>(count));
        capacity_ = count;
      }
      backend.copy_to_device(memory_.get(), values.data(), detail::bytes_of<T>(values.count()));
      return {reinterpret_cast<T const*>(memory_.get()), values.sizes()};
    }
  }

 private:
  std::shared_ptr<std::byte[]> memory_;
  Index capacity_ = 0;
};

/// The way back: host memory for numbers that a backend makes again and again, such as losses.
template <ComputeBackend Backend, class T>
class HostOutput {
 public:
  /// `values` where the CPU can read them: the values themselves, or a copy that stays until the next call.
  template <int Rank>
  [[nodiscard]] HostView<T const, Rank> of(
      Backend const& backend, TensorView<T const, Rank, typename Backend::Space> values) {
    if constexpr (HostBackend<Backend>) {
      return values;
    } else {
      copy_.resize(std::max(copy_.size(), static_cast<std::size_t>(values.count())));
      backend.copy_to_host(copy_.data(), values.data(), detail::bytes_of<T>(values.count()));
      return {copy_.data(), values.sizes()};
    }
  }

 private:
  std::vector<T> copy_;
};

ACCRETE_END_NAMESPACE
