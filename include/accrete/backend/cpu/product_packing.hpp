/// Copies parts of matrices to where the loops of products read them best.
#pragma once

#include <algorithm>
#include <cstddef>

#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/pack.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Copies a matrix to `to`, where rows follow each other at `stride`, and fills the last pack of
/// each row with zeros.
template <class T>
void pack_contiguous_rows(MatrixView<T const> from, T* to, Index stride) {
  constexpr Index width = Pack<T>::width;
  for (Index i = 0; i < from.rows; ++i) {
    T const* const row = from.at(i, 0);
    Index j = 0;
    for (; j + width <= from.columns; j += width) Pack<T>::load(row + j).store(to + i * stride + j);
    if (j < from.columns) Pack<T>::load(row + j, from.columns - j).store(to + i * stride + j);
  }
}

/// The same for a matrix whose columns are contiguous: squares are transposed in registers.
template <class T>
void pack_contiguous_columns(MatrixView<T const> from, T* to, Index stride) {
  constexpr Index width = Pack<T>::width;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // g++: a vector type as template argument
  Eigen::internal::PacketBlock<typename Pack<T>::Packet, static_cast<int>(width)> square;
#pragma GCC diagnostic pop
  for (Index j = 0; j < from.columns; j += width)
    for (Index i = 0; i < from.rows; i += width) {
      Index const rows = std::min(width, from.rows - i);
      Index const columns = std::min(width, from.columns - j);
      if (rows == width && columns == width) {
#pragma GCC unroll 16
        for (Index n = 0; n < width; ++n) {
          square.packet[n] = Pack<T>::load(from.at(i, j + n)).packet;
          __builtin_prefetch(from.at(i, std::min(j + n + width, from.columns - 1)), 0, 2);
        }
      } else {
        for (Index n = 0; n < width; ++n)
          square.packet[n] =
              n < columns ? Pack<T>::load(from.at(i, j + n), rows).packet : Pack<T>(T{0}).packet;
      }
      Eigen::internal::ptranspose(square);
      for (Index n = 0; n < rows; ++n)
        Pack<T>::of(square.packet[n]).store(to + (i + n) * stride + j);
    }
}

template <class T>
void pack_matrix(MatrixView<T const> from, T* to, Index stride) {
  if (from.column_stride == 1)
    pack_contiguous_rows(from, to, stride);
  else
    pack_contiguous_columns(from, to, stride);
}

}  // namespace detail
ACCRETE_END_NAMESPACE
