/// A view of a dense row-major tensor: a pointer, sizes, and the memory space it lives in. Views
/// own nothing.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Memory that the CPU reads and writes.
struct HostSpace {};

/// `view(b, t, c)` is element c of token t of sequence b; the last axis is contiguous. An empty
/// view (no data) stands for an argument that is not wanted. The space is part of the type, so that
/// host and device memory never mix; the numbers of a view are read and written in host memory alone.
template <class T, int Rank, class Space = HostSpace>
class TensorView {
 public:
  using Sizes = std::array<Index, static_cast<std::size_t>(Rank)>;

  constexpr TensorView() = default;
  constexpr TensorView(T* data, Sizes sizes) : data_(data), sizes_(sizes) {}

  /// A view of constant elements of what `other` views.
  template <class U>
  requires(std::is_same_v<T, U const>) constexpr TensorView(TensorView<U, Rank, Space> other)
      : data_(other.data()), sizes_(other.sizes()) {}

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr Sizes const& sizes() const { return sizes_; }
  [[nodiscard]] constexpr Index size(int axis) const {
    return sizes_[static_cast<std::size_t>(axis)];
  }
  [[nodiscard]] constexpr bool empty() const { return data_ == nullptr; }

  [[nodiscard]] constexpr Index count() const {
    Index product = 1;
    for (Index size : sizes_) product *= size;
    return product;
  }
  [[nodiscard]] constexpr std::span<T> span() const requires(std::is_same_v<Space, HostSpace>) {
    return {data_, static_cast<std::size_t>(count())};
  }

  template <class... Position>
  requires(sizeof...(Position) == Rank && std::is_same_v<Space, HostSpace>)
      [[nodiscard]] constexpr T&
      operator()(Position... position) const {
    Index offset = 0;
    int axis = 0;
    ((ACCRETE_ASSERT(position >= 0 && position < size(axis)),
      offset = offset * size(axis++) + static_cast<Index>(position)),
     ...);
    return data_[offset];
  }

  /// The same elements as rows of the last axis: (B,T,C) -> (B*T,C).
  [[nodiscard]] constexpr TensorView<T, 2, Space> rows() const requires(Rank >= 2) {
    Index const width = sizes_.back();
    return {data_, {width == 0 ? 0 : count() / width, width}};
  }

  /// Entries [begin, end) of the first axis.
  [[nodiscard]] constexpr TensorView slice(Index begin, Index end) const {
    ACCRETE_ASSERT(0 <= begin && begin <= end && end <= sizes_[0]);
    Sizes sizes = sizes_;
    sizes[0] = end - begin;
    Index stride = 1;
    for (std::size_t axis = 1; axis < sizes.size(); ++axis) stride *= sizes[axis];
    return empty() ? TensorView{} : TensorView{data_ + begin * stride, sizes};
  }

  /// The same elements under other sizes of equal product.
  template <int OtherRank>
  [[nodiscard]] constexpr TensorView<T, OtherRank, Space> reshape(
      typename TensorView<T, OtherRank, Space>::Sizes sizes) const {
    TensorView<T, OtherRank, Space> const result{data_, sizes};
    ACCRETE_ASSERT(result.count() == count());
    return result;
  }

 private:
  T* data_ = nullptr;
  Sizes sizes_{};
};

/// A view of memory that the CPU reads, whatever the backend.
template <class T, int Rank>
using HostView = TensorView<T, Rank, HostSpace>;

/// Throws a ShapeError such as "rms_norm_forward: axis 0 of weight: expected 3, got 2".
template <class T, int Rank, class Space>
void check_sizes(char const* operation, char const* name, TensorView<T, Rank, Space> view,
                 typename TensorView<T, Rank, Space>::Sizes expected) {
  for (int axis = 0; axis < Rank; ++axis) {
    Index const size = expected[static_cast<std::size_t>(axis)];
    if (view.size(axis) != size)
      throw ShapeError(message(operation, ": axis ", axis, " of ", name, ": expected ", size,
                               ", got ", view.size(axis)));
  }
}

/// The same for an argument that may be left out by passing an empty view.
template <class T, int Rank, class Space>
void check_optional_sizes(char const* operation, char const* name, TensorView<T, Rank, Space> view,
                          typename TensorView<T, Rank, Space>::Sizes expected) {
  if (!view.empty()) check_sizes(operation, name, view, expected);
}

ACCRETE_END_NAMESPACE
