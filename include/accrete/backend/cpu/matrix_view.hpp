/// A matrix inside a larger buffer, as products see it.
#pragma once

#include <type_traits>

#include <accrete/core/index.hpp>
#include <accrete/core/index_range.hpp>
#include <accrete/core/tensor_view.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Element (i, j) stands at data[i * row_stride + j * column_stride]; one of the strides is 1.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index columns = 0;
  Index row_stride = 0;
  Index column_stride = 1;

  constexpr MatrixView() = default;
  constexpr MatrixView(T* from, Index row_count, Index column_count, Index row_step,
                       Index column_step = 1)
      : data(from),
        rows(row_count),
        columns(column_count),
        row_stride(row_step),
        column_stride(column_step) {}
  constexpr MatrixView(TensorView<T, 2> view)  // NOLINT: a dense matrix is one
      : MatrixView(view.data(), view.size(0), view.size(1), view.size(1)) {}

  /// A view of constant elements of what `other` views.
  template <class U>
  requires(std::is_same_v<T, U const>) constexpr MatrixView(MatrixView<U> other)  // NOLINT
      : MatrixView(other.data, other.rows, other.columns, other.row_stride, other.column_stride) {}

  [[nodiscard]] constexpr T* at(Index i, Index j) const {
    return data + i * row_stride + j * column_stride;
  }
  [[nodiscard]] constexpr MatrixView block(IndexRange some_rows, IndexRange some_columns) const {
    // What has no elements may have no address either.
    T* const first = data == nullptr ? nullptr : at(some_rows.begin, some_columns.begin);
    return {first, some_rows.size(), some_columns.size(), row_stride, column_stride};
  }
};

template <class T>
[[nodiscard]] constexpr MatrixView<T> transposed(MatrixView<T> matrix) {
  return {matrix.data, matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride};
}

template <class T>
[[nodiscard]] constexpr MatrixView<T> transposed(TensorView<T, 2> view) {
  return transposed(MatrixView<T>(view));
}

}  // namespace detail
ACCRETE_END_NAMESPACE
