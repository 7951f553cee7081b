/// Products of matrices, c = a b, on our threads.
///
/// Each element of c is summed in one order, which depends on the number of its terms alone: blocks
/// of ProductTile::depth terms, each summed one term after the other from zero, are added to c one
/// after the other. Its bits depend neither on the number of threads, nor on the other rows and
/// columns, nor on how the operands lie in memory.
///
/// The threads are those of our pool alone: no setting of Eigen, OpenMP or a BLAS is read or
/// touched.
#pragma once

#include <algorithm>
#include <type_traits>

#include <accrete/backend/cpu/few_rows_product.hpp>
#include <accrete/backend/cpu/matrix_view.hpp>
#include <accrete/backend/cpu/tiled_product.hpp>
#include <accrete/core/thread_pool.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c = scale * (a b + bias), or c += : a (M,K), b (K,N), c (M,N) with contiguous rows, which
/// overlaps neither. Runs in the calling thread, as within a task.
///
///     y = x W^T      product(x, transposed(weight), y)
///     dx = dy W      product(dy, weight, dx)
///     dW += dy^T x   product(transposed(dy), x, dw, {.accumulate = true})
template <class T>
void product(std::type_identity_t<MatrixView<T const>> a,
             std::type_identity_t<MatrixView<T const>> b, MatrixView<T> c,
             std::type_identity_t<ProductOptions<T>> options = {});

/// The same on the threads of `pool`.
template <class T>
void product(ThreadPool& pool, std::type_identity_t<MatrixView<T const>> a,
             std::type_identity_t<MatrixView<T const>> b, MatrixView<T> c,
             std::type_identity_t<ProductOptions<T>> options = {});

template <class T>
void product(std::type_identity_t<MatrixView<T const>> a,
             std::type_identity_t<MatrixView<T const>> b, MatrixView<T> c,
             std::type_identity_t<ProductOptions<T>> options) {
  bool const columns_are_contiguous = b.row_stride == 1;
  if (c.rows <= FewRowsProduct<T>::most_rows && columns_are_contiguous)
    FewRowsProduct<T>::multiply(a, b, c, options);
  else
    TiledProduct<T>().multiply(a, b, c, options);
}

/// Into how many parts the rows and columns of a product are cut.
struct ProductGrid {
  Index row_parts = 1;
  Index column_parts = 1;
};

/// A few tasks per thread, none so narrow that packing its operands takes longer than the product.
template <class T>
[[nodiscard]] ProductGrid product_grid(Index rows, Index columns, Index terms, int threads) {
  constexpr Index work_worth_sharing = 1 << 18;
  constexpr Index tasks_per_thread = 3;
  using Tile = ProductTile<T>;
  ProductGrid grid;
  if (threads == 1 || (rows + 8) * columns * terms < work_worth_sharing) return grid;
  Index const most_row_parts = std::max<Index>(rows / (8 * Tile::rows), 1);
  Index const most_column_parts = (columns + Tile::columns - 1) / Tile::columns;
  while (grid.row_parts * grid.column_parts < tasks_per_thread * threads) {
    bool const rows_are_longer = rows / grid.row_parts > columns / grid.column_parts;
    if (grid.row_parts < most_row_parts &&
        (rows_are_longer || grid.column_parts == most_column_parts))
      ++grid.row_parts;
    else if (grid.column_parts < most_column_parts)
      ++grid.column_parts;
    else
      break;
  }
  return grid;
}

template <class T>
void product(ThreadPool& pool, std::type_identity_t<MatrixView<T const>> a,
             std::type_identity_t<MatrixView<T const>> b, MatrixView<T> c,
             std::type_identity_t<ProductOptions<T>> options) {
  using Tile = ProductTile<T>;
  ProductGrid const grid = product_grid<T>(c.rows, c.columns, a.columns, pool.threads());
  pool.parallel_for(grid.row_parts * grid.column_parts, [&](Index task) {
    IndexRange const rows = split_range(c.rows, grid.row_parts, task % grid.row_parts, Tile::rows);
    IndexRange const columns =
        split_range(c.columns, grid.column_parts, task / grid.row_parts, Tile::columns);
    product(a.block(rows, {0, a.columns}), b.block({0, b.rows}, columns), c.block(rows, columns),
            options.from(columns.begin));
  });
}

}  // namespace detail
ACCRETE_END_NAMESPACE
